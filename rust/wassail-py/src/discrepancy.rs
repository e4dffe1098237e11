//! Sums of kernel values.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::kernel::Kernel;
use crate::points::Points;
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::error::Result;
use wassail_core::kernel::{Cloud, Cross, Kernel as Core, Paired, Real, center, row_sums, symmetric_sums, upper_sums};
use wassail_core::monitor::Monitor;
use wassail_core::points::Coordinates;

type Vector<'py> = Bound<'py, PyArray1<f64>>;

fn misfit() -> PyErr {
    PyValueError::new_err("points and weights do not fit")
}

/// Points as the core reads them, on the same origin: (points, n, d).
struct Sides<'a> {
    x: (Coordinates<'a>, usize),
    y: (Coordinates<'a>, usize),
    d: usize,
}

impl<'a> Sides<'a> {
    fn new(x: &'a Points<'_>, y: &'a Points<'_>) -> PyResult<Self> {
        let ((n, d), (m, dy)) = (x.shape(), y.shape());
        if n == 0 || m == 0 || d == 0 || d != dy {
            return Err(misfit());
        }
        Ok(Self { x: (x.coordinates()?, n), y: (y.coordinates()?, m), d })
    }

    /// Whether both are of single precision: so are the values then.
    fn single(&self) -> bool {
        matches!((&self.x.0, &self.y.0), (Coordinates::Single(_), Coordinates::Single(_)))
    }

    fn work(&self, kernel: &dyn Core) -> usize {
        self.x.1.saturating_mul(self.y.1).saturating_mul(kernel.work(self.d))
    }

    fn clouds<T: Real>(&self, kernel: &dyn Core) -> Result<(Cloud<T>, Cloud<T>)> {
        let origin = center(self.y.0, self.d)?;
        let cloud = |(points, n): (Coordinates<'_>, usize)| Cloud::new(kernel, points, self.d, &origin, 0..n);
        Ok((cloud(self.x)?, cloud(self.y)?))
    }
}

/// Σ_j w_j k(x_i, y_j).
#[pyfunction]
pub fn kernel_row_sums<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    y: Points<'py>,
    weights: PyReadonlyArray1<'py, f64>,
    n_threads: usize,
) -> PyResult<Vector<'py>> {
    let (sides, weights) = (Sides::new(&x, &y)?, weights.as_slice()?);
    if weights.len() != sides.y.1 {
        return Err(misfit());
    }
    let kernel = kernel.core();
    let job = |monitor: &dyn Monitor| {
        if sides.single() {
            embed::<f32>(kernel, &sides, weights, monitor)
        } else {
            embed::<f64>(kernel, &sides, weights, monitor)
        }
    };
    Ok(vector(py, enter(py, sides.work(kernel), n_threads, &Hooks::default(), job)?))
}

fn embed<T: Real>(kernel: &dyn Core, sides: &Sides<'_>, weights: &[f64], monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let (x, y) = &sides.clouds::<T>(kernel)?;
    row_sums(&Cross { kernel, x, y }, weights, monitor)
}

/// Σ_{j≠i} w_j k(x_i, x_j) for each row of weights.
#[pyfunction]
pub fn kernel_symmetric_sums<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    weights: PyReadonlyArray2<'py, f64>,
    n_threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (sides, shape) = (Sides::new(&x, &x)?, weights.shape());
    let (count, n) = (shape[0], sides.x.1);
    if shape[1] != n || count == 0 {
        return Err(misfit());
    }
    let weights: Vec<&[f64]> = weights.as_slice()?.chunks(n).collect();
    let kernel = kernel.core();
    let job = |monitor: &dyn Monitor| {
        if sides.single() {
            mutual::<f32>(kernel, &sides, &weights, monitor)
        } else {
            mutual::<f64>(kernel, &sides, &weights, monitor)
        }
    };
    let sums = enter(py, sides.work(kernel), n_threads, &Hooks::default(), job)?;
    matrix(py, sums, count, n)
}

fn mutual<T: Real>(
    kernel: &dyn Core,
    sides: &Sides<'_>,
    weights: &[&[f64]],
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let (x, _) = &sides.clouds::<T>(kernel)?;
    symmetric_sums(&Cross { kernel, x, y: x }, weights, monitor)
}

/// Σ_{i<j<end_i} w_j h(i, j), h = k(x_i, x_j) without y, else k(x_i, x_j) − k(x_i, y_j) − k(y_i, x_j) + k(y_i, y_j).
#[pyfunction]
pub fn kernel_upper_sums<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    x: Points<'py>,
    y: Option<Points<'py>>,
    weights: PyReadonlyArray1<'py, f64>,
    ends: PyReadonlyArray1<'py, usize>,
    n_threads: usize,
) -> PyResult<Vector<'py>> {
    let (weights, ends) = (weights.as_slice()?, ends.as_slice()?);
    let sides = Sides::new(&x, y.as_ref().unwrap_or(&x))?;
    let n = sides.x.1;
    if weights.len() != n || ends.len() != n || sides.y.1 != n || !ends.is_sorted() {
        return Err(misfit());
    }
    let (kernel, paired) = (kernel.core(), y.is_some());
    let pairs = ends.iter().enumerate().map(|(i, e)| e.saturating_sub(i)).fold(0, usize::saturating_add);
    let work = pairs.saturating_mul(kernel.work(sides.d)).saturating_mul(if paired { 4 } else { 1 });
    let job = |monitor: &dyn Monitor| {
        if sides.single() {
            upper::<f32>(kernel, &sides, paired, weights, ends, monitor)
        } else {
            upper::<f64>(kernel, &sides, paired, weights, ends, monitor)
        }
    };
    Ok(vector(py, enter(py, work, n_threads, &Hooks::default(), job)?))
}

fn upper<T: Real>(
    kernel: &dyn Core,
    sides: &Sides<'_>,
    paired: bool,
    weights: &[f64],
    ends: &[usize],
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let (x, y) = &sides.clouds::<T>(kernel)?;
    let end = |i: usize| ends[i];
    if paired {
        upper_sums(&Paired { kernel, x, y }, weights, end, monitor)
    } else {
        upper_sums(&Cross { kernel, x, y: x }, weights, end, monitor)
    }
}

/// k(x_i, x_i).
#[pyfunction]
pub fn kernel_diagonal<'py>(py: Python<'py>, kernel: &Kernel, x: Points<'py>) -> PyResult<Vector<'py>> {
    let sides = Sides::new(&x, &x)?;
    let kernel = kernel.core();
    let values = enter(py, sides.x.1 * sides.d, 1, &Hooks::default(), |monitor| {
        wassail_core::kernel::diagonal(kernel, sides.x.0, sides.d, monitor)
    })?;
    Ok(vector(py, values))
}
