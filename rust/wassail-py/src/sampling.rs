//! Algorithms.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::sampling::{
    Barker, Decay, Directions, Dynamics, Integrator, Kinetic, Mala, Midpoint, Slice, Stochastic, Stretch, Taming,
    Transition as Core, Ula,
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
        Self(Arc::new(Stochastic { dynamics: Dynamics::Overdamped, decay: Decay { offset, power } }))
    }

    /// The same, preconditioned by a running mean of squared gradients.
    #[staticmethod]
    fn psgld(offset: f64, power: f64, keep: f64, damping: f64) -> Self {
        let dynamics = Dynamics::RmsProp { keep, damping };
        Self(Arc::new(Stochastic { dynamics, decay: Decay { offset, power } }))
    }

    /// The same with velocities.
    #[staticmethod]
    fn sghmc(offset: f64, power: f64, friction: f64) -> Self {
        Self(Arc::new(Stochastic { dynamics: Dynamics::Kinetic { friction }, decay: Decay { offset, power } }))
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
}
