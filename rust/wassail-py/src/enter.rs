//! The one door into the core: detach, run, stay interruptible, map failures.
//!
//! Large work runs on the pool while the calling thread looks after signals, progress and callbacks; small work runs on
//! the calling thread itself, which then looks after them between two blocks of rows.

use crate::closing::Call;
use crate::errors::{internal, raised};
use crate::waiting::Rendezvous;
use pyo3::exceptions::{PyKeyboardInterrupt, PyTypeError};
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use wassail_core::error::{Error, Result};
use wassail_core::monitor::{Monitor, Progress};
use wassail_core::parallel;

/// Time between two looks at pending signals.
pub const SLICE: Duration = Duration::from_millis(50);
/// Time between two calls of a progress function.
pub const PROGRESS: Duration = Duration::from_millis(100);

/// The user's functions.
#[derive(Default)]
pub struct Hooks {
    /// Called at each iteration boundary; a true value stops.
    pub callback: Option<Py<PyAny>>,
    /// Called now and then.
    pub progress: Option<Py<PyAny>>,
}

impl Hooks {
    fn call<'py>(function: &Py<PyAny>, py: Python<'py>, at: Progress) -> PyResult<Bound<'py, PyAny>> {
        function.bind(py).call1((at.n_iter, at.epsilon, at.error))
    }

    /// The callback's answer: True stops, None goes on, and anything else was hardly meant to do either.
    pub fn ask(&self, py: Python<'_>, at: Progress) -> PyResult<bool> {
        let Some(callback) = &self.callback else { return Ok(false) };
        let answer = Self::call(callback, py, at)?;
        if answer.is_none() {
            return Ok(false);
        }
        answer.extract().map_err(|_| {
            let said = answer.repr().map_or_else(|_| "something else".to_owned(), |text| text.to_string());
            PyTypeError::new_err(format!("callback must return True to stop, or False or None, got {said}"))
        })
    }

    /// Tells the progress function.
    pub fn tell(&self, py: Python<'_>, at: Progress) -> PyResult<()> {
        self.progress.as_ref().map_or(Ok(()), |p| Self::call(p, py, at).map(drop))
    }
}

/// Runs `job` without holding the interpreter. `work` is the number of elementary steps of one sweep.
pub fn enter<R: Send>(
    py: Python<'_>,
    work: usize,
    n_threads: usize,
    hooks: &Hooks,
    job: impl FnOnce(&dyn Monitor) -> Result<R> + Send,
) -> PyResult<R> {
    call(py, work, n_threads, hooks, job).into_result(py)
}

/// The same for jobs that end early with what they have: it comes with what the user's functions raised, if they did. Ctrl-C just
/// ends them.
pub fn enter_keeping<R: Send>(
    py: Python<'_>,
    work: usize,
    n_threads: usize,
    hooks: &Hooks,
    job: impl FnOnce(&dyn Monitor) -> Result<R> + Send,
) -> PyResult<(R, Option<PyErr>)> {
    match call(py, work, n_threads, hooks, job) {
        Ended { out: Ok(Ok(out)), failure } => {
            Ok((out, failure.filter(|f| !f.is_instance_of::<PyKeyboardInterrupt>(py))))
        }
        ended => ended.into_result(py).map(|out| (out, None)),
    }
}

fn call<R: Send>(
    py: Python<'_>,
    work: usize,
    n_threads: usize,
    hooks: &Hooks,
    job: impl FnOnce(&dyn Monitor) -> Result<R> + Send,
) -> Ended<R> {
    let running = match Call::begin() {
        Ok(running) => running,
        Err(failure) => return Ended { out: Ok(Err(Error::Interrupted)), failure: Some(failure) },
    };
    let mut ended = run(py, work, n_threads, hooks, &running, job);
    if running.is_over() {
        ended.failure = Some(Call::refusal());
    }
    ended
}

fn run<R: Send>(
    py: Python<'_>,
    work: usize,
    n_threads: usize,
    hooks: &Hooks,
    running: &Call,
    job: impl FnOnce(&dyn Monitor) -> Result<R> + Send,
) -> Ended<R> {
    let threads = if n_threads == 0 { parallel::num_threads() } else { n_threads };
    // A worker that calls a function of the user, which calls here, shares its pool but must not wait in it.
    let large = threads > 1 && work >= parallel::SERIAL_BELOW && !parallel::is_worker();
    // A job waits for its callback, which may wait for other jobs: those must find workers.
    let pool = if hooks.callback.is_some() { parallel::private_pool } else { parallel::pool };
    if let Some(pool) = large.then(|| pool(threads)).flatten() {
        let meeting = Rendezvous::new(hooks, running);
        let slot = Mutex::new(None);
        let failure = py.detach(|| {
            pool.in_place_scope(|scope| {
                scope.spawn(|_| {
                    let out = catch_unwind(AssertUnwindSafe(|| job(&meeting)));
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(out);
                    meeting.finish();
                });
                meeting.serve()
            })
        });
        let out = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ended { out: out.unwrap_or(Ok(Err(Error::Interrupted))), failure }
    } else {
        let inline = Inline::new(hooks, running);
        let out = py.detach(|| catch_unwind(AssertUnwindSafe(|| job(&inline))));
        Ended { out, failure: inline.into_failure(py) }
    }
}

/// What came back, and the Python exception that stopped it, if one did.
struct Ended<R> {
    out: std::thread::Result<Result<R>>,
    failure: Option<PyErr>,
}

impl<R> Ended<R> {
    fn into_result(self, py: Python<'_>) -> PyResult<R> {
        match (self.failure, self.out) {
            (_, Err(payload)) => Err(internal(py, &*payload)),
            (Some(failure), _) => Err(failure),
            (None, Ok(out)) => out.map_err(|e| raised(&e)),
        }
    }
}

/// Raises what a signal handler raises.
fn pending(py: Python<'_>) -> PyResult<()> {
    py.check_signals()
}

/// The monitor of work on the calling thread.
struct Inline<'a> {
    hooks: &'a Hooks,
    running: &'a Call,
    state: Mutex<InlineState>,
}

struct InlineState {
    looked: Instant,
    told: Option<Instant>,
    untold: Option<Progress>,
    failure: Option<PyErr>,
}

impl<'a> Inline<'a> {
    fn new(hooks: &'a Hooks, running: &'a Call) -> Self {
        let state = InlineState { looked: Instant::now(), told: None, untold: None, failure: None };
        Self { hooks, running, state: Mutex::new(state) }
    }

    /// The exception that stopped the work; the last report goes to the progress function first.
    fn into_failure(self, py: Python<'_>) -> Option<PyErr> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.failure.or_else(|| self.hooks.tell(py, state.untold?).err())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, InlineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Monitor for Inline<'_> {
    fn cancelled(&self) -> bool {
        if self.running.is_over() {
            return true;
        }
        let mut state = self.state();
        if state.failure.is_none() && state.looked.elapsed() >= SLICE {
            state.looked = Instant::now();
            state.failure = Python::attach(pending).err();
        }
        state.failure.is_some()
    }

    fn report(&self, progress: Progress) -> bool {
        if self.cancelled() {
            return true;
        }
        let mut state = self.state();
        let due = state.told.is_none_or(|t| t.elapsed() >= PROGRESS) && self.hooks.progress.is_some();
        state.untold = (!due).then_some(progress);
        if due {
            state.told = Some(Instant::now());
        }
        if !due && self.hooks.callback.is_none() {
            return false;
        }
        let answer = Python::attach(|py| {
            if due {
                self.hooks.tell(py, progress)?;
            }
            self.hooks.ask(py, progress)
        });
        answer.unwrap_or_else(|e| {
            state.failure = Some(e);
            true
        })
    }
}
