//! Exact transport.

use crate::arrays::vector;
use crate::enter::{Hooks, enter};
use crate::geometry::Geometry;
use crate::ot::{Arg, Array, check_lengths};
use numpy::PyArray1;
use pyo3::prelude::*;
use wassail_core::ot::exact::{Amount, Outcome, blocked, solve};
use wassail_core::ot::sweep::Weights;

/// Indices and counts.
type Index<'py> = Bound<'py, PyArray1<i64>>;
/// f, g, (indptr, indices, data), (value, gap, blocked mass, largest cost of the plan), whether optimal, potentials of the dummies, and the trace:
/// arcs, pivots, violations, gap.
type Solution<'py> = (
    Array<'py>,
    Array<'py>,
    (Index<'py>, Index<'py>, Array<'py>),
    (f64, f64, f64, f64),
    bool,
    (Option<f64>, Option<f64>),
    (Index<'py>, Index<'py>, Index<'py>, Array<'py>),
);

fn solution(py: Python<'_>, out: Outcome) -> Solution<'_> {
    let counts = |count: fn(&wassail_core::ot::exact::Round) -> usize| {
        vector(py, out.rounds.iter().map(|r| count(r) as i64).collect())
    };
    let trace = (
        counts(|r| r.arcs),
        counts(|r| r.pivots),
        counts(|r| r.violations),
        vector(py, out.rounds.iter().map(|r| r.gap).collect()),
    );
    let plan = (vector(py, out.plan.indptr), vector(py, out.plan.indices), vector(py, out.plan.data));
    let numbers = (out.value, out.gap, out.blocked, out.largest);
    (vector(py, out.f), vector(py, out.g), plan, numbers, out.optimal, out.dummies, trace)
}

/// Exact transport of all mass, or of `mass`.
#[pyfunction]
pub fn exact<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    a: Arg<'py>,
    b: Arg<'py>,
    mass: Option<f64>,
    g0: Option<Arg<'py>>,
    n_threads: usize,
    callback: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Solution<'py>> {
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    let init = g0.as_ref().map(|g| g.as_slice()).transpose()?;
    check_lengths(geometry.size(), &[a], &[b, init.unwrap_or(b)])?;
    let amount = mass.map_or(Amount::All, Amount::Part);
    let hooks = Hooks { callback, progress };
    let out = enter(py, geometry.work(), n_threads, &hooks, |monitor| {
        solve(geometry.view().cost(), Weights { a, b }, amount, init, monitor)
    })?;
    Ok(solution(py, out))
}

/// Mass that only forbidden arcs could move.
#[pyfunction]
pub fn blocked_mass<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    a: Arg<'py>,
    b: Arg<'py>,
    n_threads: usize,
) -> PyResult<f64> {
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    check_lengths(geometry.size(), &[a], &[b])?;
    enter(py, geometry.work(), n_threads, &Hooks::default(), |monitor| {
        blocked(geometry.view().cost(), Weights { a, b }, monitor)
    })
}
