//! Densities behind C function pointers, called without the interpreter.
#![allow(unsafe_code)]

use pyo3::prelude::*;
use std::ffi::{c_int, c_void};
use wassail_core::sampling::{DensityError, LogDensity};

/// (dim, x, grad, logp, user).
pub type Function = unsafe extern "C" fn(usize, *const f64, *mut f64, *mut f64, *mut c_void) -> c_int;
/// (n, dim, X, G, logp, user).
pub type Batched = unsafe extern "C" fn(usize, usize, *const f64, *mut f64, *mut f64, *mut c_void) -> c_int;

/// Points that a batched function gets at most: a register or two of chains, and many threads that call it at once.
const TOGETHER: usize = 16;

/// What the address points to.
enum Entry {
    Single(Function),
    Batched(Batched),
}

/// A C function with its user data.
pub struct Pointer {
    entry: Entry,
    user: usize,
    dim: usize,
    _keep: Py<PyAny>,
}

/// What a return code says.
fn status(code: c_int) -> Result<(), DensityError> {
    match code {
        0 => Ok(()),
        1.. => Err(DensityError::Recoverable),
        _ => Err(DensityError::Failed),
    }
}

impl Pointer {
    /// The caller vouches for the address being a function of the type, safe to call from any thread as long as `keep` lives.
    pub fn new(address: usize, user: usize, dim: usize, batched: bool, keep: Py<PyAny>) -> Option<Self> {
        if address == 0 || dim == 0 {
            return None;
        }
        let entry = if batched {
            // SAFETY: see above; the address is not null.
            Entry::Batched(unsafe { std::mem::transmute::<usize, Batched>(address) })
        } else {
            // SAFETY: as above.
            Entry::Single(unsafe { std::mem::transmute::<usize, Function>(address) })
        };
        Some(Self { entry, user, dim, _keep: keep })
    }

    fn single(&self, function: Function, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let mut logp = f64::NAN;
        assert!(x.len() == self.dim && grad.len() == self.dim, "points have the dimension of the target");
        // SAFETY: both arrays have `dim` entries; the user data live as long as what is kept.
        let code =
            unsafe { function(self.dim, x.as_ptr(), grad.as_mut_ptr(), &raw mut logp, self.user as *mut c_void) };
        status(code).map(|()| logp)
    }

    fn together(&self, function: Batched, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        let d = self.dim;
        assert!(x.len() == out.len() * d && grad.len() == x.len(), "points have the dimension of the target");
        let pieces = x.chunks(TOGETHER * d).zip(grad.chunks_mut(TOGETHER * d)).zip(out.chunks_mut(TOGETHER));
        for ((x, grad), out) in pieces {
            let mut logp = [f64::NAN; TOGETHER];
            // SAFETY: X and G have n · d entries, logp has at least n; the user data live as long as what is kept.
            let code = unsafe {
                function(out.len(), d, x.as_ptr(), grad.as_mut_ptr(), logp.as_mut_ptr(), self.user as *mut c_void)
            };
            for (out, logp) in out.iter_mut().zip(logp) {
                *out = status(code).map(|()| logp);
            }
        }
    }
}

impl LogDensity for Pointer {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        match self.entry {
            Entry::Single(function) => self.single(function, x, grad),
            Entry::Batched(function) => {
                let mut out = [Ok(0.0)];
                self.together(function, x, grad, &mut out);
                out[0]
            }
        }
    }

    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        match self.entry {
            Entry::Batched(function) => self.together(function, x, grad, out),
            Entry::Single(function) => {
                let points = x.chunks_exact(self.dim).zip(grad.chunks_exact_mut(self.dim)).zip(out);
                points.for_each(|((x, grad), out)| *out = self.single(function, x, grad));
            }
        }
    }

    fn group(&self, chains: usize) -> usize {
        match self.entry {
            Entry::Single(_) => 1,
            Entry::Batched(_) => (chains / 4).clamp(1, TOGETHER),
        }
    }

    fn work(&self) -> usize {
        self.dim.max(100)
    }
}
