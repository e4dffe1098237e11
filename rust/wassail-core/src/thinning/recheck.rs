//! Decisions that are in doubt after sums in f32, taken from sums in f64.

use super::fold::STRIDE;
use super::node::Exact;
use crate::error::Result;
use crate::kernel::{Cloud, Kernel, Real};
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use std::ops::Range;

/// Tiles between two looks at the monitor.
const POLL: usize = 64;

/// Sums of the points of a block over all points of earlier windows.
pub struct Recheck<'a> {
    /// The kernel.
    pub kernel: &'a dyn Kernel,
    /// The points, those of earlier windows leaf by leaf within their blocks.
    pub cloud: &'a Cloud<f64>,
    /// How many those are: whole tiles.
    pub done: usize,
    /// Row of the first point of the block.
    pub first: usize,
    /// Leaves.
    pub width: usize,
    /// Largest error of a value in f32.
    pub bound: f64,
    /// Hears of signals.
    pub monitor: &'a dyn Monitor,
}

impl Exact for Recheck<'_> {
    fn error(&self, leaves: usize) -> f64 {
        self.bound * (leaves as f64 / self.width as f64 * self.done as f64)
    }

    fn lead(&self, point: usize, leaves: Range<usize>) -> Result<f64> {
        let middle = usize::midpoint(leaves.start, leaves.end);
        let row = self.cloud.rows(self.first + point..self.first + point + 1);
        let (mut lead, mut tile) = (0.0, [0.0; STRIDE]);
        for (count, c) in (0..self.done).step_by(STRIDE).enumerate() {
            if count % POLL == 0 {
                self.monitor.check()?;
            }
            let lane = c % self.width;
            if self.width > STRIDE && (lane + STRIDE <= leaves.start || lane >= leaves.end) {
                continue;
            }
            f64::tile(self.kernel, row, self.cloud.panels(c / LANES..(c + STRIDE) / LANES), &mut tile, STRIDE)?;
            for (k, value) in tile.iter().enumerate() {
                let leaf = (c + k) % self.width;
                if leaves.contains(&leaf) {
                    lead += if leaf < middle { -value } else { *value };
                }
            }
        }
        Ok(lead)
    }
}
