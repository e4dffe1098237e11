//! Points as they come from Python.

use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use wassail_core::points::Coordinates;

/// Points of either precision, (n, d).
#[derive(FromPyObject)]
pub enum Points<'py> {
    /// Single precision.
    Single(PyReadonlyArray2<'py, f32>),
    /// Double precision.
    Double(PyReadonlyArray2<'py, f64>),
}

impl Points<'_> {
    /// (n, d).
    pub fn shape(&self) -> (usize, usize) {
        let shape = match self {
            Points::Single(p) => p.shape(),
            Points::Double(p) => p.shape(),
        };
        (shape[0], shape[1])
    }

    /// As the core reads them.
    pub fn coordinates(&self) -> PyResult<Coordinates<'_>> {
        Ok(match self {
            Points::Single(p) => Coordinates::Single(p.as_slice()?),
            Points::Double(p) => Coordinates::Double(p.as_slice()?),
        })
    }
}
