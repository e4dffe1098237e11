//! Barker proposals: each coordinate moves by noise whose sign the gradient makes more or less likely (Livingstone and
//! Zanella, arXiv 1908.11812). What is far too long a step for Langevin is only a worse one here.

use super::decide::decide;
use super::{Info, Step, Transition};
use crate::numeric::exp::exp_slice;
use crate::numeric::log::ln_slice;
use crate::parallel::sum;
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::PIECE;
use std::sync::Arc;

/// The Barker algorithm; its step h is that of `Mala` for small steps: noise of variance 2h.
pub struct Barker;

/// Signs noise z so that it is kept with probability 1 / (1 + exp(−z r g)), and adds it to x. `noise` may be all of z.
fn sign(noise: &mut [f64], uniforms: &[f64], reach: &[f64], grad: &[f64]) {
    let mut odds = [0.0; PIECE];
    let odds = &mut odds[..noise.len()];
    for (i, o) in odds.iter_mut().enumerate() {
        *o = -noise[i] * reach[i] * grad[i];
    }
    exp_slice(odds);
    for (z, (u, o)) in noise.iter_mut().zip(uniforms.iter().zip(odds)) {
        // An infinite o flips, a zero keeps.
        *z = if u * (1.0 + *o) < 1.0 { *z } else { -*z };
    }
}

/// Exponents −|m g₀| and −|m g₁|; returns Σ max(−m g₀, 0) − max(m g₁, 0).
fn exponents(moves: &[f64], grads: [&[f64]; 2], exponents: [&mut [f64]; 2]) -> f64 {
    let [e0, e1] = exponents;
    let n = moves.len();
    let (g0, g1, e0, e1) = (&grads[0][..n], &grads[1][..n], &mut e0[..n], &mut e1[..n]);
    for i in 0..n {
        e0[i] = -moves[i] * g0[i];
        e1[i] = moves[i] * g1[i];
    }
    let total = sum(e0.iter().zip(e1.iter()).map(|(a, b)| a.max(0.0) - b.max(0.0)));
    for i in 0..n {
        e0[i] = -e0[i].abs();
        e1[i] = -e1[i].abs();
    }
    total
}

/// Σ log(1 + exp(−m g₀)) − log(1 + exp(m g₁)): the log ratio of the proposals' densities, back over forth.
fn log_ratio(moves: &[f64], grads: [&[f64]; 2]) -> f64 {
    let (mut e0, mut e1) = ([0.0; PIECE], [0.0; PIECE]);
    let (e0, e1) = (&mut e0[..moves.len()], &mut e1[..moves.len()]);
    let linear = exponents(moves, grads, [&mut *e0, &mut *e1]);
    exp_slice(e0);
    exp_slice(e1);
    // Both are in (0, 1]: one logarithm will do.
    for (a, b) in e0.iter_mut().zip(e1) {
        *a = (1.0 + *a) / (1.0 + *b);
    }
    ln_slice(e0);
    linear + sum(e0.iter().copied())
}

/// Pieces of 0..d that fit the buffers.
fn pieces(d: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..d).step_by(PIECE).map(move |start| start..(start + PIECE).min(d))
}

/// √(2h) s.
fn reach(scale: &[f64], h: f64, out: &mut [f64]) {
    let root = (2.0 * h).sqrt();
    out.iter_mut().zip(scale).for_each(|(r, s)| *r = root * s);
}

fn propose(block: &mut Block, d: usize, step: Step<'_>) {
    let (mut uniforms, mut reaches) = ([0.0; PIECE], [0.0; PIECE]);
    for i in 0..block.count() {
        let draws = Stream::new(step.key, block.first + i as u32, step.number);
        for piece in pieces(d) {
            let at = i * d + piece.start..i * d + piece.end;
            let (uniforms, reaches) = (&mut uniforms[..piece.len()], &mut reaches[..piece.len()]);
            let noise = &mut block.noise[at.clone()];
            draws.normals(Purpose::Noise, piece.start, noise);
            draws.uniforms(Purpose::Partner, piece.start, uniforms);
            reach(&step.scale[piece], step.sizes[i], reaches);
            sign(noise, uniforms, reaches, &block.grad[at.clone()]);
            for (k, (z, r)) in at.zip(noise.iter().zip(reaches)) {
                block.proposal[k] = block.x[k] + *r * z;
            }
        }
    }
}

/// log q(x | y) − log q(y | x) of chain i.
fn asymmetry(block: &Block, i: usize, d: usize, step: Step<'_>) -> f64 {
    let mut moves = [0.0; PIECE];
    let mut total = 0.0;
    for piece in pieces(d) {
        let at = i * d + piece.start..i * d + piece.end;
        let moves = &mut moves[..piece.len()];
        reach(&step.scale[piece], step.sizes[i], moves);
        moves.iter_mut().zip(&block.noise[at.clone()]).for_each(|(m, z)| *m *= z);
        total += log_ratio(moves, [&block.grad[at.clone()], &block.proposal_grad[at]]);
    }
    total
}

impl Transition for Barker {
    fn tuned(&self) -> Arc<dyn Transition> {
        Arc::new(Self)
    }

    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        propose(block, d, step);
        block.evaluate(density, step.monitor)?;
        decide(block, 0..block.count(), d, step, info, f64::INFINITY, |block, i| asymmetry(block, i, d, step));
        Ok(())
    }
}
