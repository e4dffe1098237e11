//! All kernel values of a few points, kept where reading is cheaper than computing again.

use crate::error::{Result, try_zeroed};
use crate::numeric::lanes::LANES;

/// A symmetric table; rows are whole panels and a little more, so that they do not meet in the same cache sets.
pub struct Table {
    values: Vec<f64>,
    stride: usize,
    points: usize,
}

impl Table {
    /// Room for the values of some points.
    pub fn new(points: usize) -> Result<Self> {
        let stride = points.next_multiple_of(LANES) + 8;
        Ok(Self { values: try_zeroed(stride * points)?, stride, points })
    }

    /// Elements from a row to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Everything from one value on.
    pub fn from(&mut self, row: usize, column: usize) -> &mut [f64] {
        &mut self.values[row * self.stride + column..]
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.stride..][..self.points]
    }

    /// Copies what is right of the diagonal panels to the other side.
    pub fn mirror(&mut self) {
        for top in (0..self.points).step_by(LANES) {
            for left in (top + LANES..self.points).step_by(LANES) {
                for column in left..(left + LANES).min(self.points) {
                    for row in top..top + LANES {
                        self.values[column * self.stride + row] = self.values[row * self.stride + column];
                    }
                }
            }
        }
    }
}
