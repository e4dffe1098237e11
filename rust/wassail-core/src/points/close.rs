//! Pairs that are close compared with their distances from the center: there the product form cancels, and costs are
//! recomputed from differences of the points as given, in f64.

use super::given::Points;
use super::packed::Centered;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::ops::Range;

/// Replaces the negative entries of a tile by factor · |x − y|².
pub fn recompute<T: Scalar>(
    centered: &Centered<T>,
    factor: f64,
    rows: Range<usize>,
    cols: Range<usize>,
    out: &mut [T],
    stride: usize,
) {
    let (x, y) = &centered.given;
    let factors = y.factors.as_ref().map(|f| &f[cols.clone()]);
    let mut point = vec![0.0; x.dim()];
    let at = cols.start * x.dim()..cols.end * x.dim();
    for (r, i) in rows.enumerate() {
        let out = &mut out[r * stride..][..cols.len()];
        x.read(i, &mut point);
        match &y.points {
            Points::F32(y) => row(&point, &y[at.clone()], factors, factor, out),
            Points::F64(y) => row(&point, &y[at.clone()], factors, factor, out),
        }
    }
}

multiversion! {
    fn row<S: Scalar, T: Scalar>(x: &[f64], y: &[S], factors: Option<&[f64]>, factor: f64, out: &mut [T]) => row_body
}

#[inline(always)]
fn row_body<I: Isa, S: Scalar, T: Scalar>(x: &[f64], y: &[S], factors: Option<&[f64]>, factor: f64, out: &mut [T]) {
    let d = x.len();
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        if is_clear::<I, T>(out) {
            continue;
        }
        for (lane, o) in out.iter_mut().enumerate().filter(|(_, o)| **o < T::ZERO) {
            let j = block * LANES + lane;
            *o = T::from_f64(factor * square::<I, S>(x, &y[j * d..][..d], factors.map_or(1.0, |f| f[j])));
        }
    }
}

/// Whether nothing is negative; a block that is not full never is clear.
#[inline(always)]
fn is_clear<I: Isa, T: Scalar>(out: &[T]) -> bool {
    let width = T::Register::<I>::N;
    let mut least = T::Register::<I>::splat(T::ZERO);
    for chunk in out.chunks_exact(width) {
        least = least.min(T::Register::<I>::load(chunk));
    }
    out.len() == LANES && least.all_ge(T::Register::<I>::splat(T::ZERO))
}

/// |x − scale·y|².
#[inline(always)]
fn square<I: Isa, S: Scalar>(x: &[f64], y: &[S], scale: f64) -> f64 {
    let (d, width) = (x.len(), I::F64::N);
    let wide = I::F64::splat(scale);
    let mut acc = [I::F64::splat(0.0); 2];
    let mut k = 0;
    while k + width <= d {
        let t = I::F64::load(&x[k..]).sub(S::load_wide::<I>(&y[k..]).mul(wide));
        acc = [acc[1], t.fma(t, acc[0])];
        k += width;
    }
    let mut lanes = [0.0; 8];
    acc[0].add(acc[1]).store(&mut lanes);
    let mut sum: f64 = lanes[..width].iter().sum();
    for k in k..d {
        let t = x[k] - y[k].to_f64() * scale;
        sum += t * t;
    }
    sum
}
