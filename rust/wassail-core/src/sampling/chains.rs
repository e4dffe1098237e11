//! What runs chains: warm-up in windows, then draws, in rounds after which all chains are equally far.

use super::adaptation::{DualAveraging, Spread};
use super::block::Block;
use super::density::{DensityError, LogDensity};
use super::transition::{Info, Step, Transition};
use crate::error::{Result, try_zeroed};
use crate::monitor::{Monitor, Progress};
use crate::parallel::map_chunks;
use std::ops::Range;

/// Elementary steps of a round of one block: long enough to hand out, short enough to stop after.
const ROUND: usize = 4_000_000;
/// The first window of warm-up, and how much longer the next one is.
const WINDOW: usize = 50;
const GROWTH: f64 = 1.6;

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

/// What a run gave.
pub struct Draws {
    /// Why it ended.
    pub end: End,
    /// Draws that every chain has.
    pub count: usize,
    /// (chains, n_samples, d).
    pub draws: Vec<f64>,
    /// (chains, n_samples).
    pub logp: Vec<f64>,
    /// Mean acceptance since the last draw, (chains, n_samples).
    pub acceptance: Vec<f64>,
    /// Divergences after warm-up of each chain.
    pub divergences: Vec<u64>,
    /// Step size of each chain.
    pub step_sizes: Vec<f64>,
    /// Square roots of the diagonal preconditioner.
    pub scale: Vec<f64>,
    /// Gradients of each chain, warm-up included.
    pub n_gradients: u64,
}

/// A block with what is adapted for it.
struct Member {
    block: Block,
    info: Vec<Info>,
    sizes: Vec<f64>,
    tuners: Vec<DualAveraging>,
    spread: Spread,
    divergences: Vec<u64>,
    /// Mean acceptance of the draw in the making: a round may end within it.
    acceptance: Vec<f64>,
}

/// Where a block's draws go.
struct Slots<'s> {
    draws: &'s mut [f64],
    logp: &'s mut [f64],
    acceptance: &'s mut [f64],
}

struct Chains<'a> {
    run: &'a Run<'a>,
    members: Vec<Member>,
    scale: Vec<f64>,
    /// Steps made.
    number: u64,
    round: usize,
}

/// Runs all chains.
pub fn run(run: &Run<'_>, monitor: &dyn Monitor) -> Result<Draws> {
    let d = run.density.dim();
    let chains = run.start.len() / d;
    let mut draws = Draws {
        end: End::Complete,
        count: 0,
        draws: try_zeroed(run.start.len() * run.n_samples)?,
        logp: try_zeroed(chains * run.n_samples)?,
        acceptance: try_zeroed(chains * run.n_samples)?,
        divergences: vec![0; chains],
        step_sizes: vec![run.step_size; chains],
        scale: run.scale.clone(),
        n_gradients: 0,
    };
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

    fn warm_up(&mut self, monitor: &dyn Monitor) -> Result<End> {
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
    fn advance(
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

/// Each block's part of the storage, from draw `done` of those not yet counted on.
fn split<'s>(out: &'s mut Draws, members: &[Member], run: &Run<'_>, done: usize) -> Vec<Option<Slots<'s>>> {
    let (n, d) = (run.n_samples, run.density.dim());
    let from = out.count + done;
    let (mut draws, mut logp, mut acceptance) = (&mut out.draws[..], &mut out.logp[..], &mut out.acceptance[..]);
    let mut slots = Vec::new();
    for member in members {
        let count = member.block.count();
        let (mine, rest) = draws.split_at_mut(count * n * d);
        draws = rest;
        let (mine_logp, rest) = logp.split_at_mut(count * n);
        logp = rest;
        let (mine_acceptance, rest) = acceptance.split_at_mut(count * n);
        acceptance = rest;
        slots.push(Some(Slots {
            draws: &mut mine[from * d..],
            logp: &mut mine_logp[from..],
            acceptance: &mut mine_acceptance[from..],
        }));
    }
    slots
}

impl Member {
    /// Makes steps from number `start` on, and says how many it made; `steps` counts them from the last draw on.
    fn advance(
        &mut self,
        run: &Run<'_>,
        scale: &[f64],
        start: u64,
        steps: Range<usize>,
        adapts: bool,
        mut slots: Option<Slots<'_>>,
        monitor: &dyn Monitor,
    ) -> (usize, End) {
        for (made, since) in steps.clone().enumerate() {
            if monitor.cancelled() {
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

    fn adapt(&mut self, run: &Run<'_>) {
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

    fn store(&self, slots: &mut Slots<'_>, run: &Run<'_>, at: usize) {
        let (n, d) = (run.n_samples, run.density.dim());
        for i in 0..self.info.len() {
            slots.draws[(i * n + at) * d..][..d].copy_from_slice(&self.block.x[i * d..(i + 1) * d]);
            slots.logp[i * n + at] = self.block.logp[i];
            slots.acceptance[i * n + at] = self.acceptance[i];
        }
    }
}
