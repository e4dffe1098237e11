//! Kernel values of new points against all earlier ones, summed both ways.

use super::fold::{GROUP, Lanes, ROWS, STRIDE, WIDE, aligned, fold, with_room};
use crate::error::Result;
use crate::kernel::{Cloud, Kernel, Real};
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use std::ops::Range;

/// Some rows against the points of earlier windows.
pub struct Far<'a> {
    /// The kernel.
    pub kernel: &'a dyn Kernel,
    /// The rows.
    pub rows: Range<usize>,
    /// Points of earlier windows.
    pub done: usize,
    /// Lanes of a row.
    pub pitch: usize,
    /// Tiles between two looks at the monitor.
    pub poll: usize,
}

impl Far<'_> {
    /// Adds the sums of rows, by lanes, and of columns.
    pub fn sums<T: Real>(
        &self,
        cloud: &Cloud<T>,
        lanes: &mut [f64],
        columns: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let mut tiles = with_room(ROWS * WIDE)?;
        let tiles = aligned(&mut tiles);
        // Tiles of the same lanes are folded together.
        let jump = self.pitch.max(STRIDE);
        let mut polled = 0;
        for offset in (0..jump).step_by(STRIDE) {
            for c in (offset..self.done).step_by(GROUP * jump) {
                if polled % self.poll == 0 {
                    monitor.check()?;
                }
                polled += 1;
                let count = GROUP.min((self.done - c).div_ceil(jump));
                for r in self.rows.clone().step_by(ROWS) {
                    let some = r..(r + ROWS).min(self.rows.end);
                    for tile in 0..count {
                        let first = (c + tile * jump) / LANES;
                        let panels = cloud.panels(first..first + STRIDE / LANES);
                        T::tile(self.kernel, cloud.rows(some.clone()), panels, &mut tiles[tile * STRIDE..], WIDE)?;
                    }
                    let sums = &mut lanes[(r - self.rows.start) * self.pitch..];
                    let at = Lanes { pitch: self.pitch, offset: offset % self.pitch, count, jump };
                    fold(tiles, some.len(), &at, sums, &mut columns[c..]);
                }
            }
        }
        Ok(())
    }
}
