//! Squared distances of rows and panels of features.
//!
//! From `PRODUCT_FROM` coordinates on, the first feature is half the squared norm of the others, which are √2 times the coordinates:
//! q = |x|²/2 + |y|²/2 − x·y takes half the arithmetic of differences. What has cancelled (below an eighth of the norms) is
//! computed again by differences: the error of q is of the size of its own rounding in either form, and points that are equal
//! have distance 0.

use super::Rows;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::f64::consts::SQRT_2;

/// Coordinates from which on products are faster.
const PRODUCT_FROM: usize = 8;
/// Share of the squared norms below which a distance is computed again.
const SHARE: f64 = 0.125;

/// Features of a point of dimension d.
pub fn width(d: usize) -> usize {
    if d < PRODUCT_FROM { d } else { d + 1 }
}

/// Features of a point in some unit.
pub fn pack(point: &[f64], unit: f64, features: &mut [f64]) {
    let (norm, coordinates) = features.split_at_mut(width(point.len()) - point.len());
    let unit = if norm.is_empty() { unit } else { SQRT_2 * unit };
    let mut square = 0.0;
    for (f, p) in coordinates.iter_mut().zip(point) {
        *f = p * unit;
        square += *f * *f;
    }
    if let [norm] = norm {
        *norm = 0.5 * square;
    }
}

/// Largest |x| in the unit of the distances, of features that are at most `reach` in absolute value.
pub fn longest(d: usize, reach: &[f64]) -> f64 {
    let square: f64 = reach[reach.len() - d..].iter().map(|r| r * r).sum();
    if width(d) == d { square.sqrt() } else { (0.5 * square).sqrt() }
}

/// Largest error of a value in f32 over φ(0) that comes from rounding in sums over coordinates: q is off by a share of itself,
/// and q |φ′(q)| is at most φ(0)/2 for every profile.
pub fn error_f32(d: usize) -> f64 {
    let roundings = if d < PRODUCT_FROM { 0.5 * (d as f64 + 2.0) } else { 0.5 / SHARE * (d as f64 + 6.0) };
    0.5 * roundings * f64::from(f32::EPSILON)
}

/// Sums of R rows and two registers of columns.
pub type Sums<I, T, const R: usize> = [[<T as Scalar>::Register<I>; 2]; R];

/// Whether the level has registers for blocks of eight rows; else for four.
pub const fn is_tall<I: Isa, T: Scalar>() -> bool {
    size_of::<T::Register<I>>() == 64
}

/// Writes |x_r − y|² of R rows from row r on against a panel, row by row at `out[i * stride..]`.
#[inline(always)]
pub fn squares<I: Isa, T: Scalar, const R: usize>(x: Rows<'_, T>, r: usize, panel: &[T], out: &mut [T], stride: usize) {
    let width = T::Register::<I>::N;
    for lane in (0..LANES).step_by(2 * width) {
        let sums = block::<I, T, R>(x, r, panel, lane);
        for i in 0..R {
            let out = &mut out[i * stride + lane..][..2 * width];
            sums[i][0].store(out);
            sums[i][1].store(&mut out[width..]);
        }
    }
}

/// |x_r − y|² of R rows from row r on against two registers of a panel.
#[inline(always)]
pub fn block<I: Isa, T: Scalar, const R: usize>(x: Rows<'_, T>, r: usize, panel: &[T], lane: usize) -> Sums<I, T, R> {
    let mut rows: [&[T]; R] = [&[]; R];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = x.row(r + i);
    }
    if x.width() < PRODUCT_FROM {
        return differences::<I, T, R>(rows, panel, lane, 0);
    }
    let (mut sums, clear) = products::<I, T, R>(rows, panel, lane);
    if !clear {
        sums = differences::<I, T, R>(rows, panel, lane, 1);
        let half = T::Register::<I>::splat(T::from_f64(0.5));
        for i in 0..R {
            for u in 0..2 {
                sums[i][u] = sums[i][u].mul(half);
            }
        }
    }
    sums
}

/// Two registers of a feature.
#[inline(always)]
fn pair<I: Isa, T: Scalar>(feature: &[T], lane: usize) -> [T::Register<I>; 2] {
    let width = T::Register::<I>::N;
    [T::Register::<I>::load(&feature[lane..]), T::Register::<I>::load(&feature[lane + width..])]
}

// Loops over indices, not over zipped iterators: those are unrolled into registers in every build.

#[inline(always)]
fn differences<I: Isa, T: Scalar, const R: usize>(
    x: [&[T]; R],
    panel: &[T],
    lane: usize,
    first: usize,
) -> Sums<I, T, R> {
    let mut sums = [[T::Register::<I>::splat(T::ZERO); 2]; R];
    for (k, feature) in panel.chunks_exact(LANES).enumerate().skip(first) {
        let y = pair::<I, T>(feature, lane);
        for r in 0..R {
            let at = T::Register::<I>::splat(x[r][k]);
            for u in 0..2 {
                let t = y[u].sub(at);
                sums[r][u] = t.fma(t, sums[r][u]);
            }
        }
    }
    sums
}

/// Squared distances, and whether none has cancelled. NaN, from norms that overflow, is one that has.
#[inline(always)]
fn products<I: Isa, T: Scalar, const R: usize>(x: [&[T]; R], panel: &[T], lane: usize) -> (Sums<I, T, R>, bool) {
    let norms = pair::<I, T>(panel, lane);
    let mut sums = [norms; R];
    for r in 0..R {
        let at = T::Register::<I>::splat(x[r][0]);
        for u in 0..2 {
            sums[r][u] = sums[r][u].add(at);
        }
    }
    for (k, feature) in panel.chunks_exact(LANES).enumerate().skip(1) {
        let y = pair::<I, T>(feature, lane);
        for r in 0..R {
            let at = T::Register::<I>::splat(x[r][k]);
            for u in 0..2 {
                sums[r][u] = at.fnma(y[u], sums[r][u]);
            }
        }
    }
    let share = T::Register::<I>::splat(T::from_f64(SHARE));
    let mut clear = true;
    for r in 0..R {
        let at = T::Register::<I>::splat(x[r][0] * T::from_f64(SHARE));
        for u in 0..2 {
            clear &= norms[u].fnma(share, sums[r][u]).all_ge(at);
        }
    }
    (sums, clear)
}
