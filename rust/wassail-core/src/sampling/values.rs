//! Densities for samplers that use no gradient.

use super::density::{DensityError, LogDensity};
use crate::monitor::Silent;
use crate::parallel::map_chunks;
use std::sync::Arc;

/// Elementary steps that are worth handing to another thread.
const TASK: usize = 50_000;

/// Points, their gradients, and what they are.
type Part<'p> = ((&'p [f64], &'p mut [f64]), &'p mut [Result<f64, DensityError>]);

/// Evaluates a density at points of one block: a batched one at all at once, others on all threads.
pub fn evaluate(density: &dyn LogDensity, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
    if density.is_batched() {
        return density.batch(x, grad, out);
    }
    let (d, rows) = (density.dim(), (TASK / density.work().max(1)).max(1));
    let parts = x.chunks(rows * d).zip(grad.chunks_mut(rows * d)).zip(out.chunks_mut(rows)).collect();
    // Never interrupted: those who move the block ask between steps.
    let _ = map_chunks(parts, &Silent, |((x, grad), out): Part<'_>| {
        density.batch(x, grad, out);
        Ok(())
    });
}

/// A density whose gradient is 0 and never looked at; of walkers that move together, evaluated on all threads.
pub struct Values {
    inner: Arc<dyn LogDensity>,
    together: bool,
}

impl Values {
    /// Wraps a density; `together` where all chains are one block.
    pub fn new(inner: Arc<dyn LogDensity>, together: bool) -> Self {
        Self { inner, together }
    }
}

impl LogDensity for Values {
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
        evaluate(&*self.inner, x, grad, out);
        grad.fill(0.0);
    }

    fn work(&self) -> usize {
        self.inner.work()
    }
}
