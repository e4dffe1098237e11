//! Exact transport.

use crate::arrays::vector;
use crate::enter::{Hooks, enter};
use crate::geometry::Geometry;
use crate::ot::{Arg, Array, check_lengths};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::ot::exact::{Amount, Outcome, Pattern, Start, blocked, solve};
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

/// A plan's pattern: indptr and indices.
type Known<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>);

/// The pattern, once it is known to lie within (n, m).
fn pattern<'a>(known: &'a Known<'_>, (n, m): (usize, usize)) -> PyResult<Pattern<'a>> {
    let (indptr, indices) = (known.0.as_slice()?, known.1.as_slice()?);
    let ends = indptr.first() == Some(&0) && indptr.last() == Some(&(indices.len() as i64));
    let rows = indptr.len() == n + 1 && indptr.is_sorted();
    let columns = indices.iter().all(|j| (0..m as i64).contains(j));
    if ends && rows && columns {
        Ok(Pattern { indptr, indices })
    } else {
        Err(PyValueError::new_err("the pattern of a plan lies outside of the cost"))
    }
}

/// Exact transport of all mass, or of `mass`. `init` is f, g and the pattern of a plan nearby.
#[pyfunction]
pub fn exact<'py>(
    py: Python<'py>,
    geometry: &Geometry,
    a: Arg<'py>,
    b: Arg<'py>,
    mass: Option<f64>,
    init: Option<(Arg<'py>, Arg<'py>, Option<Known<'py>>)>,
    n_threads: usize,
    callback: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Solution<'py>> {
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    check_lengths(geometry.size(), &[a], &[b])?;
    let start = match &init {
        None => None,
        Some((f, g, known)) => {
            let (f, g) = (f.as_slice()?, g.as_slice()?);
            check_lengths(geometry.size(), &[f], &[g])?;
            let plan = known.as_ref().map(|known| pattern(known, geometry.size())).transpose()?;
            Some(Start { f, g, plan })
        }
    };
    let amount = mass.map_or(Amount::All, Amount::Part);
    let hooks = Hooks { callback, progress };
    let out = enter(py, geometry.work(), n_threads, &hooks, |monitor| {
        solve(geometry.view().cost(), Weights { a, b }, amount, start, monitor)
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
