//! Sliced transport and transport on the circle.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::ot::{Arg, Array};
use crate::points::Points;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::ot::sliced::{self, Circle, CircleSide, Cloud, Power, Problem};

type Matrix<'py> = Bound<'py, PyArray2<f64>>;

/// x, y, (a, b), center, scale, p, total, slack.
type Slices<'py> = (Points<'py>, Points<'py>, Option<(Arg<'py>, Arg<'py>)>, Arg<'py>, f64, f64, f64, f64);

/// The problem, and the elementary steps of one direction.
fn problem<'a>(slices: &'a Slices<'_>) -> PyResult<(Problem<'a>, usize)> {
    let (x, y, weights, center, scale, order, total, slack) = slices;
    let (a, b) = match weights {
        Some((a, b)) => (a.as_slice()?, b.as_slice()?),
        None => (&[][..], &[][..]),
    };
    let ((n, d), (m, dy), center) = (x.shape(), y.shape(), center.as_slice()?);
    let weighted = weights.is_none() || (a.len() == n && b.len() == m);
    let few = u32::try_from(n.max(m)).is_ok();
    if d == 0 || n == 0 || m == 0 || dy != d || center.len() != d || !weighted || !few {
        return Err(PyValueError::new_err("points, weights and center do not fit"));
    }
    let problem = Problem {
        x: Cloud { points: x.coordinates()?, weights: a },
        y: Cloud { points: y.coordinates()?, weights: b },
        center,
        scale: *scale,
        power: Power { order: *order },
        total: *total,
        slack: *slack,
    };
    Ok((problem, (n + m).saturating_mul(16 + d / 8)))
}

fn rows<'a>(directions: &'a PyReadonlyArray2<'_, f64>, problem: &Problem<'_>) -> PyResult<(&'a [f64], usize)> {
    let count = directions.shape()[0];
    if count == 0 || directions.shape()[1] != problem.center.len() {
        return Err(PyValueError::new_err("directions do not have the dimension of the points"));
    }
    Ok((directions.as_slice()?, count))
}

/// W_p of each projection.
#[pyfunction]
pub fn sliced_distances<'py>(
    py: Python<'py>,
    slices: Slices<'py>,
    directions: PyReadonlyArray2<'py, f64>,
    n_threads: usize,
) -> PyResult<Array<'py>> {
    let (problem, work) = problem(&slices)?;
    let (directions, count) = rows(&directions, &problem)?;
    let out = enter(py, work.saturating_mul(count), n_threads, &Hooks::default(), |monitor| {
        sliced::distances(&problem, directions, monitor)
    })?;
    Ok(vector(py, out))
}

/// Derivatives of the sliced distance in x, y, a and b.
#[pyfunction]
pub fn sliced_gradient<'py>(
    py: Python<'py>,
    slices: Slices<'py>,
    directions: PyReadonlyArray2<'py, f64>,
    value: f64,
    n_threads: usize,
) -> PyResult<(Matrix<'py>, Matrix<'py>, Array<'py>, Array<'py>)> {
    let (problem, work) = problem(&slices)?;
    let (directions, count) = rows(&directions, &problem)?;
    let out = enter(py, work.saturating_mul(count), n_threads, &Hooks::default(), |monitor| {
        sliced::gradient(&problem, directions, value, monitor)
    })?;
    let ((n, d), (m, _)) = (slices.0.shape(), slices.1.shape());
    Ok((matrix(py, out.x, n, d)?, matrix(py, out.y, m, d)?, vector(py, out.a), vector(py, out.b)))
}

/// W_p of each projection, and its derivative in the direction.
#[pyfunction]
pub fn sliced_pulls<'py>(
    py: Python<'py>,
    slices: Slices<'py>,
    directions: PyReadonlyArray2<'py, f64>,
    n_threads: usize,
) -> PyResult<(Array<'py>, Matrix<'py>)> {
    let (problem, work) = problem(&slices)?;
    let (directions, count) = rows(&directions, &problem)?;
    let (distances, pulls) = enter(py, work.saturating_mul(count), n_threads, &Hooks::default(), |monitor| {
        sliced::pulls(&problem, directions, monitor)
    })?;
    Ok((vector(py, distances), matrix(py, pulls, count, problem.center.len())?))
}

/// Last atoms before the cut of the circle, and the turns that y is ahead.
#[pyfunction]
pub fn circle_cut<'py>(
    py: Python<'py>,
    x: (Arg<'py>, Arg<'py>),
    y: (Arg<'py>, Arg<'py>),
    order: f64,
    resolution: f64,
) -> PyResult<(usize, usize, i64)> {
    let (at_x, ends_x) = (x.0.as_slice()?, x.1.as_slice()?);
    let (at_y, ends_y) = (y.0.as_slice()?, y.1.as_slice()?);
    if at_x.is_empty() || at_y.is_empty() || at_x.len() != ends_x.len() || at_y.len() != ends_y.len() {
        return Err(PyValueError::new_err("positions and cumulated masses differ in length"));
    }
    let circle = Circle {
        x: CircleSide { at: at_x, ends: ends_x },
        y: CircleSide { at: at_y, ends: ends_y },
        power: Power { order },
    };
    let cut = enter(py, 0, 1, &Hooks::default(), |monitor| circle.cut(resolution, monitor))?;
    Ok((cut.i, cut.j, cut.turns))
}
