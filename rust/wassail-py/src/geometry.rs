//! The cost handle.

use crate::arrays::Borrowed;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::ot::geometry::{Dense, Geometry as Core, PointCloud, Points};
use wassail_core::points::Metric;

enum Cost {
    Single(Borrowed<f32>),
    Double(Borrowed<f64>),
    Cloud(Box<PointCloud>),
}

/// The core's view of a cost.
pub enum View<'a> {
    /// Stored in single precision.
    Single(Dense<'a, f32>),
    /// Stored in double precision.
    Double(Dense<'a, f64>),
    /// Computed from points.
    Cloud(&'a PointCloud),
}

impl View<'_> {
    /// The view behind the core's trait.
    pub fn cost(&self) -> &dyn Core {
        match self {
            View::Single(c) => c,
            View::Double(c) => c,
            View::Cloud(c) => *c,
        }
    }
}

/// Ground cost: stored costs are borrowed, points are copied.
#[pyclass(frozen, module = "wassail._core")]
pub struct Geometry(Cost);

impl Geometry {
    /// The core's view of the costs.
    pub fn view(&self) -> View<'_> {
        match &self.0 {
            Cost::Single(c) => View::Single(c.view()),
            Cost::Double(c) => View::Double(c.view()),
            Cost::Cloud(c) => View::Cloud(c),
        }
    }

    /// (n, m).
    pub fn size(&self) -> (usize, usize) {
        match &self.0 {
            Cost::Single(c) => c.shape(),
            Cost::Double(c) => c.shape(),
            Cost::Cloud(c) => c.shape(),
        }
    }

    /// Elementary steps of a sweep: exponentials are worth about one, distances one per four coordinates.
    pub fn work(&self) -> usize {
        let (n, m) = self.size();
        n.saturating_mul(m).saturating_mul(1 + self.dim().unwrap_or(0) / 4)
    }

    /// Dimension of the points, if there are points.
    pub fn dim(&self) -> Option<usize> {
        match &self.0 {
            Cost::Cloud(c) => Some(c.dim()),
            _ => None,
        }
    }
}

#[pymethods]
impl Geometry {
    /// Borrows an (n, m) array.
    #[staticmethod]
    fn from_array(cost: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(single) = cost.cast::<PyArray2<f32>>() {
            return Ok(Self(Cost::Single(Borrowed::new(single)?)));
        }
        Ok(Self(Cost::Double(Borrowed::new(cost.cast::<PyArray2<f64>>()?)?)))
    }

    /// Copies points (n, d) and (m, d).
    #[staticmethod]
    fn from_points(x: &Bound<'_, PyAny>, y: &Bound<'_, PyAny>, kind: usize, p: f64, power: f64) -> PyResult<Self> {
        let metric = match kind {
            0 => Metric::SqEuclidean,
            1 => Metric::Euclidean,
            2 => Metric::Cityblock,
            3 => Metric::Cosine,
            4 => Metric::PNorm { p, power },
            _ => return Err(PyValueError::new_err("unknown kind of cost")),
        };
        let (x, d) = points(x)?;
        let (y, dy) = points(y)?;
        let same = matches!((&x, &y), (Points::F32(_), Points::F32(_)) | (Points::F64(_), Points::F64(_)));
        if d != dy || d == 0 || !same {
            return Err(PyValueError::new_err("points differ in dimension or dtype"));
        }
        Ok(Self(Cost::Cloud(Box::new(PointCloud::new(x, y, d, metric)))))
    }

    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.size()
    }

    #[getter]
    fn is_float32(&self) -> bool {
        match &self.0 {
            Cost::Single(_) => true,
            Cost::Double(_) => false,
            Cost::Cloud(c) => c.is_single(),
        }
    }
}

fn points(x: &Bound<'_, PyAny>) -> PyResult<(Points, usize)> {
    if let Ok(single) = x.extract::<PyReadonlyArray2<'_, f32>>() {
        return Ok((Points::F32(Arc::from(single.as_slice()?)), single.shape()[1]));
    }
    let double = x.extract::<PyReadonlyArray2<'_, f64>>()?;
    Ok((Points::F64(Arc::from(double.as_slice()?)), double.shape()[1]))
}
