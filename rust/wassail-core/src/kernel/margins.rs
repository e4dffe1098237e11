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
}

/// Two registers of columns on their way.
pub struct Strip<V> {
    weights: [V; 2],
    columns: [V; 2],
}

impl<T: Scalar> Margins<'_, T> {
    /// The two registers from column c on.
    #[inline(always)]
    pub fn open<I: Isa>(&self, c: usize) -> Strip<T::Register<I>> {
        let width = T::Register::<I>::N;
        let weights = &self.weights[c..c + 2 * width];
        let weights = [T::Register::<I>::load(weights), T::Register::<I>::load(&weights[width..])];
        Strip { weights, columns: [T::Register::<I>::splat(T::ZERO); 2] }
    }

    /// Adds two values of row r, at column c; `BOTH` says whether columns are summed.
    #[inline(always)]
    pub fn add<I: Isa, const BOTH: bool>(
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
            if BOTH {
                strip.columns[u] = strip.columns[u].add(values[u]);
            }
        }
    }

    /// Adds what came together to the sums of the columns.
    #[inline(always)]
    pub fn close<I: Isa, const BOTH: bool>(&mut self, strip: &Strip<T::Register<I>>, c: usize) {
        let width = T::Register::<I>::N;
        if BOTH {
            let sums = &mut self.columns[c..c + 2 * width];
            for u in 0..2 {
                T::Register::<I>::load(&sums[u * width..]).add(strip.columns[u]).store(&mut sums[u * width..]);
            }
        }
    }
}

multiversion! {
    /// Adds a tile that is stored: `rows` rows of `stride` values.
    pub fn add_tile<T: Scalar>(tile: &[T], rows: usize, stride: usize, margins: &mut Margins<'_, T>) => add_tile_body
}

#[inline(always)]
fn add_tile_body<I: Isa, T: Scalar>(tile: &[T], rows: usize, stride: usize, margins: &mut Margins<'_, T>) {
    if margins.columns.is_empty() {
        add_rows::<I, T, false>(tile, rows, stride, margins);
    } else {
        add_rows::<I, T, true>(tile, rows, stride, margins);
    }
}

#[inline(always)]
fn add_rows<I: Isa, T: Scalar, const BOTH: bool>(tile: &[T], rows: usize, stride: usize, margins: &mut Margins<'_, T>) {
    let width = T::Register::<I>::N;
    for c in (0..margins.weights.len()).step_by(2 * width) {
        let mut strip = margins.open::<I>(c);
        for r in 0..rows {
            let row = &tile[r * stride + c..][..2 * width];
            let values = [T::Register::<I>::load(row), T::Register::<I>::load(&row[width..])];
            margins.add::<I, BOTH>(&mut strip, r, c, values);
        }
        margins.close::<I, BOTH>(&strip, c);
    }
}
