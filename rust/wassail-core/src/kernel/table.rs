//! Tables of pairwise values that are never stored: h(i, j) in tiles.

use super::{Cloud, Kernel, Real};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{LANES, dot4};
use std::ops::Range;

/// Rows of a tile: its values stay in the first-level cache.
pub const ROWS: usize = 8;
/// Values of a row of a tile.
pub const STRIDE: usize = 8 * LANES;
/// Rows that one walk over the columns serves: panels that were read once are used that often.
pub const BLOCK: usize = 64;

/// Values h(i, j) by tiles.
pub trait Table<T: Real>: Sync {
    /// (rows, columns).
    fn shape(&self) -> (usize, usize);
    /// Values of some rows against panels of columns: row r at `out[r * STRIDE..]`. `spare` has the size of `out`.
    fn tile(&self, rows: Range<usize>, panels: Range<usize>, out: &mut [T], spare: &mut [T]) -> Result<()>;
    /// sums_i += Σ_j w_j h(i, j) over some rows and whole panels.
    fn add_rows(
        &self,
        rows: Range<usize>,
        panels: Range<usize>,
        weights: &[f64],
        scratch: &mut Scratch<T>,
        sums: &mut [f64],
    ) -> Result<()> {
        self.tile(rows, panels, &mut scratch.tile, &mut scratch.spare)?;
        add_rows(&scratch.tile, weights, sums);
        Ok(())
    }
}

/// sums_r += Σ_j w_j tile_rj.
pub fn add_rows<T: Real>(tile: &[T], weights: &[f64], sums: &mut [f64]) {
    let count = sums.len();
    for (first, sums) in (0..ROWS).step_by(4).zip(sums.chunks_mut(4)) {
        let row = |i: usize| &tile[(first + i).min(count - 1) * STRIDE..][..weights.len()];
        let products = dot4([row(0), row(1), row(2), row(3)], weights);
        sums.iter_mut().zip(products).for_each(|(s, p)| *s += p);
    }
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

    fn add_rows(
        &self,
        rows: Range<usize>,
        panels: Range<usize>,
        weights: &[f64],
        scratch: &mut Scratch<T>,
        sums: &mut [f64],
    ) -> Result<()> {
        let (x, y) = (self.x.rows(rows), self.y.panels(panels));
        T::add_rows(self.kernel, x, y, weights, &mut scratch.tile, sums)
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

/// c_i c_j h(i, j) of a square table.
pub struct Scaled<'a, T> {
    /// h.
    pub table: &'a dyn Table<T>,
    /// c.
    pub factors: &'a [f64],
}

impl<T: Real> Table<T> for Scaled<'_, T> {
    fn shape(&self) -> (usize, usize) {
        self.table.shape()
    }

    fn tile(&self, rows: Range<usize>, panels: Range<usize>, out: &mut [T], spare: &mut [T]) -> Result<()> {
        self.table.tile(rows.clone(), panels.clone(), out, spare)?;
        let factors = &self.factors[panels.start * LANES..];
        for (out, &row) in out.chunks_mut(STRIDE).zip(&self.factors[rows]) {
            for (o, &c) in out.iter_mut().zip(factors).take(panels.len() * LANES) {
                *o = T::from_f64(o.to_f64() * row * c);
            }
        }
        Ok(())
    }
}

/// What a walk writes its tiles to.
pub struct Scratch<T> {
    /// Values.
    pub tile: Vec<T>,
    /// What a table needs beside them.
    pub spare: Vec<T>,
}

impl<T: Real> Scratch<T> {
    /// Room for one tile.
    pub fn new() -> Result<Self> {
        Ok(Self { tile: try_zeroed(ROWS * STRIDE)?, spare: try_zeroed(ROWS * STRIDE)? })
    }
}

/// Calls `each(rows, columns)` for the tiles of some rows and of columns that start at a panel.
pub fn tiles(
    rows: Range<usize>,
    cols: Range<usize>,
    monitor: &dyn Monitor,
    mut each: impl FnMut(Range<usize>, Range<usize>) -> Result<()>,
) -> Result<()> {
    for start in cols.clone().step_by(STRIDE) {
        monitor.check()?;
        for first in rows.clone().step_by(ROWS) {
            each(first..(first + ROWS).min(rows.end), start..(start + STRIDE).min(cols.end))?;
        }
    }
    Ok(())
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
    tiles(rows, cols, monitor, |some, at| {
        let panels = at.start / LANES..at.end.div_ceil(LANES);
        table.tile(some.clone(), panels, &mut scratch.tile, &mut scratch.spare)?;
        visit(some, at, &mut scratch.tile);
        Ok(())
    })
}
