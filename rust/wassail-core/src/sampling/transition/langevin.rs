//! Overdamped Langevin: x ← x + h ∇log π(x) + √(2h) ξ, as it is or as a proposal.

use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{PART, PIECE, drift, reversal, share};

/// Proposes for every chain, keeping the noise where it is needed again.
fn propose(block: &mut Block, d: usize, step: Step<'_>, keep: bool) {
    let first = block.first;
    let (x, grad) = (&block.x, &block.grad);
    let rows = block.proposal.chunks_exact_mut(d).zip(block.noise.chunks_exact_mut(d));
    // Parts of all chains, with where they start.
    let parts = rows.enumerate().flat_map(|(i, (out, noise))| {
        let parts = out.chunks_mut(PART).zip(noise.chunks_mut(PART)).enumerate();
        parts.map(move |(part, (out, noise))| (i, part * PART, out, noise))
    });
    share(x.len(), parts, |(i, start, out, noise)| {
        let draws = Stream::new(step.key, first + i as u32, step.number);
        let mut piece = [0.0; PIECE];
        for (at, out) in out.chunks_mut(PIECE).enumerate() {
            let (here, len) = (start + at * PIECE, out.len());
            let noise = if keep { &mut noise[at * PIECE..][..len] } else { &mut piece[..len] };
            draws.normals(Purpose::Noise, here, noise);
            let row = i * d + here..i * d + here + len;
            drift(&x[row.clone()], &grad[row], &step.scale[here..here + len], noise, step.sizes[i], out);
        }
    });
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
            *info = Info::default();
            match block.proposal_logp[i] {
                Ok(logp) => block.accept(i, d, logp),
                Err(DensityError::Failed) => return Err(DensityError::Failed),
                // Without a gradient the chain cannot go on from there: it stays, and says so.
                Err(_) => *info = Info::stopped(DensityError::Recoverable, 1),
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
                    *info = Info::stopped(error, 1);
                    continue;
                }
            };
            let grads = [&block.grad[at.clone()], &block.proposal_grad[at.clone()]];
            let ratio = logp - block.logp[i] - reversal(grads, step.scale, &block.noise[at], step.sizes[i]);
            // NaN, from overflow, rejects.
            let acceptance = if ratio >= 0.0 { 1.0 } else { ratio.exp().max(0.0) };
            *info = Info { acceptance, divergent: ratio.is_nan(), energy: -ratio, ..Info::default() };
            let draws = Stream::new(step.key, block.first + i as u32, step.number);
            if draws.uniform(Purpose::Accept, 0) < acceptance {
                block.accept(i, d, logp);
            }
        }
        Ok(())
    }
}
