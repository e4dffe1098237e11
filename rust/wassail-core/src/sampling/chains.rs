//! What runs chains: in rounds after which all of them are equally far.

use super::adaptation::StepTuner;
use super::archive::{Archived, Loaded, Saved};
use super::block::Block;
use super::density::{DensityError, LogDensity};
use super::frame::Frame;
use super::mixed::{SHARE, Tally, factor};
use super::observed::{Observed, Wanted};
use super::pace::Pace;
use super::sampler::Sampler;
use super::storage::{Ahead, Draws, Kept, Schedule, Slots};
use super::transition::{Info, Step, Transition};
use super::warmup::{Length, Position, Preconditioning, Tuning};
use crate::error::{Error, Result, try_zeroed};
use crate::monitor::{Monitor, Progress};
use crate::numeric::aligned::Aligned;
use crate::parallel::{in_parts, map_chunks, parts};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// Differences of a log-density from what it was, absolute and relative, that are rounding errors of another way to compute it.
const ROUNDING: [f64; 2] = [1e-4, 1e-6];

/// Whether a log-density is what it was.
pub(super) fn agree(was: f64, now: f64) -> bool {
    let [absolute, relative] = ROUNDING;
    (now - was).abs() <= absolute + relative * was.abs()
}

/// Looks of a block at the monitor in a round.
const LOOKS: u64 = 16;

/// How chains are run.
pub struct Run {
    /// What is sampled.
    pub density: Arc<dyn LogDensity>,
    /// How.
    pub transition: Arc<dyn Transition>,
    /// Key of all random words.
    pub key: u64,
    /// Steps before the first draw.
    pub n_warmup: usize,
    /// Steps per draw.
    pub thin: usize,
    /// What warm-up runs and adapts the step size of, if it does.
    pub tuning: Option<Tuning>,
    /// What warm-up makes of the preconditioner.
    pub preconditioning: Preconditioning,
    /// Length of trajectories.
    pub length: Length,
    /// What is kept of a draw.
    pub kept: Kept,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With all draws.
    Complete,
    /// Ctrl-C, or a callback.
    Interrupted,
    /// The density failed.
    Failed {
        /// For this chain.
        chain: usize,
        /// At this step, from 0 on and warm-up included.
        step: u64,
    },
    /// The density has no finite value and gradient at the start of this chain.
    BadStart(usize),
    /// The density failed there.
    FailedStart(usize),
    /// The density is not the one that the state of this chain comes from.
    Differs(usize),
}

impl End {
    /// Of a run that never got a value for a chain.
    pub(super) fn at_start(chain: usize, why: DensityError) -> Self {
        if why == DensityError::Failed { Self::FailedStart(chain) } else { Self::BadStart(chain) }
    }
}

/// A block with what is adapted for it, on cache lines of its own: another thread writes the next one.
#[repr(align(128))]
pub(super) struct Member {
    pub(super) block: Block,
    pub(super) info: Vec<Info>,
    pub(super) sizes: Vec<f64>,
    /// Those of the step that is being made, where sizes are mixed.
    mixed: Vec<f64>,
    pub(super) tally: Tally,
    pub(super) tuners: Vec<StepTuner>,
    pub(super) observed: Observed,
    pub(super) divergences: Vec<u64>,
    /// Steps that left the support.
    pub(super) outside: Vec<u64>,
    /// Steps along lines where the density does not end, by their number modulo d.
    endless: Vec<u64>,
    pub(super) gradients: Vec<u64>,
    /// Steps made.
    pub(super) number: u64,
    /// Sum of the acceptance since the last draw.
    pub(super) accepted: Vec<f64>,
    /// Draws that not all chains have yet.
    pub(super) ahead: Ahead,
}

impl Run {
    /// What moves the chains now.
    fn transition(&self, adapts: bool) -> &dyn Transition {
        self.tuning.as_ref().filter(|_| adapts).map_or(&*self.transition, |t| &*t.transition)
    }
}

/// Where step sizes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sizes {
    /// They are being adapted.
    Adapted,
    /// They stay as they are.
    Kept,
    /// Some steps are shorter, by chance.
    Mixed,
}

/// Several chains on their way.
pub struct Chains {
    pub(super) run: Run,
    pub(super) members: Vec<Member>,
    pub(super) scale: Aligned<f64>,
    /// What the chains move in, and the scale there.
    pub(super) frame: Option<Arc<Frame>>,
    ones: Aligned<f64>,
    /// Length of trajectories, and their mean number of steps.
    pub(super) time: f64,
    pub(super) steps: f64,
    /// Steps that all chains have made.
    pub(super) number: u64,
    pub(super) position: Position,
    /// Trajectories of the last windows of warm-up that were far off, and whether sizes of steps are mixed for it.
    pub(super) tally: Tally,
    pub(super) mixes: bool,
    pace: Pace,
    /// Draws handed out.
    pub(super) drawn: u64,
    /// Divergences so far, for those who watch.
    pub(super) diverged: Arc<AtomicU64>,
    /// Whether the density may be another than that of the state.
    doubted: bool,
}

impl Chains {
    /// Chains at their starting points, (chains, d), with a step size (or where the search for it starts) and the square roots of
    /// the diagonal preconditioner.
    pub fn new(run: Run, start: &[f64], step_size: f64, scale: &[f64]) -> Result<Self> {
        let d = run.density.dim();
        let chains = start.len() / d;
        let size = if run.density.is_batched() { chains } else { run.density.group(chains) };
        let mut members = Vec::new();
        for (at, start) in start.chunks(size * d).enumerate() {
            let count = start.len() / d;
            members.push(Member {
                block: Block::new((at * size) as u32, start, d)?,
                info: vec![Info::default(); count],
                sizes: vec![step_size; count],
                mixed: vec![step_size; count],
                tally: Tally::default(),
                tuners: Vec::new(),
                observed: Observed::new(Wanted::default(), d, 1, chains)?,
                divergences: vec![0; count],
                outside: vec![0; count],
                endless: try_zeroed(if run.transition.uses_gradients() { 0 } else { d })?,
                gradients: vec![0; count],
                number: 0,
                accepted: vec![0.0; count],
                ahead: Ahead::default(),
            });
        }
        let mut ones = Aligned::zeroed(d)?;
        ones.fill(1.0);
        let time = run.length.time;
        Ok(Self {
            pace: Pace::new(members.len()),
            members,
            scale: Aligned::of(scale)?,
            frame: None,
            ones,
            time,
            steps: (time / step_size).clamp(1.0, run.transition.longest()),
            number: 0,
            position: Position::new(run.n_warmup),
            tally: Tally::default(),
            mixes: false,
            drawn: 0,
            diverged: Arc::default(),
            doubted: false,
            run,
        })
    }

    /// Number of chains.
    pub fn count(&self) -> usize {
        self.members.iter().map(|m| m.block.count()).sum()
    }

    /// Values at the starting points, and velocities; or a look at whether values are those of the state.
    fn evaluate(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let run = &self.run;
        let look = if self.position.started { Member::verify } else { Member::start };
        let work = self.members.iter_mut().collect();
        let ends = map_chunks(work, monitor, |member: &mut Member| look(member, run, monitor))?;
        Ok(ends.into_iter().find(|&end| end != End::Complete).unwrap_or(End::Complete))
    }

    /// Moves every chain to step `until`.
    pub(super) fn advance(
        &mut self,
        until: u64,
        adapts: bool,
        mut out: Option<&mut Draws>,
        monitor: &dyn Monitor,
    ) -> Result<End> {
        let gradients = self.run.transition(adapts).gradients(self.steps);
        let sizes = match (adapts, self.mixes) {
            (true, _) => Sizes::Adapted,
            (false, true) => Sizes::Mixed,
            (false, false) => Sizes::Kept,
        };
        while self.number < until {
            let (before, began) = (self.number, Instant::now());
            let next = until.min(before.saturating_add(self.pace.steps(gradients)));
            let (run, schedule) = (&self.run, self.schedule());
            let scale = if self.frame.is_some() { &self.ones } else { &self.scale };
            let step = Step { key: run.key, number: 0, sizes: &[], scale, steps: self.steps, monitor };
            let counts: Vec<usize> = self.members.iter().map(|m| m.block.count()).collect();
            let slots = match out.as_deref_mut() {
                Some(draws) => draws.split(&counts),
                None => self.members.iter().map(|_| None).collect(),
            };
            let parts = parts(self.members.len());
            let mut work: Vec<_> = self.members.iter_mut().zip(slots).map(|(m, s)| (m, s, End::Complete)).collect();
            let done = in_parts(&mut work, parts, monitor, |(member, slots, end), part| {
                if *end == End::Complete {
                    // Halves, quarters and so on of the round, and what is left.
                    let left = if part + 1 < parts { (next - before) >> (part + 1) } else { 0 };
                    *end = member.advance(run, step, next - left, sizes, schedule, slots.as_mut());
                    member.block.refresh(&*run.density);
                }
                Ok(())
            });
            let ends = done.map(|()| work.into_iter().map(|(_, _, end)| end).collect());
            self.number = self.members.iter().map(|m| m.number.min(next)).min().unwrap_or(next);
            self.pace.learn((self.number - before) as f64 * gradients, began);
            let end = self.end_round(ends, monitor)?;
            if end != End::Complete {
                return Ok(end);
            }
        }
        Ok(End::Complete)
    }

    fn schedule(&self) -> Schedule {
        Schedule { first: self.run.n_warmup as u64, thin: self.run.thin as u64, drawn: self.drawn }
    }
}

impl Sampler for Chains {
    fn prepare(&mut self, monitor: &dyn Monitor) -> Result<End> {
        if self.doubted || !self.position.started {
            match self.evaluate(monitor) {
                Err(Error::Interrupted) => return Ok(End::Interrupted),
                end => match end? {
                    End::Complete => {}
                    bad => return Ok(bad),
                },
            }
            self.position.started = true;
            self.doubted = false;
        }
        self.warm_up(monitor)
    }

    fn draw(&mut self, n: usize, monitor: &dyn Monitor) -> Result<Draws> {
        let mut out = Draws::new(self.run.density.dim(), self.count(), n, &self.run.kept, 0)?;
        out.recall(self.members.iter_mut().map(|m| (&mut m.ahead, m.block.count())).collect());
        let schedule = self.schedule();
        out.end = self.advance(schedule.until(n), false, Some(&mut out), monitor)?;
        out.count = (schedule.made(self.number) as usize).min(n);
        let blocks = self.members.iter_mut().map(|m| (&mut m.ahead, m.block.count(), schedule.made(m.number)));
        out.remember(blocks.collect())?;
        self.drawn += out.count as u64;
        Ok(out)
    }

    fn divergences(&self) -> Vec<u64> {
        self.members.iter().flat_map(|m| m.divergences.iter().copied()).collect()
    }

    fn outside(&self) -> Vec<u64> {
        let minds = u64::from(self.run.transition.uses_gradients());
        self.members.iter().flat_map(|m| m.outside.iter().map(move |n| n * minds)).collect()
    }

    fn endless(&self) -> Vec<u64> {
        let mut sums = self.members[0].endless.clone();
        for member in &self.members[1..] {
            sums.iter_mut().zip(&member.endless).for_each(|(sum, n)| *sum += n);
        }
        sums
    }

    fn diverged(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.diverged)
    }

    fn step_sizes(&self) -> Vec<f64> {
        self.members.iter().flat_map(|m| m.sizes.iter().copied()).collect()
    }

    fn shortened(&self) -> f64 {
        if self.mixes { SHARE } else { 0.0 }
    }

    fn scale(&self) -> &[f64] {
        &self.scale
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn n_gradients(&self) -> u64 {
        1 + self.members.iter().flat_map(|m| m.gradients.iter().copied()).max().unwrap_or(0)
    }

    fn progress(&self) -> Progress {
        let member = &self.members[0];
        Progress { n_iter: self.number as usize, epsilon: member.sizes[0], error: member.info[0].acceptance }
    }

    fn rank(&self) -> usize {
        self.frame.as_ref().map_or(0, |f| f.rank())
    }

    fn steps(&self) -> f64 {
        self.steps
    }

    fn is_flat(&self) -> Vec<bool> {
        let (d, looks) = (self.run.density.dim(), self.run.transition.uses_gradients());
        let flat = |g: &[f64]| looks && g.iter().all(|&v| v == 0.0);
        self.members.iter().flat_map(|m| m.block.grad.chunks_exact(d).map(flat)).collect()
    }

    fn doubt(&mut self) {
        self.doubted = true;
    }

    fn differing(&self, chain: usize) -> Option<(f64, f64)> {
        let mut pairs = self.members.iter().flat_map(|m| m.block.logp.iter().zip(&m.block.proposal_logp));
        pairs.nth(chain).map(|(&was, now)| (was, now.unwrap_or(f64::NAN)))
    }

    fn is_doubted(&self) -> bool {
        self.doubted
    }

    fn save(&mut self) -> Result<Saved> {
        self.write()
    }

    fn load(&mut self, saved: &Saved) -> Result<Loaded> {
        self.read(saved)
    }
}

impl Member {
    fn start(&mut self, run: &Run, monitor: &dyn Monitor) -> Result<End> {
        let (block, d) = (&mut self.block, run.density.dim());
        block.proposal.copy_from_slice(&block.x);
        // What failed is in the values.
        if block.evaluate(&*run.density, monitor) == Err(DensityError::Recoverable) {
            return Err(Error::Interrupted);
        }
        for (i, value) in block.proposal_logp.iter().enumerate() {
            if let Err(why) = value {
                return Ok(End::at_start(block.first as usize + i, *why));
            }
        }
        for i in 0..block.count() {
            if let Ok(logp) = block.proposal_logp[i] {
                block.accept(i, d, logp);
            }
        }
        block.draw_velocities(run.key, d, &*run.transition);
        Ok(End::Complete)
    }

    /// Compares the density where the chains are with what is known of it.
    fn verify(&mut self, run: &Run, monitor: &dyn Monitor) -> Result<End> {
        let block = &mut self.block;
        block.proposal.copy_from_slice(&block.x);
        match block.evaluate(&*run.density, monitor) {
            Err(DensityError::Recoverable) => return Err(Error::Interrupted),
            Err(_) => return Ok(End::Failed { chain: self.failed(), step: self.number }),
            Ok(()) => {}
        }
        let mut pairs = block.logp.iter().zip(&block.proposal_logp);
        let differs = pairs.position(|(&was, now)| !now.is_ok_and(|now| agree(was, now)));
        Ok(differs.map_or(End::Complete, |i| End::Differs(block.first as usize + i)))
    }

    /// Goes on to step `until`, maybe without the gradient there; draws go to their slots.
    fn advance(
        &mut self,
        run: &Run,
        like: Step<'_>,
        until: u64,
        sizes: Sizes,
        schedule: Schedule,
        mut slots: Option<&mut Slots<'_>>,
    ) -> End {
        let (adapts, mixes) = (sizes == Sizes::Adapted, sizes == Sizes::Mixed);
        let patience = 1 + until.saturating_sub(self.number) / LOOKS;
        while self.number < until {
            if self.number.is_multiple_of(patience) && like.monitor.cancelled() {
                return End::Interrupted;
            }
            if mixes {
                self.mix(run.key);
            }
            let sizes = if mixes { &self.mixed } else { &self.sizes };
            let step = Step { number: self.number, sizes, ..like };
            if let Err(error) = run.transition(adapts).step(&mut self.block, &*run.density, step, &mut self.info) {
                let failed = self.failed();
                self.block.roll_back();
                return match error {
                    DensityError::Failed => End::Failed { chain: failed, step: self.number },
                    _ => End::Interrupted,
                };
            }
            self.block.commit();
            self.number += 1;
            self.gradients.iter_mut().zip(&self.info).for_each(|(n, i)| *n += u64::from(i.gradients));
            if adapts {
                self.adapt(run);
                continue;
            }
            for (sum, info) in self.accepted.iter_mut().zip(&self.info) {
                *sum += info.acceptance / run.thin as f64;
            }
            self.divergences.iter_mut().zip(&self.info).for_each(|(n, i)| *n += u64::from(i.divergent));
            self.outside.iter_mut().zip(&self.info).for_each(|(n, i)| *n += u64::from(i.outside));
            if !self.endless.is_empty() {
                let line = ((self.number - 1) % self.endless.len() as u64) as usize;
                self.endless[line] += self.info.iter().filter(|i| i.endless).count() as u64;
            }
            if let (Some(row), Some(slots)) = (schedule.row(self.number), &mut slots) {
                if run.kept.gradients {
                    self.block.refresh(&*run.density);
                }
                self.store(slots, row);
            }
        }
        End::Complete
    }

    /// Draws the sizes of the next step.
    fn mix(&mut self, key: u64) {
        for (chain, (mixed, size)) in (self.block.first..).zip(self.mixed.iter_mut().zip(&self.sizes)) {
            *mixed = size * factor(key, chain, self.number);
        }
    }

    /// The chain that the density failed for.
    fn failed(&self) -> usize {
        let at = self.block.proposal_logp.iter().position(|p| *p == Err(DensityError::Failed));
        self.block.first as usize + at.unwrap_or(0)
    }
}
