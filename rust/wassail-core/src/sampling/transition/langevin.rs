//! Overdamped Langevin: x ← x + h ∇log π(x) + √(2h) ξ, as it is or as a proposal.

use super::decide::{advance, decide};
use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{PIECE, drift, reversal};

/// Proposes for every chain, keeping the noise where it is needed again.
fn propose(block: &mut Block, d: usize, step: Step<'_>, keep: bool, taming: Taming) {
    let (mut piece, mut tamed) = ([0.0; PIECE], [0.0; PIECE]);
    for i in 0..block.count() {
        let draws = Stream::new(step.key, block.first + i as u32, step.number);
        let h = step.sizes[i];
        let whole = taming.whole(&block.grad[i * d..(i + 1) * d], step.scale, h);
        for start in (0..d).step_by(PIECE) {
            let len = PIECE.min(d - start);
            let at = i * d + start..i * d + start + len;
            let noise = if keep { &mut block.noise[at.clone()] } else { &mut piece[..len] };
            draws.normals(Purpose::Noise, start, noise);
            let scale = &step.scale[start..start + len];
            let mut grad = &block.grad[at.clone()];
            if taming != Taming::None {
                taming.apply(grad, scale, h, whole, &mut tamed[..len]);
                grad = &tamed[..len];
            }
            drift(&block.x[at.clone()], grad, scale, noise, h, &mut block.proposal[at]);
        }
    }
}

/// What keeps a drift that grows faster than linearly from throwing the chain out (Brosse, Durmus, Moulines and Sabanis,
/// arXiv 1710.05559).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taming {
    /// Nothing.
    None,
    /// ∇log π / (1 + h |P^½ ∇log π|).
    Whole,
    /// Each coordinate by its own.
    Coordinates,
}

impl Taming {
    /// 1 / (1 + h |s g|), or 1.
    fn whole(self, grad: &[f64], scale: &[f64], h: f64) -> f64 {
        if self != Self::Whole {
            return 1.0;
        }
        let square: f64 = grad.iter().zip(scale).map(|(g, s)| (s * g) * (s * g)).sum();
        1.0 / (1.0 + h * square.sqrt())
    }

    fn apply(self, grad: &[f64], scale: &[f64], h: f64, whole: f64, out: &mut [f64]) {
        for (out, (g, s)) in out.iter_mut().zip(grad.iter().zip(scale)) {
            *out = if self == Self::Coordinates { g / (1.0 + h * s * g.abs()) } else { g * whole };
        }
    }
}

/// The unadjusted Langevin algorithm.
pub struct Ula {
    /// Whether the drift is bounded.
    pub taming: Taming,
}

impl Transition for Ula {
    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        propose(block, d, step, false, self.taming);
        block.evaluate(density);
        advance(block, d, info)
    }
}

/// The Metropolis-adjusted Langevin algorithm.
pub struct Mala;

impl Transition for Mala {
    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        propose(block, d, step, true, Taming::None);
        block.evaluate(density);
        decide(block, 0..block.count(), d, step, info, |block, i| {
            let at = i * d..(i + 1) * d;
            let grads = [&block.grad[at.clone()], &block.proposal_grad[at.clone()]];
            -reversal(grads, step.scale, &block.noise[at], step.sizes[i])
        })
    }
}
