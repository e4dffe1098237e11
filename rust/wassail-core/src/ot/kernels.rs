//! Row kernels of what is read off a plan.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

const WIDTH: usize = 16;

fn fold(lanes: [f64; WIDTH]) -> f64 {
    let mut lanes = lanes;
    let mut half = WIDTH / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn masked_dot_body<I: Isa>(cost: &[f64], p: &[f64]) -> f64 {
    let cost = &cost[..p.len()];
    let mut acc = [0.0; WIDTH];
    let ((c, c_rest), (p, p_rest)) = (cost.as_chunks::<WIDTH>(), p.as_chunks::<WIDTH>());
    for (c, p) in c.iter().zip(p) {
        for l in 0..WIDTH {
            let c = if p[l] > 0.0 { c[l] } else { 0.0 };
            acc[l] = c.fma::<I>(p[l], acc[l]);
        }
    }
    for (l, (c, p)) in c_rest.iter().zip(p_rest).enumerate() {
        let c = if *p > 0.0 { *c } else { 0.0 };
        acc[l] = c.fma::<I>(*p, acc[l]);
    }
    fold(acc)
}

multiversion! {
    /// Σ_j c_j p_j over p_j > 0, for p ≥ 0: an infinite cost without mass counts nothing.
    pub fn masked_dot(cost: &[f64], p: &[f64]) -> f64 => masked_dot_body
}

#[inline(always)]
fn raise_body<I: Isa>(cost: &[f64], f: f64, inv_eps: f64, t: &mut [f64]) {
    for (t, c) in t.iter_mut().zip(cost) {
        let z = (-inv_eps).fma::<I>(*c, f);
        *t = if z > *t { z } else { *t };
    }
}

multiversion! {
    /// t_j = max(t_j, f − c_j/ε).
    pub fn raise(cost: &[f64], f: f64, inv_eps: f64, t: &mut [f64]) => raise_body
}

/// What a coordinate difference contributes to a gradient.
pub trait Pull {
    /// φ(t).
    fn of<I: Isa>(t: I::F64) -> I::F64;
}

/// φ(t) = t.
pub struct Difference;
/// φ(t) = sign t, 0 at 0.
pub struct Sign;

impl Pull for Difference {
    #[inline(always)]
    fn of<I: Isa>(t: I::F64) -> I::F64 {
        t
    }
}

impl Pull for Sign {
    #[inline(always)]
    fn of<I: Isa>(t: I::F64) -> I::F64 {
        let (zero, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
        t.select_ge(zero, one, zero).sub(zero.sub(t).select_ge(zero, one, zero))
    }
}

#[inline(always)]
fn pull4_body<I: Isa, K: Pull>(w: [&[f64]; 4], x: [f64; 4], y: &[f64]) -> [f64; 4] {
    let n = y.len();
    let w = w.map(|w| &w[..n]);
    let width = I::F64::N;
    let at = x.map(I::F64::splat);
    let mut acc = [I::F64::splat(0.0); 4];
    let mut j = 0;
    while j + width <= n {
        let y = I::F64::load(&y[j..]);
        for r in 0..4 {
            acc[r] = K::of::<I>(at[r].sub(y)).fma(I::F64::load(&w[r][j..]), acc[r]);
        }
        j += width;
    }
    let (mut rest, mut weights) = ([0.0; WIDTH], [[0.0; WIDTH]; 4]);
    rest[..n - j].copy_from_slice(&y[j..]);
    let mut lanes = [[0.0; WIDTH]; 4];
    for r in 0..4 {
        weights[r][..n - j].copy_from_slice(&w[r][j..]);
        let last = K::of::<I>(at[r].sub(I::F64::load(&rest))).fma(I::F64::load(&weights[r]), acc[r]);
        last.store(&mut lanes[r]);
    }
    lanes.map(fold)
}

multiversion! {
    /// Σ_j w_rj φ(x_r − y_j) for four rows.
    pub fn pull4<K: Pull>(w: [&[f64]; 4], x: [f64; 4], y: &[f64]) -> [f64; 4] => pull4_body
}

/// What the finite entries of a piece of a row say.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Smallest finite entry.
    pub min: f64,
    /// Largest finite entry.
    pub max: f64,
    /// Their sum.
    pub sum: f64,
    /// Their number.
    pub count: f64,
}

impl Summary {
    /// Of nothing.
    pub const EMPTY: Self = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, count: 0.0 };

    /// Of both.
    #[must_use]
    pub fn join(self, o: &Self) -> Self {
        Self { min: self.min.min(o.min), max: self.max.max(o.max), sum: self.sum + o.sum, count: self.count + o.count }
    }
}

/// Minimum, maximum and sum of whole lanes; anything not finite shows in one of them.
#[inline(always)]
fn summarize_finite<I: Isa>(whole: &[[f64; WIDTH]]) -> Summary {
    let (mut low, mut high) = ([f64::INFINITY; WIDTH], [f64::NEG_INFINITY; WIDTH]);
    let mut sum = [0.0; WIDTH];
    for c in whole {
        for l in 0..WIDTH {
            low[l] = if c[l] < low[l] { c[l] } else { low[l] };
            high[l] = if c[l] > high[l] { c[l] } else { high[l] };
            sum[l] = c[l].fma::<I>(1.0, sum[l]);
        }
    }
    let count = (whole.len() * WIDTH) as f64;
    Summary {
        min: low.iter().copied().fold(f64::INFINITY, f64::min),
        max: high.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        sum: fold(sum),
        count,
    }
}

fn summarize_each(values: &[f64]) -> Summary {
    let finite = values.iter().filter(|c| c.is_finite());
    finite.fold(Summary::EMPTY, |s, &c| s.join(&Summary { min: c, max: c, sum: c, count: 1.0 }))
}

#[inline(always)]
fn summarize_body<I: Isa>(cost: &[f64]) -> Summary {
    let (whole, rest) = cost.as_chunks::<WIDTH>();
    let summary = summarize_finite::<I>(whole);
    if summary.sum.is_finite() { summary.join(&summarize_each(rest)) } else { summarize_each(cost) }
}

multiversion! {
    /// Minimum, maximum, sum and number of the finite entries.
    pub fn summarize(cost: &[f64]) -> Summary => summarize_body
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // The compiler vectorizes it at each level.
fn scaled_row_body<I: Isa, S: Scalar>(k: &[S], v: &[f64], u: f64, out: &mut [f64]) {
    for ((o, k), v) in out.iter_mut().zip(k).zip(v) {
        *o = k.to_f64() * (v * u);
    }
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // The compiler vectorizes it at each level.
fn rounded_row_body<I: Isa, T: Scalar, S: Scalar>(e: &[T], u: f64, out: &mut [S]) {
    for (o, e) in out.iter_mut().zip(e) {
        *o = S::from_f64(e.to_f64() * u);
    }
}

multiversion! {
    /// out_j = u e_j, in the precision of `out`.
    pub fn rounded_row<T: Scalar, S: Scalar>(e: &[T], u: f64, out: &mut [S]) => rounded_row_body
}

multiversion! {
    /// out_j = u k_j v_j.
    pub fn scaled_row<S: Scalar>(k: &[S], v: &[f64], u: f64, out: &mut [f64]) => scaled_row_body
}
