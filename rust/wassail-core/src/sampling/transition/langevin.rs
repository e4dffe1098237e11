//! Overdamped Langevin: x ← x + h ∇log π(x) + √(2h) ξ, as it is or as a proposal.

use super::decide::{advance, decide};
use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{PART, PIECE, drift, reversal, share};

/// Proposes for every chain, keeping the noise where it is needed again; else its first piece is overwritten, which stays in the
/// cache.
fn propose(block: &mut Block, d: usize, step: Step<'_>, keep: bool, taming: Taming) {
    let first = block.first;
    let (x, grad) = (&block.x, &block.grad);
    let whole: Vec<f64> = match taming {
        Taming::Whole => grad.chunks_exact(d).zip(step.sizes).map(|(g, &h)| shrink(g, step.scale, h)).collect(),
        _ => Vec::new(),
    };
    let rows = block.proposal.chunks_exact_mut(d).zip(block.noise.chunks_exact_mut(d));
    // Parts of all chains, with where they start.
    let parts = rows.enumerate().flat_map(|(i, (out, noise))| {
        let parts = out.chunks_mut(PART).zip(noise.chunks_mut(PART)).enumerate();
        parts.map(move |(part, (out, noise))| (i, part * PART, out, noise))
    });
    share(x.len(), parts, |(i, start, out, noise)| {
        let draws = Stream::new(step.key, first + i as u32, step.number);
        for (at, out) in out.chunks_mut(PIECE).enumerate() {
            let (here, len, h) = (start + at * PIECE, out.len(), step.sizes[i]);
            let noise = &mut noise[if keep { at * PIECE } else { 0 }..][..len];
            draws.normals(Purpose::Noise, here, noise);
            let row = i * d + here..i * d + here + len;
            let scale = &step.scale[here..here + len];
            let mut grad = &grad[row.clone()];
            let mut tamed = [0.0; PIECE];
            if taming != Taming::None {
                taming.apply(grad, scale, h, whole.get(i).copied().unwrap_or(1.0), &mut tamed[..len]);
                grad = &tamed[..len];
            }
            drift(&x[row], grad, scale, noise, h, out);
        }
    });
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

/// 1 / (1 + h |s g|).
fn shrink(grad: &[f64], scale: &[f64], h: f64) -> f64 {
    let square: f64 = grad.iter().zip(scale).map(|(g, s)| (s * g) * (s * g)).sum();
    1.0 / (1.0 + h * square.sqrt())
}

impl Taming {
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
