//! Algorithms.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::sampling::{
    Barker, Decay, Directions, Dynamics, Integrator, Kinetic, Mala, Midpoint, Path, Persistent, Scheme, Slice,
    Splitting, Stochastic, Stretch, Taming, Trajectory, Transition as Core, Ula,
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
    /// Whether it looks at gradients.
    #[getter]
    fn uses_gradients(&self) -> bool {
        self.0.uses_gradients()
    }

    /// The unadjusted Langevin algorithm; taming: 0 none, 1 by the length of the gradient, 2 by coordinates.
    #[staticmethod]
    fn ula(taming: usize) -> PyResult<Self> {
        let all = [Taming::None, Taming::Whole, Taming::Coordinates];
        let taming = *all.get(taming).ok_or_else(|| PyValueError::new_err("no such taming"))?;
        Ok(Self(Arc::new(Ula { taming })))
    }

    /// The randomized midpoint method.
    #[staticmethod]
    fn midpoint() -> Self {
        Self(Arc::new(Midpoint))
    }

    /// The stretch move of an ensemble.
    #[staticmethod]
    fn stretch() -> Self {
        Self(Arc::new(Stretch))
    }

    /// Slice sampling; directions: 0 coordinates, 1 normals, 2 differences of walkers.
    #[staticmethod]
    fn slice(directions: usize) -> PyResult<Self> {
        let all = [Directions::Coordinates, Directions::Normals, Directions::Differences];
        let directions = *all.get(directions).ok_or_else(|| PyValueError::new_err("no such directions"))?;
        Ok(Self(Arc::new(Slice::new(directions))))
    }

    /// Langevin with estimated gradients and steps h (1 + t / offset)^(−power).
    #[staticmethod]
    fn sgld(offset: f64, power: f64) -> Self {
        Self(Arc::new(Stochastic { dynamics: Scheme::Overdamped, decay: Decay { offset, power } }))
    }

    /// The same, preconditioned by a running mean of squared gradients.
    #[staticmethod]
    fn psgld(offset: f64, power: f64, keep: f64, damping: f64) -> Self {
        let dynamics = Scheme::RmsProp { keep, damping };
        Self(Arc::new(Stochastic { dynamics, decay: Decay { offset, power } }))
    }

    /// The same with velocities.
    #[staticmethod]
    fn sghmc(offset: f64, power: f64, friction: f64) -> Self {
        Self(Arc::new(Stochastic { dynamics: Scheme::Kinetic { friction }, decay: Decay { offset, power } }))
    }

    /// Barker proposals.
    #[staticmethod]
    fn barker() -> Self {
        Self(Arc::new(Barker))
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
