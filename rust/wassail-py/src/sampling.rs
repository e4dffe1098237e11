//! Algorithms.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::sampling::{
    Dynamics, Integrator, Kinetic, Mala, Path, Persistent, Splitting, Trajectory, Transition as Core, Ula,
};

/// A transition of chains.
#[pyclass(frozen, module = "wassail._core")]
pub struct Transition(Arc<dyn Core>);

impl Transition {
    /// As the core sees it.
    pub fn core(&self) -> Arc<dyn Core> {
        Arc::clone(&self.0)
    }
}

#[pymethods]
impl Transition {
    /// The unadjusted Langevin algorithm.
    #[staticmethod]
    fn ula() -> Self {
        Self(Arc::new(Ula))
    }

    /// The Metropolis-adjusted Langevin algorithm.
    #[staticmethod]
    fn mala() -> Self {
        Self(Arc::new(Mala))
    }

    /// Kinetic Langevin; integrator: 0 OBABO, 1 BAOAB, 2 ABOBA, 3 UBU.
    #[staticmethod]
    fn kinetic(friction: f64, integrator: usize) -> PyResult<Self> {
        let all = [Integrator::Obabo, Integrator::Baoab, Integrator::Aboba, Integrator::Ubu];
        let integrator = *all.get(integrator).ok_or_else(|| PyValueError::new_err("no such integrator"))?;
        Ok(Self(Arc::new(Kinetic { friction, integrator })))
    }

    /// Trajectories with one acceptance each; splitting: 0 leapfrog, 1 minimal norm; friction is a unit of time, damping a mean
    /// trajectory.
    #[staticmethod]
    fn trajectory(isokinetic: bool, splitting: usize, friction: f64, damping: f64, jitter: f64) -> PyResult<Self> {
        Ok(Self(Arc::new(Trajectory { path: path(isokinetic, splitting, friction, damping)?, jitter })))
    }

    /// Single steps with velocities that last.
    #[staticmethod]
    fn persistent(isokinetic: bool, splitting: usize, friction: f64, damping: f64, adjusted: bool) -> PyResult<Self> {
        Ok(Self(Arc::new(Persistent { path: path(isokinetic, splitting, friction, damping)?, adjusted })))
    }
}

fn path(isokinetic: bool, splitting: usize, friction: f64, damping: f64) -> PyResult<Path> {
    let all = [Splitting::Leapfrog, Splitting::MinimalNorm];
    let splitting = *all.get(splitting).ok_or_else(|| PyValueError::new_err("no such splitting"))?;
    let dynamics = if isokinetic { Dynamics::Isokinetic } else { Dynamics::Newtonian };
    Ok(Path { dynamics, splitting, friction, damping })
}
