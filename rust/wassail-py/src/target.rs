//! Log-densities: of the core, behind a C function pointer, or a batched Python callable.
#![allow(unsafe_code)]

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};
use wassail_core::sampling::targets::{DenseGaussian, DiagonalGaussian};
use wassail_core::sampling::{DensityError, LogDensity};

/// A log-density with its gradient.
#[pyclass(frozen, module = "wassail._core")]
pub struct Target {
    density: Arc<dyn LogDensity>,
    /// What the user's function raised.
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl Target {
    fn new(density: impl LogDensity + 'static) -> Self {
        Self { density: Arc::new(density), raised: Arc::default() }
    }

    /// As the core sees it.
    pub fn density(&self) -> Arc<dyn LogDensity> {
        Arc::clone(&self.density)
    }

    /// Takes the exception that stopped a run.
    pub fn take_raised(&self) -> Option<PyErr> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl Target {
    /// N(mean, diag(precision)⁻¹).
    #[staticmethod]
    fn diagonal_gaussian(mean: Vec<f64>, precision: Vec<f64>) -> PyResult<Self> {
        if mean.is_empty() || mean.len() != precision.len() {
            return Err(PyValueError::new_err("mean and precision do not fit"));
        }
        Ok(Self::new(DiagonalGaussian { mean, precision }))
    }

    /// N(mean, precision⁻¹), the precision row by row.
    #[staticmethod]
    fn dense_gaussian(mean: Vec<f64>, precision: Vec<f64>) -> PyResult<Self> {
        if mean.is_empty() || mean.len() * mean.len() != precision.len() {
            return Err(PyValueError::new_err("mean and precision do not fit"));
        }
        Ok(Self::new(DenseGaussian { mean, precision }))
    }

    /// `function(X) -> (logp, grad)`, arrays of shapes (n, dim), (n,) and (n, dim).
    #[staticmethod]
    fn from_callable(function: Py<PyAny>, dim: usize) -> Self {
        let raised = Arc::default();
        let density = Callable { function, dim, raised: Arc::clone(&raised) };
        Self { density: Arc::new(density), raised }
    }

    /// Address of an `int (size_t dim, const double *x, double *grad, double *logp, void *user)`, and of its user data.
    /// `keep` is kept alive as long as the target.
    #[staticmethod]
    fn from_pointer(address: usize, user: usize, dim: usize, keep: Py<PyAny>) -> PyResult<Self> {
        if address == 0 || dim == 0 {
            return Err(PyValueError::new_err("a null pointer, or no dimension"));
        }
        // SAFETY: the caller vouches for the address being a function of this type, safe to call from any thread.
        let function = unsafe { std::mem::transmute::<usize, Function>(address) };
        Ok(Self::new(Pointer { function, user, dim, _keep: keep }))
    }

    /// Dimension.
    #[getter]
    fn dim(&self) -> usize {
        self.density.dim()
    }
}

type Function = unsafe extern "C" fn(usize, *const f64, *mut f64, *mut f64, *mut c_void) -> c_int;

struct Pointer {
    function: Function,
    user: usize,
    dim: usize,
    _keep: Py<PyAny>,
}

impl LogDensity for Pointer {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let mut logp = f64::NAN;
        assert!(x.len() == self.dim && grad.len() == self.dim, "points have the dimension of the target");
        // SAFETY: both arrays have `dim` entries; the user data live as long as what is kept.
        let code = unsafe {
            (self.function)(self.dim, x.as_ptr(), grad.as_mut_ptr(), &raw mut logp, self.user as *mut c_void)
        };
        match code {
            0 => Ok(logp),
            1.. => Err(DensityError::Recoverable),
            _ => Err(DensityError::Failed),
        }
    }

    fn work(&self) -> usize {
        self.dim.max(100)
    }
}

struct Callable {
    function: Py<PyAny>,
    dim: usize,
    raised: Arc<Mutex<Option<PyErr>>>,
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
