//! Reproducing kernels and their tables.

use crate::arrays::matrix;
use crate::enter::{Hooks, enter};
use crate::points::Points;
use numpy::PyArray2;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::kernel::{Gaussian, Kernel as Core, gram};

/// A kernel of the core.
#[pyclass(frozen, module = "wassail._core")]
pub struct Kernel(Arc<dyn Core>);

impl Kernel {
    /// The kernel as the core sees it.
    pub fn core(&self) -> &dyn Core {
        &*self.0
    }
}

#[pymethods]
impl Kernel {
    /// exp(−|x − y|² / (2ℓ²)).
    #[staticmethod]
    fn gaussian(lengthscale: f64) -> Self {
        Self(Arc::new(Gaussian::new(lengthscale)))
    }
}

/// k(x_i, y_j), (n, m).
#[pyfunction]
pub fn kernel_gram<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    y: Points<'py>,
    n_threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let ((n, d), (m, dy)) = (x.shape(), y.shape());
    if n == 0 || m == 0 || d == 0 || d != dy {
        return Err(PyValueError::new_err("points do not fit"));
    }
    let (x, y) = (x.coordinates()?, y.coordinates()?);
    let work = n.saturating_mul(m).saturating_mul(kernel.core().work(d));
    let values = enter(py, work, n_threads, &Hooks::default(), |monitor| gram(kernel.core(), x, y, d, monitor))?;
    matrix(py, values, n, m)
}
