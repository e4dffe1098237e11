//! Products with a symmetric matrix of which one half is stored and each entry is read once.
//!
//! Column blocks of `WIDE` columns: first the rows above, four columns at a time, each entry serving P_ij and P_ji, then the
//! full block at the diagonal. The dimension is padded with zeros to a multiple of `WIDE`.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;

/// Columns of a block: registers of every level divide it.
const WIDE: usize = 8;
/// Columns that are worked on together.
const FEW: usize = 4;

/// A symmetric matrix.
pub struct Symmetric {
    dim: usize,
    /// Block after block: rows above of `FEW` columns, of the next `FEW` columns, then WIDE × WIDE entries column by column.
    packed: Vec<f64>,
}

impl Symmetric {
    /// Of a full matrix (d, d).
    pub fn new(full: &[f64], dim: usize) -> Self {
        let mut packed = Vec::new();
        let at = |i: usize, j: usize| if i < dim && j < dim { full[i * dim + j] } else { 0.0 };
        for block in 0..dim.div_ceil(WIDE) {
            let first = block * WIDE;
            for j in first..first + WIDE {
                packed.extend((0..first).map(|i| at(j, i)));
            }
            for j in first..first + WIDE {
                packed.extend((first..first + WIDE).map(|i| at(j, i)));
            }
        }
        Self { dim, packed }
    }

    /// d.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// d rounded up, the length of the vectors of `times`.
    pub fn padded(&self) -> usize {
        self.dim.next_multiple_of(WIDE)
    }

    /// out = P y, both padded, y with zeros.
    pub fn times(&self, y: &[f64], out: &mut [f64]) {
        times(&self.packed, y, out);
    }

    /// Elementary steps of a product.
    pub fn work(&self) -> usize {
        1 + self.dim * self.dim / 12
    }
}

#[inline(always)]
fn times_body<I: Isa>(packed: &[f64], y: &[f64], out: &mut [f64]) {
    let n = y.len();
    out[..n].fill(0.0);
    let mut rest = packed;
    for first in (0..n).step_by(WIDE) {
        let (above, tail) = rest.split_at(first * WIDE);
        let (diagonal, tail) = tail.split_at(WIDE * WIDE);
        rest = tail;
        let mut dots = [0.0; WIDE];
        if first > 0 {
            for k in (0..WIDE).step_by(FEW) {
                let columns = &above[k * first..(k + FEW) * first];
                let sums = fold::<I>(columns, &y[first + k..], &y[..first], &mut out[..first]);
                dots[k..k + FEW].copy_from_slice(&sums);
            }
        }
        let out = &mut out[first..first + WIDE];
        out.copy_from_slice(&dots);
        for (column, &y) in diagonal.chunks_exact(WIDE).zip(&y[first..first + WIDE]) {
            for at in (0..WIDE).step_by(I::F64::N) {
                let sum = I::F64::load(&column[at..]).fma(I::F64::splat(y), I::F64::load(&out[at..]));
                sum.store(&mut out[at..]);
            }
        }
    }
}

/// out += Σ_k column_k right_k, and ⟨column_k, left⟩ for each k.
#[inline(always)]
fn fold<I: Isa>(columns: &[f64], right: &[f64], left: &[f64], out: &mut [f64]) -> [f64; FEW] {
    let n = left.len();
    let width = I::F64::N;
    let mut dots = [I::F64::splat(0.0); FEW];
    let mut by = [I::F64::splat(0.0); FEW];
    for (by, &y) in by.iter_mut().zip(right) {
        *by = I::F64::splat(y);
    }
    let (c0, tail) = columns.split_at(n);
    let (c1, tail) = tail.split_at(n);
    let (c2, c3) = tail.split_at(n);
    let columns = [c0, c1, c2, &c3[..n]];
    let out = &mut out[..n];
    let mut i = 0;
    while i + width <= n {
        let y = I::F64::load(&left[i..]);
        let mut sum = I::F64::load(&out[i..]);
        for k in 0..FEW {
            let p = I::F64::load(&columns[k][i..]);
            sum = p.fma(by[k], sum);
            dots[k] = p.fma(y, dots[k]);
        }
        sum.store(&mut out[i..]);
        i += width;
    }
    let mut sums = [0.0; FEW];
    for (sum, dot) in sums.iter_mut().zip(dots) {
        let mut lanes = [0.0; WIDE];
        dot.store(&mut lanes);
        *sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    }
    sums
}

multiversion! {
    fn times(packed: &[f64], y: &[f64], out: &mut [f64]) => times_body
}
