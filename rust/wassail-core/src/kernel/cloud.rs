//! Points laid out for a kernel.

use super::{Kernel, Panels, Rows};
use crate::error::{Result, try_zeroed};
use crate::numeric::aligned::Aligned;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::points::Coordinates;
use std::ops::Range;

/// Features of n points, as rows and as panels.
pub struct Cloud<T> {
    n: usize,
    width: usize,
    rows: Vec<T>,
    panels: Aligned<T>,
    extent: f64,
}

impl<T: Scalar> Cloud<T> {
    /// Packs points of dimension d in the order of `order`. The coordinates a kernel wants centered are x − center.
    pub fn new(
        kernel: &dyn Kernel,
        points: Coordinates<'_>,
        d: usize,
        center: &[f64],
        order: impl ExactSizeIterator<Item = usize>,
    ) -> Result<Self> {
        let (n, width, centered) = (order.len(), kernel.width(d), kernel.centered(d));
        let mut rows = try_zeroed(n * width)?;
        let mut panels = Aligned::zeroed(n.next_multiple_of(LANES) * width)?;
        let (mut point, mut features, mut extent) = (try_zeroed(d)?, try_zeroed(width)?, 0.0f64);
        for (at, i) in order.enumerate() {
            points.read(i * d, &mut point);
            point[..centered].iter_mut().zip(center).for_each(|(p, c)| *p -= c);
            kernel.check(&point)?;
            kernel.pack(&point, &mut features);
            extent = extent.max(features.iter().map(|f| f * f).sum());
            let base = at / LANES * LANES * width + at % LANES;
            let places = rows[at * width..][..width].iter_mut().zip(panels[base..].iter_mut().step_by(LANES));
            for ((row, panel), &v) in places.zip(&features) {
                // Differences of features are finite, whatever the unit.
                *row = T::from_f64(v).min(T::MOST).max(-T::MOST);
                *panel = *row;
            }
        }
        Ok(Self { n, width, rows, panels, extent })
    }

    /// Puts points into other places of the panels: place `start + i` holds row `order[i]` from now on. Rows stay.
    pub fn arrange(&mut self, start: usize, order: &[usize]) {
        for (at, &i) in (start..).zip(order) {
            let base = at / LANES * LANES * self.width + at % LANES;
            for (k, &v) in self.rows[i * self.width..(i + 1) * self.width].iter().enumerate() {
                self.panels[base + k * LANES] = v;
            }
        }
    }

    /// Some of the points, packed as rows are.
    pub fn select(&self, chosen: &[usize]) -> Result<Self> {
        let (n, width) = (chosen.len(), self.width);
        let mut rows = try_zeroed(n * width)?;
        for (row, &i) in rows.chunks_mut(width).zip(chosen) {
            row.copy_from_slice(&self.rows[i * width..(i + 1) * width]);
        }
        let panels = Aligned::zeroed(n.next_multiple_of(LANES) * width)?;
        let mut cloud = Self { n, width, rows, panels, extent: self.extent };
        for at in 0..n {
            cloud.arrange(at, &[at]);
        }
        Ok(cloud)
    }

    /// Largest absolute value of each feature, for `Kernel::bound_f32`.
    pub fn reach(&self) -> Result<Vec<f64>> {
        let mut reach: Vec<f64> = try_zeroed(self.width)?;
        for row in self.rows.chunks_exact(self.width) {
            reach.iter_mut().zip(row).for_each(|(m, &v)| *m = m.max(v.to_f64().abs()));
        }
        Ok(reach)
    }

    /// Largest sum of the squares of a point's features, or more.
    pub fn extent(&self) -> f64 {
        self.extent
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Some points as rows.
    pub fn rows(&self, at: Range<usize>) -> Rows<'_, T> {
        Rows::new(&self.rows[at.start * self.width..at.end * self.width], self.width, self.extent)
    }

    /// Some panels: panel p holds points `p * LANES..(p + 1) * LANES`, those past the last point are zeros.
    pub fn panels(&self, at: Range<usize>) -> Panels<'_, T> {
        let size = self.width * LANES;
        Panels::new(&self.panels[at.start * size..at.end * size], self.width, self.extent)
    }
}
