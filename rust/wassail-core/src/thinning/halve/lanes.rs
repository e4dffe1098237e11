//! Loops over many points at once.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;

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
    // All are at least `low`.
    let (w, above) = (I::F64::splat(weight), I::F64::splat(low.next_up()));
    for (at, (values, scores)) in values.chunks_exact(n).zip(scores.chunks_exact(n)).enumerate() {
        let found = I::F64::load(values).fnma(w, I::F64::load(scores));
        if !found.all_ge(above) {
            let mut lanes = [f64::INFINITY; 8];
            found.store(&mut lanes);
            if let Some(lane) = lanes.iter().position(|&v| v == low) {
                return at * n + lane;
            }
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
