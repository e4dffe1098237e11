//! Overdamped Langevin: x ← x + h ∇log π(x) + √(2h) ξ, as it is or as a proposal.

use super::decide::{advance, decide};
use super::{Info, RUNAWAY, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity, Terms};
use crate::sampling::vector::{Drift, PART, PIECE, reversal, share, share_sums};

/// Proposes for every chain, keeping the noise where it is needed again; else its first piece is overwritten, which stays in the
/// cache. Where the `density` is one call for all chains, another thread makes the noise of the next step during it.
fn propose(block: &mut Block, density: &dyn LogDensity, step: Step<'_>, keep: bool, taming: Taming) {
    let (d, first) = (density.dim(), block.first);
    let is_made = block.errand.fetch(step.key, step.number, &mut block.noise);
    if density.is_batched() {
        block.errand.ask(step.key, first, step.number + 1, d, block.x.len());
    }
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
            let noise = &mut noise[if keep || is_made { at * PIECE } else { 0 }..][..len];
            if !is_made {
                draws.normals(Purpose::Noise, here, noise);
            }
            let row = i * d + here..i * d + here + len;
            let scale = &step.scale[here..here + len];
            let (x, grad) = (&x[row.clone()], &grad[row]);
            if taming == Taming::None {
                Drift { x, grad, scale, noise, h }.propose(out);
            } else {
                let mut tamed = [0.0; PIECE];
                taming.apply(grad, scale, h, whole.get(i).copied().unwrap_or(1.0), &mut tamed[..len]);
                Drift { x, grad: &tamed[..len], scale, noise, h }.propose(out);
            }
        }
    });
}

/// The one chain of a block with the density it moves in.
struct Chain<'a> {
    x: &'a [f64],
    grad: &'a [f64],
    scale: &'a [f64],
    h: f64,
    terms: &'a dyn Terms,
    /// Whether the ratio of the proposals is asked for.
    adjusted: bool,
}

impl Chain<'_> {
    /// Proposes for a piece of the vector from `start` on, and evaluates there: the value, and the log ratio of the proposals.
    fn piece(&self, start: usize, noise: &[f64], out: &mut [f64], out_grad: &mut [f64]) -> [f64; 2] {
        let row = start..start + out.len();
        let (grad, scale) = (&self.grad[row.clone()], &self.scale[row.clone()]);
        let from = Drift { x: &self.x[row], grad, scale, noise, h: self.h };
        self.terms.proposed(start, from, self.adjusted, out, out_grad)
    }

    /// The same for a part, piece by piece, with room for the noise of a piece.
    fn part(&self, start: usize, draws: Stream, noise: &mut [f64], out: &mut [f64], out_grad: &mut [f64]) -> [f64; 2] {
        let mut sums = [0.0; 2];
        for (at, (out, out_grad)) in out.chunks_mut(PIECE).zip(out_grad.chunks_mut(PIECE)).enumerate() {
            let (start, noise) = (start + at * PIECE, &mut noise[..out.len()]);
            draws.normals(Purpose::Noise, start, noise);
            let [value, ratio] = self.piece(start, noise, out, out_grad);
            sums = [sums[0] + value, sums[1] + ratio];
        }
        sums
    }
}

/// Proposes for the one chain of a block, and evaluates there; returns log q(y | x) − log q(x | y) where that is asked for. The
/// same draws as `propose`, `evaluate` and `reversal`, in one pass: a piece goes through all of it in the first-level cache.
fn pass(block: &mut Block, terms: &dyn Terms, step: Step<'_>, adjusted: bool) -> f64 {
    let (x, grad): (&[f64], &[f64]) = (&block.x, &block.grad);
    let chain = Chain { x, grad, scale: step.scale, h: step.sizes[0], terms, adjusted };
    let [value, asymmetry] = if x.len() <= PIECE {
        let noise = block.ahead.of(step.key, block.first, step.number);
        let sums = chain.piece(0, noise, &mut block.proposal, &mut block.proposal_grad);
        block.ahead.of(step.key, block.first, step.number + 1);
        sums
    } else {
        let draws = Stream::new(step.key, block.first, step.number);
        let outs = block.proposal.chunks_mut(PART).zip(block.proposal_grad.chunks_mut(PART));
        let parts = outs.zip(block.noise.chunks_mut(PART)).enumerate();
        let backwards = step.number % 2 == 1;
        share_sums(x.len(), backwards, parts, |(at, ((out, out_grad), noise))| {
            chain.part(at * PART, draws, noise, out, out_grad)
        })
    };
    block.assess(value);
    if terms.remakes() {
        block.neglect();
    }
    asymmetry
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
        match block.terms(density) {
            Some(terms) if self.taming == Taming::None => {
                pass(block, terms, step, false);
            }
            _ => {
                propose(block, density, step, false, self.taming);
                block.evaluate(density, step.monitor)?;
            }
        }
        advance(block, d, info);
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
        if let Some(terms) = block.terms(density) {
            let asymmetry = pass(block, terms, step, true);
            decide(block, 0..1, d, step, info, RUNAWAY, |_, _| -asymmetry);
            return Ok(());
        }
        propose(block, density, step, true, Taming::None);
        block.evaluate(density, step.monitor)?;
        decide(block, 0..block.count(), d, step, info, RUNAWAY, |block, i| {
            let at = i * d..(i + 1) * d;
            let grads = [&block.grad[at.clone()], &block.proposal_grad[at.clone()]];
            -reversal(grads, step.scale, &block.noise[at], step.sizes[i])
        });
        Ok(())
    }
}
