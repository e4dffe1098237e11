//! Reproducing kernels and their tables.

use crate::arrays::{matrix, vector};
use crate::callable::Callable;
use crate::enter::{Hooks, enter};
use crate::points::Points;
use numpy::{Element, PyArray1, PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::kernel::{
    Cloud, Composed, Folded, Gaussian, Inner, Isotropic, Kernel as Core, Manhattan, Matern, Metric, Mixture,
    Multiquadric, Orbit, Profile, Radial, Real, Riesz, Sinc, Sobolev, Spline, Stein, center, diagonal, gram_in,
};

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

    /// (1 + |x − y|²/(2αℓ²))^(−α).
    #[staticmethod]
    fn rational(lengthscale: f64, alpha: f64) -> Self {
        Self::radial(Multiquadric::rational(lengthscale, alpha))
    }

    /// Matérn of order ν = p + ½.
    #[staticmethod]
    fn matern(lengthscale: f64, order: usize) -> Self {
        Self::radial(Matern::new(lengthscale, order))
    }

    /// exp(−|x − y|₁/ℓ).
    #[staticmethod]
    fn manhattan(lengthscale: f64) -> Self {
        Self::plain(Folded(Manhattan::new(lengthscale)))
    }

    /// Π sin(θ(x_k − y_k)) / (θ(x_k − y_k)).
    #[staticmethod]
    fn sinc(theta: f64) -> Self {
        Self::plain(Folded(Sinc::new(theta)))
    }

    /// Π B(γ(x_k − y_k)) / B(0), B of degree 2β + 1.
    #[staticmethod]
    fn spline(order: usize, scale: f64) -> Self {
        Self::plain(Folded(Spline::new(order, scale)))
    }

    /// The centered periodic kernel of s derivatives.
    #[staticmethod]
    fn sobolev(smoothness: usize, period: f64) -> Self {
        Self::plain(Folded(Sobolev::new(smoothness, period)))
    }

    /// |x|^β + |y|^β − |x − y|^β.
    #[staticmethod]
    fn riesz(exponent: f64) -> Self {
        Self::plain(Folded(Riesz::new(exponent)))
    }

    /// (γ x·y + c)^p.
    #[staticmethod]
    fn inner(scale: f64, offset: f64, degree: usize) -> Self {
        Self::plain(Folded(Inner::new(scale, offset, degree)))
    }

    /// f(X, Y), which checks what it returns.
    #[staticmethod]
    fn callable(function: Py<PyAny>) -> Self {
        Self::plain(Callable::new(function))
    }

    /// Σ w k.
    #[staticmethod]
    fn sum(kernels: Vec<PyRef<'_, Kernel>>, weights: Vec<f64>) -> PyResult<Self> {
        if kernels.is_empty() || kernels.len() != weights.len() {
            return Err(PyValueError::new_err("a sum needs kernels, and as many weights"));
        }
        let radial: Option<Vec<_>> = kernels.iter().map(|k| k.radial.clone()).collect();
        if let Some(radial) = radial {
            let kernel = Arc::new(Mixture::new(weights.into_iter().zip(radial).collect()));
            return Ok(Self { core: kernel.clone(), radial: Some(kernel) });
        }
        Ok(Self::plain(Composed::sum(weights.into_iter().zip(kernels.iter().map(|k| k.core.clone())).collect())))
    }

    /// Π k.
    #[staticmethod]
    fn product(kernels: Vec<PyRef<'_, Kernel>>) -> PyResult<Self> {
        if kernels.is_empty() {
            return Err(PyValueError::new_err("a product needs kernels"));
        }
        Ok(Self::plain(Composed::product(kernels.iter().map(|k| k.core.clone()).collect())))
    }

    /// k(x_i, x_i).
    fn diagonal<'py>(&self, py: Python<'py>, x: Points<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let d = x.shape().1;
        let x = x.coordinates()?;
        let values = enter(py, 0, 1, &Hooks::default(), |monitor| diagonal(self.core(), x, d, monitor))?;
        Ok(vector(py, values))
    }

    /// Largest error of a value in f32 between these points, infinite where there is no bound.
    fn bound_f32(&self, py: Python<'_>, x: Points<'_>) -> PyResult<f64> {
        let (n, d) = x.shape();
        let x = x.coordinates()?;
        enter(py, 0, 1, &Hooks::default(), |_| {
            let cloud = Cloud::<f64>::new(self.core(), x, d, &center(x, d)?, 0..n)?;
            Ok(self.core().bound_f32(d, &cloud.reach()?))
        })
    }

    /// Whether Stein kernels can be built upon it.
    #[getter]
    fn is_smooth(&self) -> bool {
        self.radial.as_ref().is_some_and(|r| r.is_smooth())
    }

    /// Whether it is a function of the distance.
    #[getter]
    fn is_radial(&self) -> bool {
        self.radial.is_some()
    }

    /// Its average over a group of maps, (|G| d, d), the identity first.
    fn orbit(&self, maps: PyReadonlyArray2<'_, f64>) -> PyResult<Self> {
        let dim = maps.shape()[1];
        if dim == 0 || maps.shape()[0] == 0 || maps.shape()[0] % dim != 0 {
            return Err(PyValueError::new_err("the maps are not square"));
        }
        Ok(Self::plain(Orbit::new(self.core.clone(), dim, maps.as_slice()?.to_vec())))
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
    table(py, kernel, &x, &y, n_threads)
}

/// The same, computed in f32.
#[pyfunction]
pub fn kernel_gram_f32<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    y: Points<'py>,
    n_threads: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    table(py, kernel, &x, &y, n_threads)
}

fn table<'py, T: Real + Element>(
    py: Python<'py>,
    kernel: &Kernel,
    x: &Points<'py>,
    y: &Points<'py>,
    n_threads: usize,
) -> PyResult<Bound<'py, PyArray2<T>>> {
    let ((n, d), (m, dy)) = (x.shape(), y.shape());
    if n == 0 || m == 0 || d == 0 || d != dy {
        return Err(PyValueError::new_err("points do not fit"));
    }
    let (x, y) = (x.coordinates()?, y.coordinates()?);
    let work = n.saturating_mul(m).saturating_mul(kernel.core().work(d));
    let values =
        enter(py, work, n_threads, &Hooks::default(), |monitor| gram_in::<T>(kernel.core(), x, y, d, monitor))?;
    matrix(py, values, n, m)
}
