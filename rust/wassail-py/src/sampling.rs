//! Runs of chains.

use crate::arrays::vector;
use crate::enter::{Hooks, enter_keeping};
use crate::ot::{Arg, Array};
use crate::target::Target;
use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::sampling::{
    Dynamics, End, Goal, Integrator, Kinetic, Length, LengthRule, Mala, Path, Persistent, Preconditioning, Run,
    Splitting, Trajectory, Transition as Core, Tuning, Ula, run,
};

/// A transition of chains.
#[pyclass(frozen, module = "wassail._core")]
pub struct Transition(Box<dyn Kind>);

trait Kind: Core + Send + Sync {}
impl<T: Core + Send + Sync> Kind for T {}

#[pymethods]
impl Transition {
    /// The unadjusted Langevin algorithm.
    #[staticmethod]
    fn ula() -> Self {
        Self(Box::new(Ula))
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

    /// Trajectories with one acceptance each; `path` is (isokinetic, splitting: 0 leapfrog, 1 minimal norm, friction, damping).
    #[staticmethod]
    fn trajectory(path: (bool, usize, f64, f64), jitter: f64) -> PyResult<Self> {
        Ok(Self(Box::new(Trajectory { path: read_path(path)?, jitter })))
    }

    /// Single steps with velocities that last.
    #[staticmethod]
    fn persistent(path: (bool, usize, f64, f64), adjusted: bool) -> PyResult<Self> {
        Ok(Self(Box::new(Persistent { path: read_path(path)?, adjusted })))
    }
}

fn read_path((isokinetic, splitting, friction, damping): (bool, usize, f64, f64)) -> PyResult<Path> {
    let all = [Splitting::Leapfrog, Splitting::MinimalNorm];
    let splitting = *all.get(splitting).ok_or_else(|| PyValueError::new_err("no such splitting"))?;
    let dynamics = if isokinetic { Dynamics::Isokinetic } else { Dynamics::Newtonian };
    Ok(Path { dynamics, splitting, friction, damping })
}

/// (end, chain of a bad start, draws of each chain, draws, logp, acceptance, divergences, step sizes, scale,
/// (directions of the preconditioner besides, mean steps of a trajectory, gradients of a chain), exception of the density).
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
    (usize, f64, u64),
    Option<PyErr>,
);

/// Runs chains; `schedule` is (warm-up steps, draws, steps per draw), `step` (size, what to adapt it to and whether that is an
/// error of the energy, whether it is the time step of a kinetic transition, preconditioner: 0 none, 1 diagonal, 2 low rank),
/// `tuner` what warm-up runs (None: MALA), `length` that of trajectories (its value, rule: 0 none, 1 autocorrelation time of
/// squares, 2 share of the autocorrelation time, and the value of the rule).
#[pyfunction]
pub fn run_chains<'py>(
    py: Python<'py>,
    target: &Target,
    transition: &Transition,
    start: Arg<'py>,
    scale: Arg<'py>,
    key: u64,
    schedule: (usize, usize, usize),
    step: (f64, Option<(f64, bool)>, bool, u8),
    tuner: Option<&Transition>,
    length: (f64, u8, f64),
    progress: Option<Py<PyAny>>,
    callback: Option<Py<PyAny>>,
    n_threads: usize,
) -> PyResult<Outcome<'py>> {
    let density = target.density();
    let (start, scale) = (start.as_slice()?, scale.as_slice()?);
    let d = density.dim();
    if start.is_empty() || !start.len().is_multiple_of(d) || scale.len() != d || schedule.2 == 0 {
        return Err(PyValueError::new_err("start, scale or schedule do not fit"));
    }
    let tuning = step.1.map(|(value, energy)| Tuning {
        transition: tuner.map_or(&Mala, |t| &*t.0),
        goal: if energy { Goal::Energy(value) } else { Goal::Acceptance(value) },
        kinetic: step.2,
    });
    let rule = match length.1 {
        0 => None,
        1 => Some(LengthRule::Memory(length.2)),
        _ => Some(LengthRule::Share(length.2)),
    };
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
        preconditioning: match step.3 {
            0 => Preconditioning::None,
            1 => Preconditioning::Diagonal,
            _ => Preconditioning::LowRank,
        },
        length: Length { time: length.0, rule },
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
        (out.rank, out.steps, out.n_gradients),
        target.take_raised(),
    ))
}
