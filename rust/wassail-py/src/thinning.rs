//! Kernel thinning.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::kernel::Kernel;
use crate::ot::{Arg, Array};
use crate::points::Points;
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::thinning::{Problem, Rule, split, thin};

type Rows<'py> = Bound<'py, PyArray1<usize>>;

/// A rule for splitting n points, from one multiplier and one row of uniform numbers a level.
fn rule<'a>(
    n: usize,
    multipliers: &'a PyReadonlyArray1<'_, f64>,
    uniforms: &'a PyReadonlyArray2<'_, f64>,
) -> PyResult<Rule<'a>> {
    let (multipliers, (levels, pitch)) = (multipliers.as_slice()?, (uniforms.shape()[0], uniforms.shape()[1]));
    if n == 0 || levels >= usize::BITS as usize || n >> levels == 0 || levels != multipliers.len() || pitch < n / 2 {
        return Err(PyValueError::new_err("levels, multipliers and uniform numbers do not fit"));
    }
    Ok(Rule { levels, multipliers, uniforms: uniforms.as_slice()?, pitch, points: n >> levels << levels })
}

fn within(rows: &[usize], n: usize) -> PyResult<&[usize]> {
    let fits = !rows.is_empty() && rows.iter().all(|&r| r < n);
    fits.then_some(rows).ok_or_else(|| PyValueError::new_err("rows beyond the points"))
}

/// Leaves (2^m, n >> m), σ² and inner sums of each, sums of each point over the others, pairs evaluated and decisions recomputed.
#[pyfunction]
#[allow(clippy::type_complexity)]
pub fn kernel_split<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    multipliers: PyReadonlyArray1<'py, f64>,
    uniforms: PyReadonlyArray2<'py, f64>,
    n_threads: usize,
) -> PyResult<(Bound<'py, PyArray2<usize>>, Array<'py>, Array<'py>, Array<'py>, usize, usize)> {
    let (n, d) = x.shape();
    let rule = rule(n, &multipliers, &uniforms)?;
    let points = x.coordinates()?;
    let order: Vec<usize> = (0..n).collect();
    let work = (n * n / 2).saturating_mul(kernel.core().work(d));
    let found = enter(py, work, n_threads, &Hooks::default(), |monitor| {
        split::<f64>(kernel.core(), points, d, &order, &rule, monitor)
    })?;
    let leaves = matrix(py, found.leaves, rule.leaves(), n >> rule.levels)?;
    let (variances, inner, sums) = (vector(py, found.variances), vector(py, found.inner), vector(py, found.sums));
    Ok((leaves, variances, inner, sums, found.n_evaluations, found.n_recomputed))
}

/// Rows that are left, σ² of the leaf, kernel values used and decisions recomputed.
#[pyfunction]
#[pyo3(signature = (kernel, x, split, weights, order, multipliers, uniforms, baseline, centered, unique, rounds, n_threads, progress))]
#[allow(clippy::too_many_arguments)]
pub fn kernel_thin<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    split: Option<(PyRef<'py, Kernel>, Points<'py>)>,
    weights: Option<Arg<'py>>,
    order: PyReadonlyArray1<'py, usize>,
    multipliers: PyReadonlyArray1<'py, f64>,
    uniforms: PyReadonlyArray2<'py, f64>,
    baseline: PyReadonlyArray1<'py, usize>,
    centered: bool,
    unique: bool,
    rounds: usize,
    n_threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Rows<'py>, Option<f64>, usize, usize)> {
    let (n, d) = x.shape();
    let order = within(order.as_slice()?, n)?;
    let baseline = within(baseline.as_slice()?, n)?;
    let weights = weights.as_ref().map(|w| w.as_slice()).transpose()?;
    let split = match &split {
        Some((kernel, points)) => Some((kernel.core(), points.coordinates()?, points.shape())),
        None => None,
    };
    let fits = split.is_none_or(|(_, _, shape)| shape.0 == n);
    if d == 0 || !fits || weights.is_some_and(|w| w.len() != n) || (unique && baseline.len() > n) {
        return Err(PyValueError::new_err("points, weights and sizes do not fit"));
    }
    let problem = Problem {
        points: x.coordinates()?,
        d,
        weights,
        order,
        kernel: kernel.core(),
        split: split.map(|(kernel, points, shape)| (kernel, points, shape.1)),
        rule: rule(order.len(), &multipliers, &uniforms)?,
        baseline,
        centered,
        unique,
        rounds,
    };
    let work = (n * n / 2).saturating_mul(kernel.core().work(d));
    let hooks = Hooks { callback: None, progress };
    let found = enter(py, work, n_threads, &hooks, |monitor| thin(&problem, monitor))?;
    Ok((vector(py, found.indices), found.variance, found.n_evaluations, found.n_recomputed))
}
