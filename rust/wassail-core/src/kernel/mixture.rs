//! Weighted sums of radial kernels: one pass over the coordinates for all of them.

use super::distance::{error_f32, pack, squares, width};
use super::tile::Real;
use super::{Kernel, Panels, Radial, Rows};
use crate::error::Result;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use std::sync::Arc;

/// Rows of a block.
const ROWS: usize = 4;
/// Squarings after which a value is made anew: each doubles the relative error.
const MOST_SQUARINGS: usize = 4;

/// One term.
struct Term {
    weight: f64,
    kernel: Arc<dyn Radial>,
    /// Its q over that of the mixture.
    ratio: f64,
    /// How often the values of the last term are to be squared to be its own, if that is how they come.
    squarings: Option<usize>,
}

/// Σ w φ(|x − y|²).
pub struct Mixture {
    unit: f64,
    terms: Vec<Term>,
}

impl Mixture {
    /// Positive weights and at least one kernel.
    pub fn new(parts: Vec<(f64, Arc<dyn Radial>)>) -> Self {
        let unit = parts.iter().map(|p| p.1.unit()).fold(0.0, f64::max);
        let mut terms: Vec<Term> = parts
            .into_iter()
            .map(|(weight, kernel)| {
                let ratio = (kernel.unit() / unit).powi(2);
                Term { weight, kernel, ratio, squarings: None }
            })
            .collect();
        // Gaussians last, wide before narrow.
        terms.sort_by(|a, b| {
            let key = |t: &Term| (t.kernel.gaussian().is_some(), t.ratio);
            key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal)
        });
        let mut made = 0;
        for i in 1..terms.len() {
            if terms[i - 1].kernel.gaussian().is_none() {
                continue;
            }
            let squarings = squarings(terms[i].ratio / terms[i - 1].ratio).filter(|s| made + s <= MOST_SQUARINGS);
            made = squarings.map_or(0, |s| made + s);
            terms[i].squarings = squarings;
        }
        Self { unit, terms }
    }

    /// Replaces q by the sum; the spare slices are of its size.
    fn values<T: Real>(&self, q: &mut [T], spare: &mut [T], sum: &mut [T]) {
        for (i, term) in self.terms.iter().enumerate() {
            if let Some(times) = term.squarings {
                square(spare, times);
            } else {
                scale(q, term.ratio, spare);
                T::values(&*term.kernel, spare);
            }
            add(spare, term.weight, sum, i == 0);
        }
        q.copy_from_slice(sum);
    }

    fn jets<T: Real>(&self, q: &mut [T], first: &mut [T], second: &mut [T]) {
        let mut sums = [[T::ZERO; ROWS * LANES]; 3];
        let mut jets = [[T::ZERO; ROWS * LANES]; 3];
        for at in (0..q.len()).step_by(ROWS * LANES) {
            let at = at..(at + ROWS * LANES).min(q.len());
            for (i, term) in self.terms.iter().enumerate() {
                let [a, b, c] = jets.each_mut().map(|j| &mut j[..at.len()]);
                scale(&q[at.clone()], term.ratio, a);
                T::jets(&*term.kernel, a, b, c);
                let mut weight = term.weight;
                for (sum, jet) in sums.iter_mut().zip(&jets) {
                    add(&jet[..at.len()], weight, &mut sum[..at.len()], i == 0);
                    weight *= term.ratio;
                }
            }
            q[at.clone()].copy_from_slice(&sums[0][..at.len()]);
            first[at.clone()].copy_from_slice(&sums[1][..at.len()]);
            second[at.clone()].copy_from_slice(&sums[2][..at.len()]);
        }
    }

    fn values_by_blocks<T: Real>(&self, q: &mut [T]) {
        let (mut spare, mut sum) = ([T::ZERO; ROWS * LANES], [T::ZERO; ROWS * LANES]);
        for q in q.chunks_mut(ROWS * LANES) {
            self.values(q, &mut spare[..q.len()], &mut sum[..q.len()]);
        }
    }

    fn tile<T: Real>(&self, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) {
        let (mut q, mut spare, mut sum) = ([T::ZERO; ROWS * LANES], [T::ZERO; ROWS * LANES], [T::ZERO; ROWS * LANES]);
        for p in 0..y.len() {
            for r in (0..x.len()).step_by(ROWS) {
                let rows = ROWS.min(x.len() - r);
                let size = rows * LANES;
                distances(x, r..r + rows, y.panel(p), &mut q);
                self.values(&mut q[..size], &mut spare[..size], &mut sum[..size]);
                for (i, values) in q[..size].chunks_exact(LANES).enumerate() {
                    out[(r + i) * stride + p * LANES..][..LANES].copy_from_slice(values);
                }
            }
        }
    }
}

/// How many squarings make x^ratio of x.
fn squarings(ratio: f64) -> Option<usize> {
    (0..=MOST_SQUARINGS).find(|&s| (ratio / (1 << s) as f64 - 1.0).abs() < 4.0 * f64::EPSILON)
}

impl Kernel for Mixture {
    fn width(&self, d: usize) -> usize {
        width(d)
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        pack(point, self.unit, features);
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        self.terms.iter().map(|t| t.weight * t.kernel.diagonal(point)).sum()
    }

    fn is_stationary(&self) -> bool {
        true
    }

    fn work(&self, d: usize) -> usize {
        self.terms.iter().map(|t| t.kernel.work(0)).sum::<usize>() + d / 8
    }

    fn largest(&self, _: usize, _: &[f64]) -> f64 {
        self.diagonal(&[])
    }

    fn error_f32(&self, d: usize) -> f64 {
        // Every squaring doubles the error, and adds its own.
        let most = self.terms.iter().map(|t| t.kernel.error_f32(0)).fold(0.0, f64::max);
        let own = (2.0 * (1 << MOST_SQUARINGS) as f64 + self.terms.len() as f64) * f64::from(f32::EPSILON);
        most + own + error_f32(d)
    }

    fn bound_f32(&self, d: usize, reach: &[f64]) -> f64 {
        // A term's error for its own features, which are smaller, and what the common ones add.
        let of_term = |t: &Term| {
            let mut own = reach.to_vec();
            own.iter_mut().for_each(|r| *r *= t.ratio.sqrt());
            t.weight * t.kernel.bound_f32(d, &own)
        };
        self.terms.iter().map(of_term).sum::<f64>() + self.largest(d, reach) * self.error_f32(d)
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride);
        Ok(())
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride);
        Ok(())
    }
}

impl Radial for Mixture {
    fn unit(&self) -> f64 {
        self.unit
    }

    fn values_f64(&self, q: &mut [f64]) {
        self.values_by_blocks(q);
    }

    fn values_f32(&self, q: &mut [f32]) {
        self.values_by_blocks(q);
    }

    fn jets_f64(&self, q: &mut [f64], first: &mut [f64], second: &mut [f64]) {
        self.jets(q, first, second);
    }

    fn jets_f32(&self, q: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        self.jets(q, first, second);
    }

    fn is_smooth(&self) -> bool {
        self.terms.iter().all(|t| t.kernel.is_smooth())
    }

    fn gaussian(&self) -> Option<f64> {
        None
    }
}

multiversion! {
    fn distances<T: Scalar>(x: Rows<'_, T>, rows: std::ops::Range<usize>, panel: &[T], q: &mut [T]) => distances_body
}

#[inline(always)]
fn distances_body<I: Isa, T: Scalar>(x: Rows<'_, T>, rows: std::ops::Range<usize>, panel: &[T], q: &mut [T]) {
    if rows.len() == ROWS {
        squares::<I, T, ROWS>(x, rows.start, panel, q, LANES);
    } else {
        for (i, r) in rows.enumerate() {
            squares::<I, T, 1>(x, r, panel, &mut q[i * LANES..], LANES);
        }
    }
}

multiversion! {
    fn scale<T: Scalar>(from: &[T], factor: f64, to: &mut [T]) => scale_body
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // the level's instructions are what it is for
fn scale_body<I: Isa, T: Scalar>(from: &[T], factor: f64, to: &mut [T]) {
    let factor = T::from_f64(factor);
    for (to, &v) in to.iter_mut().zip(from) {
        *to = v * factor;
    }
}

multiversion! {
    fn square<T: Scalar>(values: &mut [T], times: usize) => square_body
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // as above
fn square_body<I: Isa, T: Scalar>(values: &mut [T], times: usize) {
    for v in values {
        for _ in 0..times {
            *v = *v * *v;
        }
    }
}

multiversion! {
    fn add<T: Scalar>(from: &[T], weight: f64, sum: &mut [T], is_first: bool) => add_body
}

#[inline(always)]
fn add_body<I: Isa, T: Scalar>(from: &[T], weight: f64, sum: &mut [T], is_first: bool) {
    let weight = T::from_f64(weight);
    for (s, &v) in sum.iter_mut().zip(from) {
        *s = if is_first { weight * v } else { v.fma::<I>(weight, *s) };
    }
}
