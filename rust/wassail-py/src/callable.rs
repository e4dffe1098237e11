//! Kernels that are functions of the user.

use crate::arrays::matrix;
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use wassail_core::error::{Error, Foreign, Result};
use wassail_core::kernel::{Kernel, Panels, Rows};
use wassail_core::numeric::Scalar;
use wassail_core::numeric::lanes::LANES;

/// f(X, Y) of points (n, d) and (m, d), which returns a finite (n, m) array of f64. The last feature is 1, so that the points
/// that fill up a panel, all zeros, are told apart and never shown to the function.
pub struct Callable {
    function: Py<PyAny>,
    /// What a call raised whose caller could not be told.
    failure: Mutex<Option<Foreign>>,
}

impl Callable {
    /// The function checks what it returns.
    pub fn new(function: Py<PyAny>) -> Self {
        Self { function, failure: Mutex::new(None) }
    }

    /// k of points (n, d) and (m, d).
    fn values(&self, x: &[f64], y: &[f64], d: usize) -> Result<Vec<f64>> {
        if let Some(failure) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(Error::Raised(failure));
        }
        let called = Python::attach(|py| -> PyResult<Vec<f64>> {
            let array = |points: &[f64]| matrix(py, points.to_vec(), points.len() / d, d);
            let values = self.function.bind(py).call1((array(x)?, array(y)?))?;
            let values: PyReadonlyArray2<'_, f64> = values.extract()?;
            if values.shape() != [x.len() / d, y.len() / d] {
                return Err(PyValueError::new_err("a kernel function returned the wrong shape"));
            }
            Ok(values.as_slice()?.to_vec())
        });
        called.map_err(|e| Error::Raised(Foreign(Arc::new(e))))
    }

    fn tile<T: Scalar>(&self, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) -> Result<()> {
        let d = x.width() - 1;
        let rows: Vec<f64> = (0..x.len()).flat_map(|r| &x.row(r)[..d]).map(|v| v.to_f64()).collect();
        let mut columns = Vec::new();
        let mut places = Vec::new();
        for p in 0..y.len() {
            let panel = y.panel(p);
            for l in (0..LANES).filter(|l| panel[d * LANES + l] != T::ZERO) {
                columns.extend((0..d).map(|k| panel[k * LANES + l].to_f64()));
                places.push(p * LANES + l);
            }
        }
        for row in out.chunks_mut(stride).take(x.len()) {
            row[..y.len() * LANES].fill(T::ZERO);
        }
        if places.is_empty() {
            return Ok(());
        }
        let values = self.values(&rows, &columns, d)?;
        for (row, values) in out.chunks_mut(stride).zip(values.chunks_exact(places.len())) {
            for (&at, &v) in places.iter().zip(values) {
                row[at] = T::from_f64(v);
            }
        }
        Ok(())
    }
}

impl Kernel for Callable {
    fn width(&self, d: usize) -> usize {
        d + 1
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        features[..point.len()].copy_from_slice(point);
        features[point.len()] = 1.0;
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        self.try_diagonal(point).unwrap_or_else(|e| {
            if let Error::Raised(failure) = e {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            }
            f64::NAN
        })
    }

    fn try_diagonal(&self, point: &[f64]) -> Result<f64> {
        Ok(self.values(point, point, point.len())?[0])
    }

    fn is_stationary(&self) -> bool {
        false
    }

    fn is_total(&self) -> bool {
        false
    }

    fn check(&self, _: &[f64]) -> Result<()> {
        Ok(())
    }

    fn work(&self, _: usize) -> usize {
        // Threads would wait for each other.
        0
    }

    fn error_f32(&self, _: usize) -> f64 {
        f64::INFINITY
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride)
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride)
    }
}
