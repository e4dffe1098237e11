//! Ground costs: stored or computed, a solver never knows.

mod dense;
mod picked;
mod point_cloud;

pub use crate::points::Points;
pub use dense::Dense;
pub use picked::Picked;
pub use point_cloud::PointCloud;

use crate::error::Result;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use std::ops::Range;

/// Columns of a tile: f64 costs of four rows stay in the first-level cache, and f32 sums over it stay exact to rounding.
pub const TILE: usize = 512;

/// A borrowed or computed tile of costs.
#[derive(Clone, Copy)]
pub struct Block<'t, T> {
    data: &'t [T],
    start: usize,
    stride: isize,
    cols: usize,
}

impl<'t, T> Block<'t, T> {
    /// A tile of `cols` columns with row r at `data[start + r * stride..]`.
    pub fn new(data: &'t [T], start: usize, stride: isize, cols: usize) -> Self {
        Self { data, start, stride, cols }
    }

    /// Row r of the tile.
    #[inline]
    pub fn row(&self, r: usize) -> &'t [T] {
        let at = (self.start as isize + r as isize * self.stride) as usize;
        &self.data[at..at + self.cols]
    }
}

/// The ground cost C, (n, m).
pub trait Geometry: Send + Sync {
    /// (n, m).
    fn shape(&self) -> (usize, usize);
    /// Whether the user's data are f32.
    fn is_single(&self) -> bool;
    /// Whether costs computed in f32 neither overflow nor vanish.
    fn fits_single(&self) -> bool {
        true
    }
    /// Whether costs are read from memory rather than computed.
    fn is_stored(&self) -> bool;
    /// The points behind the costs, if there are any.
    fn points(&self) -> Option<&PointCloud> {
        None
    }
    /// Whether the transpose has contiguous rows and this has not.
    fn is_column_major(&self) -> bool {
        false
    }
    /// The same costs with rows and columns exchanged.
    fn transposed(&self) -> Box<dyn Geometry + '_>;
    /// Makes everything that tiles of this precision need.
    fn prepare(&self, single: bool) -> Result<()>;
    /// Costs of rows × cols in f32. `cols.start` is a multiple of `TILE`, `scratch` holds rows × `TILE`.
    fn block_f32<'t>(&'t self, rows: Range<usize>, cols: Range<usize>, scratch: &'t mut [f32]) -> Block<'t, f32>;
    /// Costs of rows × cols in f64.
    fn block_f64<'t>(&'t self, rows: Range<usize>, cols: Range<usize>, scratch: &'t mut [f64]) -> Block<'t, f64>;
}

/// A scalar type that tiles come in.
pub trait Cost: Scalar {
    /// Costs of rows × cols, borrowed if stored in this type, else written to `scratch` (rows × `TILE`).
    fn block<'t>(
        geometry: &'t dyn Geometry,
        rows: Range<usize>,
        cols: Range<usize>,
        scratch: &'t mut [Self],
    ) -> Block<'t, Self>;
}

impl Cost for f32 {
    fn block<'t>(
        geometry: &'t dyn Geometry,
        rows: Range<usize>,
        cols: Range<usize>,
        scratch: &'t mut [f32],
    ) -> Block<'t, f32> {
        geometry.block_f32(rows, cols, scratch)
    }
}

impl Cost for f64 {
    fn block<'t>(
        geometry: &'t dyn Geometry,
        rows: Range<usize>,
        cols: Range<usize>,
        scratch: &'t mut [f64],
    ) -> Block<'t, f64> {
        geometry.block_f64(rows, cols, scratch)
    }
}

/// The column ranges of the tiles of m columns.
pub fn tiles(m: usize) -> impl Iterator<Item = Range<usize>> {
    (0..m).step_by(TILE).map(move |start| start..(start + TILE).min(m))
}

const _: () = assert!(TILE.is_multiple_of(LANES));
