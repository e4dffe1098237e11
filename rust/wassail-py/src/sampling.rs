//! Runs of chains.

use crate::arrays::vector;
use crate::enter::{Hooks, enter_keeping};
use crate::ot::{Arg, Array};
use crate::target::Target;
use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::sampling::{
    Barker, Decay, Directions, Dynamics, End, Integrator, Kinetic, LogDensity, Mala, Midpoint, Run, Slice, Stochastic,
    Stretch, Taming, Transition as Core, Tuning, Ula, Values, run,
};

/// A transition of chains.
#[pyclass(frozen, module = "wassail._core")]
pub struct Transition(Box<dyn Kind>);

trait Kind: Core + Send + Sync {}
impl<T: Core + Send + Sync> Kind for T {}

impl Transition {
    /// As the core sees it.
    pub fn core(&self) -> &dyn Core {
        &*self.0
    }
}

#[pymethods]
impl Transition {
    /// The unadjusted Langevin algorithm; taming: 0 none, 1 by the length of the gradient, 2 by coordinates.
    #[staticmethod]
    fn ula(taming: usize) -> PyResult<Self> {
        let all = [Taming::None, Taming::Whole, Taming::Coordinates];
        let taming = *all.get(taming).ok_or_else(|| PyValueError::new_err("no such taming"))?;
        Ok(Self(Box::new(Ula { taming })))
    }

    /// The randomized midpoint method.
    #[staticmethod]
    fn midpoint() -> Self {
        Self(Box::new(Midpoint))
    }

    /// The stretch move of an ensemble.
    #[staticmethod]
    fn stretch() -> Self {
        Self(Box::new(Stretch))
    }

    /// Slice sampling; directions: 0 coordinates, 1 normals, 2 differences of walkers.
    #[staticmethod]
    fn slice(directions: usize) -> PyResult<Self> {
        let all = [Directions::Coordinates, Directions::Normals, Directions::Differences];
        let directions = *all.get(directions).ok_or_else(|| PyValueError::new_err("no such directions"))?;
        Ok(Self(Box::new(Slice::new(directions))))
    }

    /// Langevin with estimated gradients and steps h (1 + t / offset)^(−power).
    #[staticmethod]
    fn sgld(offset: f64, power: f64) -> Self {
        Self(Box::new(Stochastic { dynamics: Dynamics::Overdamped, decay: Decay { offset, power } }))
    }

    /// The same, preconditioned by a running mean of squared gradients.
    #[staticmethod]
    fn psgld(offset: f64, power: f64, keep: f64, damping: f64) -> Self {
        let dynamics = Dynamics::RmsProp { keep, damping };
        Self(Box::new(Stochastic { dynamics, decay: Decay { offset, power } }))
    }

    /// The same with velocities.
    #[staticmethod]
    fn sghmc(offset: f64, power: f64, friction: f64) -> Self {
        Self(Box::new(Stochastic { dynamics: Dynamics::Kinetic { friction }, decay: Decay { offset, power } }))
    }

    /// Barker proposals.
    #[staticmethod]
    fn barker() -> Self {
        Self(Box::new(Barker))
    }

    /// The Metropolis-adjusted Langevin algorithm.
    #[staticmethod]
    fn mala() -> Self {
        Self(Box::new(Mala))
    }

    /// Kinetic Langevin; integrator: 0 OBABO, 1 BAOAB, 2 ABOBA, 3 UBU.
    #[staticmethod]
    fn kinetic(friction: f64, integrator: usize) -> PyResult<Self> {
        let all = [Integrator::Obabo, Integrator::Baoab, Integrator::Aboba, Integrator::Ubu];
        let integrator = *all.get(integrator).ok_or_else(|| PyValueError::new_err("no such integrator"))?;
        Ok(Self(Box::new(Kinetic { friction, integrator })))
    }
}

/// (end, chain of a bad start, draws of each chain, draws, logp, acceptance, divergences, step sizes, scale, gradients of a
/// chain, exception of the density).
type Outcome<'py> = (
    u8,
    usize,
    usize,
    Array<'py>,
    Array<'py>,
    Array<'py>,
    Bound<'py, PyArray1<u64>>,
    Array<'py>,
    Array<'py>,
    u64,
    Option<PyErr>,
);

/// Runs chains; `schedule` is (warm-up steps, draws, steps per draw), `step` (size, acceptance to adapt it to, whether it is the
/// time step of a kinetic transition, whether the preconditioner is adapted).
#[pyfunction]
pub fn run_chains<'py>(
    py: Python<'py>,
    target: &Target,
    transition: &Transition,
    start: Arg<'py>,
    scale: Arg<'py>,
    key: u64,
    schedule: (usize, usize, usize),
    step: (f64, Option<f64>, bool, bool),
    progress: Option<Py<PyAny>>,
    callback: Option<Py<PyAny>>,
    n_threads: usize,
) -> PyResult<Outcome<'py>> {
    let values = Values::new(target.shared(), transition.0.couples_chains());
    let density: &dyn LogDensity = if transition.0.uses_gradients() { target.density() } else { &values };
    let (start, scale) = (start.as_slice()?, scale.as_slice()?);
    let d = density.dim();
    if start.is_empty() || !start.len().is_multiple_of(d) || scale.len() != d || schedule.2 == 0 {
        return Err(PyValueError::new_err("start, scale or schedule do not fit"));
    }
    let tuned = transition.0.tuned();
    let tuning = step.1.map(|acceptance| Tuning { transition: &*tuned, acceptance, kinetic: step.2 });
    let chains = Run {
        density,
        transition: &*transition.0,
        key,
        start,
        n_warmup: schedule.0,
        n_samples: schedule.1,
        thin: schedule.2,
        step_size: step.0,
        tuning,
        scale: scale.to_vec(),
        adapts_scale: step.3,
    };
    let steps = schedule.1.saturating_mul(schedule.2).saturating_add(schedule.0);
    let work = steps.saturating_mul(start.len() / d).saturating_mul(density.work() + 4 * d);
    let hooks = Hooks { callback, progress };
    let out = enter_keeping(py, work, n_threads, &hooks, |monitor| run(&chains, monitor))?;
    let (end, chain) = match out.end {
        End::Complete => (0, 0),
        End::Interrupted => (1, 0),
        End::Failed => (2, 0),
        End::BadStart(chain) => (3, chain),
    };
    Ok((
        end,
        chain,
        out.count,
        vector(py, out.draws),
        vector(py, out.logp),
        vector(py, out.acceptance),
        vector(py, out.divergences),
        vector(py, out.step_sizes),
        vector(py, out.scale),
        out.n_gradients,
        target.take_raised(),
    ))
}
