//! How a running solver hears of Ctrl-C and tells of its progress.

use crate::error::{Error, Result};

/// State of an iterative solver at an iteration boundary.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Sweeps made.
    pub n_iter: usize,
    /// Regularization of the current stage.
    pub epsilon: f64,
    /// L1 error of both marginals.
    pub error: f64,
}

/// The caller's side of a long call. Both methods may be called from any thread.
pub trait Monitor: Sync {
    /// Whether to give up; polled every few milliseconds of work.
    fn cancelled(&self) -> bool;
    /// Called at every iteration boundary, in order; `true` stops the run with what it has.
    fn report(&self, progress: Progress) -> bool;
    /// `cancelled` as an error.
    fn check(&self) -> Result<()> {
        if self.cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Never stops, tells nobody.
pub struct Silent;

impl Monitor for Silent {
    fn cancelled(&self) -> bool {
        false
    }
    fn report(&self, _: Progress) -> bool {
        false
    }
}
