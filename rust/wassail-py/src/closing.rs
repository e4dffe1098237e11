//! The end of the interpreter: threads that are still in here would be torn down while they wait for it, which ends the process.

use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{ThreadId, current, sleep};
use std::time::{Duration, Instant};

/// The thread that ends the interpreter, and may still work.
static CLOSER: OnceLock<ThreadId> = OnceLock::new();
/// The process whose calls are counted, and how many of them are running: a fork has none of the threads that it was made beside.
static RUNNING: AtomicU64 = AtomicU64::new(0);

/// Time that a density has to answer at the end.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(2);

/// Calls of a process that are running, of what is in `RUNNING`.
fn running(process: u32, counted: u64) -> u64 {
    if counted >> 32 == u64::from(process) { counted & u64::from(u32::MAX) } else { 0 }
}

/// Changes their number.
fn count(process: u32, change: impl Fn(u64) -> u64) {
    let next = |counted| Some(u64::from(process) << 32 | change(running(process, counted)));
    let _ = RUNNING.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
}

/// A call into the core.
pub struct Call {
    process: u32,
    /// Whether the end of the interpreter ends it: not where that is what makes it.
    stops: bool,
}

impl Call {
    /// Begins a call.
    pub fn begin() -> PyResult<Self> {
        let closer = CLOSER.get();
        let stops = closer.is_none_or(|&thread| thread != current().id());
        if closer.is_some() && stops {
            return Err(Self::refusal());
        }
        let process = std::process::id();
        count(process, |n| n + 1);
        Ok(Self { process, stops })
    }

    /// Whether to end it.
    pub fn is_over(&self) -> bool {
        self.stops && CLOSER.get().is_some()
    }

    /// Ends a thread without a word.
    pub fn refusal() -> PyErr {
        PySystemExit::new_err(())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // One that a fork inherits, as from a callback that forks, is not counted there.
        if self.process == std::process::id() {
            count(self.process, |n| n.saturating_sub(1));
        }
    }
}

/// Asks all calls of other threads to end, and waits a little until they have.
#[pyfunction]
fn end_calls(py: Python<'_>) {
    let _ = CLOSER.set(current().id());
    let begun = Instant::now();
    py.detach(|| {
        while running(std::process::id(), RUNNING.load(Ordering::SeqCst)) > 0 && begun.elapsed() < PATIENCE {
            sleep(LOOK);
        }
    });
}

/// Lets the interpreter say when it ends.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let function = wrap_pyfunction!(end_calls, module)?;
    module.py().import("atexit")?.call_method1("register", (function,)).map(drop)
}
