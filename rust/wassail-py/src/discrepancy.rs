//! Sums of kernel values.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::kernel::Kernel;
use crate::points::Points;
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::error::Result;
use wassail_core::kernel::{
    Cloud, Cross, Kernel as Core, Paired, Real, Scaled, Signs, Table, center, row_sums, sign_forms, symmetric_sums,
    upper_sums,
};
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
        let job = if sides.single() { embed::<f32> } else { embed::<f64> };
        job(kernel, &sides, weights, monitor)
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
        let job = if sides.single() { mutual::<f32> } else { mutual::<f64> };
        job(kernel, &sides, &weights, monitor)
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
        let job = if sides.single() { upper::<f32> } else { upper::<f64> };
        job(kernel, &sides, paired, weights, ends, monitor)
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
    upper_sums(&*table(kernel, x, y, paired), weights, end, monitor)
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

/// Σ_{i≠j} s_i s_j c_i c_j h(i, j) for each kernel and sign vector, h as in `kernel_upper_sums`, c = 1 without factors. Signs are
/// packed bits, the lowest first.
#[pyfunction]
pub fn kernel_sign_forms<'py>(
    py: Python<'py>,
    kernels: Vec<PyRef<'py, Kernel>>,
    x: Points<'py>,
    y: Option<Points<'py>>,
    factors: Option<PyReadonlyArray1<'py, f64>>,
    signs: PyReadonlyArray2<'py, u8>,
    n_threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let sides = Sides::new(&x, y.as_ref().unwrap_or(&x))?;
    let (n, count) = (sides.x.1, signs.shape()[0]);
    let factors = factors.as_ref().map(|f| f.as_slice()).transpose()?;
    let fits = signs.shape()[1] == n.div_ceil(8) && sides.y.1 == n && factors.is_none_or(|f| f.len() == n);
    if !fits || count == 0 || kernels.is_empty() {
        return Err(misfit());
    }
    let (signs, paired, single) = (signs.as_slice()?, y.is_some(), sides.single());
    let kernels: Vec<&dyn Core> = kernels.iter().map(|k| k.core()).collect();
    let pairs = n.saturating_mul(n);
    let steps = kernels.iter().map(|k| k.work(sides.d)).fold(count * kernels.len() / 100, usize::saturating_add);
    let forms = enter(py, pairs.saturating_mul(steps), n_threads, &Hooks::default(), |monitor| {
        let signs = Signs::new(signs, n)?;
        let forms = if single { forms::<f32> } else { forms::<f64> };
        forms(&kernels, &sides, paired, factors, &signs, monitor)
    })?;
    matrix(py, forms, kernels.len(), count)
}

fn forms<T: Real>(
    kernels: &[&dyn Core],
    sides: &Sides<'_>,
    paired: bool,
    factors: Option<&[f64]>,
    signs: &Signs,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for &kernel in kernels {
        let (x, y) = &sides.clouds::<T>(kernel)?;
        let table = table(kernel, x, y, paired);
        all.extend(match factors {
            Some(factors) => sign_forms(&Scaled { table: &*table, factors }, signs, monitor)?,
            None => sign_forms(&*table, signs, monitor)?,
        });
    }
    Ok(all)
}

fn table<'a, T: Real>(kernel: &'a dyn Core, x: &'a Cloud<T>, y: &'a Cloud<T>, paired: bool) -> Box<dyn Table<T> + 'a> {
    if paired { Box::new(Paired { kernel, x, y }) } else { Box::new(Cross { kernel, x, y: x }) }
}
