//! Loops over coordinates that sum in lanes, and may write an entry for each.

use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::{Vector, Wide};

/// Lanes of what is left after groups of `LANES`: the long accumulators stay in registers.
const FEW: usize = 8;

/// Groups of `N` numbers of each input.
type Groups<'a, const K: usize, const N: usize> = [&'a [[f64; N]]; K];

/// The first n numbers of each input in groups, and what is left. Of groups the length is known: loops over one need no checks,
/// and sums stay in registers.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn grouped<const K: usize, const N: usize>(from: [&[f64]; K], n: usize) -> (Groups<'_, K, N>, [&[f64]; K]) {
    let (mut groups, mut rest): (Groups<'_, K, N>, _) = ([&[]; K], from);
    for k in 0..K {
        (groups[k], rest[k]) = from[k][..n].as_chunks();
    }
    (groups, rest)
}

/// Group i of each input.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn rows<'a, const K: usize, const N: usize>(groups: &Groups<'a, K, N>, i: usize) -> [&'a [f64; N]; K] {
    let mut out = [const { &[0.0; N] }; K];
    for k in 0..K {
        out[k] = &groups[k][i];
    }
    out
}

/// Entry l of each row. Iterators over arrays would not be vectorized.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn entry<const K: usize, const N: usize>(rows: &[&[f64; N]; K], l: usize) -> [f64; K] {
    let mut out = [0.0; K];
    for k in 0..K {
        out[k] = rows[k][l];
    }
    out
}

/// Makes the entries of groups of `out`, and adds their values to the lanes.
#[inline(always)]
fn accumulate_groups<I: Isa, const K: usize, const N: usize>(
    groups: &Groups<'_, K, N>,
    out: &mut [[f64; N]],
    term: &impl Fn(f64, [f64; K]) -> (f64, f64, f64),
) -> [f64; N] {
    let mut lanes = [0.0f64; N];
    for (i, out) in out.iter_mut().enumerate() {
        let rows = rows(groups, i);
        for l in 0..N {
            let (new, a, b) = term(out[l], entry(&rows, l));
            out[l] = new;
            lanes[l] = a.fma::<I>(b, lanes[l]);
        }
    }
    lanes
}

/// An entry of `out` and two factors of the value of each coordinate, from the entry that was there and the coordinate's entries of
/// `from`; the sum of values. `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn accumulate<I: Isa, const K: usize>(
    from: [&[f64]; K],
    out: &mut [f64],
    term: impl Fn(f64, [f64; K]) -> (f64, f64, f64),
) -> f64 {
    let (groups, from) = grouped::<K, LANES>(from, out.len());
    let (outs, out) = out.as_chunks_mut();
    let lanes = accumulate_groups::<I, K, LANES>(&groups, outs, &term);
    let (groups, from) = grouped::<K, FEW>(from, out.len());
    let (outs, out) = out.as_chunks_mut();
    let few = accumulate_groups::<I, K, FEW>(&groups, outs, &term);
    let (groups, _) = grouped::<K, 1>(from, out.len());
    let [rest] = accumulate_groups::<I, K, 1>(&groups, out.as_chunks_mut().0, &term);
    total::<I, LANES>(&lanes) + (total::<I, FEW>(&few) + rest)
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

/// Adds `M` products of each coordinate of groups to lanes.
#[inline(always)]
fn sum_groups<I: Isa, const K: usize, const N: usize, const M: usize>(
    groups: &Groups<'_, K, N>,
    count: usize,
    term: &impl Fn([f64; K]) -> [(f64, f64); M],
) -> [[f64; N]; M] {
    let mut lanes = [[0.0f64; N]; M];
    for i in 0..count {
        let rows = rows(groups, i);
        for l in 0..N {
            let factors = term(entry(&rows, l));
            for m in 0..M {
                lanes[m][l] = factors[m].0.fma::<I>(factors[m].1, lanes[m][l]);
            }
        }
    }
    lanes
}

/// `M` such sums at once.
#[inline(always)]
pub fn sums<I: Isa, const K: usize, const M: usize>(
    from: [&[f64]; K],
    n: usize,
    term: impl Fn([f64; K]) -> [(f64, f64); M],
) -> [f64; M] {
    let (groups, from) = grouped::<K, LANES>(from, n);
    let lanes = sum_groups::<I, K, LANES, M>(&groups, n / LANES, &term);
    let n = n % LANES;
    let (groups, from) = grouped::<K, FEW>(from, n);
    let few = sum_groups::<I, K, FEW, M>(&groups, n / FEW, &term);
    let n = n % FEW;
    let (groups, _) = grouped::<K, 1>(from, n);
    let rest = sum_groups::<I, K, 1, M>(&groups, n, &term);
    let mut out = [0.0; M];
    for m in 0..M {
        out[m] = total::<I, LANES>(&lanes[m]) + (total::<I, FEW>(&few[m]) + rest[m][0]);
    }
    out
}

/// Makes the entries of groups of an array, and adds two products of each coordinate to sums in lanes.
#[inline(always)]
fn make_groups<I: Isa, const K: usize, const N: usize>(
    groups: &Groups<'_, K, N>,
    out: &mut [[f64; N]],
    term: &impl Fn([f64; K]) -> (f64, [(f64, f64); 2]),
) -> [[f64; N]; 2] {
    let mut lanes = [[0.0f64; N]; 2];
    for (i, out) in out.iter_mut().enumerate() {
        let rows = rows(groups, i);
        for l in 0..N {
            let (made, [a, b]) = term(entry(&rows, l));
            out[l] = made;
            lanes[0][l] = a.0.fma::<I>(a.1, lanes[0][l]);
            lanes[1][l] = b.0.fma::<I>(b.1, lanes[1][l]);
        }
    }
    lanes
}

/// Entries of an array, and two sums of products, from the entries of `from`: the sums that `accumulate` and `sum` would make of
/// the same products. `term` must be `#[inline(always)]`.
#[inline(always)]
pub fn make<I: Isa, const K: usize>(
    from: [&[f64]; K],
    out: &mut [f64],
    term: impl Fn([f64; K]) -> (f64, [(f64, f64); 2]),
) -> [f64; 2] {
    let (groups, from) = grouped::<K, LANES>(from, out.len());
    let (outs, out) = out.as_chunks_mut();
    let lanes = make_groups::<I, K, LANES>(&groups, outs, &term);
    let (groups, from) = grouped::<K, FEW>(from, out.len());
    let (outs, out) = out.as_chunks_mut();
    let few = make_groups::<I, K, FEW>(&groups, outs, &term);
    let (groups, _) = grouped::<K, 1>(from, out.len());
    let rest = make_groups::<I, K, 1>(&groups, out.as_chunks_mut().0, &term);
    let mut out = [0.0; 2];
    for m in 0..2 {
        out[m] = total::<I, LANES>(&lanes[m]) + (total::<I, FEW>(&few[m]) + rest[m][0]);
    }
    out
}

/// Sum of lanes, whole registers of them, halved again and again. In registers by name: the compiler shuffles single numbers.
#[inline(always)]
fn total<I: Isa, const N: usize>(lanes: &[f64; N]) -> f64 {
    let mut sums = [I::F64::splat(0.0); LANES];
    let mut count = N / I::F64::N;
    for r in 0..count {
        sums[r] = I::F64::load(&lanes[r * I::F64::N..]);
    }
    while count > 1 {
        count /= 2;
        for r in 0..count {
            sums[r] = sums[r].add(sums[r + count]);
        }
    }
    sums[0].total()
}
