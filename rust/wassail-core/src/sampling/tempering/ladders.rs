//! What runs ladders: in rounds after which all of them are equally far.

use super::Tempering;
use super::group::Group;
use super::ladder;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Progress};
use crate::parallel::map_chunks;
use crate::sampling::adaptation::DualAveraging;
use crate::sampling::archive::{Archived, Loaded, Saved};
use crate::sampling::chains::End;
use crate::sampling::pace::Pace;
use crate::sampling::sampler::{Rungs, Sampler};
use crate::sampling::storage::{Draws, Schedule, Slots};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// Scans of the first window of warm-up, and how much longer the next one is.
const WINDOW: u64 = 20;
const GROWTH: f64 = 1.6;

/// Ladders on their way.
pub struct Ladders {
    pub(super) run: Tempering,
    pub(super) groups: Vec<Group>,
    pub(super) betas: Vec<f64>,
    /// Whether there are values at the starting points.
    pub(super) started: bool,
    /// Scans that all ladders have made.
    pub(super) number: u64,
    /// Draws handed out.
    pub(super) drawn: u64,
    /// Scans of warm-up after those of the windows that have ended, and the length of the next window.
    pub(super) left: u64,
    pub(super) window: u64,
    pace: Pace,
    diverged: Arc<AtomicU64>,
    doubted: bool,
}

impl Ladders {
    /// Ladders at their starting points, (chains, d).
    pub fn new(run: Tempering, start: &[f64]) -> Result<Self> {
        let d = run.target.dim();
        let betas = ladder::first(run.rungs);
        let size = if run.target.is_batched() { run.chains } else { 1 };
        let group = |(at, start): (usize, &[f64])| Group::new(&run, at * size, start, &betas);
        let groups = start.chunks(size * d).enumerate().map(group).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            pace: Pace::new(groups.len()),
            groups,
            betas,
            started: false,
            number: 0,
            drawn: 0,
            left: run.n_warmup as u64,
            window: WINDOW,
            diverged: Arc::default(),
            doubted: false,
            run,
        })
    }

    /// Values at the starting points, or a look at whether values are those of the state.
    fn evaluate(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let look = if self.started { Group::verify } else { Group::start };
        let work = self.groups.iter_mut().collect();
        let ends = map_chunks(work, monitor, |group: &mut Group| look(group, monitor))?;
        Ok(ends.into_iter().find(|&end| end != End::Complete).unwrap_or(End::Complete))
    }

    fn next_window(&self) -> u64 {
        (GROWTH * self.window as f64) as u64
    }

    /// Windows of which all but the last end with a better ladder; step sizes are adapted in all.
    fn warm_up(&mut self, monitor: &dyn Monitor) -> Result<End> {
        while self.left > 0 {
            let is_last = self.left < self.window.saturating_add(self.next_window());
            let scans = if is_last { self.left } else { self.window };
            if let (Some(target), true) = (self.run.acceptance, self.groups[0].tuners.is_empty()) {
                let tuners = |g: &Group| g.sizes.iter().map(|&h| DualAveraging::new(h, target)).collect();
                self.groups.iter_mut().for_each(|g| g.tuners = tuners(g));
            }
            let end = self.advance(self.run.n_warmup as u64 - self.left + scans, true, None, monitor)?;
            if end != End::Complete {
                return Ok(end);
            }
            self.settle(!is_last);
            (self.left, self.window) = (self.left - scans, self.next_window());
            self.groups.iter_mut().for_each(|g| g.books.clear(is_last));
        }
        Ok(End::Complete)
    }

    /// Mean rejections between the rungs, of the window that is being made or of the draws handed out.
    fn rejections(&self) -> Vec<f64> {
        let (warm, rows) = (self.run.n_warmup as u64, self.run.rungs - 1);
        let drawing = self.left == 0;
        let from = warm - self.left;
        let until = |g: &Group| if drawing { warm + self.drawn * self.run.thin as u64 } else { g.number };
        let mean = |r: usize| {
            let (mut sum, mut offered) = (0.0, 0.0);
            for group in &self.groups {
                let book = if drawing { &group.books.shown } else { &group.books.now };
                let scans = from..until(group).max(from);
                // Pairs are offered in every other scan.
                let turns = (scans.end + 1 - r as u64 % 2) / 2 - (scans.start + 1 - r as u64 % 2) / 2;
                for ladder in book.chunks_exact(rows + 2) {
                    sum += ladder[r];
                    offered += turns as f64;
                }
            }
            sum / f64::max(offered, 1.0)
        };
        (0..rows).map(mean).collect()
    }

    /// Ends a window: the ladders share step sizes, and rungs move to where rejections are equal.
    fn settle(&mut self, moves: bool) {
        let rows = self.run.rungs - 1;
        let betas = if moves { ladder::equalize(&self.betas, &self.rejections()) } else { self.betas.clone() };
        if self.run.acceptance.is_some() {
            let mut steps = vec![0.0; rows];
            for (i, tuner) in self.groups.iter().flat_map(|g| g.tuners.iter().enumerate()) {
                steps[i % rows] += tuner.mean().ln() / self.run.chains as f64;
            }
            // Rung 0 has no step: it counts as that above.
            let known: Vec<f64> = std::iter::once(steps[0]).chain(steps).collect();
            let new: Vec<f64> = betas[1..].iter().map(|&b| ladder::interpolate(&self.betas, &known, b).exp()).collect();
            for group in &mut self.groups {
                group.sizes.iter_mut().enumerate().for_each(|(i, h)| *h = new[i % rows]);
                group.tuners.clear();
            }
        }
        for group in &mut self.groups {
            group.place(&betas);
        }
        self.betas = betas;
    }

    /// Moves every ladder to scan `until`.
    fn advance(&mut self, until: u64, adapts: bool, mut out: Option<&mut Draws>, monitor: &dyn Monitor) -> Result<End> {
        let each = (self.run.steps * (self.run.rungs - 1)) as f64;
        while self.number < until {
            let (before, began) = (self.number, Instant::now());
            let next = until.min(before.saturating_add(self.pace.steps(each)));
            let counts: Vec<usize> = self.groups.iter().map(Group::chains).collect();
            let slots = match out.as_deref_mut() {
                Some(draws) => draws.split(&counts),
                None => counts.iter().map(|_| None).collect(),
            };
            let (run, schedule) = (&self.run, self.schedule());
            let work = self.groups.iter_mut().zip(slots).collect();
            let ends = map_chunks(work, monitor, |(group, slots): (&mut Group, Option<Slots<'_>>)| {
                Ok(group.advance(run, next, adapts, schedule, slots, monitor))
            });
            self.number = self.groups.iter().map(|g| g.number.min(next)).min().unwrap_or(next);
            self.pace.learn((self.number - before) as f64 * each, began);
            self.hand_out();
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

    /// Brings what is told of the ladders to the last draw that all of them have.
    fn hand_out(&mut self) {
        if self.left == 0 {
            let drawn = self.drawn + self.schedule().made(self.number);
            self.groups.iter_mut().for_each(|g| g.books.hand_out(drawn));
        }
    }

    /// Of all ladders what their groups have.
    fn each<T: Copy>(&self, of: impl Fn(&Group, usize) -> T) -> Vec<T> {
        self.groups.iter().flat_map(|g| (0..g.chains()).map(|c| of(g, c)).collect::<Vec<_>>()).collect()
    }
}

impl Sampler for Ladders {
    fn prepare(&mut self, monitor: &dyn Monitor) -> Result<End> {
        if self.doubted || !self.started {
            match self.evaluate(monitor) {
                Err(Error::Interrupted) => return Ok(End::Interrupted),
                end => match end? {
                    End::Complete => {}
                    bad => return Ok(bad),
                },
            }
            (self.started, self.doubted) = (true, false);
        }
        self.warm_up(monitor)
    }

    fn draw(&mut self, n: usize, monitor: &dyn Monitor) -> Result<Draws> {
        let mut out = Draws::new(self.run.target.dim(), self.run.chains, n, &self.run.kept, self.run.rungs)?;
        out.recall(self.groups.iter_mut().map(|g| (g.chains(), g)).map(|(n, g)| (&mut g.ahead, n)).collect());
        let schedule = self.schedule();
        out.end = self.advance(schedule.until(n), false, Some(&mut out), monitor)?;
        out.count = (schedule.made(self.number) as usize).min(n);
        self.groups.iter_mut().for_each(|g| g.books.hand_out(schedule.drawn + out.count as u64));
        let made = |g: &Group| schedule.made(g.number);
        let blocks = self.groups.iter_mut().map(|g| (g.chains(), made(g), g)).map(|(n, m, g)| (&mut g.ahead, n, m));
        out.remember(blocks.collect())?;
        self.drawn += out.count as u64;
        Ok(out)
    }

    fn save(&mut self) -> Result<Saved> {
        self.write()
    }

    fn load(&mut self, saved: &Saved) -> Result<Loaded> {
        self.read(saved)
    }

    fn doubt(&mut self) {
        self.doubted = true;
    }

    fn is_doubted(&self) -> bool {
        self.doubted
    }

    fn differing(&self, chain: usize) -> Option<(f64, f64)> {
        let holds = |g: &&Group| (g.first_chain()..g.first_chain() + g.chains()).contains(&chain);
        self.groups.iter().find(holds)?.differing
    }

    fn divergences(&self) -> Vec<u64> {
        self.each(|g, c| g.books.shown[(c + 1) * g.books.width() - 1] as u64)
    }

    fn diverged(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.diverged)
    }

    fn outside(&self) -> Vec<u64> {
        vec![0; self.run.chains]
    }

    fn endless(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step_sizes(&self) -> Vec<f64> {
        self.each(|g, c| g.sizes[g.top(c)])
    }

    fn shortened(&self) -> f64 {
        0.0
    }

    fn scale(&self) -> &[f64] {
        &self.run.scale
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn n_gradients(&self) -> u64 {
        let rows = (self.run.rungs - 1) as u64;
        let scan = rows.saturating_mul(self.run.steps as u64).saturating_add(1);
        let most = self.groups.iter().map(|g| g.number.saturating_mul(scan).saturating_add(g.step * rows)).max();
        rows.saturating_add(most.unwrap_or(0))
    }

    fn progress(&self) -> Progress {
        let group = &self.groups[0];
        let top = group.top(0);
        Progress { n_iter: self.number as usize, epsilon: group.sizes[top], error: group.info[top].acceptance }
    }

    fn rank(&self) -> usize {
        0
    }

    fn steps(&self) -> f64 {
        1.0
    }

    fn is_flat(&self) -> Vec<bool> {
        let d = self.run.target.dim();
        self.each(|g, c| g.block.grad[g.top(c) * d..(g.top(c) + 1) * d].iter().all(|&v| v == 0.0))
    }

    fn rungs(&self) -> Option<Rungs> {
        let round_trips = self.each(|g, c| g.books.shown[(c + 1) * g.books.width() - 2] as u64);
        Some(Rungs { betas: self.betas.clone(), rejections: self.rejections(), round_trips })
    }
}
