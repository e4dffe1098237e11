//! The randomized midpoint method for overdamped Langevin (Shen and Lee, arXiv 1909.05503; He, Balasubramanian and Erdogdu,
//! arXiv 2011.03176): the drift of a step is taken at a random time within it, so that its mean error vanishes.

use super::decide::advance;
use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{Drift, PIECE};

/// x_m = x + uh ∇log π(x) + √2 W(uh) at a uniform u, then x + h ∇log π(x_m) + √2 W(h) with the same path W.
pub struct Midpoint;

/// √2 (a z + b w) scaled like the noise of a step of size h, of chain i.
fn noise(draws: Stream, start: usize, weights: [f64; 2], out: &mut [f64]) {
    let mut other = [0.0; PIECE];
    let other = &mut other[..out.len()];
    draws.normals(Purpose::Noise, start, out);
    draws.normals(Purpose::Partner, start, other);
    out.iter_mut().zip(other).for_each(|(z, w)| *z = weights[0] * *z + weights[1] * *w);
}

impl Midpoint {
    /// Moves chain i from x with a gradient, and noise of a path at time t of the step, into the proposal.
    fn propose(block: &mut Block, i: usize, d: usize, step: Step<'_>, at_midpoint: bool) {
        let draws = Stream::new(step.key, block.first + i as u32, step.number);
        let (h, u) = (step.sizes[i], draws.uniform(Purpose::Time, 0));
        let mut piece = [0.0; PIECE];
        for start in (0..d).step_by(PIECE) {
            let piece = &mut piece[..PIECE.min(d - start)];
            let at = i * d + start..i * d + start + piece.len();
            let scale = &step.scale[start..start + piece.len()];
            let x = &block.x[at.clone()];
            if at_midpoint {
                draws.normals(Purpose::Noise, start, piece);
                Drift { x, grad: &block.grad[at.clone()], scale, noise: piece, h: u * h }
                    .propose(&mut block.proposal[at]);
            } else {
                noise(draws, start, [u.sqrt(), (1.0 - u).sqrt()], piece);
                Drift { x, grad: &block.proposal_grad[at.clone()], scale, noise: piece, h }
                    .propose(&mut block.proposal[at]);
            }
        }
    }
}

impl Transition for Midpoint {
    fn gradients(&self, _: f64) -> f64 {
        2.0
    }

    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        (0..block.count()).for_each(|i| Self::propose(block, i, d, step, true));
        block.evaluate(density, step.monitor)?;
        // A chain without a gradient at its midpoint stays, whatever the second evaluation says.
        let midway: Vec<_> = block.proposal_logp.iter().map(|out| out.err()).collect();
        for (i, failed) in midway.iter().enumerate() {
            match failed {
                Some(_) => block.proposal[i * d..(i + 1) * d].copy_from_slice(&block.x[i * d..(i + 1) * d]),
                None => Self::propose(block, i, d, step, false),
            }
        }
        block.evaluate(density, step.monitor)?;
        for (out, failed) in block.proposal_logp.iter_mut().zip(midway) {
            if let Some(failed) = failed {
                *out = Err(failed);
            }
        }
        advance(block, d, info);
        info.iter_mut().for_each(|info| info.gradients = 2);
        Ok(())
    }
}
