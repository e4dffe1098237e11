//! Sums over coordinates in lanes, with a gradient entry for each.

use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::sampling::vector::{entry, rows};

/// Lanes of what is left after blocks of `LANES`: the long accumulators stay in registers.
const FEW: usize = 8;

/// A gradient entry and two factors of the value of each coordinate, from the coordinate's entries of `from`; the sum of values.
/// `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn accumulate<I: Isa, const K: usize>(
    from: [&[f64]; K],
    grad: &mut [f64],
    term: impl Fn([f64; K]) -> (f64, f64, f64),
) -> f64 {
    let n = grad.len();
    let (mut lanes, mut few, mut rest) = ([0.0f64; LANES], [0.0f64; FEW], 0.0f64);
    let (cut, last) = (n / LANES * LANES, n / FEW * FEW);
    for start in (0..cut).step_by(LANES) {
        let rows = rows::<K, LANES>(from, start);
        let Some(grad) = grad[start..].first_chunk_mut::<LANES>() else { break };
        for l in 0..LANES {
            let (g, a, b) = term(entry(&rows, l));
            grad[l] = g;
            lanes[l] = a.fma::<I>(b, lanes[l]);
        }
    }
    for start in (cut..last).step_by(FEW) {
        let rows = rows::<K, FEW>(from, start);
        let Some(grad) = grad[start..].first_chunk_mut::<FEW>() else { break };
        for l in 0..FEW {
            let (g, a, b) = term(entry(&rows, l));
            grad[l] = g;
            few[l] = a.fma::<I>(b, few[l]);
        }
    }
    for (i, grad) in grad.iter_mut().enumerate().skip(last) {
        let (g, a, b) = term(entry(&rows::<K, 1>(from, i), 0));
        *grad = g;
        rest = a.fma::<I>(b, rest);
    }
    total(lanes) + (total(few) + rest)
}

/// Sum of products of two factors, of n coordinates. `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn sum<I: Isa, const K: usize>(from: [&[f64]; K], n: usize, term: impl Fn([f64; K]) -> (f64, f64)) -> f64 {
    let (mut lanes, mut few, mut rest) = ([0.0f64; LANES], [0.0f64; FEW], 0.0f64);
    let (cut, last) = (n / LANES * LANES, n / FEW * FEW);
    for start in (0..cut).step_by(LANES) {
        let rows = rows::<K, LANES>(from, start);
        for l in 0..LANES {
            let (a, b) = term(entry(&rows, l));
            lanes[l] = a.fma::<I>(b, lanes[l]);
        }
    }
    for start in (cut..last).step_by(FEW) {
        let rows = rows::<K, FEW>(from, start);
        for l in 0..FEW {
            let (a, b) = term(entry(&rows, l));
            few[l] = a.fma::<I>(b, few[l]);
        }
    }
    for i in last..n {
        let (a, b) = term(entry(&rows::<K, 1>(from, i), 0));
        rest = a.fma::<I>(b, rest);
    }
    total(lanes) + (total(few) + rest)
}

/// Sum of lanes, a power of two of them, halved again and again.
#[inline(always)]
fn total<const N: usize>(mut lanes: [f64; N]) -> f64 {
    let mut width = N / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}
