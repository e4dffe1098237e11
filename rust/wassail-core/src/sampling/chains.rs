//! What runs chains: in rounds after which all of them are equally far.

use super::adaptation::{DualAveraging, Spread};
use super::block::Block;
use super::density::{DensityError, LogDensity};
use super::storage::{Draws, Slots, split};
use super::transition::{Info, Step, Transition};
use super::warmup::Tuning;
use crate::error::Result;
use crate::monitor::{Monitor, Progress};
use crate::parallel::map_chunks;
use std::ops::Range;

/// Elementary steps of a round of one block: long enough to hand out, short enough to stop after.
const ROUND: usize = 4_000_000;
/// Elementary steps between two looks at the monitor.
const UNWATCHED: usize = 50_000;
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
    /// Whether warm-up adapts it.
    pub adapts_scale: bool,
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

/// A block with what is adapted for it, on cache lines of its own: another thread writes the next one.
#[repr(align(128))]
pub(super) struct Member {
    pub(super) block: Block,
    pub(super) info: Vec<Info>,
    pub(super) sizes: Vec<f64>,
    pub(super) tuners: Vec<DualAveraging>,
    pub(super) spread: Spread,
    pub(super) divergences: Vec<u64>,
    /// Mean acceptance of the draw in the making: a round may end within it.
    pub(super) acceptance: Vec<f64>,
}

pub(super) struct Chains<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) members: Vec<Member>,
    pub(super) scale: Vec<f64>,
    /// Steps made.
    pub(super) number: u64,
    pub(super) round: usize,
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
    draws.n_gradients = 1 + state.number * run.transition.gradients() as u64;
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
                spread: Spread::new(if run.adapts_scale { d } else { 0 }),
                divergences: vec![0; count],
                acceptance: vec![0.0; count],
            });
        }
        let work = size * (run.density.work() + 4 * d);
        Ok(Self { run, members, scale: run.scale.clone(), number: 0, round: (ROUND / work).clamp(1, 4096) })
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
            block.draw_velocities(self.run.key, d);
        }
        None
    }

    fn sample(&mut self, out: &mut Draws, monitor: &dyn Monitor) -> Result<End> {
        let per_round = (self.round / self.run.thin).max(1);
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
            let now = self.round.min(steps - done);
            let start = self.number;
            let (run, scale) = (self.run, &self.scale[..]);
            let slots = match out.as_deref_mut() {
                Some(draws) => split(draws, &self.members, run, done / run.thin),
                None => self.members.iter().map(|_| None).collect(),
            };
            let work = self.members.iter_mut().zip(slots).collect();
            let made = map_chunks(work, monitor, |(member, slots): (&mut Member, Option<Slots<'_>>)| {
                Ok(member.advance(run, scale, start, done % run.thin..done % run.thin + now, adapts, slots, monitor))
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
    /// Makes steps from number `start` on, and says how many it made; `steps` counts them from the last draw on.
    pub(super) fn advance(
        &mut self,
        run: &Run<'_>,
        scale: &[f64],
        start: u64,
        steps: Range<usize>,
        adapts: bool,
        mut slots: Option<Slots<'_>>,
        monitor: &dyn Monitor,
    ) -> (usize, End) {
        let work = self.info.len() * (run.density.work() + 4 * run.density.dim());
        let patience = 1 + UNWATCHED / work;
        for (made, since) in steps.clone().enumerate() {
            if made % patience == 0 && monitor.cancelled() {
                return (made, End::Interrupted);
            }
            let step = Step { key: run.key, number: start + made as u64, sizes: &self.sizes, scale };
            let transition = run.tuning.filter(|_| adapts).map_or(run.transition, |t| t.transition);
            match transition.step(&mut self.block, run.density, step, &mut self.info) {
                Ok(()) => {}
                Err(DensityError::Failed | DensityError::Recoverable | DensityError::OutsideSupport) => {
                    return (made, End::Failed);
                }
            }
            if adapts {
                self.adapt(run);
                continue;
            }
            for (sum, info) in self.acceptance.iter_mut().zip(&self.info) {
                *sum += info.acceptance / run.thin as f64;
            }
            self.divergences.iter_mut().zip(&self.info).for_each(|(n, i)| *n += u64::from(i.divergent));
            if (since + 1) % run.thin == 0
                && let Some(slots) = &mut slots
            {
                self.store(slots, run, since / run.thin);
                self.acceptance.fill(0.0);
            }
        }
        (steps.len(), End::Complete)
    }
}
