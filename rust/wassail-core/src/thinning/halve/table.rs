//! All kernel values of a few points, kept where reading is cheaper than computing again.

use crate::error::{Result, try_zeroed};
use crate::numeric::lanes::LANES;

/// A symmetric table; rows are whole panels and a little more, so that they do not meet in the same cache sets.
#[derive(Default)]
pub struct Table {
    values: Vec<f64>,
    stride: usize,
    points: usize,
}

impl Table {
    /// Room for the values of some points; rows are overwritten, never read before.
    pub fn resize(&mut self, points: usize) -> Result<()> {
        let stride = points.next_multiple_of(LANES) + 8;
        if self.values.len() < stride * points {
            self.values = try_zeroed(stride * points)?;
        }
        (self.stride, self.points) = (stride, points);
        Ok(())
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
        let mut block = [[0.0; LANES]; LANES];
        for top in (0..self.points).step_by(LANES) {
            for left in (top + LANES..self.points).step_by(LANES) {
                for (r, row) in self.values[top * self.stride..].chunks(self.stride).take(LANES).enumerate() {
                    let row: &[f64; LANES] = row[left..].first_chunk().unwrap_or(&[0.0; LANES]);
                    for (column, value) in block.iter_mut().zip(row) {
                        column[r] = *value;
                    }
                }
                let count = LANES.min(self.points - left);
                for (column, row) in block.iter().zip(self.values[left * self.stride..].chunks_mut(self.stride)).take(count) {
                    row[top..top + LANES].copy_from_slice(column);
                }
            }
        }
    }
}
