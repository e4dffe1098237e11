//! Loops over the tiles of a cost, a few rows at a time.

use super::geometry::{Block, Cost, Geometry, TILE, tiles};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{LANES, dot4};
use crate::parallel::chunks;
use std::ops::Range;

/// Most rows of a block.
pub const ROWS: usize = 16;
/// Values of whole rows that a block may hold.
const BUFFER: usize = 1 << 20;

/// Rows of a block: few, so that the tile stays in the first-level cache, unless columns are expensive to come by.
pub fn height(geometry: &dyn Geometry) -> usize {
    let expensive = geometry.is_column_major() || geometry.points().is_some_and(|p| p.dim() > 8);
    if expensive { ROWS } else { 4 }
}

/// Rows of a block when whole rows are kept: never more than 8 MB, unless a single row is.
pub fn kept_height(geometry: &dyn Geometry) -> usize {
    height(geometry).min(BUFFER / geometry.shape().1).max(1)
}

/// The blocks of `height` rows that a chunk is worked through by.
pub fn blocks(rows: &Range<usize>, height: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let start = rows.start;
    chunks(rows.len(), height, usize::MAX).into_iter().map(move |b| start + b.start..start + b.end)
}

/// Calls `visit(columns, costs)` for each tile of a block of rows. `scratch` is kept between calls.
pub fn for_each_tile(
    geometry: &dyn Geometry,
    rows: &Range<usize>,
    scratch: &mut Vec<f64>,
    monitor: &dyn Monitor,
    mut visit: impl FnMut(Range<usize>, &Block<'_, f64>),
) -> Result<()> {
    if scratch.len() < rows.len() * TILE {
        *scratch = try_zeroed(rows.len() * TILE)?;
    }
    for cols in tiles(geometry.shape().1) {
        monitor.check()?;
        let costs = f64::block(geometry, rows.clone(), cols.clone(), scratch);
        visit(cols, &costs);
    }
    Ok(())
}

/// One cost, infinite if the arc is forbidden.
pub fn entry(geometry: &dyn Geometry, i: usize, j: usize) -> f64 {
    let mut scratch = [0.0; LANES];
    let start = j / LANES * LANES;
    geometry.block_f64(i..i + 1, start..j + 1, &mut scratch).row(0)[j - start]
}

/// Cuts a row-major buffer of `width` values a row along the chunks.
pub fn split<'a>(
    buffer: &'a mut [f64],
    ranges: &[Range<usize>],
    width: usize,
) -> impl Iterator<Item = (Range<usize>, &'a mut [f64])> {
    let mut rest = buffer;
    ranges.iter().map(move |rows| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(rows.len() * width);
        rest = tail;
        (rows.clone(), head)
    })
}

/// out[r * stride] += Σ_j e_rj v_j, rows of `TILE`.
pub fn add_products(e: &[f64], v: &[f64], count: usize, out: &mut [f64], stride: usize) {
    for r in (0..count).step_by(4) {
        let row = |i: usize| &e[(r + i).min(count - 1) * TILE..][..v.len()];
        let products = dot4([row(0), row(1), row(2), row(3)], v);
        for (i, product) in products.iter().enumerate().take(count - r) {
            out[(r + i) * stride] += product;
        }
    }
}
