//! Non-reversible parallel tempering (Syed, Bouchard-Côté, Deligiannidis and Doucet, JRSS B 84 (2022), arXiv 1905.02939): chains
//! on a ladder of densities from a reference that can be drawn from exactly up to the target, swapped by even and odd pairs.

mod group;
mod ladder;
mod path;

use super::adaptation::DualAveraging;
use super::chains::End;
use super::density::LogDensity;
use super::pace::Pace;
use super::transition::Transition;
use crate::error::{Error, Result, try_zeroed};
use crate::monitor::{Monitor, Progress};
use crate::parallel::map_chunks;
use group::{Group, Slots};
use std::time::Instant;

/// Scans of the first window of warm-up, and how much longer the next one is.
const WINDOW: usize = 20;
const GROWTH: f64 = 1.6;

/// A Gaussian whose draws are m + F z.
pub struct Reference<'a> {
    /// Its density.
    pub density: &'a dyn LogDensity,
    /// m.
    pub mean: &'a [f64],
    /// F, (d,) for a diagonal or (d, d).
    pub factor: &'a [f64],
}

/// A run of several ladders.
pub struct Tempering<'a> {
    /// The density at the top.
    pub target: &'a dyn LogDensity,
    /// The one at the bottom.
    pub reference: Reference<'a>,
    /// What moves every rung, adjusted.
    pub transition: &'a dyn Transition,
    /// Key of all random words.
    pub key: u64,
    /// Ladders.
    pub chains: usize,
    /// Starting points, (chains, d).
    pub start: &'a [f64],
    /// Rungs of a ladder, both ends among them.
    pub rungs: usize,
    /// Steps of the kernel between swaps.
    pub steps: usize,
    /// Scans before the first draw.
    pub n_warmup: usize,
    /// Draws.
    pub n_samples: usize,
    /// Scans per draw.
    pub thin: usize,
    /// Step size, or where the search for it starts.
    pub step_size: f64,
    /// Acceptance it is adapted to, if it is.
    pub acceptance: Option<f64>,
    /// Square roots of the diagonal preconditioner.
    pub scale: &'a [f64],
}

/// What a run gave.
pub struct Tempered {
    /// Why it ended.
    pub end: End,
    /// Draws that every ladder has.
    pub count: usize,
    /// (chains, `n_samples`, d), at the top.
    pub draws: Vec<f64>,
    /// (chains, `n_samples`).
    pub logp: Vec<f64>,
    /// (chains, `n_samples`), of the kernel at the top.
    pub acceptance: Vec<f64>,
    /// log π_1 − log π_0 on all rungs, (chains, `n_samples`, rungs).
    pub ratios: Vec<f64>,
    /// Of each ladder.
    pub divergences: Vec<u64>,
    /// Of each ladder, since warm-up.
    pub round_trips: Vec<u64>,
    /// β of the rungs.
    pub betas: Vec<f64>,
    /// Mean rejection of the swaps between rungs, since warm-up.
    pub rejections: Vec<f64>,
    /// Step sizes of rungs 1.. of the first ladder.
    pub step_sizes: Vec<f64>,
    /// Scans made, warm-up included.
    pub scans: u64,
}

/// Ladders on their way.
struct Ladders<'a> {
    run: &'a Tempering<'a>,
    groups: Vec<Group<'a>>,
    betas: Vec<f64>,
    number: u64,
    pace: Pace,
}

/// Runs all ladders.
pub fn temper(run: &Tempering<'_>, monitor: &dyn Monitor) -> Result<Tempered> {
    let (d, n) = (run.target.dim(), run.chains * run.n_samples);
    let mut out = Tempered {
        end: End::Complete,
        count: 0,
        draws: try_zeroed(n * d)?,
        logp: try_zeroed(n)?,
        acceptance: try_zeroed(n)?,
        ratios: try_zeroed(n * run.rungs)?,
        divergences: Vec::new(),
        round_trips: Vec::new(),
        betas: Vec::new(),
        rejections: Vec::new(),
        step_sizes: Vec::new(),
        scans: 0,
    };
    let mut state = Ladders::new(run)?;
    out.end = match state.start(monitor) {
        Err(Error::Interrupted) => End::Interrupted,
        end => match end? {
            End::Complete => state.warm_up(monitor)?,
            bad => bad,
        },
    };
    if out.end == End::Complete {
        state.groups.iter_mut().for_each(|g| g.round_trips.fill(0));
        let (made, end) = state.advance(run.n_samples.saturating_mul(run.thin), false, Some(&mut out), monitor)?;
        (out.count, out.end) = (made / run.thin, end);
    }
    out.divergences = state.groups.iter().flat_map(|g| g.divergences.iter().copied()).collect();
    out.round_trips = state.groups.iter().flat_map(|g| g.round_trips.iter().copied()).collect();
    out.rejections = state.rejections();
    out.step_sizes = state.groups[0].sizes[..run.rungs - 1].to_vec();
    (out.betas, out.scans) = (state.betas, state.number);
    Ok(out)
}

impl<'a> Ladders<'a> {
    fn new(run: &'a Tempering<'a>) -> Result<Self> {
        let d = run.target.dim();
        let betas = ladder::first(run.rungs);
        let size = if run.target.is_batched() { run.chains } else { 1 };
        let group = |(at, start): (usize, &[f64])| Group::new(run, at * size, start, &betas);
        let groups = run.start.chunks(size * d).enumerate().map(group).collect::<Result<Vec<_>>>()?;
        Ok(Self { run, pace: Pace::new(groups.len()), groups, betas, number: 0 })
    }

    fn start(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let work = self.groups.iter_mut().collect();
        let ends = map_chunks(work, monitor, |group: &mut Group<'_>| group.start(monitor))?;
        Ok(ends.into_iter().find(|&end| end != End::Complete).unwrap_or(End::Complete))
    }

    /// Windows of which all but the last end with a better ladder; step sizes are adapted in all.
    fn warm_up(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let (mut left, mut window) = (self.run.n_warmup, WINDOW);
        while left > 0 {
            let next = (GROWTH * window as f64) as usize;
            let last = left < window + next;
            let scans = if last { left } else { window };
            if let Some(target) = self.run.acceptance {
                let tuners = |g: &Group<'_>| g.sizes.iter().map(|&h| DualAveraging::new(h, target)).collect();
                self.groups.iter_mut().for_each(|g| g.tuners = tuners(g));
            }
            let (_, end) = self.advance(scans, true, None, monitor)?;
            if end != End::Complete {
                return Ok(end);
            }
            self.settle(!last);
            (left, window) = (left - scans, next);
        }
        Ok(End::Complete)
    }

    /// Mean rejections between the rungs.
    fn rejections(&self) -> Vec<f64> {
        let sum = |of: &dyn Fn(&Group<'_>) -> f64| self.groups.iter().map(of).sum::<f64>();
        (0..self.run.rungs - 1).map(|r| sum(&|g| g.rejected[r]) / sum(&|g| g.offered[r]).max(1.0)).collect()
    }

    /// Ends a window: the ladders share step sizes, and rungs move to where rejections are equal.
    fn settle(&mut self, moves: bool) {
        let rows = self.run.rungs - 1;
        let betas = if moves { ladder::equalize(&self.betas, &self.rejections()) } else { self.betas.clone() };
        if self.run.acceptance.is_some() {
            let mut steps = vec![0.0; rows];
            for group in &self.groups {
                group
                    .tuners
                    .iter()
                    .enumerate()
                    .for_each(|(i, t)| steps[i % rows] += t.mean().ln() / self.run.chains as f64);
            }
            // Rung 0 has no step: it counts as that above.
            let known: Vec<f64> = std::iter::once(steps[0]).chain(steps).collect();
            let new: Vec<f64> = betas[1..].iter().map(|&b| ladder::interpolate(&self.betas, &known, b).exp()).collect();
            for group in &mut self.groups {
                group.sizes.iter_mut().enumerate().for_each(|(i, h)| *h = new[i % rows]);
            }
        }
        for group in &mut self.groups {
            group.place(&betas);
            group.rejected.fill(0.0);
            group.offered.fill(0.0);
        }
        self.betas = betas;
    }

    fn advance(
        &mut self,
        scans: usize,
        adapts: bool,
        mut out: Option<&mut Tempered>,
        monitor: &dyn Monitor,
    ) -> Result<(usize, End)> {
        let mut done = 0;
        while done < scans {
            let each = (self.run.steps * (self.run.rungs - 1)) as f64;
            let (now, began) = ((self.pace.steps(each) as usize).min(scans - done), Instant::now());
            let from = self.number;
            let slots = split(out.as_deref_mut(), &self.groups, self.run, done);
            let work = self.groups.iter_mut().zip(slots).collect();
            let made = map_chunks(work, monitor, |(group, slots): (&mut Group<'_>, Option<Slots<'_>>)| {
                Ok(group.advance(from, now, adapts, slots, monitor))
            });
            let made = match made {
                Err(Error::Interrupted) => return Ok((done, End::Interrupted)),
                other => other?,
            };
            if let Some((fewest, end)) = made.iter().copied().filter(|m| m.1 != End::Complete).min_by_key(|m| m.0) {
                return Ok((done + fewest, end));
            }
            self.pace.learn(now as f64 * each, began);
            done += now;
            self.number += now as u64;
            let top = self.run.rungs - 2;
            let (step, at) = (self.groups[0].sizes[top], self.groups[0].info[top]);
            if monitor.report(Progress { n_iter: self.number as usize, epsilon: step, error: at.acceptance }) {
                return Ok((done, End::Interrupted));
            }
        }
        Ok((done, End::Complete))
    }
}

/// Each group's part of the storage.
fn split<'s>(
    out: Option<&'s mut Tempered>,
    groups: &[Group<'_>],
    run: &Tempering<'_>,
    drawn: usize,
) -> Vec<Option<Slots<'s>>> {
    let Some(out) = out else { return groups.iter().map(|_| None).collect() };
    let (n, d) = (run.n_samples, run.target.dim());
    let chains = groups[0].divergences.len();
    let draws = out.draws.chunks_mut(chains * n * d);
    let rest = out.logp.chunks_mut(chains * n).zip(out.acceptance.chunks_mut(chains * n));
    let ratios = out.ratios.chunks_mut(chains * n * run.rungs);
    draws
        .zip(rest)
        .zip(ratios)
        .map(|((draws, (logp, acceptance)), ratios)| Some(Slots { draws, logp, acceptance, ratios, drawn }))
        .collect()
}
