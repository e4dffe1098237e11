//! Where the pool's worker and the waiting Python thread meet.

use crate::closing::Call;
use crate::enter::{Hooks, PROGRESS, SLICE};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use wassail_core::monitor::{Monitor, Progress};

/// The monitor of work on the pool, and the desk of the thread that waits for it.
pub struct Rendezvous<'a> {
    hooks: &'a Hooks,
    running: &'a Call,
    cancel: AtomicBool,
    state: Mutex<State>,
    /// Wakes the waiting thread.
    caller: Condvar,
    /// Wakes the worker.
    worker: Condvar,
}

#[derive(Default)]
struct State {
    /// Newest report that the progress function has not seen.
    untold: Option<Progress>,
    /// Report that awaits the callback's answer.
    question: Option<Progress>,
    answer: Option<bool>,
    done: bool,
}

impl<'a> Rendezvous<'a> {
    /// Nothing reported yet.
    pub fn new(hooks: &'a Hooks, running: &'a Call) -> Self {
        Self {
            hooks,
            running,
            cancel: AtomicBool::new(false),
            state: Mutex::default(),
            caller: Condvar::new(),
            worker: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker's last word.
    pub fn finish(&self) {
        self.state().done = true;
        self.caller.notify_all();
    }

    /// Waits for the worker, detached; returns the exception that cancelled it, if one did.
    pub fn serve(&self) -> Option<PyErr> {
        let mut failure = None;
        let mut told: Option<Instant> = None;
        loop {
            let (question, done) = self.wait();
            let due = told.is_none_or(|t| t.elapsed() >= PROGRESS) || done;
            let untold = if due && self.hooks.progress.is_some() { self.state().untold.take() } else { None };
            if untold.is_some() {
                told = Some(Instant::now());
            }
            let mut answer = true;
            if failure.is_none() && (question.is_some() || untold.is_some() || !done) {
                match Python::attach(|py| self.look(py, question, untold)) {
                    Ok(said) => answer = said,
                    Err(e) => {
                        failure = Some(e);
                        self.cancel.store(true, Ordering::Release);
                    }
                }
            }
            if question.is_some() {
                self.state().answer = Some(answer);
                self.worker.notify_all();
            }
            if done {
                return failure;
            }
        }
    }

    /// Returns after a slice of time, or at once when there is a question or the end.
    fn wait(&self) -> (Option<Progress>, bool) {
        let idle = |s: &mut State| !s.done && s.question.is_none();
        let (mut state, _) =
            self.caller.wait_timeout_while(self.state(), SLICE, idle).unwrap_or_else(PoisonError::into_inner);
        (state.question.take(), state.done)
    }

    fn look(&self, py: Python<'_>, question: Option<Progress>, untold: Option<Progress>) -> PyResult<bool> {
        py.check_signals()?;
        if let Some(at) = untold {
            self.hooks.tell(py, at)?;
        }
        question.map_or(Ok(false), |at| self.hooks.ask(py, at))
    }
}

impl Monitor for Rendezvous<'_> {
    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Acquire) || self.running.is_over()
    }

    fn report(&self, progress: Progress) -> bool {
        if self.hooks.callback.is_none() && self.hooks.progress.is_none() {
            return self.cancelled();
        }
        let mut state = self.state();
        state.untold = Some(progress);
        if self.hooks.callback.is_none() {
            return self.cancelled();
        }
        state.question = Some(progress);
        self.caller.notify_all();
        let unanswered = |s: &mut State| s.answer.is_none();
        let mut state = self.worker.wait_while(state, unanswered).unwrap_or_else(PoisonError::into_inner);
        state.answer.take().unwrap_or(true)
    }
}
