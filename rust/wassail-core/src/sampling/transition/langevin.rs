//! Overdamped Langevin: x ← x + h ∇log π(x) + √(2h) ξ, as it is or as a proposal.

use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{PIECE, drift, reversal};

/// Proposes for every chain, keeping the noise where it is needed again; else its first piece is overwritten, which stays in the
/// cache.
fn propose(block: &mut Block, d: usize, step: Step<'_>, keep: bool) {
    for i in 0..block.count() {
        let draws = Stream::new(step.key, block.first + i as u32, step.number);
        for start in (0..d).step_by(PIECE) {
            let len = PIECE.min(d - start);
            let at = i * d + start..i * d + start + len;
            let noise = &mut block.noise[if keep { at.clone() } else { 0..len }];
            draws.normals(Purpose::Noise, start, noise);
            let scale = &step.scale[start..start + len];
            drift(&block.x[at.clone()], &block.grad[at.clone()], scale, noise, step.sizes[i], &mut block.proposal[at]);
        }
    }
}

/// The unadjusted Langevin algorithm.
pub struct Ula;

impl Transition for Ula {
    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        propose(block, d, step, false);
        block.evaluate(density);
        for (i, info) in info.iter_mut().enumerate() {
            *info = Info { acceptance: 1.0, divergent: false };
            match block.proposal_logp[i] {
                Ok(logp) => block.accept(i, d, logp),
                Err(DensityError::Failed) => return Err(DensityError::Failed),
                // Without a gradient the chain cannot go on from there: it stays, and says so.
                Err(_) => *info = Info { acceptance: 0.0, divergent: true },
            }
        }
        Ok(())
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
        propose(block, d, step, true);
        block.evaluate(density);
        for (i, info) in info.iter_mut().enumerate() {
            let at = i * d..(i + 1) * d;
            let logp = match block.proposal_logp[i] {
                Ok(logp) => logp,
                Err(DensityError::Failed) => return Err(DensityError::Failed),
                Err(error) => {
                    *info = Info { acceptance: 0.0, divergent: error == DensityError::Recoverable };
                    continue;
                }
            };
            let grads = [&block.grad[at.clone()], &block.proposal_grad[at.clone()]];
            let ratio = logp - block.logp[i] - reversal(grads, step.scale, &block.noise[at], step.sizes[i]);
            // NaN, from overflow, rejects.
            let acceptance = if ratio >= 0.0 { 1.0 } else { ratio.exp().max(0.0) };
            *info = Info { acceptance, divergent: ratio.is_nan() };
            let draws = Stream::new(step.key, block.first + i as u32, step.number);
            if draws.uniform(Purpose::Accept, 0) < acceptance {
                block.accept(i, d, logp);
            }
        }
        Ok(())
    }
}
