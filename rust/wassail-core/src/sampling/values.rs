//! Densities for samplers that use no gradient.

use super::density::{DensityError, LogDensity};
use crate::monitor::Silent;
use crate::parallel::map_chunks;

/// Elementary steps that are worth handing to another thread.
const TASK: usize = 50_000;

/// Points, their gradients, and what they are.
type Part<'p> = ((&'p [f64], &'p mut [f64]), &'p mut [Result<f64, DensityError>]);

/// A density whose gradient is 0 and never looked at; of walkers that move together, evaluated on all threads.
pub struct Values<'a> {
    inner: &'a dyn LogDensity,
    together: bool,
}

impl<'a> Values<'a> {
    /// Wraps a density; `together` where all chains are one block.
    pub fn new(inner: &'a dyn LogDensity, together: bool) -> Self {
        Self { inner, together }
    }
}

impl LogDensity for Values<'_> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let out = self.inner.value_and_grad(x, grad);
        grad.fill(0.0);
        out
    }

    fn is_batched(&self) -> bool {
        self.together || self.inner.is_batched()
    }

    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        if self.inner.is_batched() {
            self.inner.batch(x, grad, out);
            grad.fill(0.0);
            return;
        }
        let d = self.dim();
        let rows = (TASK / self.inner.work().max(1)).max(1);
        let parts = x.chunks(rows * d).zip(grad.chunks_mut(rows * d)).zip(out.chunks_mut(rows)).collect();
        // Never interrupted: the block asks between steps.
        let _ = map_chunks(parts, &Silent, |((x, grad), out): Part<'_>| {
            for ((x, grad), out) in x.chunks_exact(d).zip(grad.chunks_exact_mut(d)).zip(out) {
                *out = self.value_and_grad(x, grad);
            }
            Ok(())
        });
    }

    fn work(&self) -> usize {
        self.inner.work()
    }
}
