//! Solvers and softmins.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::geometry::Geometry;
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::ot::batch::{Problem, solve_batch};
use wassail_core::ot::sinkhorn::{Options, Outcome, Status, solve};
use wassail_core::ot::softmin::{self, Columns};
use wassail_core::ot::sweep::Weights;

/// A one-dimensional array of float64.
pub type Array<'py> = Bound<'py, PyArray1<f64>>;
/// A one-dimensional argument.
pub type Arg<'py> = PyReadonlyArray1<'py, f64>;
/// f, g, status, sweeps, error, and the trace: error, epsilon, relaxation.
pub type Solution<'py> = (Array<'py>, Array<'py>, u8, usize, f64, Array<'py>, Array<'py>, Array<'py>);

/// What Python gets of an outcome.
pub fn solution(py: Python<'_>, out: Outcome) -> Solution<'_> {
    let status = match out.status {
        Status::Converged => 0,
        Status::MaxIter => 1,
        Status::Stopped => 2,
        Status::Stalled => 3,
    };
    let (error, rest): (Vec<_>, Vec<_>) = out.trace.iter().map(|t| (t.error, (t.epsilon, t.relaxation))).unzip();
    let (epsilon, relaxation): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
    let trace = [error, epsilon, relaxation].map(|v| vector(py, v));
    let [error, epsilon, relaxation] = trace;
    (vector(py, out.f), vector(py, out.g), status, out.trace.len(), out.error, error, epsilon, relaxation)
}

/// Stops a call whose vectors do not fit the cost: the core indexes by them.
pub fn check_lengths(size: (usize, usize), rows: &[&[f64]], cols: &[&[f64]]) -> PyResult<()> {
    let fits = rows.iter().all(|r| r.len() == size.0) && cols.iter().all(|c| c.len() == size.1);
    if fits { Ok(()) } else { Err(PyValueError::new_err("vectors do not have the lengths of the cost")) }
}

/// Sinkhorn's algorithm.
#[pyfunction]
pub fn sinkhorn<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    tol: f64,
    max_iter: usize,
    rho_a: f64,
    rho_b: f64,
    anneal: Option<f64>,
    relaxation: Option<f64>,
    f0: Option<Arg<'py>>,
    g0: Option<Arg<'py>>,
    n_threads: usize,
    callback: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Solution<'py>> {
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    let init = match (&f0, &g0) {
        (Some(f), Some(g)) => Some((f.as_slice()?, g.as_slice()?)),
        _ => None,
    };
    check_lengths(geometry.size(), &[a, init.map_or(a, |i| i.0)], &[b, init.map_or(b, |i| i.1)])?;
    let options = Options { epsilon, tol, max_iter, rho: (rho_a, rho_b), anneal, relaxation };
    let hooks = Hooks { callback, progress };
    let out = enter(py, geometry.work(), n_threads, &hooks, |monitor| {
        solve(geometry.view().cost(), Weights { a, b }, init, &options, monitor)
    })?;
    Ok(solution(py, out))
}

/// Many problems at once.
#[pyfunction]
pub fn sinkhorn_batch<'py>(
    py: Python<'py>,
    geometries: Vec<Py<Geometry>>,
    a: Vec<Arg<'py>>,
    b: Vec<Arg<'py>>,
    epsilon: Vec<f64>,
    tol: f64,
    max_iter: usize,
    rho_a: f64,
    rho_b: f64,
    anneal: Option<f64>,
    relaxation: Option<f64>,
    n_threads: usize,
) -> PyResult<Vec<Solution<'py>>> {
    let geometries: Vec<&Geometry> = geometries.iter().map(Py::get).collect();
    let count = geometries.len();
    if a.len() != count || b.len() != count || epsilon.len() != count {
        return Err(PyValueError::new_err("lists differ in length"));
    }
    let mut given = Vec::with_capacity(count);
    for (k, geometry) in geometries.iter().enumerate() {
        let weights = Weights { a: a[k].as_slice()?, b: b[k].as_slice()? };
        check_lengths(geometry.size(), &[weights.a], &[weights.b])?;
        given.push((weights, epsilon[k]));
    }
    let work = geometries.iter().fold(0usize, |sum, g| sum.saturating_add(g.work()));
    let options = Options { epsilon: 0.0, tol, max_iter, rho: (rho_a, rho_b), anneal, relaxation };
    let out = enter(py, work, n_threads, &Hooks::default(), |monitor| {
        let views: Vec<_> = geometries.iter().map(|g| g.view()).collect();
        let problems = views.iter().zip(given);
        let problems = problems.map(|(cost, (weights, epsilon))| Problem { geometry: cost.cost(), weights, epsilon });
        solve_batch(problems.collect(), &options, monitor)
    })?;
    Ok(out.into_iter().map(|o| solution(py, o)).collect())
}

/// Row softmins and means.
#[pyfunction]
pub fn softmin_rows<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    g: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    values: Option<PyReadonlyArray2<'py, f64>>,
    n_threads: usize,
) -> PyResult<(Array<'py>, Bound<'py, PyArray2<f64>>)> {
    let (g, b) = (g.as_slice()?, b.as_slice()?);
    let (values, width) = match &values {
        Some(v) => (v.as_slice()?, v.shape()[1]),
        None => (&[][..], 0),
    };
    let (n, m) = geometry.size();
    check_lengths((n, m), &[], &[g, b])?;
    if values.len() != m * width {
        return Err(PyValueError::new_err("values do not have the length of the cost"));
    }
    let columns = Columns { g, b, values, width };
    let (softmin, means) = enter(py, geometry.work() * 2, n_threads, &Hooks::default(), |monitor| {
        softmin::softmin_rows(geometry.view().cost(), columns, epsilon, monitor)
    })?;
    Ok((vector(py, softmin), matrix(py, means, n, width)?))
}
