//! Warm-up: windows that grow, at whose ends the chains share what they learned about steps, lengths and the preconditioner.

use super::adaptation::{Spread, StepTuner};
use super::chains::{Chains, End, Member, Run};
use super::frame::{Frame, Rows};
use super::observed::{Observed, Wanted};
use super::tau::{COORDINATES, memory};
use super::transition::Transition;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use std::sync::Arc;

/// The first window, and how much longer the next one is.
const WINDOW: usize = 50;
const GROWTH: f64 = 1.6;
/// Share of the steps at the end that only the step size adapts to.
const LAST: f64 = 0.2;
/// Steps of a trajectory in the first window, and how much longer they may be in the next one.
const FIRST_STEPS: f64 = 4.0;
const MORE_STEPS: f64 = 4.0;
/// Most that a window changes the length.
const STRIDE: f64 = 2.0;

/// How the step size is found.
#[derive(Clone, Copy)]
pub struct Tuning<'a> {
    /// What warm-up runs.
    pub transition: &'a dyn Transition,
    /// What its steps should do.
    pub goal: Goal,
    /// Whether the run's steps are times √(2h) of the overdamped steps h that were tuned.
    pub kinetic: bool,
}

/// What steps of the right size do.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Are accepted with this mean probability.
    Acceptance(f64),
    /// Have this mean squared error of the energy, a dimension.
    Energy(f64),
}

/// Mean length of a trajectory, or until a velocity is forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// In the unit of step sizes, or where the search for it starts; 0 where there is none.
    pub time: f64,
    /// How it is adapted, if it is.
    pub rule: Option<LengthRule>,
}

/// When a trajectory is long enough.
#[derive(Clone, Copy, Debug)]
pub enum LengthRule {
    /// What the mean autocorrelation time, in steps of the chain, should be. If it is a + b/T² after trajectories of length T,
    /// with a = 1 where they are long, then T(a + b/T²) is least where it is 2a.
    Memory(f64),
    /// The length is this share of the autocorrelation time, where a step of the chain is one of the integrator.
    Share(f64),
}

/// What is adapted besides the step size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preconditioning {
    /// Nothing.
    None,
    /// A diagonal.
    Diagonal,
    /// A diagonal and some directions.
    LowRank,
}

impl Chains<'_> {
    pub(super) fn warm_up(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let total = self.run.n_warmup;
        let last = (LAST * total as f64).ceil() as usize;
        let (mut left, mut window, mut most) = (total, WINDOW, FIRST_STEPS);
        while left > 0 {
            let free = left.saturating_sub(last);
            // The last window that adapts all is not followed by a short one.
            let steps = match free {
                0 => left,
                _ if free < window + (GROWTH * window as f64) as usize => free,
                _ => window,
            };
            self.open(steps, if free > 0 { self.wanted() } else { Wanted::default() }, most)?;
            let (_, end) = self.advance(steps, true, None, monitor)?;
            if end != End::Complete {
                return Ok(end);
            }
            self.share_steps();
            if free > 0 {
                match self.learn(monitor) {
                    Err(Error::Interrupted) => return Ok(End::Interrupted),
                    learned => learned?,
                }
            }
            left -= steps;
            window = (GROWTH * window as f64) as usize;
            most *= MORE_STEPS;
        }
        if total > 0 && self.run.tuning.is_some_and(|t| t.kinetic) {
            self.members.iter_mut().flat_map(|m| &mut m.sizes).for_each(|h| *h = (2.0 * *h).sqrt());
        }
        self.steps = self.steps_of(self.time, f64::INFINITY);
        Ok(End::Complete)
    }

    /// Steps of a trajectory of this length.
    pub(super) fn steps_of(&self, time: f64, most: f64) -> f64 {
        let h = self.members[0].sizes[0];
        (time / h).clamp(1.0, most.max(1.0))
    }

    fn wanted(&self) -> Wanted {
        let adapts = self.run.preconditioning != Preconditioning::None;
        let length = self.run.length.rule.is_some();
        Wanted { spread: adapts || length, rows: self.run.preconditioning == Preconditioning::LowRank, paths: length }
    }

    /// Begins a window.
    fn open(&mut self, steps: usize, wanted: Wanted, most: f64) -> Result<()> {
        self.steps = self.steps_of(self.time, if self.run.length.rule.is_some() { most } else { f64::INFINITY });
        let (d, chains) = (self.scale.len(), self.run.start.len() / self.scale.len());
        for member in &mut self.members {
            member.observed = Observed::new(wanted, d, steps, chains)?;
            if let Some(tuning) = self.run.tuning {
                member.tuners = member.sizes.iter().map(|&h| StepTuner::new(h, tuning.goal, d)).collect();
            }
        }
        Ok(())
    }

    /// Every chain takes the geometric mean of the step sizes.
    fn share_steps(&mut self) {
        let steps: Vec<f64> = self.members.iter().flat_map(|m| m.tuners.iter().map(|t| t.mean().ln())).collect();
        if !steps.is_empty() {
            let mean = (steps.iter().sum::<f64>() / steps.len() as f64).exp();
            self.members.iter_mut().for_each(|m| m.sizes.fill(mean));
        }
    }

    /// Ends a window: the preconditioner and the length of what all chains saw, merged in order.
    fn learn(&mut self, monitor: &dyn Monitor) -> Result<()> {
        let d = self.scale.len();
        let mut spread = Spread::new(if self.wanted().spread { d } else { 0 });
        let mut rows = Rows::default();
        for member in &mut self.members {
            spread.merge(&member.observed.spread);
            rows.x.append(&mut member.observed.rows.x);
            rows.grad.append(&mut member.observed.rows.grad);
        }
        let used = self.steps * self.members[0].sizes[0] / self.deviation(&spread, &rows);
        self.precondition(&spread, &rows, monitor)?;
        if let Some(rule) = self.run.length.rule {
            let wished = match rule {
                LengthRule::Memory(goal) => (self.memory() / goal).sqrt(),
                LengthRule::Share(share) => share * self.memory() / self.steps,
            };
            let time = used * wished.clamp(1.0 / STRIDE, STRIDE) * self.deviation(&spread, &rows);
            if time > 0.0 && time.is_finite() {
                self.time = time;
            }
        }
        Ok(())
    }

    /// Root mean square deviation in the coordinates that steps are made in.
    fn deviation(&self, spread: &Spread, rows: &Rows) -> f64 {
        self.frame.as_ref().map_or_else(|| spread.deviation(&self.scale), |frame| frame.deviation(&rows.x))
    }

    fn precondition(&mut self, spread: &Spread, rows: &Rows, monitor: &dyn Monitor) -> Result<()> {
        if self.run.preconditioning == Preconditioning::None {
            return Ok(());
        }
        let d = self.scale.len();
        let before = self.scale.clone();
        spread.scale(&mut self.scale);
        if self.run.preconditioning == Preconditioning::LowRank {
            self.frame = Frame::fit(rows, &self.scale, monitor)?.map(Arc::new);
            for member in &mut self.members {
                member.block.reframe(self.frame.as_ref())?;
            }
        }
        if self.frame.is_none() {
            // Steps of about the same size where chains are.
            let change: f64 = before.iter().zip(&self.scale).map(|(b, s)| (b / s).ln()).sum();
            let ratio = (change / d as f64).exp();
            self.members.iter_mut().for_each(|m| m.sizes.iter_mut().for_each(|h| *h *= ratio));
        }
        Ok(())
    }

    /// Mean autocorrelation time of the window, in steps of the chains.
    fn memory(&self) -> f64 {
        let count = COORDINATES.min(self.scale.len());
        let mut paths = Vec::new();
        for member in &self.members {
            let followed = Observed::followed(&member.block);
            for i in 0..followed {
                let steps = member.observed.paths.chunks_exact(count * followed);
                paths.push(steps.flat_map(|step| &step[i * count..][..count]).copied().collect());
            }
        }
        memory(&paths, count)
    }
}

impl Member {
    pub(super) fn adapt(&mut self, run: &Run<'_>) {
        for ((tuner, size), info) in self.tuners.iter_mut().zip(&mut self.sizes).zip(&self.info) {
            tuner.update(info);
            *size = tuner.step();
        }
        self.observed.update(&self.block, run.density.dim());
    }
}
