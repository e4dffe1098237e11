//! What is read off a plan or a cost.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::geometry::Geometry;
use crate::ot::{Arg, Array, check_lengths};
use numpy::{PyArray1, PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::error::Result as CoreResult;
use wassail_core::monitor::Monitor;
use wassail_core::ot::apply::{apply, apply_transposed};
use wassail_core::ot::certificate;
use wassail_core::ot::columns;
use wassail_core::ot::geometry::Geometry as Core;
use wassail_core::ot::gradient::gradient;
use wassail_core::ot::plan::{self, Potentials};
use wassail_core::ot::scan;
use wassail_core::ot::sparsify::{Keep, sparsify};

/// Indices.
type Index<'py> = Bound<'py, PyArray1<i64>>;
/// A matrix of float64.
type Matrix<'py> = Bound<'py, PyArray2<f64>>;

/// Runs `job` on the cost.
fn on_cost<R: Send>(
    py: Python<'_>,
    geometry: &Geometry,
    n_threads: usize,
    job: impl FnOnce(&dyn Core, &dyn Monitor) -> CoreResult<R> + Send,
) -> PyResult<R> {
    enter(py, geometry.work(), n_threads, &Hooks::default(), |monitor| job(geometry.view().cost(), monitor))
}

/// Runs `job` on the cost and potentials.
fn on_plan<R: Send>(
    py: Python<'_>,
    geometry: &Geometry,
    [f, g, a, b]: [&Arg<'_>; 4],
    epsilon: f64,
    n_threads: usize,
    job: impl FnOnce(&dyn Core, Potentials<'_>, &dyn Monitor) -> CoreResult<R> + Send,
) -> PyResult<R> {
    let (f, g, a, b) = (f.as_slice()?, g.as_slice()?, a.as_slice()?, b.as_slice()?);
    check_lengths(geometry.size(), &[f, a], &[g, b])?;
    let potentials = Potentials { f, g, a, b, epsilon };
    on_cost(py, geometry, n_threads, |cost, monitor| job(cost, potentials, monitor))
}

/// Column softmins.
#[pyfunction]
pub fn softmin_cols<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    f: Arg<'py>,
    a: Arg<'py>,
    epsilon: f64,
    n_threads: usize,
) -> PyResult<Array<'py>> {
    let (f, a) = (f.as_slice()?, a.as_slice()?);
    check_lengths(geometry.size(), &[f, a], &[])?;
    let out = on_cost(py, geometry, n_threads, |cost, monitor| columns::softmin_cols(cost, f, a, epsilon, monitor))?;
    Ok(vector(py, out))
}

/// Row minima (axis 1) or column minima (axis 0) of the cost less a potential.
#[pyfunction]
pub fn c_transform<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    potential: Arg<'py>,
    axis: usize,
    n_threads: usize,
) -> PyResult<Array<'py>> {
    let p = potential.as_slice()?;
    let (rows, cols) = if axis == 0 { ([p], [&[][..]]) } else { ([&[][..]], [p]) };
    check_lengths(geometry.size(), &rows[..1 - axis.min(1)], &cols[..axis.min(1)])?;
    let out = on_cost(py, geometry, n_threads, |cost, monitor| {
        if axis == 0 { scan::c_transform_cols(cost, p, monitor) } else { scan::c_transform_rows(cost, p, monitor) }
    })?;
    Ok(vector(py, out))
}

/// P1, Pᵀ1 and ⟨C, P⟩.
#[pyfunction]
pub fn plan_sums<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    f: Arg<'py>,
    g: Arg<'py>,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    n_threads: usize,
) -> PyResult<(Array<'py>, Array<'py>, f64)> {
    let out = on_plan(py, geometry, [&f, &g, &a, &b], epsilon, n_threads, plan::sums)?;
    Ok((vector(py, out.rows), vector(py, out.cols), out.cost))
}

/// P.
#[pyfunction]
pub fn plan_dense<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    f: Arg<'py>,
    g: Arg<'py>,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    n_threads: usize,
) -> PyResult<Matrix<'py>> {
    let out = on_plan(py, geometry, [&f, &g, &a, &b], epsilon, n_threads, plan::dense)?;
    let (n, m) = geometry.size();
    matrix(py, out, n, m)
}

/// P v or Pᵀ v.
#[pyfunction]
pub fn plan_apply<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    f: Arg<'py>,
    g: Arg<'py>,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    v: PyReadonlyArray2<'py, f64>,
    transpose: bool,
    n_threads: usize,
) -> PyResult<Matrix<'py>> {
    let (n, m) = geometry.size();
    let (from, to) = if transpose { (n, m) } else { (m, n) };
    let &[len, k] = v.shape() else { return Err(PyValueError::new_err("v must have two dimensions")) };
    let v = v.as_slice()?;
    if len != from {
        return Err(PyValueError::new_err("v does not have the length of the cost"));
    }
    let out = on_plan(py, geometry, [&f, &g, &a, &b], epsilon, n_threads, |cost, potentials, monitor| {
        if transpose {
            apply_transposed(cost, potentials, v, k, monitor)
        } else {
            apply(cost, potentials, v, k, monitor)
        }
    })?;
    matrix(py, out, to, k)
}

/// The large entries of P: indptr, indices, data.
#[pyfunction]
pub fn plan_sparse<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    f: Arg<'py>,
    g: Arg<'py>,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    threshold: f64,
    k: usize,
    mass: f64,
    n_threads: usize,
) -> PyResult<(Index<'py>, Index<'py>, Array<'py>)> {
    let keep = match (k, mass < 1.0) {
        (0, false) => Keep::Above(threshold),
        (0, true) => Keep::Mass(mass),
        _ => Keep::Largest(k),
    };
    let out = on_plan(py, geometry, [&f, &g, &a, &b], epsilon, n_threads, |cost, potentials, monitor| {
        sparsify(cost, potentials, keep, monitor)
    })?;
    Ok((vector(py, out.indptr), vector(py, out.indices), vector(py, out.data)))
}

/// Gradient of the transport cost in the row points.
#[pyfunction]
pub fn plan_gradient<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    f: Arg<'py>,
    g: Arg<'py>,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    n_threads: usize,
) -> PyResult<Matrix<'py>> {
    let out = on_plan(py, geometry, [&f, &g, &a, &b], epsilon, n_threads, gradient)?;
    match (out, geometry.dim()) {
        (Some(out), Some(d)) => matrix(py, out, geometry.size().0, d),
        _ => Err(PyValueError::new_err("a stored cost has no points")),
    }
}

/// P1, Pᵀ1, x, y, P'1, P'ᵀ1, ⟨C, P'⟩ and the cost of what is missing.
type Sums<'py> = (Array<'py>, Array<'py>, Array<'py>, Array<'py>, Array<'py>, Array<'py>, f64, f64);

/// The sums of the rounded plan.
#[pyfunction]
pub fn certificate_sums<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    f: Arg<'py>,
    g: Arg<'py>,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    n_threads: usize,
) -> PyResult<Sums<'py>> {
    let out = on_plan(py, geometry, [&f, &g, &a, &b], epsilon, n_threads, certificate::certificate_sums)?;
    Ok((
        vector(py, out.rows),
        vector(py, out.cols),
        vector(py, out.x),
        vector(py, out.y),
        vector(py, out.scaled_rows),
        vector(py, out.scaled_cols),
        out.scaled_cost,
        out.filled_cost,
    ))
}

/// Minimum, maximum, mean, first unusable entry, first forbidden row and column (−1 for none), and whether any entry is
/// forbidden.
type Scanned = (f64, f64, f64, i64, i64, i64, bool);

/// Reads the cost once.
#[pyfunction]
pub fn cost_scan(py: Python<'_>, geometry: &Geometry, n_threads: usize) -> PyResult<Scanned> {
    let out = on_cost(py, geometry, n_threads, scan::cost_scan)?;
    let place = |at: Option<usize>| at.map_or(-1, |at| at as i64);
    Ok((out.min, out.max, out.mean, place(out.bad), place(out.forbidden_row), place(out.forbidden_col), out.forbidden))
}
