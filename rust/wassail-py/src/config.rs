//! Threads, CPU level, memory, and the scalar functions for tests.

use crate::arrays::vector;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use wassail_core::numeric::exp::exp_slice;
use wassail_core::numeric::isa::level;
use wassail_core::numeric::log::ln_slice;
use wassail_core::{memory, parallel};

/// CPU level in use.
#[pyfunction]
pub fn isa() -> &'static str {
    level().name()
}

/// Sets the default number of threads; 0 resets.
#[pyfunction]
pub fn set_num_threads(n: usize) {
    parallel::set_num_threads(n);
}

/// Default number of threads.
#[pyfunction]
pub fn get_num_threads() -> usize {
    parallel::num_threads()
}

/// Bytes that may still be allocated.
#[pyfunction]
pub fn memory_limit() -> u64 {
    memory::available()
}

macro_rules! elementwise {
    ($($name:ident, $t:ty, $f:ident;)*) => {$(
        /// The function of each element.
        #[pyfunction]
        pub fn $name<'py>(py: Python<'py>, x: PyReadonlyArray1<'py, $t>) -> PyResult<Bound<'py, PyArray1<$t>>> {
            let mut out = x.as_slice()?.to_vec();
            $f(&mut out);
            Ok(vector(py, out))
        }
    )*};
}

elementwise! {
    exp_f64, f64, exp_slice;
    log_f64, f64, ln_slice;
    exp_f32, f32, exp_slice;
    log_f32, f32, ln_slice;
}
