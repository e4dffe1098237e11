//! Densities for samplers that use no gradient.

use super::density::{DensityError, LogDensity};
use crate::monitor::{Monitor, Silent};
use crate::parallel::map_chunks;
use std::sync::Arc;

/// Elementary steps that are worth handing to another thread.
const TASK: usize = 50_000;

/// Points, their gradients, and what they are.
type Part<'p> = ((&'p [f64], &'p mut [f64]), &'p mut [Result<f64, DensityError>]);

/// Points between two looks at the monitor, which densities that take many at once find no fewer.
const LOOK: usize = 16;

/// Evaluates a density at points of one block: a batched one at all at once, others on all threads; false where the monitor
/// ended it.
pub fn evaluate(
    density: &dyn LogDensity,
    x: &[f64],
    grad: &mut [f64],
    out: &mut [Result<f64, DensityError>],
    monitor: &dyn Monitor,
) -> bool {
    if density.is_batched() {
        return density.watched(x, grad, out, monitor);
    }
    let (d, rows) = (density.dim(), (TASK / density.work().max(1)).max(1));
    let parts = x.chunks(rows * d).zip(grad.chunks_mut(rows * d)).zip(out.chunks_mut(rows)).collect();
    let done = map_chunks(parts, monitor, |((x, grad), out): Part<'_>| {
        for ((x, grad), out) in x.chunks(LOOK * d).zip(grad.chunks_mut(LOOK * d)).zip(out.chunks_mut(LOOK)) {
            monitor.check()?;
            density.batch(x, grad, out);
        }
        Ok(())
    });
    done.is_ok()
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
        self.watched(x, grad, out, &Silent);
    }

    fn watched(
        &self,
        x: &[f64],
        grad: &mut [f64],
        out: &mut [Result<f64, DensityError>],
        monitor: &dyn Monitor,
    ) -> bool {
        let done = evaluate(&*self.inner, x, grad, out, monitor);
        grad.fill(0.0);
        done
    }

    fn work(&self) -> usize {
        self.inner.work()
    }
}
