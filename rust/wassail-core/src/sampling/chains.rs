//! What runs chains: in rounds after which all of them are equally far.

use super::adaptation::StepTuner;
use super::block::Block;
use super::density::LogDensity;
use super::frame::Frame;
use super::observed::{Observed, Wanted};
use super::storage::{Draws, Slots, split};
use super::transition::{Info, Step, Transition};
use super::warmup::{Length, Preconditioning, Tuning};
use crate::error::{Result, try_zeroed};
use crate::monitor::{Monitor, Progress};
use crate::parallel::map_chunks;
use std::sync::Arc;

/// Elementary steps of a round of one block: long enough to hand out, short enough to stop after.
const ROUND: f64 = 4e6;

/// A run of several chains.
pub struct Run<'a> {
    /// What is sampled.
    pub density: &'a dyn LogDensity,
    /// How.
    pub transition: &'a dyn Transition,
    /// Key of all random words.
    pub key: u64,
    /// Starting points, (chains, d).
    pub start: &'a [f64],
    /// Steps before the first draw.
    pub n_warmup: usize,
    /// Draws of each chain.
    pub n_samples: usize,
    /// Steps per draw.
    pub thin: usize,
    /// Step size, or where the search for it starts.
    pub step_size: f64,
    /// What warm-up runs and adapts the step size of, if it does.
    pub tuning: Option<Tuning<'a>>,
    /// Square roots of the diagonal preconditioner, (d,).
    pub scale: Vec<f64>,
    /// What warm-up makes of it.
    pub preconditioning: Preconditioning,
    /// Length of trajectories.
    pub length: Length,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With all draws.
    Complete,
    /// Ctrl-C, or a callback.
    Interrupted,
    /// The density failed.
    Failed,
    /// The density has no finite value and gradient at the start of this chain.
    BadStart(usize),
}

/// A block with what is adapted for it.
pub(super) struct Member {
    pub(super) block: Block,
    pub(super) info: Vec<Info>,
    pub(super) sizes: Vec<f64>,
    pub(super) tuners: Vec<StepTuner>,
    pub(super) observed: Observed,
    pub(super) divergences: Vec<u64>,
    pub(super) gradients: Vec<u64>,
}

pub(super) struct Chains<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) members: Vec<Member>,
    pub(super) scale: Vec<f64>,
    /// What the chains move in, and the scale there.
    pub(super) frame: Option<Arc<Frame>>,
    pub(super) ones: Vec<f64>,
    /// Length of trajectories, and their mean number of steps.
    pub(super) time: f64,
    pub(super) steps: f64,
    /// Steps made.
    pub(super) number: u64,
}

/// Runs all chains.
pub fn run(run: &Run<'_>, monitor: &dyn Monitor) -> Result<Draws> {
    let d = run.density.dim();
    let chains = run.start.len() / d;
    let mut draws = Draws::new(run, chains)?;
    let mut state = Chains::new(run)?;
    draws.end = match state.start() {
        Some(chain) => End::BadStart(chain),
        None => state.warm_up(monitor)?,
    };
    if draws.end == End::Complete {
        draws.end = state.sample(&mut draws, monitor)?;
    }
    draws.divergences = state.members.iter().flat_map(|m| m.divergences.iter().copied()).collect();
    draws.step_sizes = state.members.iter().flat_map(|m| m.sizes.iter().copied()).collect();
    draws.n_gradients = 1 + state.members.iter().flat_map(|m| m.gradients.iter().copied()).max().unwrap_or(0);
    draws.rank = state.frame.as_ref().map_or(0, |f| f.rank());
    draws.steps = state.steps;
    draws.scale = state.scale;
    Ok(draws)
}

impl<'a> Chains<'a> {
    fn new(run: &'a Run<'a>) -> Result<Self> {
        let d = run.density.dim();
        let chains = run.start.len() / d;
        let size = if run.density.is_batched() { chains } else { 1 };
        let mut members = Vec::new();
        for (at, start) in run.start.chunks(size * d).enumerate() {
            let count = start.len() / d;
            members.push(Member {
                block: Block::new((at * size) as u32, start, d)?,
                info: vec![Info::default(); count],
                sizes: vec![run.step_size; count],
                tuners: Vec::new(),
                observed: Observed::new(Wanted::default(), d, 1, chains)?,
                divergences: vec![0; count],
                gradients: vec![0; count],
            });
        }
        let mut ones = try_zeroed(d)?;
        ones.fill(1.0);
        let (scale, time) = (run.scale.clone(), run.length.time);
        Ok(Self { run, members, scale, frame: None, ones, time, steps: 1.0, number: 0 })
    }

    /// Steps of a round: many enough to hand out, few enough to stop after.
    fn round(&self, adapts: bool) -> usize {
        let size = self.members[0].block.count();
        let gradients = transition(self.run, adapts).gradients(self.steps);
        let work = (size * (self.run.density.work() + 4 * self.scale.len())) as f64 * gradients;
        ((ROUND / work) as usize).clamp(1, 4096)
    }

    /// Values at the starting points, and velocities; the first chain without them, if there is one.
    fn start(&mut self) -> Option<usize> {
        let d = self.run.density.dim();
        for member in &mut self.members {
            let block = &mut member.block;
            block.proposal.copy_from_slice(&block.x);
            block.evaluate(self.run.density);
            for i in 0..block.count() {
                match block.proposal_logp[i] {
                    Ok(logp) => block.accept(i, d, logp),
                    Err(_) => return Some(block.first as usize + i),
                }
            }
            block.draw_velocities(self.run.key, d, self.run.transition);
        }
        None
    }

    fn sample(&mut self, out: &mut Draws, monitor: &dyn Monitor) -> Result<End> {
        let per_round = (self.round(false) / self.run.thin).max(1);
        while out.count < self.run.n_samples {
            let draws = per_round.min(self.run.n_samples - out.count);
            let (made, end) = self.advance(draws * self.run.thin, false, Some(out), monitor)?;
            out.count += made / self.run.thin;
            if end != End::Complete {
                return Ok(end);
            }
        }
        Ok(End::Complete)
    }

    /// Moves every chain by `steps`. Returns the steps that all of them made.
    pub(super) fn advance(
        &mut self,
        steps: usize,
        adapts: bool,
        mut out: Option<&mut Draws>,
        monitor: &dyn Monitor,
    ) -> Result<(usize, End)> {
        let mut done = 0;
        while done < steps {
            let now = self.round(adapts).min(steps - done);
            let scale = if self.frame.is_some() { &self.ones } else { &self.scale };
            let (run, number) = (self.run, self.number);
            let step = Step { key: run.key, number, sizes: &[], scale, steps: self.steps, monitor };
            let slots = match out.as_deref_mut() {
                Some(draws) => split(draws, &self.members, run, done / run.thin),
                None => self.members.iter().map(|_| None).collect(),
            };
            let work = self.members.iter_mut().zip(slots).collect();
            let made = map_chunks(work, monitor, |(member, slots): (&mut Member, Option<Slots<'_>>)| {
                Ok(member.advance(run, step, now, adapts, slots))
            });
            let made = match made {
                Ok(made) => made,
                Err(crate::error::Error::Interrupted) => return Ok((done, End::Interrupted)),
                Err(error) => return Err(error),
            };
            if let Some((fewest, end)) = made.iter().copied().filter(|m| m.1 != End::Complete).min_by_key(|m| m.0) {
                return Ok((done + fewest, end));
            }
            done += now;
            self.number += now as u64;
            if monitor.report(self.progress()) {
                return Ok((done, End::Interrupted));
            }
        }
        Ok((done, End::Complete))
    }

    fn progress(&self) -> Progress {
        let member = &self.members[0];
        Progress { n_iter: self.number as usize, epsilon: member.sizes[0], error: member.info[0].acceptance }
    }
}

impl Member {
    /// Makes `steps` steps from that of `first` on, and says how many it made.
    pub(super) fn advance(
        &mut self,
        run: &Run<'_>,
        first: Step<'_>,
        steps: usize,
        adapts: bool,
        mut slots: Option<Slots<'_>>,
    ) -> (usize, End) {
        let mut acceptance = vec![0.0; self.info.len()];
        for made in 0..steps {
            if first.monitor.cancelled() {
                return (made, End::Interrupted);
            }
            let step = Step { number: first.number + made as u64, sizes: &self.sizes, ..first };
            if transition(run, adapts).step(&mut self.block, run.density, step, &mut self.info).is_err() {
                return (made, if first.monitor.cancelled() { End::Interrupted } else { End::Failed });
            }
            self.gradients.iter_mut().zip(&self.info).for_each(|(n, i)| *n += u64::from(i.gradients));
            if adapts {
                self.adapt(run);
                continue;
            }
            for (sum, info) in acceptance.iter_mut().zip(&self.info) {
                *sum += info.acceptance / run.thin as f64;
            }
            self.divergences.iter_mut().zip(&self.info).for_each(|(n, i)| *n += u64::from(i.divergent));
            if (made + 1) % run.thin == 0
                && let Some(slots) = &mut slots
            {
                self.store(slots, run, made / run.thin, &acceptance);
                acceptance.fill(0.0);
            }
        }
        (steps, End::Complete)
    }
}

/// What moves the chains now.
fn transition<'r>(run: &Run<'r>, adapts: bool) -> &'r dyn Transition {
    run.tuning.filter(|_| adapts).map_or(run.transition, |t| t.transition)
}
