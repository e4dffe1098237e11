//! Langevin steps with estimated gradients, never corrected: what the estimates add to the noise stays in the law.

use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{Drift, PIECE, all_finite, push, refresh};
use std::ops::Range;

/// Step sizes h (1 + t / offset)^(−power).
#[derive(Clone, Copy, Debug)]
pub struct Decay {
    /// Steps after which h is smaller by 2^(−power).
    pub offset: f64,
    /// 0 for constant steps.
    pub power: f64,
}

impl Decay {
    fn at(self, h: f64, number: u64) -> f64 {
        if self.power == 0.0 { h } else { h * (1.0 + number as f64 / self.offset).powf(-self.power) }
    }
}

/// How an estimate moves a chain.
#[derive(Clone, Copy, Debug)]
pub enum Scheme {
    /// x + h g + √(2h) ξ (Welling and Teh, ICML 2011).
    Overdamped,
    /// The same with P = 1 / (damping + √V), V a running mean of g² (Li and others, arXiv 1512.07666, eq. (4)-(5)) that keeps
    /// the given share a step. The derivative of P is left out.
    RmsProp {
        /// Share of V that is kept.
        keep: f64,
        /// Added to √V.
        damping: f64,
    },
    /// v ← c v + √(1 − c²) ξ + h g, x ← x + h v with c = exp(−γh) (Chen, Fox and Guestrin, arXiv 1402.4102, eq. (13), with
    /// the friction solved exactly).
    Kinetic {
        /// γ.
        friction: f64,
    },
}

/// Stochastic gradient Langevin dynamics.
pub struct Stochastic {
    /// What a step does.
    pub dynamics: Scheme,
    /// How steps shrink.
    pub decay: Decay,
}

impl Stochastic {
    /// Moves a piece of a chain into its proposal; `at` are places in the block's arrays.
    fn propose(
        &self,
        block: &mut Block,
        draws: Stream,
        start: usize,
        at: Range<usize>,
        scale: &[f64],
        step: (f64, u64),
    ) {
        let (mut noise, mut scaled) = ([0.0; PIECE], [0.0; PIECE]);
        let (noise, scaled) = (&mut noise[..at.len()], &mut scaled[..at.len()]);
        draws.normals(Purpose::Noise, start, noise);
        let (h, number) = step;
        let (x, grad, v) = (&block.x[at.clone()], &block.proposal_grad[at.clone()], &mut block.v[at.clone()]);
        let to = &mut block.proposal[at];
        match self.dynamics {
            Scheme::Overdamped => Drift { x, grad, scale, noise, h }.propose(to),
            Scheme::RmsProp { keep, damping } => {
                for (((v, g), s), out) in v.iter_mut().zip(grad).zip(scale).zip(scaled.iter_mut()) {
                    let square = (s * g) * (s * g);
                    *v = if number == 0 { square } else { keep * *v + (1.0 - keep) * square };
                    *out = s / (damping + v.sqrt()).sqrt();
                }
                Drift { x, grad, scale: scaled, noise, h }.propose(to);
            }
            Scheme::Kinetic { friction } => {
                refresh(v, noise, (-friction * h).exp());
                push(v, grad, scale, h);
                to.copy_from_slice(x);
                push(to, v, scale, h);
            }
        }
    }
}

impl Transition for Stochastic {
    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        let streams: Vec<Stream> =
            (0..block.count()).map(|i| Stream::new(step.key, block.first + i as u32, step.number)).collect();
        block.estimate(density, &streams)?;
        block.noise.copy_from_slice(&block.v);
        for (i, (info, draws)) in info.iter_mut().zip(streams).enumerate() {
            let at = i * d..(i + 1) * d;
            let value = block.proposal_logp[i];
            let h = self.decay.at(step.sizes[i], step.number);
            for start in (0..d).step_by(PIECE) {
                let end = (start + PIECE).min(d);
                let piece = i * d + start..i * d + end;
                self.propose(block, draws, start, piece, &step.scale[start..end], (h, step.number));
            }
            let finite = all_finite(&block.proposal_grad[at.clone()]) && all_finite(&block.proposal[at.clone()]);
            match value {
                Ok(logp) if finite && !logp.is_nan() => {
                    block.accept(i, d, logp);
                    *info = Info::default();
                }
                // Back to where it came from, and to what it knew.
                _ => {
                    block.v[at.clone()].copy_from_slice(&block.noise[at]);
                    *info = Info::stopped(DensityError::Recoverable, 1, 0.0);
                }
            }
        }
        Ok(())
    }
}
