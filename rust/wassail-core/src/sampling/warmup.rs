//! Warm-up in windows, each ended by what all chains have learned in it.

use super::adaptation::{DualAveraging, Spread};
use super::chains::{Chains, End, Member, Run};
use super::transition::Transition;
use crate::error::Result;
use crate::monitor::Monitor;

/// The first window of warm-up, and how much longer the next one is.
const WINDOW: usize = 50;
const GROWTH: f64 = 1.6;

/// How the step size is found.
#[derive(Clone, Copy)]
pub struct Tuning<'a> {
    /// An adjusted transition, of the same step where that of the run is not adjusted.
    pub transition: &'a dyn Transition,
    /// Its mean acceptance.
    pub acceptance: f64,
    /// Whether the run's steps are times √(2h) of the overdamped steps h that were tuned.
    pub kinetic: bool,
}

impl Chains<'_> {
    pub(super) fn warm_up(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let mut left = self.run.n_warmup;
        let mut window = WINDOW;
        while left > 0 {
            // The last window is not followed by a short one.
            let steps = if left < window + (GROWTH * window as f64) as usize { left } else { window };
            self.restart_tuners();
            let (_, end) = self.advance(steps, true, None, monitor)?;
            if end != End::Complete {
                return Ok(end);
            }
            self.settle();
            left -= steps;
            window = (GROWTH * window as f64) as usize;
        }
        if self.run.n_warmup > 0 && self.run.tuning.is_some_and(|t| t.kinetic) {
            self.members.iter_mut().flat_map(|m| &mut m.sizes).for_each(|h| *h = (2.0 * *h).sqrt());
        }
        Ok(End::Complete)
    }

    fn restart_tuners(&mut self) {
        let Some(Tuning { acceptance: target, .. }) = self.run.tuning else { return };
        for member in &mut self.members {
            member.tuners = member.sizes.iter().map(|&h| DualAveraging::new(h, target)).collect();
        }
    }

    /// Ends a window: every chain takes the geometric mean of the step sizes, and the preconditioner of all draws.
    fn settle(&mut self) {
        let steps: Vec<f64> = self.members.iter().flat_map(|m| m.tuners.iter().map(|t| t.mean().ln())).collect();
        if !steps.is_empty() {
            let mean = (steps.iter().sum::<f64>() / steps.len() as f64).exp();
            self.members.iter_mut().for_each(|m| m.sizes.fill(mean));
        }
        if self.run.adapts_scale {
            let mut all = Spread::new(self.scale.len());
            self.members.iter().for_each(|m| all.merge(&m.spread));
            all.scale(&mut self.scale);
            self.members.iter_mut().for_each(|m| m.spread = Spread::new(self.scale.len()));
        }
    }
}

impl Member {
    pub(super) fn adapt(&mut self, run: &Run<'_>) {
        for ((tuner, size), info) in self.tuners.iter_mut().zip(&mut self.sizes).zip(&self.info) {
            tuner.update(info.acceptance);
            *size = tuner.step();
        }
        if run.adapts_scale {
            let d = run.density.dim();
            for (x, grad) in self.block.x.chunks_exact(d).zip(self.block.grad.chunks_exact(d)) {
                self.spread.update(x, grad);
            }
        }
    }
}
