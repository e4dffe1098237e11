//! Greedy selection of points: herding and Stein thinning.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::kernel::Kernel;
use crate::ot::Arg;
use crate::points::Points;
use numpy::{PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::error::Result;
use wassail_core::monitor::Monitor;
use wassail_core::thinning::{self, Chosen, Selection, herd, select};

/// A new array of indices.
fn indices(py: Python<'_>, found: Vec<usize>) -> Bound<'_, PyArray1<isize>> {
    vector(py, found.into_iter().map(|i| i as isize).collect())
}

/// Indices in the order of choice, and the objective.
type Answer<'py> = Option<(Bound<'py, PyArray1<isize>>, f64)>;

/// A low-rank factor and its pivots.
type Factor<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<isize>>);

/// size, unique, temperatures, uniforms.
type Passes<'py> = (usize, bool, Arg<'py>, Arg<'py>);

fn misfit() -> PyErr {
    PyValueError::new_err("points, weights and passes do not fit")
}

fn check(passes: &Passes<'_>, n: usize, d: usize) -> PyResult<()> {
    let (size, unique, temperatures, uniforms) = passes;
    let temperatures = temperatures.as_slice()?;
    let random = temperatures.iter().filter(|&&t| t > 0.0).count();
    let enough = random.checked_mul(*size).is_some_and(|needed| uniforms.as_slice().is_ok_and(|u| u.len() >= needed));
    if n == 0 || d == 0 || *size == 0 || (*unique && *size > n) || temperatures.is_empty() || !enough {
        return Err(misfit());
    }
    Ok(())
}

fn run(
    py: Python<'_>,
    work: usize,
    n_threads: usize,
    progress: Option<Py<PyAny>>,
    job: impl FnOnce(&dyn Monitor) -> Result<Option<Chosen>> + Send,
) -> PyResult<Answer<'_>> {
    let chosen = enter(py, work, n_threads, &Hooks { callback: None, progress }, job)?;
    Ok(chosen.map(|c| (indices(py, c.indices), c.objective)))
}

/// Kernel herding.
#[pyfunction]
#[pyo3(signature = (kernel, x, weights, passes, n_threads, progress=None))]
pub fn kernel_herd<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    weights: Arg<'py>,
    passes: Passes<'py>,
    n_threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Answer<'py>> {
    let ((n, d), weights) = (x.shape(), weights.as_slice()?);
    check(&passes, n, d)?;
    if weights.len() != n {
        return Err(misfit());
    }
    let (size, unique, ref temperatures, ref uniforms) = passes;
    let (temperatures, uniforms) = (temperatures.as_slice()?, uniforms.as_slice()?);
    let task = Selection { constant: &[], slope: &[], size, unique, temperatures, uniforms };
    let (kernel, points) = (kernel.core(), x.coordinates()?);
    let work = n.saturating_mul(n).saturating_mul(kernel.work(d));
    run(py, work, n_threads, progress, |monitor| herd(kernel, points, d, weights, &task, monitor))
}

/// Greedy selection with constants and slopes of the scores.
#[pyfunction]
#[pyo3(signature = (kernel, x, constant, slope, passes, n_threads, progress=None))]
pub fn greedy_select<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    constant: Arg<'py>,
    slope: Option<Arg<'py>>,
    passes: Passes<'py>,
    n_threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Answer<'py>> {
    let ((n, d), constant) = (x.shape(), constant.as_slice()?);
    let slope = slope.as_ref().map_or(Ok(&[][..]), |s| s.as_slice())?;
    check(&passes, n, d)?;
    if constant.len() != n || !(slope.is_empty() || slope.len() == n) {
        return Err(misfit());
    }
    let (size, unique, ref temperatures, ref uniforms) = passes;
    let (temperatures, uniforms) = (temperatures.as_slice()?, uniforms.as_slice()?);
    let task = Selection { constant, slope, size, unique, temperatures, uniforms };
    let (kernel, points) = (kernel.core(), x.coordinates()?);
    // Rows follow each other so closely that the threads of the pool stay awake.
    let work = n.saturating_mul(kernel.work(d)).saturating_mul(size);
    run(py, work, n_threads, progress, |monitor| select(kernel, points, d, &task, monitor))
}

/// Randomly pivoted Cholesky: factor (n, r) and pivots (r), r at most the number of uniforms.
#[pyfunction]
pub fn rp_cholesky<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    weights: Arg<'py>,
    uniforms: Arg<'py>,
    n_threads: usize,
) -> PyResult<Factor<'py>> {
    let ((n, d), weights, uniforms) = (x.shape(), weights.as_slice()?, uniforms.as_slice()?);
    if n == 0 || d == 0 || weights.len() != n {
        return Err(misfit());
    }
    let (kernel, points) = (kernel.core(), x.coordinates()?);
    let work = n.saturating_mul(kernel.work(d) + uniforms.len() / 8).saturating_mul(uniforms.len());
    let job = |monitor: &dyn Monitor| thinning::rp_cholesky(kernel, points, d, weights, uniforms, monitor);
    let found = enter(py, work, n_threads, &Hooks::default(), job)?;
    let rank = found.pivots.len();
    Ok((matrix(py, found.factor, n, rank)?, indices(py, found.pivots)))
}
