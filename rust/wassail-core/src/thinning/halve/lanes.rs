//! Loops over many points at once.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;

/// Pairs that are added at once.
const PAIRS: usize = 4;

/// Three sums for each point: over the decided points with their signs, with alternating signs, and without.
pub struct Columns<S> {
    /// Σ_j sign_j (k(x, first_j) − k(x, second_j)).
    pub signed: S,
    /// Σ_j (k(x, first_j) − k(x, second_j)).
    pub regular: S,
    /// Σ_i k(x, x_i).
    pub total: S,
}

impl Columns<Vec<f64>> {
    /// The sums of later points.
    pub fn later(&mut self, at: usize) -> Columns<&mut [f64]> {
        let Self { signed, regular, total } = self;
        Columns { signed: &mut signed[at..], regular: &mut regular[at..], total: &mut total[at..] }
    }
}

impl<'a> Columns<&'a mut [f64]> {
    /// Consecutive points.
    pub fn chunks(self, size: usize) -> impl Iterator<Item = Columns<&'a mut [f64]>> {
        let columns = self.signed.chunks_mut(size).zip(self.regular.chunks_mut(size)).zip(self.total.chunks_mut(size));
        columns.map(|((signed, regular), total)| Columns { signed, regular, total })
    }
}

multiversion! {
    /// Adds rows of kernel values, pairs with their signs, to the sums of the columns and to those of the rows.
    pub fn accumulate(tile: &[f64], stride: usize, signs: &[f64], columns: &mut Columns<&mut [f64]>, totals: &mut [f64]) => accumulate_body
}

#[inline(always)]
fn accumulate_body<I: Isa>(
    tile: &[f64],
    stride: usize,
    signs: &[f64],
    columns: &mut Columns<&mut [f64]>,
    totals: &mut [f64],
) {
    let n = I::F64::N;
    let width = columns.total.len();
    for (group, signs) in signs.chunks_exact(PAIRS).enumerate() {
        let tile = &tile[group * 2 * PAIRS * stride..];
        let mut rows: [&[f64]; 2 * PAIRS] = [&[]; 2 * PAIRS];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = &tile[r * stride..][..width];
        }
        let mut sums = [I::F64::splat(0.0); 2 * PAIRS];
        let mut at = 0;
        while at < width {
            let mut signed = I::F64::load(&columns.signed[at..]);
            let mut regular = I::F64::load(&columns.regular[at..]);
            let mut total = I::F64::load(&columns.total[at..]);
            for p in 0..PAIRS {
                let (first, second) = (I::F64::load(&rows[2 * p][at..]), I::F64::load(&rows[2 * p + 1][at..]));
                let difference = first.sub(second);
                signed = I::F64::splat(signs[p]).fma(difference, signed);
                regular = regular.add(difference);
                total = total.add(first.add(second));
                sums[2 * p] = sums[2 * p].add(first);
                sums[2 * p + 1] = sums[2 * p + 1].add(second);
            }
            signed.store(&mut columns.signed[at..]);
            regular.store(&mut columns.regular[at..]);
            total.store(&mut columns.total[at..]);
            at += n;
        }
        for (r, sum) in sums.iter().enumerate() {
            totals[group * 2 * PAIRS + r] += across::<I>(*sum);
        }
    }
}

/// Sum of the elements of a register.
#[inline(always)]
fn across<I: Isa>(register: I::F64) -> f64 {
    let mut lanes = [0.0; 8];
    register.store(&mut lanes);
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
}

multiversion! {
    /// The least of scores − weight · values, and the sum of the values.
    pub fn least(values: &[f64], scores: &[f64], weight: f64) -> (f64, f64) => least_body
}

#[inline(always)]
fn least_body<I: Isa>(values: &[f64], scores: &[f64], weight: f64) -> (f64, f64) {
    let n = I::F64::N;
    let w = I::F64::splat(weight);
    let (mut low, mut sum) = ([I::F64::splat(f64::INFINITY); 2], [I::F64::splat(0.0); 2]);
    for (values, scores) in values.chunks_exact(2 * n).zip(scores.chunks_exact(2 * n)) {
        for u in 0..2 {
            let value = I::F64::load(&values[u * n..]);
            low[u] = value.fnma(w, I::F64::load(&scores[u * n..])).min(low[u]);
            sum[u] = sum[u].add(value);
        }
    }
    let mut lanes = [f64::INFINITY; 8];
    low[0].min(low[1]).store(&mut lanes);
    let low = lanes.iter().fold(f64::INFINITY, |a, &b| if b < a { b } else { a });
    (low, across::<I>(sum[0].add(sum[1])))
}

multiversion! {
    /// The first place where scores − weight · values is `low`.
    pub fn place(values: &[f64], scores: &[f64], weight: f64, low: f64) -> usize => place_body
}

#[inline(always)]
fn place_body<I: Isa>(values: &[f64], scores: &[f64], weight: f64, low: f64) -> usize {
    let n = I::F64::N;
    let w = I::F64::splat(weight);
    for (at, (values, scores)) in values.chunks_exact(n).zip(scores.chunks_exact(n)).enumerate() {
        let mut lanes = [f64::INFINITY; 8];
        I::F64::load(values).fnma(w, I::F64::load(scores)).store(&mut lanes);
        if let Some(lane) = lanes.iter().position(|&v| v == low) {
            return at * n + lane;
        }
    }
    0
}

multiversion! {
    /// scores += weight · (new − old).
    pub fn exchange(scores: &mut [f64], new: &[f64], old: &[f64], weight: f64) => exchange_body
}

#[inline(always)]
fn exchange_body<I: Isa>(scores: &mut [f64], new: &[f64], old: &[f64], weight: f64) {
    let n = I::F64::N;
    let w = I::F64::splat(weight);
    for ((scores, new), old) in scores.chunks_exact_mut(n).zip(new.chunks_exact(n)).zip(old.chunks_exact(n)) {
        w.fma(I::F64::load(new).sub(I::F64::load(old)), I::F64::load(scores)).store(scores);
    }
}

multiversion! {
    /// sums += each of some rows.
    pub fn add_rows(rows: &[f64], stride: usize, sums: &mut [f64]) => add_rows_body
}

#[inline(always)]
fn add_rows_body<I: Isa>(rows: &[f64], stride: usize, sums: &mut [f64]) {
    let n = I::F64::N;
    for (at, sums) in sums.chunks_exact_mut(n).enumerate() {
        let mut sum = I::F64::load(sums);
        for row in rows.chunks_exact(stride) {
            sum = sum.add(I::F64::load(&row[at * n..]));
        }
        sum.store(sums);
    }
}
