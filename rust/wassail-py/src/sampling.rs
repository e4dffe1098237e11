//! Algorithms.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use wassail_core::sampling::{Integrator, Kinetic, Mala, Transition as Core, Ula};

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
}
