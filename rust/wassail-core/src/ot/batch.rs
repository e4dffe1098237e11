//! Many Sinkhorn problems, solved side by side.

use super::geometry::Geometry;
use super::sinkhorn::{Options, Outcome, solve};
use super::sweep::Weights;
use crate::error::Result;
use crate::monitor::{Monitor, Progress};
use crate::parallel::map_chunks;

/// One problem of a batch.
pub struct Problem<'a> {
    /// Ground cost.
    pub geometry: &'a dyn Geometry,
    /// Positive weights.
    pub weights: Weights<'a>,
    /// Regularization.
    pub epsilon: f64,
}

/// Cancels with the whole; parts of it report to nobody.
pub(super) struct Quiet<'a>(pub &'a dyn Monitor);

impl Monitor for Quiet<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
    fn report(&self, _: Progress) -> bool {
        false
    }
}

/// Solves all problems with the same options but for ε; threads are shared between problems first, then within.
pub fn solve_batch(problems: Vec<Problem<'_>>, options: &Options, monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
    let quiet = Quiet(monitor);
    map_chunks(problems, monitor, |problem| {
        let options = Options { epsilon: problem.epsilon, ..*options };
        solve(problem.geometry, problem.weights, None, &options, &quiet)
    })
}
