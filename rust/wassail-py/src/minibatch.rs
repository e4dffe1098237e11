//! Gradients of sums over data, estimated by a function of the user from some of them.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use wassail_core::error::try_zeroed;
use wassail_core::rng::Stream;
use wassail_core::sampling::{DensityError, LogDensity, choose};

/// A density of which only estimated gradients are known: its logarithm is 0 everywhere.
pub struct Minibatches {
    pub function: Py<PyAny>,
    pub dim: usize,
    pub n_data: usize,
    pub batch: usize,
    pub raised: Arc<Mutex<Option<PyErr>>>,
}

impl Minibatches {
    fn call(&self, x: &[f64], indices: &[i64], grad: &mut [f64]) -> PyResult<()> {
        let n = x.len() / self.dim;
        Python::attach(|py| {
            let points = PyArray1::from_slice(py, x).reshape([n, self.dim])?;
            let indices = PyArray1::from_slice(py, indices).reshape([n, self.batch])?;
            let answer = self.function.bind(py).call1((points, indices))?;
            let gradient: Bound<'_, PyArray2<f64>> = answer.extract()?;
            if gradient.shape() != [n, self.dim] {
                return Err(PyValueError::new_err("shapes do not fit"));
            }
            grad.copy_from_slice(gradient.readonly().as_slice()?);
            Ok(())
        })
    }
}

impl LogDensity for Minibatches {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, _: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        grad.fill(0.0);
        Ok(0.0)
    }

    fn is_batched(&self) -> bool {
        true
    }

    fn estimate(&self, x: &[f64], draws: &[Stream], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        let Ok(mut indices) = try_zeroed(draws.len() * self.batch) else {
            out.fill(Err(DensityError::Failed));
            return;
        };
        for (draws, indices) in draws.iter().zip(indices.chunks_exact_mut(self.batch)) {
            choose(*draws, self.n_data as u64, indices);
        }
        out.fill(Ok(0.0));
        if let Err(error) = self.call(x, &indices, grad) {
            out.fill(Err(DensityError::Failed));
            *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    fn work(&self) -> usize {
        // A call into the interpreter, and the choice.
        20_000 + 50 * self.batch
    }
}
