//! Warm-up in windows, each ended by what all chains have learned in it.

use super::adaptation::{DualAveraging, Spread};
use super::chains::{Chains, End, Member, Run};
use super::transition::Transition;
use crate::error::Result;
use crate::monitor::Monitor;
use std::sync::Arc;

/// The first window of warm-up, and how much longer the next one is.
const WINDOW: u64 = 50;
const GROWTH: f64 = 1.6;

/// How the step size is found.
pub struct Tuning {
    /// An adjusted transition, of the same step where that of the run is not adjusted.
    pub transition: Arc<dyn Transition>,
    /// Its mean acceptance.
    pub acceptance: f64,
    /// Whether the run's steps are times √(2h) of the overdamped steps h that were tuned.
    pub kinetic: bool,
}

/// Where warm-up stands. An interrupted window starts again: counters make the same steps of it.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// Whether there are values at the starting points.
    pub(super) started: bool,
    /// Steps after those of the windows that have ended.
    pub(super) left: u64,
    /// Length of the next window.
    pub(super) window: u64,
}

impl Position {
    pub(super) fn new(n_warmup: usize) -> Self {
        Self { started: false, left: n_warmup as u64, window: WINDOW }
    }

    /// Steps of the next window; the last one is not followed by a short one.
    fn steps(&self) -> u64 {
        let next = (GROWTH * self.window as f64) as u64;
        if self.left < self.window.saturating_add(next) { self.left } else { self.window }
    }

    fn advance(&mut self) {
        self.left -= self.steps();
        self.window = (GROWTH * self.window as f64) as u64;
    }
}

impl Chains {
    pub(super) fn warm_up(&mut self, monitor: &dyn Monitor) -> Result<End> {
        while self.position.left > 0 {
            let before = self.save()?;
            self.forget();
            let end = self.advance(self.number + self.position.steps(), true, None, monitor)?;
            if end != End::Complete {
                self.load(&before)?;
                return Ok(end);
            }
            self.settle();
            self.position.advance();
            if self.position.left == 0 && self.run.tuning.as_ref().is_some_and(|t| t.kinetic) {
                self.members.iter_mut().flat_map(|m| &mut m.sizes).for_each(|h| *h = (2.0 * *h).sqrt());
            }
        }
        Ok(End::Complete)
    }

    /// Begins a window.
    fn forget(&mut self) {
        let size = if self.run.adapts_scale { self.scale.len() } else { 0 };
        for member in &mut self.members {
            member.spread = Spread::new(size);
            if let Some(Tuning { acceptance: target, .. }) = &self.run.tuning {
                member.tuners = member.sizes.iter().map(|&h| DualAveraging::new(h, *target)).collect();
            }
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
        }
    }
}

impl Member {
    pub(super) fn adapt(&mut self, run: &Run) {
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
