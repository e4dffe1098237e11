//! Reproducing kernels and their tables.

use crate::arrays::matrix;
use crate::enter::{Hooks, enter};
use crate::points::Points;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::kernel::{Gaussian, Isotropic, Kernel as Core, Metric, Multiquadric, Profile, Radial, Stein, gram};

/// A kernel of the core.
#[pyclass(frozen, module = "wassail._core")]
pub struct Kernel {
    core: Arc<dyn Core>,
    /// The same kernel, if it is radial.
    radial: Option<Arc<dyn Radial>>,
}

impl Kernel {
    /// The kernel as the core sees it.
    pub fn core(&self) -> &dyn Core {
        &*self.core
    }

    fn plain(kernel: impl Core + 'static) -> Self {
        Self { core: Arc::new(kernel), radial: None }
    }

    fn radial(profile: impl Profile) -> Self {
        let kernel = Arc::new(Isotropic(profile));
        Self { core: kernel.clone(), radial: Some(kernel) }
    }
}

#[pymethods]
impl Kernel {
    /// exp(−|x − y|² / (2ℓ²)).
    #[staticmethod]
    fn gaussian(lengthscale: f64) -> Self {
        Self::radial(Gaussian::new(lengthscale))
    }

    /// (c² + |x − y|²/ℓ²)^(−β).
    #[staticmethod]
    fn multiquadric(lengthscale: f64, offset: f64, beta: f64) -> Self {
        Self::radial(Multiquadric::new(lengthscale, offset, beta))
    }

    /// Whether Stein kernels can be built upon it.
    #[getter]
    fn is_smooth(&self) -> bool {
        self.radial.as_ref().is_some_and(|r| r.is_smooth())
    }

    /// The Stein kernel of this base with L = λ I.
    fn stein(&self, scale: f64) -> PyResult<Self> {
        Ok(Self::plain(Stein::new(self.smooth()?, Metric::Scalar(scale))))
    }

    /// The Stein kernel of this base with L = AᵀA.
    fn stein_matrix(&self, root: PyReadonlyArray2<'_, f64>, metric: PyReadonlyArray2<'_, f64>) -> PyResult<Self> {
        if root.shape() != metric.shape() || root.shape()[0] != root.shape()[1] {
            return Err(PyValueError::new_err("the preconditioner is not square"));
        }
        let metric = Metric::Matrix(root.as_slice()?.to_vec(), metric.as_slice()?.to_vec());
        Ok(Self::plain(Stein::new(self.smooth()?, metric)))
    }
}

impl Kernel {
    fn smooth(&self) -> PyResult<Arc<dyn Radial>> {
        let smooth = self.radial.clone().filter(|r| r.is_smooth());
        smooth.ok_or_else(|| PyValueError::new_err("the base of a Stein kernel must be radial and smooth"))
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
