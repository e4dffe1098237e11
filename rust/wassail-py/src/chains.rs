//! Runs of chains.

use crate::arrays::vector;
use crate::enter::{Hooks, enter_keeping};
use crate::ot::{Arg, Array};
use crate::sampling::Transition;
use crate::target::Target;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use wassail_core::error::Result;
use wassail_core::monitor::{Monitor, Progress};
use wassail_core::sampling::{
    Chains as Core, Draws, End, Goal, Kept, Ladders, Length, LengthRule, Loaded, Preconditioning, Reference, Run,
    Sampler, Saved, Tempering, Tuning, Values,
};

type Counts<'py> = Bound<'py, PyArray1<u64>>;
/// How a call ended (0 complete, 1 interrupted, 2 the density failed, 3 it is not finite at the start, 4 it failed there, 5 it is
/// not that of the state), for which chain, at which step.
type Ended = (u8, usize, u64);
/// Draws that all chains made, and (chains, n, width) draws, gradients, (chains, n) log-densities and acceptance, of ladders
/// (chains, n, rungs) log ratios of target and reference.
type Drawn<'py> = (Ended, usize, Array<'py>, Array<'py>, Array<'py>, Array<'py>, Array<'py>);

/// Divergences, steps outside, step sizes, scale, rank, steps and the share of shorter ones.
type Settings<'py> = (Counts<'py>, Counts<'py>, Array<'py>, Array<'py>, usize, f64, f64);

/// Betas, rejections and round trips.
type Ladder<'py> = (Array<'py>, Array<'py>, Counts<'py>);

/// Chains on their way, or ladders of them.
#[pyclass(frozen, module = "wassail._core")]
pub struct Chains {
    inner: Mutex<Box<dyn Sampler>>,
    target: Py<Target>,
    /// Elementary steps of one step of all chains.
    work: usize,
    /// Steps of warm-up, and per draw.
    schedule: (usize, usize),
    diverged: Arc<AtomicU64>,
    /// Whether to stop, told from Python.
    stop: AtomicBool,
    /// What the last call gave: Ctrl-C may strike between its end and the caller's next step, and must not lose it.
    last: Mutex<Option<(Ended, Option<Draws>)>>,
}

impl Chains {
    fn around(chains: Box<dyn Sampler>, target: Py<Target>, work: usize, schedule: (usize, usize)) -> Self {
        Self {
            diverged: chains.diverged(),
            inner: Mutex::new(chains),
            target,
            work,
            schedule,
            stop: AtomicBool::new(false),
            last: Mutex::default(),
        }
    }

    /// The chains, for a call that is the only one: waiting for another would hold the interpreter that it needs.
    fn lock(&self) -> PyResult<MutexGuard<'_, Box<dyn Sampler>>> {
        match self.inner.try_lock() {
            Ok(chains) => Ok(chains),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err("these chains are running")),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<(Ended, Option<Draws>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter<R: Send>(
        &self,
        py: Python<'_>,
        steps: usize,
        hooks: &Hooks,
        n_threads: usize,
        job: impl FnOnce(&mut dyn Sampler, &dyn Monitor) -> Result<R> + Send,
    ) -> PyResult<(R, Option<PyErr>)> {
        let mut chains = self.lock()?;
        let chains = &mut **chains;
        self.stop.store(false, Ordering::Relaxed);
        let calls = self.target.get().calls_python();
        enter_keeping(py, self.work.saturating_mul(steps), n_threads, hooks, |monitor| {
            let run = || job(chains, &Stoppable { monitor, stop: &self.stop });
            // A thread of the pool is made known to the interpreter once, and not again for each call.
            if calls { Python::attach(|py| py.detach(run)) } else { run() }
        })
    }
}

/// A monitor that also stops when it is told to: a C function that calls Python may swallow the exception of Ctrl-C.
struct Stoppable<'a> {
    monitor: &'a dyn Monitor,
    stop: &'a AtomicBool,
}

impl Monitor for Stoppable<'_> {
    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.monitor.cancelled()
    }

    fn report(&self, progress: Progress) -> bool {
        self.monitor.report(progress) || self.stop.load(Ordering::Relaxed)
    }
}

fn ended(end: End) -> Ended {
    match end {
        End::Complete => (0, 0, 0),
        End::Interrupted => (1, 0, 0),
        End::Failed { chain, step } => (2, chain, step),
        End::BadStart(chain) => (3, chain, 0),
        End::FailedStart(chain) => (4, chain, 0),
        End::Differs(chain) => (5, chain, 0),
    }
}

#[pymethods]
impl Chains {
    /// Schedule: steps of warm-up, and per draw; step: its size, what to adapt it to and whether that is an error of
    /// the energy, whether it is the time step of a kinetic transition, preconditioner: 0 none, 1 diagonal, 2 low rank;
    /// length: that of trajectories (value, rule: 0 none, 1 by the autocorrelation time, 2 a share of it, and its value);
    /// kept: coordinates, and whether their gradients too.
    #[new]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        target: Py<Target>,
        transition: &Transition,
        start: Arg<'_>,
        scale: Arg<'_>,
        key: u64,
        schedule: (usize, usize),
        step: (f64, Option<f64>, bool, bool, u8),
        length: (f64, u8, f64),
        kept: (Option<Vec<usize>>, bool),
    ) -> PyResult<Self> {
        let mut density = target.get().density();
        let transition = transition.core();
        if !transition.uses_gradients() {
            density = Arc::new(Values::new(density, transition.couples_chains()));
        }
        let (start, scale, d) = (start.as_slice()?, scale.as_slice()?, density.dim());
        let within = kept.0.as_ref().is_none_or(|chosen| chosen.iter().all(|&k| k < d));
        if start.is_empty() || !start.len().is_multiple_of(d) || scale.len() != d || schedule.1 == 0 || !within {
            return Err(PyValueError::new_err("start, scale, schedule or coordinates do not fit"));
        }
        let work = (start.len() / d).saturating_mul(density.work() + 4 * d);
        let (size, goal, by_energy, kinetic, preconditioning) = step;
        let tuning = goal.map(|value| Tuning {
            transition: transition.tuned(),
            goal: if by_energy { Goal::Energy(value) } else { Goal::Acceptance(value) },
            kinetic,
        });
        let rule = match length.1 {
            0 => None,
            1 => Some(LengthRule::Memory(length.2)),
            _ => Some(LengthRule::Share(length.2)),
        };
        let run = Run {
            density,
            transition,
            key,
            n_warmup: schedule.0,
            thin: schedule.1,
            tuning,
            preconditioning: match preconditioning {
                0 => Preconditioning::None,
                1 => Preconditioning::Diagonal,
                _ => Preconditioning::LowRank,
            },
            length: Length { time: length.0, rule },
            kept: Kept { coordinates: kept.0, gradients: kept.1 },
        };
        let scale = scale.to_vec();
        let chains = py.detach(|| Core::new(run, start, size, &scale)).map_err(|e| crate::errors::raised(&e))?;
        Ok(Self::around(Box::new(chains), target, work, schedule))
    }

    /// Ladders of chains; `reference` is (density, mean, factor), schedule as above, `ladder` (rungs, steps of the kernel a scan),
    /// `step` (size, acceptance to adapt it to).
    #[staticmethod]
    #[allow(clippy::too_many_arguments)]
    fn ladders(
        py: Python<'_>,
        target: Py<Target>,
        reference: (Bound<'_, Target>, Arg<'_>, Arg<'_>),
        transition: &Transition,
        start: Arg<'_>,
        scale: Arg<'_>,
        key: u64,
        schedule: (usize, usize),
        ladder: (usize, usize),
        step: (f64, Option<f64>),
        kept: (Option<Vec<usize>>, bool),
    ) -> PyResult<Self> {
        let (start, scale) = (start.as_slice()?, scale.as_slice()?);
        let (mean, factor) = (reference.1.as_slice()?, reference.2.as_slice()?);
        let (top, bottom) = (target.get().density(), reference.0.get().density());
        let d = top.dim();
        let fits = start.len().is_multiple_of(d) && scale.len() == d && mean.len() == d && bottom.dim() == d;
        let factored = factor.len() == d || factor.len() == d.saturating_mul(d);
        let within = kept.0.as_ref().is_none_or(|chosen| chosen.iter().all(|&k| k < d));
        let has_steps = schedule.1 > 0 && ladder.0 >= 2 && ladder.1 > 0;
        if start.is_empty() || !fits || !factored || !within || !has_steps {
            return Err(PyValueError::new_err("start, reference, schedule, ladder or coordinates do not fit"));
        }
        let run = Tempering {
            reference: Reference { density: bottom, mean: mean.to_vec(), factor: factor.to_vec() },
            transition: transition.core(),
            key,
            chains: start.len() / d,
            rungs: ladder.0,
            steps: ladder.1,
            n_warmup: schedule.0,
            thin: schedule.1,
            step_size: step.0,
            acceptance: step.1,
            scale: scale.to_vec(),
            kept: Kept { coordinates: kept.0, gradients: kept.1 },
            target: top,
        };
        let rows = run.chains.saturating_mul(run.rungs).saturating_mul(run.steps);
        let work = rows.saturating_mul(run.target.work() + 4 * d);
        let ladders = py.detach(|| Ladders::new(run, start)).map_err(|e| crate::errors::raised(&e))?;
        Ok(Self::around(Box::new(ladders), target, work, schedule))
    }

    /// Goes on to the end of warm-up; `take` says how it ended, also where this raises what the user's functions raised.
    fn prepare(
        &self,
        py: Python<'_>,
        progress: Option<Py<PyAny>>,
        callback: Option<Py<PyAny>>,
        n_threads: usize,
    ) -> PyResult<()> {
        let hooks = Hooks { callback, progress };
        let work = self.schedule.0 + 1;
        let (end, raised) = self.enter(py, work, &hooks, n_threads, |chains, monitor| chains.prepare(monitor))?;
        *self.last() = Some((ended(end), None));
        raised.map_or(Ok(()), Err)
    }

    /// Makes the next `n` draws of every chain, for `take`, also where this raises.
    fn draw(
        &self,
        py: Python<'_>,
        n: usize,
        progress: Option<Py<PyAny>>,
        callback: Option<Py<PyAny>>,
        n_threads: usize,
    ) -> PyResult<()> {
        let hooks = Hooks { callback, progress };
        let steps = n.saturating_mul(self.schedule.1);
        let (out, raised) = self.enter(py, steps, &hooks, n_threads, |chains, monitor| chains.draw(n, monitor))?;
        *self.last() = Some((ended(out.end), Some(out)));
        raised.map_or(Ok(()), Err)
    }

    /// Ends the call that is running with what it has.
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// How the last call ended, and its draws; None when there was none.
    fn take<'py>(&self, py: Python<'py>) -> Option<Drawn<'py>> {
        let (ended, out) = self.last().take()?;
        let (count, parts) = out.map_or((0, <[Vec<f64>; 5]>::default()), |out| {
            (out.count, [out.draws, out.gradients, out.logp, out.acceptance, out.ratios])
        });
        let [draws, gradients, logp, acceptance, ratios] = parts.map(|part| vector(py, part));
        Some((ended, count, draws, gradients, logp, acceptance, ratios))
    }

    /// The state: floats and counts.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<(Array<'py>, Counts<'py>)> {
        let saved = self.lock()?.save().map_err(|e| crate::errors::raised(&e))?;
        Ok((vector(py, saved.floats), vector(py, saved.integers)))
    }

    /// Takes up a state: 0 where it fits, 1 where chains that are to move together have made different numbers of steps, 2 where it is
    /// another run's. `verify`: whether the density is first compared with what the state knows of it.
    fn load(&self, floats: Arg<'_>, integers: PyReadonlyArray1<'_, u64>, verify: bool) -> PyResult<u8> {
        let saved = Saved { floats: floats.as_slice()?.to_vec(), integers: integers.as_slice()?.to_vec() };
        let mut chains = self.lock()?;
        let loaded = chains.load(&saved).map_err(|e| crate::errors::raised(&e))?;
        if verify {
            chains.doubt();
        }
        Ok(match loaded {
            Loaded::Fits => 0,
            Loaded::OutOfStep => 1,
            Loaded::Other => 2,
        })
    }

    /// Whether that comparison is still to be made.
    fn is_doubted(&self) -> PyResult<bool> {
        Ok(self.lock()?.is_doubted())
    }

    /// The log-density of a chain in its state, and what was found instead.
    fn differing(&self, chain: usize) -> PyResult<Option<(f64, f64)>> {
        Ok(self.lock()?.differing(chain))
    }

    /// Divergences, steps that left the support, and step size of each chain, the square roots of the preconditioner, its
    /// directions besides, the mean steps of a trajectory, and the share of shorter ones.
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Settings<'py>> {
        let chains = self.lock()?;
        Ok((
            vector(py, chains.divergences()),
            vector(py, chains.outside()),
            vector(py, chains.step_sizes()),
            vector(py, chains.scale().to_vec()),
            chains.rank(),
            chains.steps(),
            chains.shortened(),
        ))
    }

    /// Steps that all chains have made, and the gradients of each.
    fn progress(&self) -> PyResult<(u64, u64)> {
        let chains = self.lock()?;
        Ok((chains.number(), chains.n_gradients()))
    }

    /// Betas, rejections between rungs and round trips of ladders.
    fn rungs<'py>(&self, py: Python<'py>) -> PyResult<Ladder<'py>> {
        let rungs = self.lock()?.rungs().ok_or_else(|| PyValueError::new_err("these are no ladders"))?;
        Ok((vector(py, rungs.betas), vector(py, rungs.rejections), vector(py, rungs.round_trips)))
    }

    /// Whether each chain is where the gradient is zero.
    fn flat(&self) -> PyResult<Vec<bool>> {
        Ok(self.lock()?.is_flat())
    }

    /// Steps along lines where the density does not end, see the core.
    fn endless<'py>(&self, py: Python<'py>) -> PyResult<Counts<'py>> {
        Ok(vector(py, self.lock()?.endless()))
    }

    /// Divergences of all chains so far, also while they run.
    fn diverged(&self) -> u64 {
        self.diverged.load(Ordering::Relaxed)
    }

    /// Takes the exception that stopped them.
    fn take_raised(&self) -> Option<PyErr> {
        self.target.get().take_raised()
    }
}
