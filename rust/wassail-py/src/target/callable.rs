//! Densities that are functions of Python, called once for all chains.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use wassail_core::sampling::{DensityError, LogDensity};

/// What a function raised.
pub type Raised = Arc<Mutex<Option<PyErr>>>;

/// `function(X) -> (logp, grad)`, arrays of shapes (n, dim), (n,) and (n, dim).
pub struct Callable {
    /// The function.
    pub function: Py<PyAny>,
    /// Its dimension.
    pub dim: usize,
    /// Where its exception goes.
    pub raised: Raised,
}

impl Callable {
    fn call(&self, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) -> PyResult<()> {
        Python::attach(|py| {
            let points = PyArray1::from_slice(py, x).reshape([out.len(), self.dim])?;
            let answer = self.function.bind(py).call1((points,))?;
            let (logp, gradient): (Bound<'_, PyArray1<f64>>, Bound<'_, PyArray2<f64>>) = answer.extract()?;
            if logp.len() != out.len() || gradient.shape() != [out.len(), self.dim] {
                return Err(PyValueError::new_err("shapes do not fit"));
            }
            grad.copy_from_slice(gradient.readonly().as_slice()?);
            for (out, &value) in out.iter_mut().zip(logp.readonly().as_slice()?) {
                *out = Ok(value);
            }
            Ok(())
        })
    }
}

impl LogDensity for Callable {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let mut out = [Ok(0.0)];
        self.batch(x, grad, &mut out);
        out[0]
    }

    fn is_batched(&self) -> bool {
        true
    }

    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        if let Err(error) = self.call(x, grad, out) {
            out.fill(Err(DensityError::Failed));
            *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    fn work(&self) -> usize {
        // A call into the interpreter.
        20_000
    }
}
