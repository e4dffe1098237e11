//! Costs computed from points, tile by tile, in O((n + m) d) memory.

use super::{Block, Geometry, TILE};
use crate::error::Result;
use crate::numeric::Scalar;
use crate::points::given::Points;
use crate::points::metric::Metric;
use crate::points::packed::Packed;
use crate::points::tile::fill;
use std::ops::Range;
use std::sync::OnceLock;

/// Costs, and what is computed on the way to them, that f32 holds with room to spare.
const SMALLEST: f64 = 1e-30;
const LARGEST: f64 = 1e34;

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

    /// Largest difference between two points in one coordinate.
    fn extent(&self) -> f64 {
        let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); self.d];
        for points in [&self.x, &self.y] {
            match points {
                Points::F32(v) => widen(&mut bounds, v),
                Points::F64(v) => widen(&mut bounds, v),
            }
        }
        bounds.into_iter().map(|(low, high)| high - low).fold(0.0, f64::max)
    }

    fn packed<T: Scalar>(&self) -> Result<Packed<T>> {
        Packed::new(&self.x, &self.y, self.d, self.metric)
    }
}

/// Makes the bounding box hold row-major points.
fn widen<S: Scalar>(bounds: &mut [(f64, f64)], points: &[S]) {
    for point in points.chunks_exact(bounds.len()) {
        for (side, v) in bounds.iter_mut().zip(point) {
            *side = (side.0.min(v.to_f64()), side.1.max(v.to_f64()));
        }
    }
}

impl Geometry for PointCloud {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }
    fn is_single(&self) -> bool {
        matches!(self.x, Points::F32(_))
    }
    fn fits_single(&self) -> bool {
        let powers = match self.metric {
            Metric::Cosine => return true,
            Metric::SqEuclidean | Metric::Euclidean => [1, 2].map(f64::from),
            Metric::Cityblock => [1.0; 2],
            Metric::PNorm { power, .. } => [1.0, power],
        };
        let extent = self.extent();
        let fits = |p: f64| extent.powf(p) > SMALLEST && (extent * self.d as f64).powf(p) < LARGEST;
        extent == 0.0 || powers.into_iter().all(fits)
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
