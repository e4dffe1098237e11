//! Weighted sums and products of any kernels, each with its own share of the features.

use super::tile::Real;
use super::{Kernel, Panels, Rows};
use crate::error::{Error, Result, try_zeroed};
use crate::numeric::lanes::LANES;
use std::sync::Arc;

/// How values of parts become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Sum,
    Product,
}

/// Kernels with positive weights, added or multiplied.
pub struct Composed {
    rule: Rule,
    parts: Vec<(f64, Arc<dyn Kernel>)>,
}

impl Composed {
    /// Σ w k.
    pub fn sum(parts: Vec<(f64, Arc<dyn Kernel>)>) -> Self {
        Self { rule: Rule::Sum, parts }
    }

    /// Π k.
    pub fn product(parts: Vec<Arc<dyn Kernel>>) -> Self {
        Self { rule: Rule::Product, parts: parts.into_iter().map(|k| (1.0, k)).collect() }
    }

    fn join(&self, values: impl Iterator<Item = f64>) -> f64 {
        match self.rule {
            Rule::Sum => values.zip(&self.parts).map(|(v, (w, _))| w * v).sum(),
            Rule::Product => values.product(),
        }
    }

    /// The dimension of points whose features are so many: widths grow with it, and are no smaller.
    fn dimension(&self, width: usize) -> usize {
        let (mut low, mut high) = (1, width.max(1));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.width(middle) < width { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn tile<T: Real>(&self, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) -> Result<()> {
        let width = y.len() * LANES;
        let d = self.dimension(x.width());
        let mut spare = try_zeroed(if self.parts.len() > 1 { x.len() * width } else { 0 })?;
        let mut offset = 0;
        for (i, (weight, kernel)) in self.parts.iter().enumerate() {
            let share = kernel.width(d);
            let (x, y) = (x.part(offset, share), y.part(offset, share));
            offset += share;
            let weight = T::from_f64(*weight);
            if i == 0 {
                T::tile(&**kernel, x, y, out, stride)?;
                for row in out.chunks_mut(stride).take(x.len()) {
                    row[..width].iter_mut().for_each(|v| *v = *v * weight);
                }
                continue;
            }
            T::tile(&**kernel, x, y, &mut spare, width)?;
            for (row, more) in out.chunks_mut(stride).zip(spare.chunks(width)) {
                match self.rule {
                    Rule::Sum => row.iter_mut().zip(more).for_each(|(v, &m)| *v += weight * m),
                    Rule::Product => row.iter_mut().zip(more).for_each(|(v, &m)| *v = *v * m),
                }
            }
        }
        Ok(())
    }
}

impl Kernel for Composed {
    fn width(&self, d: usize) -> usize {
        self.parts.iter().map(|(_, k)| k.width(d)).sum()
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        let mut rest = features;
        for (_, kernel) in &self.parts {
            let (own, others) = rest.split_at_mut(kernel.width(point.len()));
            kernel.pack(point, own);
            rest = others;
        }
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        self.join(self.parts.iter().map(|(_, k)| k.diagonal(point)))
    }

    fn try_diagonal(&self, point: &[f64]) -> Result<f64> {
        let values: Result<Vec<f64>> = self.parts.iter().map(|(_, k)| k.try_diagonal(point)).collect();
        Ok(self.join(values?.into_iter()))
    }

    fn is_stationary(&self) -> bool {
        self.parts.iter().all(|(_, k)| k.is_stationary())
    }

    fn centered(&self, d: usize) -> usize {
        self.parts.iter().map(|(_, k)| k.centered(d)).min().unwrap_or(0)
    }

    fn check(&self, point: &[f64]) -> Result<()> {
        self.parts.iter().try_for_each(|(_, k)| k.check(point))?;
        let bounded = self.parts.iter().all(|(_, k)| k.is_total());
        if !bounded || self.diagonal(point) <= super::LARGEST { Ok(()) } else { Err(Error::Overflow) }
    }

    fn is_total(&self) -> bool {
        self.parts.iter().all(|(_, k)| k.is_total())
    }

    fn work(&self, d: usize) -> usize {
        1 + self.parts.iter().map(|(_, k)| k.work(d)).sum::<usize>()
    }

    fn largest(&self, d: usize, reach: &[f64]) -> f64 {
        let mut rest = reach;
        let largest = self.parts.iter().map(|(_, k)| {
            let (own, others) = rest.split_at(k.width(d));
            rest = others;
            k.largest(d, own)
        });
        self.join(largest)
    }

    fn error_f32(&self, d: usize) -> f64 {
        let errors = self.parts.iter().map(|(_, k)| k.error_f32(d));
        let own = self.parts.len() as f64 * f64::from(f32::EPSILON);
        match self.rule {
            // Relative to a sum of largest values, no term is worse than the worst.
            Rule::Sum => errors.fold(0.0, f64::max) + own,
            Rule::Product => errors.map(|e| 1.0 + e).product::<f64>() - 1.0 + own,
        }
    }

    fn bound_f32(&self, d: usize, reach: &[f64]) -> f64 {
        let (mut rest, mut error, mut largest) = (reach, 0.0, 1.0);
        for (weight, kernel) in &self.parts {
            let (own, others) = rest.split_at(kernel.width(d));
            rest = others;
            let (e, l) = (kernel.bound_f32(d, own), kernel.largest(d, own));
            error = match self.rule {
                Rule::Sum => error + weight * e,
                Rule::Product => error * (l + e) + largest * e,
            };
            largest *= l;
        }
        error + self.largest(d, reach) * self.parts.len() as f64 * f64::from(f32::EPSILON)
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride)
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride)
    }
}
