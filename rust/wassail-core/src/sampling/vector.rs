//! Loops over coordinates that every transition is made of. Noise is drawn in pieces that stay in the first-level cache; long
//! vectors are shared among the threads, for chains that are fewer.

use super::lanes::sum;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use rayon::prelude::*;

/// Normals drawn at once: a multiple of what the generator makes together.
pub const PIECE: usize = 512;
/// Coordinates that one task takes where a vector is shared. Sums are those of such parts, in order, on any number of threads, and
/// those of a part are those of its pieces.
pub const PART: usize = 32 * PIECE;

/// Does the work of all parts of vectors of n coordinates, on several threads where that pays.
pub fn share<T: Send>(n: usize, parts: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    if is_shared(n) {
        parts.collect::<Vec<_>>().into_par_iter().with_max_len(1).for_each(&work);
    } else {
        parts.for_each(&work);
    }
}

/// The sums of what the parts of a vector of n coordinates give. One thread may take them `backwards`: what a step ended with is
/// still in the cache when the next one starts there. They are added in order all the same.
pub fn share_sums<T: Send>(
    n: usize,
    backwards: bool,
    parts: impl DoubleEndedIterator<Item = T>,
    work: impl Fn(T) -> [f64; 2] + Sync,
) -> [f64; 2] {
    let add = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
    if is_shared(n) {
        let parts = parts.collect::<Vec<_>>().into_par_iter().with_max_len(1).map(&work);
        parts.collect::<Vec<_>>().into_iter().fold([0.0; 2], add)
    } else if backwards && n > PART {
        parts.rev().map(work).collect::<Vec<_>>().into_iter().rev().fold([0.0; 2], add)
    } else {
        parts.map(work).fold([0.0; 2], add)
    }
}

/// The sum of what the pieces of an array give, with their first coordinates: piece by piece within a part, part by part.
pub fn share_sum(out: &mut [f64], work: impl Fn(usize, &mut [f64]) -> f64 + Sync) -> f64 {
    let part = |(at, part): (usize, &mut [f64])| {
        let pieces = part.chunks_mut(PIECE).enumerate();
        pieces.fold(0.0, |sum, (piece, out)| sum + work(at * PART + piece * PIECE, out))
    };
    if is_shared(out.len()) {
        let parts = out.par_chunks_mut(PART).enumerate().map(part);
        parts.collect::<Vec<f64>>().into_iter().sum()
    } else {
        out.chunks_mut(PART).enumerate().map(part).sum()
    }
}

fn is_shared(n: usize) -> bool {
    n >= 2 * PART && rayon::current_thread_index().is_some() && rayon::current_num_threads() > 1
}

/// Where an overdamped step comes from: positions, gradients, scales and noise of the same coordinates, and the step size.
#[derive(Clone, Copy)]
pub struct Drift<'a> {
    /// x.
    pub x: &'a [f64],
    /// g.
    pub grad: &'a [f64],
    /// s.
    pub scale: &'a [f64],
    /// z.
    pub noise: &'a [f64],
    /// h.
    pub h: f64,
}

/// x + h s² g + √(2h) s z of a coordinate, with √(2h).
#[inline(always)]
pub fn moved<I: Isa>([x, g, s, z]: [f64; 4], h: f64, root: f64) -> f64 {
    s.fma::<I>((h * s).fma::<I>(g, root * z), x)
}

/// The factors of a coordinate's part of `reversal`, with √(h/2).
#[inline(always)]
pub fn reversed<I: Isa>([g0, g1, s, z]: [f64; 4], root: f64) -> (f64, f64) {
    let push = root * s * (g0 + g1);
    (push, 0.5f64.fma::<I>(push, z))
}

#[inline(always)]
pub fn drift_body<I: Isa>(from: Drift<'_>, out: &mut [f64]) {
    let n = out.len();
    let (x, grad, scale, noise) = (&from.x[..n], &from.grad[..n], &from.scale[..n], &from.noise[..n]);
    let root = (2.0 * from.h).sqrt();
    for i in 0..n {
        out[i] = moved::<I>([x[i], grad[i], scale[i], noise[i]], from.h, root);
    }
}

multiversion! {
    fn drift(from: Drift<'_>, out: &mut [f64]) => drift_body
}

#[inline(always)]
pub fn reversal_body<I: Isa>(from: Drift<'_>, to: &[f64]) -> f64 {
    let root = (0.5 * from.h).sqrt();
    sum::<I, 4>(
        [from.grad, to, from.scale, from.noise],
        to.len(),
        #[inline(always)]
        |entries| reversed::<I>(entries, root),
    )
}

multiversion! {
    fn reversal_part(from: Drift<'_>, to: &[f64]) -> f64 => reversal_body
}

impl Drift<'_> {
    /// x + h s² g + √(2h) s z.
    pub fn propose(self, out: &mut [f64]) {
        drift(self, out);
    }

    /// Σ_i p_i (z_i + p_i / 2) with p = √(h/2) s (g + g′), g′ the gradient at the proposal.
    pub fn reversal(self, to: &[f64]) -> f64 {
        reversal_part(self, to)
    }
}

/// The log ratio of the proposals' densities, forth over back; summed as `share_sum` does.
pub fn reversal(grads: [&[f64]; 2], scale: &[f64], noise: &[f64], h: f64) -> f64 {
    let n = noise.len();
    let piece = |start: usize| {
        let at = start..n.min(start + PIECE);
        let from =
            Drift { x: &[], grad: &grads[0][at.clone()], scale: &scale[at.clone()], noise: &noise[at.clone()], h };
        from.reversal(&grads[1][at])
    };
    let part = |start: usize| (start..n.min(start + PART)).step_by(PIECE).fold(0.0, |sum, at| sum + piece(at));
    if is_shared(n) {
        let parts = (0..n.div_ceil(PART)).into_par_iter().map(|at| part(at * PART));
        parts.collect::<Vec<f64>>().into_iter().sum()
    } else {
        (0..n).step_by(PART).map(part).sum()
    }
}

#[inline(always)]
fn push_body<I: Isa>(to: &mut [f64], by: &[f64], scale: &[f64], h: f64) {
    let n = to.len();
    let (by, scale) = (&by[..n], &scale[..n]);
    for i in 0..n {
        to[i] = (h * scale[i]).fma::<I>(by[i], to[i]);
    }
}

multiversion! {
    fn push_part(to: &mut [f64], by: &[f64], scale: &[f64], h: f64) => push_body
}

/// to += h s by: a step of positions by velocities, or of velocities by forces.
pub fn push(to: &mut [f64], by: &[f64], scale: &[f64], h: f64) {
    let n = to.len();
    let parts = to.chunks_mut(PART).zip(by.chunks(PART)).zip(scale.chunks(PART));
    share(n, parts, |((to, by), scale)| push_part(to, by, scale, h));
}

/// Copies a vector.
pub fn copy(to: &mut [f64], from: &[f64]) {
    let n = to.len();
    share(n, to.chunks_mut(PART).zip(from.chunks(PART)), |(to, from)| to.copy_from_slice(from));
}

#[inline(always)]
fn refresh_body<I: Isa>(v: &mut [f64], noise: &[f64], keep: f64) {
    let renew = ((1.0 - keep) * (1.0 + keep)).sqrt();
    for (v, z) in v.iter_mut().zip(noise) {
        *v = keep.fma::<I>(*v, renew * z);
    }
}

multiversion! {
    /// v ← c v + √(1 − c²) z.
    pub fn refresh(v: &mut [f64], noise: &[f64], keep: f64) => refresh_body
}

#[inline(always)]
fn all_finite_body<I: Isa>(values: &[f64]) -> bool {
    // Products with zero are NaN for what is not finite; no early exit, so that it vectorizes.
    let zeros = sum::<I, 1>(
        [values],
        values.len(),
        #[inline(always)]
        |[v]| (v, 0.0),
    );
    zeros == 0.0
}

multiversion! {
    fn all_finite_part(values: &[f64]) -> bool => all_finite_body
}

/// Whether all values are finite.
pub fn all_finite(values: &[f64]) -> bool {
    if is_shared(values.len()) {
        values.par_chunks(PART).all(all_finite_part)
    } else {
        values.chunks(PART).all(all_finite_part)
    }
}

#[inline(always)]
fn dot_body<I: Isa>(a: &[f64], b: &[f64]) -> f64 {
    sum::<I, 2>(
        [a, b],
        a.len(),
        #[inline(always)]
        |[a, b]| (a, b),
    )
}

multiversion! {
    /// ⟨a, b⟩.
    pub fn dot(a: &[f64], b: &[f64]) -> f64 => dot_body
}

#[inline(always)]
fn add_body<I: Isa>(to: &mut [f64], by: &[f64], factor: f64) {
    for (t, b) in to.iter_mut().zip(by) {
        *t = factor.fma::<I>(*b, *t);
    }
}

multiversion! {
    /// to += f by.
    pub fn add(to: &mut [f64], by: &[f64], factor: f64) => add_body
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // the compiler vectorizes it at each level
fn times_body<I: Isa>(v: &mut [f64], by: f64) {
    v.iter_mut().for_each(|v| *v *= by);
}

multiversion! {
    /// v ← f v.
    pub fn times(v: &mut [f64], by: f64) => times_body
}
