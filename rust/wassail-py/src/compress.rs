//! Halvings: the steps that compression and streams are made of.

use crate::arrays::vector;
use crate::enter::{Hooks, enter};
use crate::kernel::Kernel;
use crate::points::Points;
use crate::thinning::rule;
use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::thinning::halve::{Options, Task, draws};
use wassail_core::thinning::low_rank_split as split;

/// Order of points, points of each halving, their uniforms, their failure probabilities.
type Tasks<'py> = (
    PyReadonlyArray1<'py, usize>,
    PyReadonlyArray1<'py, usize>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
);

fn misfit() -> PyErr {
    PyValueError::new_err("points, sizes, uniforms and probabilities do not fit")
}

/// Cuts order and uniforms into halvings.
fn cut<'a>(order: &'a [usize], sizes: &[usize], uniforms: &'a [f64], deltas: &[f64]) -> Option<Vec<Task<'a>>> {
    let (mut order, mut uniforms) = (order, uniforms);
    let mut tasks = Vec::with_capacity(sizes.len());
    for (&size, &delta) in sizes.iter().zip(deltas) {
        if size == 0 || size % 2 == 1 {
            return None;
        }
        let (points, later) = order.split_at_checked(size)?;
        let (drawn, unused) = uniforms.split_at_checked(draws(size))?;
        tasks.push(Task { order: points, uniforms: drawn, delta });
        (order, uniforms) = (later, unused);
    }
    (order.is_empty() && uniforms.is_empty() && sizes.len() == deltas.len()).then_some(tasks)
}

/// Halves blocks of points; returns the chosen points of each in turn and the number of kernel values formed.
#[pyfunction]
pub fn halve<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    points: Points<'py>,
    center: PyReadonlyArray1<'py, f64>,
    tasks: Tasks<'py>,
    swap_passes: usize,
    n_threads: usize,
) -> PyResult<(Bound<'py, PyArray1<usize>>, usize)> {
    let (n, d) = points.shape();
    let (order, sizes, uniforms, deltas) =
        (tasks.0.as_slice()?, tasks.1.as_slice()?, tasks.2.as_slice()?, tasks.3.as_slice()?);
    let (points, center) = (points.coordinates()?, center.as_slice()?);
    let tasks = cut(order, sizes, uniforms, deltas).ok_or_else(misfit)?;
    if d == 0 || center.len() != d || order.iter().any(|&i| i >= n) || tasks.is_empty() {
        return Err(misfit());
    }
    let squares: usize = sizes.iter().map(|&s| s.saturating_mul(s)).fold(0, usize::saturating_add);
    let work = squares.saturating_mul(kernel.core().work(d));
    let (chosen, formed) = enter(py, work, n_threads, &Hooks::default(), |monitor| {
        Options::new(kernel.core(), points, center, swap_passes).run(&tasks, monitor)
    })?;
    Ok((vector(py, chosen), formed))
}

/// Leaves in turn, and the squared distance of the mean of each from that of all.
type Halves<'py> = (Bound<'py, PyArray1<usize>>, Bound<'py, PyArray1<f64>>);

/// Leaves of a split by features (n, width).
#[pyfunction]
pub fn low_rank_split<'py>(
    py: Python<'py>,
    features: PyReadonlyArray2<'py, f64>,
    multipliers: PyReadonlyArray1<'py, f64>,
    uniforms: PyReadonlyArray2<'py, f64>,
    n_threads: usize,
) -> PyResult<Halves<'py>> {
    let (n, width) = (features.shape()[0], features.shape()[1]);
    let rule = rule(n, &multipliers, &uniforms)?;
    if width == 0 || width % 16 != 0 {
        return Err(PyValueError::new_err("features must fill whole registers"));
    }
    let features = features.as_slice()?;
    let work = n.saturating_mul(width).saturating_mul(rule.levels);
    let found = enter(py, work, n_threads, &Hooks::default(), |monitor| split(features, width, &rule, monitor))?;
    Ok((vector(py, found.points), vector(py, found.distances)))
}
