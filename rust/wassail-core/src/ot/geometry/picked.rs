//! Some rows and columns of other costs, read where they lie.

use super::super::tiling::entry;
use super::{Block, Cost, Geometry, TILE};
use crate::error::Result;
use std::ops::Range;

/// Costs C_ij of the rows and columns that are picked, all of them where none are.
#[derive(Clone, Copy)]
pub struct Picked<'a> {
    /// The costs, prepared.
    pub base: &'a dyn Geometry,
    /// Rows of them.
    pub rows: Option<&'a [u32]>,
    /// Columns of them, fastest where they ascend.
    pub cols: Option<&'a [u32]>,
    /// Whether rows and columns are exchanged after that: the costs themselves would be read against their order.
    pub swapped: bool,
}

impl Picked<'_> {
    /// Entry (i, j).
    pub fn at(&self, i: usize, j: usize) -> f64 {
        let (i, j) = if self.swapped { (j, i) } else { (i, j) };
        let of = |picked: Option<&[u32]>, k: usize| picked.map_or(k, |p| p[k] as usize);
        entry(self.base, of(self.rows, i), of(self.cols, j))
    }

    /// Costs of rows × cols: the costs' own rows are read along, a tile at a time.
    fn fill<'t, T: Cost>(&self, rows: &Range<usize>, cols: &Range<usize>, out: &'t mut [T]) -> Block<'t, T> {
        let mut buffer = [T::ZERO; TILE];
        if self.swapped {
            for c in 0..cols.len() {
                let i = self.row(cols.start + c);
                self.read(i, rows.clone(), &mut buffer, |r, cost| out[r * TILE + c] = cost);
            }
        } else {
            for r in 0..rows.len() {
                self.read(self.row(rows.start + r), cols.clone(), &mut buffer, |c, cost| out[r * TILE + c] = cost);
            }
        }
        Block::new(out, 0, TILE as isize, cols.len())
    }

    fn row(&self, k: usize) -> usize {
        self.rows.map_or(k, |picked| picked[k] as usize)
    }

    /// Visits row i of the costs at the columns of this range of those that are picked.
    fn read<T: Cost>(&self, i: usize, range: Range<usize>, buffer: &mut [T], mut visit: impl FnMut(usize, T)) {
        let m = self.base.shape().1;
        let column = |k: usize| self.cols.map_or(k, |picked| picked[k] as usize);
        let mut at = range.start;
        while at < range.end {
            let tile = column(at) / TILE * TILE;
            let tile = tile..(tile + TILE).min(m);
            let costs = T::block(self.base, i..i + 1, tile.clone(), buffer).row(0);
            while at < range.end && tile.contains(&column(at)) {
                visit(at - range.start, costs[column(at) - tile.start]);
                at += 1;
            }
        }
    }
}

impl Geometry for Picked<'_> {
    fn shape(&self) -> (usize, usize) {
        let (n, m) = self.base.shape();
        let (n, m) = (self.rows.map_or(n, <[u32]>::len), self.cols.map_or(m, <[u32]>::len));
        if self.swapped { (m, n) } else { (n, m) }
    }
    fn is_single(&self) -> bool {
        self.base.is_single()
    }
    fn is_stored(&self) -> bool {
        false
    }
    fn is_column_major(&self) -> bool {
        self.swapped
    }
    fn transposed(&self) -> Box<dyn Geometry + '_> {
        Box::new(Self { swapped: !self.swapped, ..*self })
    }
    fn prepare(&self, _single: bool) -> Result<()> {
        Ok(())
    }
    fn block_f32<'t>(&'t self, rows: Range<usize>, cols: Range<usize>, scratch: &'t mut [f32]) -> Block<'t, f32> {
        self.fill(&rows, &cols, scratch)
    }
    fn block_f64<'t>(&'t self, rows: Range<usize>, cols: Range<usize>, scratch: &'t mut [f64]) -> Block<'t, f64> {
        self.fill(&rows, &cols, scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dense;
    use super::*;

    #[test]
    fn picks_rows_and_columns_either_way() {
        let costs: Vec<f64> = (0..6 * 20).map(f64::from).collect();
        let base = Dense::from_rows(&costs, 6, 20);
        let (rows, cols) = ([4, 1, 5], [19, 0, 7, 8]);
        let picked = Picked { base: &base, rows: Some(&rows), cols: Some(&cols), swapped: false };
        let turned = picked.transposed();
        assert_eq!((picked.shape(), turned.shape()), ((3, 4), (4, 3)));
        let (mut buffer, mut other) = (vec![0.0; 3 * TILE], vec![0.0; 4 * TILE]);
        let (block, across) = (picked.block_f64(0..3, 0..4, &mut buffer), turned.block_f64(0..4, 0..3, &mut other));
        for (r, i) in rows.iter().enumerate() {
            for (c, j) in cols.iter().enumerate() {
                let expected = f64::from(20 * i + j);
                assert_eq!((block.row(r)[c], across.row(c)[r]), (expected, expected));
            }
        }
    }
}
