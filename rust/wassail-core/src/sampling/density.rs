//! What is sampled: a log-density with its gradient.

use crate::monitor::Monitor;
use crate::rng::Stream;
use crate::sampling::vector::Drift;

/// Why a density has no value at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DensityError {
    /// The density is zero there.
    OutsideSupport,
    /// Failed here, may work elsewhere: the proposal is rejected.
    Recoverable,
    /// The density cannot be evaluated any more: the run stops.
    Failed,
}

/// A log-density on R^d, up to a constant.
pub trait LogDensity: Send + Sync {
    /// d.
    fn dim(&self) -> usize;
    /// log π(x), and ∇ log π(x) into `grad`.
    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError>;
    /// Whether points are best evaluated together: such chains move in step.
    fn is_batched(&self) -> bool {
        false
    }
    /// How many of so many chains are best evaluated together, without keeping cores idle. A function of the problem only.
    fn group(&self, _chains: usize) -> usize {
        1
    }
    /// The same for points row by row; `out` gets a value or its error for each.
    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        let d = self.dim();
        for ((x, grad), out) in x.chunks_exact(d).zip(grad.chunks_exact_mut(d)).zip(out) {
            *out = self.value_and_grad(x, grad);
        }
    }
    /// The same where it may take long; false where the monitor ended it, with whatever is in `out`.
    fn watched(&self, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>], _: &dyn Monitor) -> bool {
        self.batch(x, grad, out);
        true
    }
    /// Estimates of the gradient from random parts of the data, where the density is a sum over data; each row has its own
    /// random words, of which `Purpose::Choice` is free.
    fn estimate(&self, x: &[f64], draws: &[Stream], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        let _ = draws;
        self.batch(x, grad, out);
    }
    /// The density as a sum over coordinates, if it is one: a step then takes a part of the vector through all that it does while
    /// that is in the cache.
    fn terms(&self) -> Option<&dyn Terms> {
        None
    }
    /// Elementary steps (about 1 ns) of a gradient.
    fn work(&self) -> usize;
}

/// A log-density that is a sum over coordinates. A value that is finite says that the gradient is, too.
pub trait Terms: Sync {
    /// The terms of coordinates `start..start + x.len()`, and their gradient.
    fn part(&self, start: usize, x: &[f64], grad: &mut [f64]) -> f64;
    /// Whether `proposed` makes the gradients that it needs from the points, because to read and write them takes longer: it then
    /// leaves those that it gets as they are.
    fn remakes(&self) -> bool {
        false
    }
    /// Proposes for as many coordinates from `start` on, and does the same there: the terms, and the log ratio of the proposals
    /// where that is asked for.
    fn proposed(&self, start: usize, from: Drift<'_>, adjusted: bool, out: &mut [f64], grad: &mut [f64]) -> [f64; 2] {
        from.propose(out);
        let value = self.part(start, out, grad);
        [value, if adjusted { from.reversal(grad) } else { 0.0 }]
    }
}
