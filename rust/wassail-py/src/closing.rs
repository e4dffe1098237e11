//! The end of the interpreter: threads that are still in here would be torn down while they wait for it, which ends the process.

use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::{ThreadId, current, sleep};
use std::time::{Duration, Instant};

/// The thread that ends the interpreter, and may still work.
static CLOSER: OnceLock<ThreadId> = OnceLock::new();
/// Calls that are running, and the process that they run in: a fork has none of their threads.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Time that a density has to answer at the end.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(2);

/// A call into the core.
pub struct Call {
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
        PROCESS.store(std::process::id(), Ordering::SeqCst);
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Ok(Self { stops })
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
        RUNNING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Asks all calls of other threads to end, and waits a little until they have.
#[pyfunction]
fn end_calls(py: Python<'_>) {
    let _ = CLOSER.set(current().id());
    let begun = Instant::now();
    py.detach(|| {
        while RUNNING.load(Ordering::SeqCst) > 0
            && PROCESS.load(Ordering::SeqCst) == std::process::id()
            && begun.elapsed() < PATIENCE
        {
            sleep(LOOK);
        }
    });
}

/// Lets the interpreter say when it ends.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let function = wrap_pyfunction!(end_calls, module)?;
    module.py().import("atexit")?.call_method1("register", (function,)).map(drop)
}
