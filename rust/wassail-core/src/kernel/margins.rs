//! Tiles of values summed over their rows and columns.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Sums that the values of some rows against panels of columns are added to.
pub struct Margins<'a, T> {
    /// Sums over columns c of w_c k(r, c), by lanes: those of row r at `rows[r * pitch..][..pitch]`.
    pub rows: &'a mut [T],
    /// Lanes of a row: `LANES`, or as many as there are columns.
    pub pitch: usize,
    /// w, for each column.
    pub weights: &'a [T],
    /// Sums over rows of k(r, c); empty if they are not wanted.
    pub columns: &'a mut [T],
    /// Sums over rows of mark_r k(r, c); empty if they are not wanted.
    pub marked: &'a mut [T],
    /// The mark of each row, if they are.
    pub marks: &'a [T],
}

/// Two registers of columns on their way.
pub struct Strip<V> {
    weights: [V; 2],
    columns: [V; 2],
    marked: [V; 2],
}

/// Which sums over columns are wanted, as constants: none, one, or those of marked rows too.
pub const NONE: u8 = 0;
pub const ALL: u8 = 1;
pub const MARKED: u8 = 2;

impl<T: Scalar> Margins<'_, T> {
    /// The two registers from column c on.
    #[inline(always)]
    pub fn open<I: Isa>(&self, c: usize) -> Strip<T::Register<I>> {
        let width = T::Register::<I>::N;
        let weights = &self.weights[c..c + 2 * width];
        let weights = [T::Register::<I>::load(weights), T::Register::<I>::load(&weights[width..])];
        let zeros = [T::Register::<I>::splat(T::ZERO); 2];
        Strip { weights, columns: zeros, marked: zeros }
    }

    /// Adds two values of row r, at column c.
    #[inline(always)]
    pub fn add<I: Isa, const COLUMNS: u8>(
        &mut self,
        strip: &mut Strip<T::Register<I>>,
        r: usize,
        c: usize,
        values: [T::Register<I>; 2],
    ) {
        let width = T::Register::<I>::N;
        let lane = if self.pitch == LANES { c % LANES } else { c };
        let sums = &mut self.rows[r * self.pitch + lane..][..2 * width];
        for u in 0..2 {
            let sum = T::Register::<I>::load(&sums[u * width..]);
            values[u].fma(strip.weights[u], sum).store(&mut sums[u * width..]);
            if COLUMNS >= ALL {
                strip.columns[u] = strip.columns[u].add(values[u]);
            }
            if COLUMNS == MARKED {
                strip.marked[u] = values[u].fma(T::Register::<I>::splat(self.marks[r]), strip.marked[u]);
            }
        }
    }

    /// Adds what came together to the sums of the columns.
    #[inline(always)]
    pub fn close<I: Isa, const COLUMNS: u8>(&mut self, strip: &Strip<T::Register<I>>, c: usize) {
        if COLUMNS >= ALL {
            add_pair::<I, T>(strip.columns, &mut self.columns[c..]);
        }
        if COLUMNS == MARKED {
            add_pair::<I, T>(strip.marked, &mut self.marked[c..]);
        }
    }

    /// Which sums over columns are wanted.
    pub fn wanted(&self) -> u8 {
        match (self.columns.is_empty(), self.marked.is_empty()) {
            (true, _) => NONE,
            (false, true) => ALL,
            (false, false) => MARKED,
        }
    }
}

/// sums += two registers.
#[inline(always)]
fn add_pair<I: Isa, T: Scalar>(values: [T::Register<I>; 2], sums: &mut [T]) {
    let width = T::Register::<I>::N;
    let sums = &mut sums[..2 * width];
    for u in 0..2 {
        T::Register::<I>::load(&sums[u * width..]).add(values[u]).store(&mut sums[u * width..]);
    }
}

multiversion! {
    /// Adds a tile that is stored: `rows` rows of `stride` values.
    pub fn add_tile<T: Scalar>(tile: &[T], rows: usize, stride: usize, margins: &mut Margins<'_, T>) => add_tile_body
}

#[inline(always)]
fn add_tile_body<I: Isa, T: Scalar>(tile: &[T], rows: usize, stride: usize, margins: &mut Margins<'_, T>) {
    match margins.wanted() {
        NONE => add_rows::<I, T, NONE>(tile, rows, stride, margins),
        ALL => add_rows::<I, T, ALL>(tile, rows, stride, margins),
        _ => add_rows::<I, T, MARKED>(tile, rows, stride, margins),
    }
}

#[inline(always)]
fn add_rows<I: Isa, T: Scalar, const COLUMNS: u8>(
    tile: &[T],
    rows: usize,
    stride: usize,
    margins: &mut Margins<'_, T>,
) {
    let width = T::Register::<I>::N;
    for c in (0..margins.weights.len()).step_by(2 * width) {
        let mut strip = margins.open::<I>(c);
        for r in 0..rows {
            let row = &tile[r * stride + c..][..2 * width];
            let values = [T::Register::<I>::load(row), T::Register::<I>::load(&row[width..])];
            margins.add::<I, COLUMNS>(&mut strip, r, c, values);
        }
        margins.close::<I, COLUMNS>(&strip, c);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::{Cloud, Gaussian, Isotropic, Kernel, Matern};
    use crate::points::Coordinates;

    const ROWS: usize = 13;
    const COLUMNS: usize = 3 * LANES;

    /// All three sums are those of the tile, whether values stay in registers or not, and one mark takes all or nothing.
    #[test]
    fn sums_are_those_of_the_tile() {
        let kernels: [&dyn Kernel; 2] = [&Isotropic(Gaussian::new(1.5)), &Isotropic(Matern::new(1.5, 1))];
        for (kernel, d) in kernels.into_iter().zip([3, 9]) {
            let points: Vec<f64> = (0..COLUMNS * d).map(|i| (i as f64 * 0.7).sin()).collect();
            let cloud = Cloud::new(kernel, Coordinates::Double(&points), d, &vec![0.0; d], 0..COLUMNS).unwrap();
            let (x, y) = (cloud.rows(0..ROWS), cloud.panels(0..COLUMNS / LANES));
            let mut tile = vec![0.0; ROWS * COLUMNS];
            kernel.tile_f64(x, y, &mut tile, COLUMNS).unwrap();
            let weights: Vec<f64> = (0..COLUMNS).map(|c| f64::from(c < COLUMNS - 5)).collect();
            let marks: Vec<f64> = (0..ROWS).map(|r| f64::from(r % 3 == 0)).collect();
            let mut rows = vec![0.0; ROWS * LANES];
            let (mut columns, mut marked, mut spare) = (vec![1.0; COLUMNS], vec![0.0; COLUMNS], tile.clone());
            let mut margins = Margins {
                rows: &mut rows,
                pitch: LANES,
                weights: &weights,
                columns: &mut columns,
                marked: &mut marked,
                marks: &marks,
            };
            kernel.fold_f64(x, y, &mut spare, &mut margins).unwrap();
            for c in 0..COLUMNS {
                let column = |r: usize| tile[r * COLUMNS + c];
                assert!((columns[c] - 1.0 - (0..ROWS).map(column).sum::<f64>()).abs() < 1e-13);
                assert!((marked[c] - (0..ROWS).step_by(3).map(column).sum::<f64>()).abs() < 1e-13);
            }
            for (row, lanes) in tile.chunks(COLUMNS).zip(rows.chunks(LANES)) {
                let sum: f64 = row.iter().zip(&weights).map(|(v, w)| v * w).sum();
                assert!((lanes.iter().sum::<f64>() - sum).abs() < 1e-12);
            }
        }
    }

    /// Kernel halving knows an exact tie by it.
    #[test]
    fn one_mark_takes_all_or_nothing() {
        let tile: Vec<f64> = (0..ROWS * COLUMNS).map(|i| (i as f64).cos()).collect();
        for mark in [0.0, 1.0] {
            let (mut rows, marks) = (vec![0.0; ROWS * LANES], [mark; ROWS]);
            let (mut columns, mut marked) = (vec![0.0; COLUMNS], vec![0.0; COLUMNS]);
            let mut margins = Margins {
                rows: &mut rows,
                pitch: LANES,
                weights: &[1.0; COLUMNS],
                columns: &mut columns,
                marked: &mut marked,
                marks: &marks,
            };
            add_tile(&tile, ROWS, COLUMNS, &mut margins);
            add_tile(&tile, ROWS, COLUMNS, &mut margins);
            assert!(columns.iter().zip(&marked).all(|(all, some)| *some == mark * all));
        }
    }
}
