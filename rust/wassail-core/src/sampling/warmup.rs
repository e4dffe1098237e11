//! Warm-up: windows that grow, at whose ends the chains share what they learned about steps, lengths and the preconditioner.

use super::adaptation::{Gradients, Spread, StepTuner};
use super::archive::Archived;
use super::chains::{Chains, End, Member, Run};
use super::frame::{Frame, Rows};
use super::mixed::Tally;
use super::observed::{Observed, Wanted};
use super::tau::{COORDINATES, memory, reach};
use super::transition::Transition;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use std::sync::Arc;

/// The first window, and how much longer the next one is.
const WINDOW: u64 = 50;
const GROWTH: f64 = 1.6;
/// Share of the steps at the end that only the step size adapts to.
const LAST: f64 = 0.2;
/// Most steps of a trajectory in the first window; they grow like the cube of windows.
const FIRST_STEPS: f64 = 4.0;
/// Most that a window changes the length.
const STRIDE: f64 = 4.0;
/// How much shorter steps get in a window because they leave the support, and how few of them a given length is cut into for it.
const SHORTEST: f64 = 1e-8;
const FEW: f64 = 8.0;
/// Share of trajectories that leave the support, as they do at a hard edge however short their steps are, above which they get
/// shorter themselves.
const EDGY: f64 = 0.1;
/// The same, above which the density has an edge: gradients alone do not tell its scales.
const EDGE: f64 = 1e-3;

/// How the step size is found.
pub struct Tuning {
    /// What warm-up runs.
    pub transition: Arc<dyn Transition>,
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
    /// with a = 1 where they are long, then T(a + b/T²) is least where it is 2a, and hardly more a little above. Of coordinates
    /// that choose sides, it is that of their squares.
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

/// Where warm-up stands. An interrupted window starts again: counters make the same steps of it.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// Whether there are values at the starting points.
    pub(super) started: bool,
    /// Steps after those of the windows that have ended.
    pub(super) left: u64,
    /// Length of the next window.
    pub(super) window: u64,
    /// Steps at the end that only the step size adapts to.
    last: u64,
}

impl Position {
    pub(super) fn new(n_warmup: usize) -> Self {
        let last = (LAST * n_warmup as f64).ceil() as u64;
        Self { started: false, left: n_warmup as u64, window: WINDOW, last }
    }

    /// Whether the next window adapts more than the step size.
    fn is_free(&self) -> bool {
        self.left > self.last
    }

    /// Steps of the next window; the last one that adapts all is not followed by a short one.
    fn steps(&self) -> u64 {
        let free = self.left.saturating_sub(self.last);
        match free {
            0 => self.left,
            _ if free < self.window.saturating_add(self.next()) => free,
            _ => self.window,
        }
    }

    fn next(&self) -> u64 {
        (GROWTH * self.window as f64) as u64
    }

    fn advance(&mut self) {
        self.left -= self.steps();
        self.window = self.next();
    }

    /// Most steps of a trajectory in the next window.
    fn longest(&self) -> f64 {
        FIRST_STEPS * (self.window as f64 / WINDOW as f64).powi(3)
    }
}

impl Chains {
    pub(super) fn warm_up(&mut self, monitor: &dyn Monitor) -> Result<End> {
        while self.position.left > 0 {
            let before = self.write()?;
            self.open()?;
            let mut end = self.advance(self.number + self.position.steps(), true, None, monitor)?;
            if end == End::Complete {
                end = self.close(monitor)?;
            }
            if end != End::Complete {
                self.read(&before)?;
                return Ok(end);
            }
            self.position.advance();
            if self.position.left == 0 {
                if self.run.tuning.as_ref().is_some_and(|t| t.kinetic) {
                    self.members.iter_mut().flat_map(|m| &mut m.sizes).for_each(|h| *h = (2.0 * *h).sqrt());
                }
                self.steps = self.steps_of(f64::INFINITY);
                self.mixes = self.tally.is_steep();
            }
        }
        Ok(End::Complete)
    }

    /// Steps of a trajectory.
    fn steps_of(&self, most: f64) -> f64 {
        let h = self.members[0].sizes[0];
        (self.time / h).clamp(1.0, most.min(self.run.transition.longest()))
    }

    fn wanted(&self) -> Wanted {
        let adapts = self.run.preconditioning != Preconditioning::None;
        let length = self.run.length.rule.is_some();
        Wanted { spread: adapts || length, rows: self.run.preconditioning == Preconditioning::LowRank, paths: length }
    }

    /// Begins a window.
    fn open(&mut self) -> Result<()> {
        let adapts = self.run.length.rule.is_some();
        self.steps = self.steps_of(if adapts { self.position.longest() } else { f64::INFINITY });
        let wanted = if self.position.is_free() { self.wanted() } else { Wanted::default() };
        let (d, chains, steps) = (self.scale.len(), self.count(), self.position.steps() as usize);
        let given = !adapts && self.run.transition.longest().is_finite();
        let fewest = if given { self.time / FEW } else { 0.0 };
        let tally = self.tally(steps as u64);
        for member in &mut self.members {
            member.observed = Observed::new(wanted, d, steps, chains)?;
            member.tally = tally;
            if let Some(tuning) = &self.run.tuning {
                let new = |&h: &f64| StepTuner::new(h, tuning.goal, d, fewest.max(SHORTEST * h));
                member.tuners = member.sizes.iter().map(new).collect();
            }
        }
        Ok(())
    }

    /// Ends a window.
    fn close(&mut self, monitor: &dyn Monitor) -> Result<End> {
        self.share_steps();
        self.count_steep();
        if self.position.is_free() {
            match self.learn(monitor) {
                Err(Error::Interrupted) => return Ok(End::Interrupted),
                learned => learned?,
            }
        }
        Ok(End::Complete)
    }

    fn tuners(&self) -> impl Iterator<Item = &StepTuner> {
        self.members.iter().flat_map(|m| &m.tuners)
    }

    /// Every chain takes the geometric mean of the step sizes.
    fn share_steps(&mut self) {
        let steps: Vec<f64> = self.tuners().map(|t| t.mean().ln()).collect();
        if !steps.is_empty() {
            let mean = (steps.iter().sum::<f64>() / steps.len() as f64).exp();
            self.members.iter_mut().for_each(|m| m.sizes.fill(mean));
        }
    }

    /// What is to be counted in a window, when the step size has come near its end. Probes are for the last one: where lengths are
    /// learned they would change them.
    fn tally(&self, steps: u64) -> Tally {
        match &self.run.tuning {
            Some(Tuning { goal: Goal::Acceptance(goal), .. }) if self.run.transition.mixes_sizes() => {
                let last = !self.position.is_free();
                Tally::new(*goal, self.number + steps / if last { 4 } else { 2 }, last)
            }
            _ => Tally::default(),
        }
    }

    /// What was far off in this window, with those before it in which only the step size was adapted.
    fn count_steep(&mut self) {
        if self.position.is_free() {
            self.tally = Tally::default();
        }
        self.members.iter().for_each(|m| self.tally.merge(&m.tally));
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
                LengthRule::Memory(goal) => (self.time_of(reach) / goal).sqrt(),
                LengthRule::Share(share) => share * self.time_of(memory) / self.steps,
            };
            let mut time = used * wished.clamp(1.0 / STRIDE, STRIDE) * self.deviation(&spread, &rows);
            if matches!(rule, LengthRule::Memory(_)) && self.edges() > EDGY {
                time = time.min(self.steps / STRIDE * self.members[0].sizes[0]);
            }
            if time > 0.0 && time.is_finite() {
                self.time = time;
            }
        }
        Ok(())
    }

    /// Share of the window's steps that left the support.
    fn edges(&self) -> f64 {
        let shares = self.tuners().map(|t| t.edges().share());
        shares.sum::<f64>() / self.tuners().count().max(1) as f64
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
        let before = self.scale.to_vec();
        let gradients = Gradients { edged: self.edges() > EDGE, framed: self.frame.is_some() };
        spread.scale(&mut self.scale, gradients);
        if self.run.preconditioning == Preconditioning::LowRank {
            self.frame = Frame::fit(rows, &self.scale, gradients.edged, monitor)?.map(Arc::new);
            for member in &mut self.members {
                member.block.reframe(self.frame.as_ref())?;
            }
        }
        if self.frame.is_none() {
            // Steps of about the same size where chains are.
            let change: f64 = before.iter().zip(&*self.scale).map(|(b, s)| (b / s).ln()).sum();
            let ratio = (change / d as f64).exp();
            self.members.iter_mut().for_each(|m| m.sizes.iter_mut().for_each(|h| *h *= ratio));
        }
        Ok(())
    }

    /// Mean autocorrelation time of the window, in steps of the chains, by one of the measures of it.
    fn time_of(&self, measure: fn(&[Vec<f64>], usize) -> f64) -> f64 {
        let count = COORDINATES.min(self.scale.len());
        let mut paths = Vec::new();
        for member in &self.members {
            let followed = Observed::followed(&member.block);
            for i in 0..followed {
                let steps = member.observed.paths.chunks_exact(count * followed);
                paths.push(steps.flat_map(|step| &step[i * count..][..count]).copied().collect());
            }
        }
        measure(&paths, count)
    }
}

impl Member {
    pub(super) fn adapt(&mut self, run: &Run) {
        let (late, probe) = (self.tally.counts(self.number - 1), self.tally.probes(self.number - 1));
        for ((tuner, size), info) in self.tuners.iter_mut().zip(&mut self.sizes).zip(&self.info) {
            if late && *size <= tuner.mean() {
                self.tally.update(info);
            }
            if !probe {
                tuner.update(info);
            }
            *size = if self.tally.probes(self.number) { tuner.mean() } else { tuner.step() };
        }
        if self.observed.looks() {
            self.block.refresh(&*run.density);
        }
        self.observed.update(&self.block, run.density.dim());
    }
}
