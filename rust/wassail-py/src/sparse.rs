//! Transport with at most k nonzeros in each row.

use crate::arrays::vector;
use crate::enter::{Hooks, enter};
use crate::geometry::Geometry;
use crate::ot::{Arg, Array, check_lengths};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use wassail_core::ot::sparse::{Init, Known, Options, Outcome, Status, solve};
use wassail_core::ot::sparsify::Csr;
use wassail_core::ot::sweep::Weights;

/// Indices.
type Index<'py> = Bound<'py, PyArray1<i64>>;
/// indptr, indices, data.
type Matrix<'py> = (Index<'py>, Index<'py>, Array<'py>);
type Given<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>, Arg<'py>);
/// Status, dual value, primal value, transport cost, error, ties.
type Summary = (u8, f64, f64, f64, f64, usize);
/// Error, γ, ζ, edges, products, step.
type Trace<'py> = (Array<'py>, Array<'py>, Array<'py>, Index<'py>, Index<'py>, Array<'py>);
/// f, g, plan, relaxed plan, summary, trace.
type Solution<'py> = (Array<'py>, Array<'py>, Matrix<'py>, Matrix<'py>, Summary, Trace<'py>);

fn matrix(py: Python<'_>, m: Csr) -> Matrix<'_> {
    (vector(py, m.indptr), vector(py, m.indices), vector(py, m.data))
}

/// A checked copy of a given matrix.
fn csr(given: &Given<'_>, (n, m): (usize, usize)) -> PyResult<Csr> {
    let (indptr, indices, data) = (given.0.as_slice()?, given.1.as_slice()?, given.2.as_slice()?);
    let columns = 0..m as i64;
    let fits =
        indptr.len() == n + 1 && indptr[0] == 0 && indptr[n] as usize == indices.len() && indices.len() == data.len();
    if !fits || indptr.windows(2).any(|p| p[0] > p[1]) || indices.iter().any(|j| !columns.contains(j)) {
        return Err(pyo3::exceptions::PyValueError::new_err("plans are not matrices of the shape of the cost"));
    }
    Ok(Csr { indptr: indptr.to_vec(), indices: indices.to_vec(), data: data.to_vec() })
}

fn solution(py: Python<'_>, out: Outcome) -> Solution<'_> {
    let status = match out.status {
        Status::Converged => 0,
        Status::MaxIter => 1,
        Status::Stopped => 2,
        Status::Stalled => 3,
        Status::Tied => 4,
    };
    let trace = (
        vector(py, out.trace.iter().map(|t| t.error).collect()),
        vector(py, out.trace.iter().map(|t| t.gamma).collect()),
        vector(py, out.trace.iter().map(|t| t.smoothing).collect()),
        vector(py, out.trace.iter().map(|t| t.edges as i64).collect()),
        vector(py, out.trace.iter().map(|t| t.products as i64).collect()),
        vector(py, out.trace.iter().map(|t| t.step).collect()),
    );
    let summary = (status, out.dual, out.primal, out.cost, out.error, out.ties);
    (vector(py, out.f), vector(py, out.g), matrix(py, out.plan), matrix(py, out.relaxed), summary, trace)
}

/// Rows (axis 1) or columns (axis 0) have at most `max_nonzeros` nonzeros, 0 for any number. `init` are potentials,
/// `plans` those of the relaxation and with the limit, by the limited side, and the gap between them.
#[pyfunction]
pub fn sparse_transport<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    a: Arg<'py>,
    b: Arg<'py>,
    gamma: f64,
    max_nonzeros: usize,
    axis: usize,
    tol: f64,
    max_iter: usize,
    init: Option<(Arg<'py>, Arg<'py>)>,
    plans: Option<(Given<'py>, Given<'py>, f64)>,
    n_threads: usize,
    callback: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Solution<'py>> {
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    let init = init.as_ref().map(|(f, g)| Ok::<_, PyErr>((f.as_slice()?, g.as_slice()?))).transpose()?;
    check_lengths(geometry.size(), &[a], &[b])?;
    if let Some((f, g)) = init {
        check_lengths(geometry.size(), &[f], &[g])?;
    }
    let shape = if axis == 0 { (b.len(), a.len()) } else { (a.len(), b.len()) };
    let given = |(relaxed, plan, gap): (Given<'py>, Given<'py>, f64)| {
        Ok::<_, PyErr>((csr(&relaxed, shape)?, csr(&plan, shape)?, gap))
    };
    let plans = plans.map(given).transpose()?;
    let init = init.map(|(f, g)| {
        let (f, g) = if axis == 0 { (g, f) } else { (f, g) };
        Init { f, g, plans: plans.as_ref().map(|(relaxed, plan, gap)| Known { relaxed, plan, gap: *gap }) }
    });
    let limit = (max_nonzeros > 0).then_some(max_nonzeros);
    let options = Options { gamma, max_nonzeros: limit, tol, max_iter };
    let hooks = Hooks { callback, progress };
    let out = enter(py, geometry.work(), n_threads, &hooks, |monitor| {
        let view = geometry.view();
        if axis == 0 {
            let turned = view.cost().transposed();
            let out = solve(&*turned, Weights { a: b, b: a }, init, &options, monitor)?;
            return Ok(Outcome { f: out.g, g: out.f, ..out });
        }
        solve(view.cost(), Weights { a, b }, init, &options, monitor)
    })?;
    Ok(solution(py, out))
}
