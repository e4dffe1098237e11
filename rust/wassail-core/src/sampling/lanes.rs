//! Loops over coordinates that sum in lanes, and may write an entry for each.

use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;

/// Lanes of what is left after blocks of `LANES`: the long accumulators stay in registers.
const FEW: usize = 8;

/// `N` numbers of each input from `start` on: of a known length, so that loops over them need no checks and sums stay in
/// registers. Iterators over arrays would not be vectorized.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
pub fn rows<const K: usize, const N: usize>(from: [&[f64]; K], start: usize) -> [&[f64; N]; K] {
    let mut out = [const { &[0.0; N] }; K];
    for k in 0..K {
        if let Some(found) = from[k][start..].first_chunk() {
            out[k] = found;
        }
    }
    out
}

/// Entry l of each row.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
pub fn entry<const K: usize, const N: usize>(rows: &[&[f64; N]; K], l: usize) -> [f64; K] {
    let mut out = [0.0; K];
    for k in 0..K {
        out[k] = rows[k][l];
    }
    out
}

/// An entry of `out` and two factors of the value of each coordinate, from the entry that was there and the coordinate's entries of
/// `from`; the sum of values. `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn accumulate<I: Isa, const K: usize>(
    from: [&[f64]; K],
    out: &mut [f64],
    term: impl Fn(f64, [f64; K]) -> (f64, f64, f64),
) -> f64 {
    let n = out.len();
    let (mut lanes, mut few, mut rest) = ([0.0f64; LANES], [0.0f64; FEW], 0.0f64);
    let (cut, last) = (n / LANES * LANES, n / FEW * FEW);
    for start in (0..cut).step_by(LANES) {
        let rows = rows::<K, LANES>(from, start);
        let Some(out) = out[start..].first_chunk_mut::<LANES>() else { break };
        for l in 0..LANES {
            let (new, a, b) = term(out[l], entry(&rows, l));
            out[l] = new;
            lanes[l] = a.fma::<I>(b, lanes[l]);
        }
    }
    for start in (cut..last).step_by(FEW) {
        let rows = rows::<K, FEW>(from, start);
        let Some(out) = out[start..].first_chunk_mut::<FEW>() else { break };
        for l in 0..FEW {
            let (new, a, b) = term(out[l], entry(&rows, l));
            out[l] = new;
            few[l] = a.fma::<I>(b, few[l]);
        }
    }
    for (i, out) in out.iter_mut().enumerate().skip(last) {
        let (new, a, b) = term(*out, entry(&rows::<K, 1>(from, i), 0));
        *out = new;
        rest = a.fma::<I>(b, rest);
    }
    total(lanes) + (total(few) + rest)
}

/// Sum of products of two factors, of n coordinates with their entries of `from`. `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn sum<I: Isa, const K: usize>(from: [&[f64]; K], n: usize, term: impl Fn([f64; K]) -> (f64, f64)) -> f64 {
    sums::<I, K, 1>(
        from,
        n,
        #[inline(always)]
        |entries| [term(entries)],
    )[0]
}

/// `M` such sums at once.
#[inline(always)]
pub fn sums<I: Isa, const K: usize, const M: usize>(
    from: [&[f64]; K],
    n: usize,
    term: impl Fn([f64; K]) -> [(f64, f64); M],
) -> [f64; M] {
    let (mut lanes, mut few, mut rest) = ([[0.0f64; LANES]; M], [[0.0f64; FEW]; M], [0.0f64; M]);
    let (cut, last) = (n / LANES * LANES, n / FEW * FEW);
    for start in (0..cut).step_by(LANES) {
        let rows = rows::<K, LANES>(from, start);
        for l in 0..LANES {
            let factors = term(entry(&rows, l));
            for m in 0..M {
                lanes[m][l] = factors[m].0.fma::<I>(factors[m].1, lanes[m][l]);
            }
        }
    }
    for start in (cut..last).step_by(FEW) {
        let rows = rows::<K, FEW>(from, start);
        for l in 0..FEW {
            let factors = term(entry(&rows, l));
            for m in 0..M {
                few[m][l] = factors[m].0.fma::<I>(factors[m].1, few[m][l]);
            }
        }
    }
    for i in last..n {
        let factors = term(entry(&rows::<K, 1>(from, i), 0));
        for m in 0..M {
            rest[m] = factors[m].0.fma::<I>(factors[m].1, rest[m]);
        }
    }
    let mut out = rest;
    for m in 0..M {
        out[m] = total(lanes[m]) + (total(few[m]) + rest[m]);
    }
    out
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
