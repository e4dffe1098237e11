//! Kernel values of new points against all earlier ones, summed both ways.

use super::fold::{STRIDE, widen};
use crate::error::Result;
use crate::kernel::{Cloud, Kernel, Margins, Real};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::numeric::lanes::LANES;
use std::ops::Range;

/// Rows of a tile.
const ROWS: usize = 16;
/// Values that a lane or a column takes in the precision of the tiles.
const TERMS: usize = 16;

/// Largest error that sums in f32 add to a value, over the largest value: partial sums of k values are off by k/2 ulp each.
pub const ERROR_F32: f64 = 0.25 * (TERMS + 1) as f64 * f32::EPSILON as f64;

/// Some rows against the points of earlier windows.
pub struct Far<'a> {
    /// The kernel.
    pub kernel: &'a dyn Kernel,
    /// The rows.
    pub rows: Range<usize>,
    /// Points of earlier windows, whole windows.
    pub earlier: Range<usize>,
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
        let mut room = Aligned::zeroed((2 * ROWS + 1) * STRIDE)?;
        let (spare, rest) = room.split_at_mut(ROWS * STRIDE);
        let (rows, own) = rest.split_at_mut(ROWS * STRIDE);
        let own = &mut own[..STRIDE];
        let ones = [T::ONE; STRIDE];
        // Tiles of the same lanes follow each other.
        let jump = self.pitch.max(STRIDE);
        let mut polled = 0;
        for offset in (0..jump).step_by(STRIDE) {
            for from in (self.earlier.start + offset..self.earlier.end).step_by(TERMS * jump) {
                let to = (from + TERMS * jump).min(self.earlier.end);
                for r in self.rows.clone().step_by(ROWS) {
                    let some = r..(r + ROWS).min(self.rows.end);
                    rows.fill(T::ZERO);
                    for c in (from..to).step_by(jump) {
                        if polled % self.poll == 0 {
                            monitor.check()?;
                        }
                        polled += 1;
                        own.fill(T::ZERO);
                        let panels = cloud.panels(c / LANES..(c + STRIDE) / LANES);
                        let mut margins =
                            Margins { rows, pitch: STRIDE, weights: &ones, columns: own, marked: &mut [], marks: &[] };
                        T::fold(self.kernel, cloud.rows(some.clone()), panels, spare, &mut margins)?;
                        widen(own, &mut columns[c..c + STRIDE]);
                    }
                    let lanes = &mut lanes[(r - self.rows.start) * self.pitch..];
                    for (row, lanes) in rows.chunks(STRIDE).zip(lanes.chunks_mut(self.pitch)).take(some.len()) {
                        let period = self.pitch.min(STRIDE);
                        for part in row.chunks(period) {
                            widen(part, &mut lanes[offset % self.pitch..][..period]);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
