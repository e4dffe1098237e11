//! Sums over coordinates in lanes, with a gradient entry for each.

use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;

/// A gradient entry and two factors of the value of each coordinate; the sum of values. `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn accumulate<I: Isa>(grad: &mut [f64], term: impl Fn(usize) -> (f64, f64, f64)) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let cut = grad.len() / LANES * LANES;
    for start in (0..cut).step_by(LANES) {
        for l in 0..LANES {
            let (g, a, b) = term(start + l);
            grad[start + l] = g;
            lanes[l] = a.fma::<I>(b, lanes[l]);
        }
    }
    for i in cut..grad.len() {
        let (g, a, b) = term(i);
        grad[i] = g;
        lanes[i - cut] = a.fma::<I>(b, lanes[i - cut]);
    }
    total(lanes)
}

/// Sum of products of two factors, i in 0..n. `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn sum<I: Isa>(n: usize, term: impl Fn(usize) -> (f64, f64)) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let cut = n / LANES * LANES;
    for start in (0..cut).step_by(LANES) {
        for l in 0..LANES {
            let (a, b) = term(start + l);
            lanes[l] = a.fma::<I>(b, lanes[l]);
        }
    }
    for i in cut..n {
        let (a, b) = term(i);
        lanes[i - cut] = a.fma::<I>(b, lanes[i - cut]);
    }
    total(lanes)
}

/// Sum of lanes, halved again and again.
#[inline(always)]
fn total(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}
