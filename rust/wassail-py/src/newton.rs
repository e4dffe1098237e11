//! The Newton solver.

use crate::arrays::vector;
use crate::enter::{Hooks, enter};
use crate::geometry::Geometry;
use crate::ot::{Arg, Array, Solution, check_lengths, solution};
use numpy::PyArray1;
use pyo3::prelude::*;
use wassail_core::ot::entropic::{Options, solve};
use wassail_core::ot::newton;
use wassail_core::ot::sweep::Weights;

/// Per sweep: whether it tried a Newton step, density of the Hessian, iterations of conjugate gradients, step length.
type Steps<'py> = (Bound<'py, PyArray1<bool>>, Array<'py>, Bound<'py, PyArray1<i64>>, Array<'py>);

/// Error and sweeps of a trial that Newton took over from.
type Trial = Option<(f64, usize)>;

/// Sinkhorn–Newton, or Newton where `trial` sweeps of Sinkhorn are not enough.
#[pyfunction]
pub fn sinkhorn_newton<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    a: Arg<'py>,
    b: Arg<'py>,
    epsilon: f64,
    tol: f64,
    max_iter: usize,
    anneal: Option<f64>,
    trial: usize,
    f0: Option<Arg<'py>>,
    g0: Option<Arg<'py>>,
    n_threads: usize,
    callback: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Solution<'py>, Steps<'py>, Trial)> {
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    let init = match (&f0, &g0) {
        (Some(f), Some(g)) => Some((f.as_slice()?, g.as_slice()?)),
        _ => None,
    };
    check_lengths(geometry.size(), &[a, init.map_or(a, |i| i.0)], &[b, init.map_or(b, |i| i.1)])?;
    let options = Options { problem: newton::Options { epsilon, tol, max_iter, anneal }, trial };
    let hooks = Hooks { callback, progress };
    let out = enter(py, geometry.work(), n_threads, &hooks, |monitor| {
        solve(geometry.view().cost(), Weights { a, b }, init, &options, monitor)
    })?;
    let newton::Outcome { pair, steps } = out.solution;
    let newton = vector(py, steps.iter().map(|s| s.newton).collect());
    let density = vector(py, steps.iter().map(|s| s.density).collect());
    let iterations = vector(py, steps.iter().map(|s| s.iterations as i64).collect());
    let length = vector(py, steps.iter().map(|s| s.length).collect());
    Ok((solution(py, pair), (newton, density, iterations, length), out.trial))
}
