//! Moments and quantiles of draws as they come.

use crate::arrays::{matrix, vector};
use crate::enter::{Hooks, enter};
use crate::errors::raised;
use crate::ot::{Arg, Array};
use numpy::PyArray2;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use wassail_core::error::try_zeroed;
use wassail_core::sampling::{Moments as Core, by_rank};

type Matrix<'py> = Bound<'py, PyArray2<f64>>;

/// What has been seen of draws.
#[pyclass(frozen, module = "wassail._core")]
pub struct Moments(Mutex<Core>);

impl Moments {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Moments {
    /// Nothing seen yet.
    #[new]
    fn new(d: usize, chains: usize, probabilities: Vec<f64>) -> PyResult<Self> {
        let increasing = probabilities.windows(2).all(|p| p[0] < p[1]);
        if d == 0 || chains == 0 || !increasing || probabilities.iter().any(|&p| !(p > 0.0 && p < 1.0)) {
            return Err(PyValueError::new_err("no coordinates, no chains, or probabilities out of order"));
        }
        let core = Core::new(d, chains, &probabilities).map_err(|e| raised(&e))?;
        Ok(Self(Mutex::new(core)))
    }

    /// Takes in draws (chains, n, d).
    fn update(&self, py: Python<'_>, draws: Arg<'_>, n_threads: usize) -> PyResult<()> {
        let draws = draws.as_slice()?;
        let mut core = self.core();
        let core = &mut *core;
        let (chains, d) = core.shape();
        if !draws.len().is_multiple_of(chains * d) {
            return Err(PyValueError::new_err("draws do not fit"));
        }
        enter(py, 4 * draws.len(), n_threads, &Hooks::default(), |monitor| core.update(draws, monitor))
    }

    /// Draws of the first part of each chain, and of a batch, and batches of each chain.
    fn cuts(&self) -> (u64, u64, u64) {
        let cuts = self.core().cuts();
        (cuts.first, cuts.batch, cuts.batches)
    }

    /// Draws of each chain; means and sums of squared deviations of each chain, then both after its first part, (chains, d);
    /// sums of squared deviations of the means of batches, (d,); quantiles (number, d).
    fn table<'py>(&self, py: Python<'py>) -> PyResult<(u64, Vec<Matrix<'py>>, Array<'py>, Matrix<'py>)> {
        let core = self.core();
        let (chains, d) = core.shape();
        let table = core.table().map_err(|e| raised(&e))?;
        let parts = table.chains.into_iter().map(|part| matrix(py, part, chains, d)).collect::<PyResult<_>>()?;
        let rows = table.quantiles.len() / d;
        Ok((table.count, parts, vector(py, table.batch_square), matrix(py, table.quantiles, rows, d)?))
    }

    /// The state: numbers, and draws of each chain.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<(Array<'py>, u64)> {
        let (numbers, count) = self.core().save().map_err(|e| raised(&e))?;
        Ok((vector(py, numbers), count))
    }

    /// Takes up a state; false where it is not one of such moments.
    fn load(&self, numbers: Arg<'_>, count: u64) -> PyResult<bool> {
        Ok(self.core().load(numbers.as_slice()?, count))
    }
}

/// Replaces draws (n, d) by the entries of a table of 2 n − 1 values for mean ranks of 1, 3/2, … n, coordinate by coordinate.
#[pyfunction]
pub fn replace_by_rank<'py>(py: Python<'py>, draws: Arg<'py>, d: usize, table: Arg<'py>) -> PyResult<Array<'py>> {
    let (draws, table) = (draws.as_slice()?, table.as_slice()?);
    let n = draws.len().checked_div(d).unwrap_or(0);
    if n == 0 || n * d != draws.len() || table.len() != 2 * n - 1 || u32::try_from(n).is_err() {
        return Err(PyValueError::new_err("draws and table do not fit"));
    }
    let mut out = try_zeroed(draws.len()).map_err(|e| raised(&e))?;
    py.detach(|| by_rank(draws, d, table, &mut out));
    Ok(vector(py, out))
}
