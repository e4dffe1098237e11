//! Tables of pairwise values that are never stored: h(i, j) in tiles.

use super::{Cloud, Kernel, Real};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use std::ops::Range;

/// Rows of a tile: its values stay in the first-level cache.
pub const ROWS: usize = 8;
/// Values of a row of a tile.
pub const STRIDE: usize = 8 * LANES;
/// Rows that one walk over the columns serves: panels that were read once are used that often.
pub const BLOCK: usize = 64;

/// Values h(i, j) by tiles.
pub trait Table<T>: Sync {
    /// (rows, columns).
    fn shape(&self) -> (usize, usize);
    /// Values of some rows against panels of columns: row r at `out[r * STRIDE..]`. `spare` has the size of `out`.
    fn tile(&self, rows: Range<usize>, panels: Range<usize>, out: &mut [T], spare: &mut [T]) -> Result<()>;
}

/// k(x_i, y_j).
pub struct Cross<'a, T> {
    /// The kernel.
    pub kernel: &'a dyn Kernel,
    /// Rows.
    pub x: &'a Cloud<T>,
    /// Columns.
    pub y: &'a Cloud<T>,
}

impl<T: Real> Table<T> for Cross<'_, T> {
    fn shape(&self) -> (usize, usize) {
        (self.x.len(), self.y.len())
    }

    fn tile(&self, rows: Range<usize>, panels: Range<usize>, out: &mut [T], _: &mut [T]) -> Result<()> {
        T::tile(self.kernel, self.x.rows(rows), self.y.panels(panels), out, STRIDE)
    }
}

/// k(x_i, x_j) − k(x_i, y_j) − k(y_i, x_j) + k(y_i, y_j) of as many y as x: the U-statistic of the squared discrepancy is its
/// mean off the diagonal.
pub struct Paired<'a, T> {
    /// The kernel.
    pub kernel: &'a dyn Kernel,
    /// First sample.
    pub x: &'a Cloud<T>,
    /// Second sample.
    pub y: &'a Cloud<T>,
}

impl<T: Real> Table<T> for Paired<'_, T> {
    fn shape(&self) -> (usize, usize) {
        (self.x.len(), self.x.len())
    }

    fn tile(&self, rows: Range<usize>, panels: Range<usize>, out: &mut [T], spare: &mut [T]) -> Result<()> {
        T::tile(self.kernel, self.x.rows(rows.clone()), self.x.panels(panels.clone()), out, STRIDE)?;
        for (left, right, sign) in [(self.y, self.y, T::ONE), (self.x, self.y, -T::ONE), (self.y, self.x, -T::ONE)] {
            T::tile(self.kernel, left.rows(rows.clone()), right.panels(panels.clone()), spare, STRIDE)?;
            for (out, spare) in out.chunks_mut(STRIDE).zip(spare.chunks(STRIDE)).take(rows.len()) {
                out.iter_mut().zip(spare).take(panels.len() * LANES).for_each(|(o, &v)| *o += sign * v);
            }
        }
        Ok(())
    }
}

/// What a walk writes its tiles to.
pub struct Scratch<T> {
    tile: Vec<T>,
    spare: Vec<T>,
}

impl<T: Real> Scratch<T> {
    /// Room for one tile.
    pub fn new() -> Result<Self> {
        Ok(Self { tile: try_zeroed(ROWS * STRIDE)?, spare: try_zeroed(ROWS * STRIDE)? })
    }
}

/// Calls `visit(rows, columns, values)` for the tiles of some rows and of columns that start at a panel. Row r of the values is at
/// `r * STRIDE`; they may be changed.
pub fn walk<T: Real>(
    table: &dyn Table<T>,
    rows: Range<usize>,
    cols: Range<usize>,
    scratch: &mut Scratch<T>,
    monitor: &dyn Monitor,
    mut visit: impl FnMut(Range<usize>, Range<usize>, &mut [T]),
) -> Result<()> {
    for start in cols.clone().step_by(STRIDE) {
        let end = (start + STRIDE).min(cols.end);
        monitor.check()?;
        for first in rows.clone().step_by(ROWS) {
            let some = first..(first + ROWS).min(rows.end);
            let panels = start / LANES..end.div_ceil(LANES);
            table.tile(some.clone(), panels, &mut scratch.tile, &mut scratch.spare)?;
            visit(some, start..end, &mut scratch.tile);
        }
    }
    Ok(())
}
