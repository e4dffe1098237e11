//! Log-densities: of the core, behind C function pointers, or batched Python callables.

mod callable;
mod pointer;
mod stan;

use crate::enter::{Hooks, enter};
use crate::errors::{own, raised};
use crate::minibatch::Minibatches;
use crate::ot::{Arg, Array};
use callable::{Callable, Raised};
use numpy::{PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pointer::Pointer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use stan::Stan;
use std::sync::{Arc, PoisonError};
use wassail_core::error::try_zeroed;
use wassail_core::numeric::aligned::Aligned;
use wassail_core::parallel::map_chunks;
use wassail_core::sampling::targets::{
    Affine, BandedGaussian, Csr, DenseGaussian, DenseMixture, Design, DiagonalGaussian, DiagonalMixture, Dirichlet,
    ElasticNet, Factor, Family, Funnel, Panels, Phi4, Regression, Rosenbrock, SparseGaussian, Student, StudentProduct,
    Sum, Symmetric, Transformed, Truncated,
};
use wassail_core::sampling::{DensityError, LogDensity};

/// A log-density with its gradient.
#[pyclass(frozen, module = "wassail._core")]
pub struct Target {
    density: Arc<dyn LogDensity>,
    /// What the user's functions raised.
    raised: Vec<Raised>,
}

/// indptr, indices, data.
type Sparse<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>, Arg<'py>);

/// Rows that are evaluated together.
const ROWS: usize = 64;

impl Target {
    fn new(density: impl LogDensity + 'static) -> Self {
        Self { density: Arc::new(density), raised: Vec::new() }
    }

    /// A density made of this one.
    fn around(&self, density: impl LogDensity + 'static) -> Self {
        Self { density: Arc::new(density), raised: self.raised.clone() }
    }

    /// As the core sees it.
    pub fn density(&self) -> Arc<dyn LogDensity> {
        Arc::clone(&self.density)
    }

    /// Whether functions of Python are called.
    pub fn calls_python(&self) -> bool {
        !self.raised.is_empty()
    }

    /// Takes the exception that stopped a run.
    pub fn take_raised(&self) -> Option<PyErr> {
        self.raised.iter().find_map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// The core indexes by these lengths.
fn fit(fits: bool) -> PyResult<()> {
    if fits { Ok(()) } else { Err(PyValueError::new_err("parameters do not fit together")) }
}

fn copy(values: &Arg<'_>) -> PyResult<Vec<f64>> {
    Ok(values.as_slice()?.to_vec())
}

fn aligned(values: &Arg<'_>) -> PyResult<Aligned<f64>> {
    Aligned::of(values.as_slice()?).map_err(|e| raised(&e))
}

fn csr(given: &Sparse<'_>, columns: usize) -> PyResult<Csr> {
    let matrix = Csr::new(given.0.as_slice()?, given.1.as_slice()?, given.2.as_slice()?, columns);
    matrix.ok_or_else(|| PyValueError::new_err("no sparse matrix"))
}

#[pymethods]
impl Target {
    /// N(mean, diag(precision)⁻¹).
    #[staticmethod]
    fn diagonal_gaussian(mean: Arg<'_>, precision: Arg<'_>) -> PyResult<Self> {
        let (mean, precision) = (aligned(&mean)?, aligned(&precision)?);
        fit(!mean.is_empty() && mean.len() == precision.len())?;
        Ok(Self::new(DiagonalGaussian { mean, precision }))
    }

    /// N(mean, precision⁻¹), the precision row by row.
    #[staticmethod]
    fn dense_gaussian(mean: Arg<'_>, precision: Arg<'_>) -> PyResult<Self> {
        let (mean, full) = (copy(&mean)?, precision.as_slice()?);
        fit(!mean.is_empty() && mean.len() * mean.len() == full.len())?;
        let precision = Symmetric::new(full, mean.len());
        Ok(Self::new(DenseGaussian { mean, precision }))
    }

    /// N(mean, precision⁻¹).
    #[staticmethod]
    fn sparse_gaussian(mean: Arg<'_>, precision: Sparse<'_>) -> PyResult<Self> {
        let mean = copy(&mean)?;
        let precision = csr(&precision, mean.len())?;
        fit(!mean.is_empty() && precision.rows() == mean.len())?;
        Ok(Self::new(SparseGaussian { mean, precision }))
    }

    /// N(mean, precision⁻¹), bands[k, i] = precision[i + k, i].
    #[staticmethod]
    fn banded_gaussian(mean: Arg<'_>, bands: PyReadonlyArray2<'_, f64>) -> PyResult<Self> {
        let (mean, shape) = (copy(&mean)?, bands.shape());
        fit(!mean.is_empty() && shape[1] == mean.len() && shape[0] <= mean.len() && shape[0] > 0)?;
        Ok(Self::new(BandedGaussian { bands: bands.as_slice()?.to_vec(), mean }))
    }

    /// Means and precisions (components, d), or precisions (components, d, d).
    #[staticmethod]
    fn gaussian_mixture(logs: Arg<'_>, means: Arg<'_>, precisions: Arg<'_>, full: bool) -> PyResult<Self> {
        let (logs, means, precisions) = (copy(&logs)?, copy(&means)?, precisions.as_slice()?);
        fit(!logs.is_empty() && !means.is_empty() && means.len().is_multiple_of(logs.len()))?;
        let dim = means.len() / logs.len();
        let size = if full { dim * dim } else { dim };
        fit(precisions.len() == size * logs.len())?;
        if !full {
            return Ok(Self::new(DiagonalMixture { dim, logs, means, precisions: precisions.to_vec() }));
        }
        let precisions = precisions.chunks_exact(size).map(|full| Symmetric::new(full, dim)).collect();
        Ok(Self::new(DenseMixture { logs, means, precisions }))
    }

    /// The law whose quadratic form is that of a Gaussian.
    #[staticmethod]
    fn student(gaussian: &Target, freedom: f64) -> Self {
        gaussian.around(Student { gaussian: Arc::clone(&gaussian.density), freedom })
    }

    /// Independent coordinates.
    #[staticmethod]
    fn student_product(location: Arg<'_>, rate: Arg<'_>, freedom: f64) -> PyResult<Self> {
        let (location, rate) = (copy(&location)?, copy(&rate)?);
        fit(!location.is_empty() && location.len() == rate.len())?;
        Ok(Self::new(StudentProduct { location, rate, freedom }))
    }

    /// −Σ absolute |x − center| − ½ Σ square (x − center)².
    #[staticmethod]
    fn elastic_net(center: Arg<'_>, absolute: Arg<'_>, square: Arg<'_>) -> PyResult<Self> {
        let (center, absolute, square) = (copy(&center)?, copy(&absolute)?, copy(&square)?);
        fit(!center.is_empty() && center.len() == absolute.len() && center.len() == square.len())?;
        Ok(Self::new(ElasticNet { center, absolute, square }))
    }

    /// Family: 0 logistic, 1 Poisson, 2 linear of a precision. The design is (n, p), or its rows; the prior is (absolute, square).
    #[staticmethod]
    fn regression(
        design: Bound<'_, PyAny>,
        family: (usize, f64),
        observed: Arg<'_>,
        offset: Arg<'_>,
        prior: (Arg<'_>, Arg<'_>),
    ) -> PyResult<Self> {
        let (absolute, square) = (copy(&prior.0)?, copy(&prior.1)?);
        let p = absolute.len();
        let prior = ElasticNet { center: vec![0.0; p], absolute, square };
        let family = match family {
            (0, _) => Family::Logistic,
            (1, _) => Family::Poisson,
            (_, precision) => Family::Linear(precision),
        };
        let design = if let Ok(dense) = design.extract::<PyReadonlyArray2<'_, f64>>() {
            fit(p > 0 && dense.shape()[1] == p)?;
            let panels = Panels::new(dense.as_slice()?, p);
            (dense.shape()[0], Design::Dense(panels.map_err(|e| raised(&e))?))
        } else {
            let matrix = csr(&design.extract::<Sparse<'_>>()?, p)?;
            (matrix.rows(), Design::Sparse(matrix))
        };
        let (observed, offset) = (copy(&observed)?, copy(&offset)?);
        fit(prior.square.len() == p && p > 0 && observed.len() == design.0 && offset.len() == design.0)?;
        Ok(Self::new(Regression::new(design.1, family, prior, observed, offset)))
    }

    /// In logarithms of ratios to the last share.
    #[staticmethod]
    fn dirichlet(concentration: Arg<'_>) -> PyResult<Self> {
        let concentration = copy(&concentration)?;
        fit(concentration.len() > 1)?;
        let total = concentration.iter().sum();
        Ok(Self::new(Dirichlet { concentration, total }))
    }

    /// Neal's funnel.
    #[staticmethod]
    fn funnel(dim: usize, scale: f64) -> PyResult<Self> {
        fit(dim > 1)?;
        Ok(Self::new(Funnel { dim, scale }))
    }

    /// Pairs of a bent valley.
    #[staticmethod]
    fn rosenbrock(dim: usize, variance: f64) -> PyResult<Self> {
        fit(dim > 0 && dim.is_multiple_of(2))?;
        Ok(Self::new(Rosenbrock { dim, variance }))
    }

    /// The field of a periodic lattice.
    #[staticmethod]
    fn phi4(shape: (usize, usize), mass: f64, coupling: f64) -> PyResult<Self> {
        fit(shape.0 > 0 && shape.1 > 0)?;
        Ok(Self::new(Phi4 { shape, mass, coupling }))
    }

    /// The sum of log-densities.
    #[staticmethod]
    fn sum(parts: Vec<PyRef<'_, Target>>) -> PyResult<Self> {
        let first = parts.first().ok_or_else(|| PyValueError::new_err("no parts"))?.density.dim();
        fit(parts.iter().all(|part| part.density.dim() == first))?;
        let raised = parts.iter().flat_map(|part| part.raised.clone()).collect();
        let parts = parts.iter().map(|part| Arc::clone(&part.density)).collect();
        Ok(Self { density: Arc::new(Sum { parts }), raised })
    }

    /// In coordinates z of x = shift + factor z, the factor a diagonal or a matrix row by row.
    #[staticmethod]
    fn affine(inner: &Target, shift: Arg<'_>, factor: Arg<'_>) -> PyResult<Self> {
        let (shift, factor) = (copy(&shift)?, copy(&factor)?);
        let d = inner.density.dim();
        fit(shift.len() == d && (factor.len() == d || factor.len() == d * d))?;
        let factor = if factor.len() == d { Factor::Diagonal(factor) } else { Factor::Dense(factor) };
        Ok(inner.around(Affine { inner: Arc::clone(&inner.density), shift, factor }))
    }

    /// Zero outside of a box.
    #[staticmethod]
    fn truncated(inner: &Target, lower: Arg<'_>, upper: Arg<'_>) -> PyResult<Self> {
        let (lower, upper) = (copy(&lower)?, copy(&upper)?);
        let d = inner.density.dim();
        fit(lower.len() == d && upper.len() == d)?;
        Ok(inner.around(Truncated { inner: Arc::clone(&inner.density), lower, upper }))
    }

    /// A box stretched over the whole space.
    #[staticmethod]
    fn transformed(inner: &Target, lower: Arg<'_>, upper: Arg<'_>) -> PyResult<Self> {
        let d = inner.density.dim();
        let (lower, upper) = (lower.as_slice()?, upper.as_slice()?);
        fit(lower.len() == d && upper.len() == d)?;
        let density = Transformed::new(Arc::clone(&inner.density), lower, upper);
        Ok(inner.around(density))
    }

    /// `function(X) -> (logp, grad)`, arrays of shapes (n, dim), (n,) and (n, dim).
    #[staticmethod]
    fn from_callable(function: Py<PyAny>, dim: usize) -> Self {
        let raised = Raised::default();
        let density = Callable { function, dim, raised: Arc::clone(&raised) };
        Self { density: Arc::new(density), raised: vec![raised] }
    }

    /// `function(X, indices) -> grad`, of shapes (n, dim), (n, batch) and (n, dim), the gradient estimated from data `indices`.
    #[staticmethod]
    fn from_minibatches(function: Py<PyAny>, dim: usize, n_data: usize, batch: usize) -> PyResult<Self> {
        fit(dim > 0 && batch > 0 && batch <= n_data)?;
        let raised = Raised::default();
        let density = Minibatches { function, dim, n_data, batch, raised: Arc::clone(&raised) };
        Ok(Self { density: Arc::new(density), raised: vec![raised] })
    }

    /// Address of an `int (size_t dim, const double *x, double *grad, double *logp, void *user)`, or of an
    /// `int (size_t n, size_t dim, const double *X, double *G, double *logp, void *user)`, and of its user data.
    /// `keep` is kept alive as long as the target.
    #[staticmethod]
    fn from_pointer(address: usize, user: usize, dim: usize, batched: bool, keep: Py<PyAny>) -> PyResult<Self> {
        let pointer = Pointer::new(address, user, dim, batched, keep);
        Ok(Self::new(pointer.ok_or_else(|| PyValueError::new_err("a null pointer, or no dimension"))?))
    }

    /// Addresses of `bs_log_density_gradient`, `bs_free_error_msg` and a model of `BridgeStan`.
    #[staticmethod]
    fn from_stan(
        addresses: (usize, usize, usize),
        dim: usize,
        jacobian: bool,
        threaded: bool,
        keep: Py<PyAny>,
    ) -> PyResult<Self> {
        let model = Stan::new(addresses, dim, jacobian, threaded, keep);
        Ok(Self::new(model.ok_or_else(|| PyValueError::new_err("a null pointer, or no dimension"))?))
    }

    /// Dimension.
    #[getter]
    fn dim(&self) -> usize {
        self.density.dim()
    }

    /// Log-densities and gradients of points (n, dim): −inf outside the support, NaN where the density failed.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        points: PyReadonlyArray2<'py, f64>,
        n_threads: usize,
    ) -> PyResult<(Array<'py>, Bound<'py, PyArray2<f64>>)> {
        let (n, d) = (points.shape()[0], self.density.dim());
        fit(points.shape()[1] == d)?;
        let points = points.as_slice()?;
        let work = n.saturating_mul(self.density.work());
        let rows = if self.density.is_batched() { n.max(1) } else { ROWS };
        let (logp, grad) = enter(py, work, n_threads, &Hooks::default(), |monitor| {
            let (mut logp, mut grad) = (try_zeroed(n)?, try_zeroed(n * d)?);
            let parts = points.chunks(rows * d).zip(grad.chunks_mut(rows * d)).zip(logp.chunks_mut(rows));
            map_chunks(parts.collect(), monitor, |((x, grad), logp): ((&[f64], &mut [f64]), &mut [f64])| {
                evaluate(&*self.density, x, grad, logp);
                Ok(())
            })?;
            Ok((logp, grad))
        })?;
        if let Some(error) = self.take_raised() {
            return Err(error);
        }
        if logp.contains(&f64::INFINITY) {
            return Err(own(py, "DensityError", "the log-density gave up"));
        }
        Ok((crate::arrays::vector(py, logp), crate::arrays::matrix(py, grad, n, d)?))
    }
}

/// A failure for good is written as inf, which no log-density returns.
fn evaluate(density: &dyn LogDensity, x: &[f64], grad: &mut [f64], logp: &mut [f64]) {
    let mut out = vec![Ok(0.0); logp.len()];
    density.batch(x, grad, &mut out);
    for (value, out) in logp.iter_mut().zip(out) {
        *value = match out {
            Ok(f64::INFINITY) | Err(DensityError::Recoverable) => f64::NAN,
            Ok(value) => value,
            Err(DensityError::OutsideSupport) => f64::NEG_INFINITY,
            Err(DensityError::Failed) => f64::INFINITY,
        };
    }
}
