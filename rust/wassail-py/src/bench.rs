//! Measurements of single kernels; seconds are returned.

use crate::enter::{Hooks, enter};
use crate::geometry::Geometry;
use crate::kernel::Kernel;
use crate::target::Target;
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::error::Result as CoreResult;
use wassail_core::monitor::Monitor;
use wassail_core::probe;

fn timed(py: Python<'_>, n_threads: usize, job: impl FnOnce(&dyn Monitor) -> CoreResult<f64> + Send) -> PyResult<f64> {
    enter(py, usize::MAX, n_threads, &Hooks::default(), job)
}

/// `repeats` exponentials of n elements on each thread.
#[pyfunction]
pub fn bench_exp(py: Python<'_>, n: usize, repeats: usize, float32: bool, n_threads: usize) -> PyResult<f64> {
    timed(py, n_threads, |monitor| {
        Ok(if float32 { probe::exp::<f32>(n, repeats, monitor) } else { probe::exp::<f64>(n, repeats, monitor) })
    })
}

/// `repeats` times n multiply-adds on each thread.
#[pyfunction]
pub fn bench_fma(py: Python<'_>, n: usize, repeats: usize, float32: bool, n_threads: usize) -> PyResult<f64> {
    timed(py, n_threads, |_| Ok(if float32 { probe::fma::<f32>(n, repeats) } else { probe::fma::<f64>(n, repeats) }))
}

/// `repeats` gradients of points (n, d) on each thread, together or one by one.
#[pyfunction]
pub fn bench_gradient(
    py: Python<'_>,
    target: &Target,
    points: PyReadonlyArray2<'_, f64>,
    repeats: usize,
    together: bool,
    n_threads: usize,
) -> PyResult<f64> {
    let density = target.density();
    if points.shape()[1] != density.dim() {
        return Err(PyValueError::new_err("points do not have the dimension of the target"));
    }
    let points = points.as_slice()?;
    timed(py, n_threads, |monitor| Ok(probe::gradient(&*density, points, repeats, together, monitor)))
}

/// `repeats` times n standard normals on each thread.
#[pyfunction]
pub fn bench_normals(py: Python<'_>, n: usize, repeats: usize, n_threads: usize) -> PyResult<f64> {
    timed(py, n_threads, |monitor| Ok(probe::normals(n, repeats, monitor)))
}

/// `repeats` sums over memory that all threads share.
#[pyfunction]
pub fn bench_read(py: Python<'_>, nbytes: usize, repeats: usize, n_threads: usize) -> PyResult<f64> {
    timed(py, n_threads, |monitor| probe::read(nbytes, repeats, monitor))
}

/// `repeats` times an array of n numbers made of four, on each thread.
#[pyfunction]
pub fn bench_streams(py: Python<'_>, n: usize, repeats: usize, n_threads: usize) -> PyResult<f64> {
    timed(py, n_threads, |monitor| probe::streams(n, repeats, monitor))
}

/// `repeats` tables of n × n distances that all threads share.
#[pyfunction]
pub fn bench_distance(
    py: Python<'_>,
    n: usize,
    d: usize,
    repeats: usize,
    float32: bool,
    n_threads: usize,
) -> PyResult<f64> {
    timed(py, n_threads, |monitor| {
        if float32 {
            probe::distance::<f32>(n, d, repeats, monitor)
        } else {
            probe::distance::<f64>(n, d, repeats, monitor)
        }
    })
}

/// `repeats` tables of n × n kernel values that all threads share, of points in the unit cube.
#[pyfunction]
pub fn bench_kernel(
    py: Python<'_>,
    kernel: &Kernel,
    n: usize,
    d: usize,
    repeats: usize,
    float32: bool,
    n_threads: usize,
) -> PyResult<f64> {
    timed(py, n_threads, |monitor| {
        if float32 {
            probe::kernel::<f32>(kernel.core(), n, d, repeats, monitor)
        } else {
            probe::kernel::<f64>(kernel.core(), n, d, repeats, monitor)
        }
    })
}

/// `repeats` streamed Sinkhorn sweeps between uniform weights.
#[pyfunction]
pub fn bench_sweep(
    py: Python<'_>,
    geometry: &Geometry,
    epsilon: f64,
    repeats: usize,
    float32: bool,
    n_threads: usize,
) -> PyResult<f64> {
    timed(py, n_threads, |monitor| {
        let view = geometry.view();
        if float32 {
            probe::sweep::<f32>(view.cost(), epsilon, repeats, monitor)
        } else {
            probe::sweep::<f64>(view.cost(), epsilon, repeats, monitor)
        }
    })
}
