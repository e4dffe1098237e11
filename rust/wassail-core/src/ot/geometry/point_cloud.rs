//! Costs computed from points, tile by tile, in O((n + m) d) memory.

use super::{Block, Geometry, TILE};
use crate::error::Result;
use crate::points::given::Points;
use crate::points::metric::Metric;
use crate::points::packed::Packed;
use crate::points::tile::fill;
use std::ops::Range;
use std::sync::OnceLock;

/// C_ij = cost(x_i, y_j).
#[derive(Debug)]
pub struct PointCloud {
    x: Points,
    y: Points,
    d: usize,
    metric: Metric,
    shape: (usize, usize),
    single: OnceLock<Packed<f32>>,
    double: OnceLock<Packed<f64>>,
}

impl PointCloud {
    /// Points (n, d) and (m, d) of the same precision.
    pub fn new(x: Points, y: Points, d: usize, metric: Metric) -> Self {
        let len = |p: &Points| match p {
            Points::F32(v) => v.len() / d,
            Points::F64(v) => v.len() / d,
        };
        let shape = (len(&x), len(&y));
        Self { x, y, d, metric, shape, single: OnceLock::new(), double: OnceLock::new() }
    }

    /// Dimension of the points.
    pub fn dim(&self) -> usize {
        self.d
    }

    /// Ground cost.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Row and column points.
    pub fn sides(&self) -> (&Points, &Points) {
        (&self.x, &self.y)
    }

    fn packed<T: crate::numeric::Scalar>(&self) -> Result<Packed<T>> {
        Packed::new(&self.x, &self.y, self.d, self.metric)
    }
}

impl Geometry for PointCloud {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }
    fn is_single(&self) -> bool {
        matches!(self.x, Points::F32(_))
    }
    fn is_stored(&self) -> bool {
        false
    }
    fn points(&self) -> Option<&PointCloud> {
        Some(self)
    }
    fn transposed(&self) -> Box<dyn Geometry + '_> {
        Box::new(PointCloud::new(self.y.clone(), self.x.clone(), self.d, self.metric))
    }
    fn prepare(&self, single: bool) -> Result<()> {
        if single && self.single.get().is_none() {
            let _ = self.single.set(self.packed()?);
        } else if !single && self.double.get().is_none() {
            let _ = self.double.set(self.packed()?);
        }
        Ok(())
    }
    fn block_f32<'t>(&'t self, rows: Range<usize>, cols: Range<usize>, scratch: &'t mut [f32]) -> Block<'t, f32> {
        let packed = self.single.get().expect("prepared");
        let len = cols.len();
        fill(packed, self.metric, rows, cols, scratch, TILE);
        Block::new(scratch, 0, TILE as isize, len)
    }
    fn block_f64<'t>(&'t self, rows: Range<usize>, cols: Range<usize>, scratch: &'t mut [f64]) -> Block<'t, f64> {
        let packed = self.double.get().expect("prepared");
        let len = cols.len();
        fill(packed, self.metric, rows, cols, scratch, TILE);
        Block::new(scratch, 0, TILE as isize, len)
    }
}
