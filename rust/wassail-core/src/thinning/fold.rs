//! The vector work of passes and swaps.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Values of a row of a tile.
pub const STRIDE: usize = 128;
/// Rows of a tile.
pub const ROWS: usize = 8;
/// Sum of a slice in a fixed order, on plain registers.
pub fn total(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    let whole = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    rest.iter().fold(whole, |sum, value| sum + value)
}

#[inline(always)]
fn widen_body<I: Isa, T: Scalar>(from: &[T], to: &mut [f64]) {
    let width = I::F64::N;
    for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(width)) {
        I::F64::load(to).add(T::load_wide::<I>(from)).store(to);
    }
}

multiversion! {
    /// to += from, in whole panels.
    pub fn widen<T: Scalar>(from: &[T], to: &mut [f64]) => widen_body
}

#[inline(always)]
fn add_rows_body<I: Isa, T: Scalar>(tile: &[T], rows: usize, columns: &mut [f64]) {
    let width = I::F64::N;
    let columns = &mut columns[..STRIDE];
    let mut c = 0;
    while c < STRIDE {
        let mut sum = I::F64::load(&columns[c..]);
        for r in 0..rows {
            sum = sum.add(T::load_wide::<I>(&tile[r * STRIDE + c..]));
        }
        sum.store(&mut columns[c..]);
        c += width;
    }
}

multiversion! {
    /// Adds the rows of a tile to the sums of its columns.
    pub fn add_rows<T: Scalar>(tile: &[T], rows: usize, columns: &mut [f64]) => add_rows_body
}

#[inline(always)]
fn exchange_body<I: Isa>(sums: &mut [f64], new: &[f64], old: &[f64]) {
    let width = I::F64::N;
    for (at, sums) in sums.chunks_exact_mut(width).enumerate() {
        let at = at * width;
        I::F64::load(sums).add(I::F64::load(&new[at..]).sub(I::F64::load(&old[at..]))).store(sums);
    }
}

multiversion! {
    /// sums += new − old, in whole panels.
    pub fn exchange(sums: &mut [f64], new: &[f64], old: &[f64]) => exchange_body
}

#[inline(always)]
fn least_body<I: Isa>(sums: &[f64], gone: &[f64], rest: &[f64], factor: f64) -> f64 {
    let width = I::F64::N;
    let factor = I::F64::splat(factor);
    let mut least = [I::F64::splat(f64::INFINITY); 2];
    let mut at = 0;
    while at + 2 * width <= sums.len() {
        for (u, least) in least.iter_mut().enumerate() {
            let at = at + u * width;
            let sum = I::F64::load(&sums[at..]).sub(I::F64::load(&gone[at..]));
            *least = sum.fma(factor, I::F64::load(&rest[at..])).min(*least);
        }
        at += 2 * width;
    }
    let mut lanes = [f64::INFINITY; 8];
    least[0].min(least[1]).store(&mut lanes);
    lanes[..width].iter().fold(f64::INFINITY, |m, &v| m.min(v))
}

multiversion! {
    /// Least factor·(sums − gone) + rest, in whole panels.
    pub fn least(sums: &[f64], gone: &[f64], rest: &[f64], factor: f64) -> f64 => least_body
}

#[inline(always)]
fn position_body<I: Isa>(sums: &[f64], gone: &[f64], rest: &[f64], factor: f64, value: f64) -> Option<usize> {
    // Rounded as in `least`.
    (0..sums.len()).find(|&i| (sums[i] - gone[i]).fma::<I>(factor, rest[i]) == value)
}

multiversion! {
    /// First place where factor·(sums − gone) + rest is `value`.
    pub fn position(sums: &[f64], gone: &[f64], rest: &[f64], factor: f64, value: f64) -> Option<usize> => position_body
}

#[inline(always)]
fn score_body<I: Isa>(sum: f64, gone: f64, rest: f64, factor: f64) -> f64 {
    (sum - gone).fma::<I>(factor, rest)
}

multiversion! {
    /// factor·(sum − gone) + rest, rounded as in `least`.
    pub fn score(sum: f64, gone: f64, rest: f64, factor: f64) -> f64 => score_body
}
