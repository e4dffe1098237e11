//! Support points.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::ot::{Arg, Array};
use crate::points::Points;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::thinning::{SupportTask, support_points as run};

/// Points, objective of each step, and the last step's largest move.
type Answer<'py> = (Bound<'py, PyArray2<f64>>, Array<'py>, f64);

/// Moves the points of `start`. `unit` is (center, scale, eta), `limits` (tol, `max_iter`).
#[pyfunction]
#[pyo3(signature = (x, weights, start, unit, limits, n_threads, progress=None))]
pub fn support_points<'py>(
    py: Python<'py>,
    x: Points<'py>,
    weights: Arg<'py>,
    start: PyReadonlyArray2<'py, f64>,
    unit: (Arg<'py>, f64, f64),
    limits: (f64, usize),
    n_threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Answer<'py>> {
    let ((n, d), (size, ds)) = (x.shape(), (start.shape()[0], start.shape()[1]));
    let (center, scale, eta) = (unit.0.as_slice()?, unit.1, unit.2);
    let weights = weights.as_slice()?;
    if n == 0 || d == 0 || size == 0 || ds != d || weights.len() != n || center.len() != d {
        return Err(PyValueError::new_err("points, weights and start do not fit"));
    }
    let (tol, max_iter) = limits;
    let (points, start) = (x.coordinates()?, start.as_slice()?);
    let task = SupportTask { points, d, weights, center, scale, eta, tol, max_iter };
    let work = size.saturating_mul(n.saturating_add(size)).saturating_mul(1 + d / 4);
    let found = enter(py, work, n_threads, &Hooks { callback: None, progress }, |monitor| run(&task, start, monitor))?;
    Ok((matrix(py, found.points, size, d)?, vector(py, found.objective), found.moved))
}
