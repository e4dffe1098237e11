//! Stan models by the C interface of `BridgeStan`, called without the interpreter.
#![allow(unsafe_code)]

use pyo3::prelude::*;
use std::ffi::{c_char, c_int, c_void};
use std::sync::{Mutex, PoisonError};
use wassail_core::sampling::{DensityError, LogDensity};

/// `bs_log_density_gradient`: (model, propto, jacobian, x, value, grad, error message).
type Gradient =
    unsafe extern "C" fn(*const c_void, bool, bool, *const f64, *mut f64, *mut f64, *mut *mut c_char) -> c_int;
/// `bs_free_error_msg`.
type Free = unsafe extern "C" fn(*mut c_char);

/// A model with its data.
pub struct Stan {
    gradient: Gradient,
    free: Free,
    model: usize,
    dim: usize,
    jacobian: bool,
    /// Held during a call where the model was compiled for one thread.
    alone: Option<Mutex<()>>,
    _keep: Py<PyAny>,
}

impl Stan {
    /// The caller vouches for the addresses (gradient, free, model) as long as `keep` lives.
    pub fn new(
        addresses: (usize, usize, usize),
        dim: usize,
        jacobian: bool,
        threaded: bool,
        keep: Py<PyAny>,
    ) -> Option<Self> {
        let (gradient, free, model) = addresses;
        if gradient == 0 || free == 0 || model == 0 || dim == 0 {
            return None;
        }
        // SAFETY: see above; the address is not null.
        let gradient = unsafe { std::mem::transmute::<usize, Gradient>(gradient) };
        // SAFETY: as above.
        let free = unsafe { std::mem::transmute::<usize, Free>(free) };
        Some(Self { gradient, free, model, dim, jacobian, alone: (!threaded).then(Mutex::default), _keep: keep })
    }
}

impl LogDensity for Stan {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        assert!(x.len() == self.dim && grad.len() == self.dim, "points have the dimension of the target");
        let mut logp = f64::NAN;
        let mut message = std::ptr::null_mut();
        let _guard = self.alone.as_ref().map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
        // SAFETY: both arrays have `dim` entries, the model lives as long as what is kept.
        let code = unsafe {
            (self.gradient)(
                self.model as *const c_void,
                true,
                self.jacobian,
                x.as_ptr(),
                &raw mut logp,
                grad.as_mut_ptr(),
                &raw mut message,
            )
        };
        if !message.is_null() {
            // SAFETY: the library made the message and takes it back.
            unsafe { (self.free)(message) };
        }
        // Stan throws where a parameter leaves its domain: the point is rejected.
        if code == 0 { Ok(logp) } else { Err(DensityError::Recoverable) }
    }

    fn work(&self) -> usize {
        self.dim.max(1000)
    }
}
