//! Scans: steps of the kernel on every rung, a new draw of the reference, then swaps. A scan that is stopped in between goes on
//! with the step that it had not made.

use super::Tempering;
use super::group::Group;
use super::path::Path;
use crate::monitor::Monitor;
use crate::rng::Purpose;
use crate::sampling::chains::End;
use crate::sampling::density::DensityError;
use crate::sampling::storage::{Schedule, Slots};
use crate::sampling::transition::Step;

/// What a part of a scan gives.
type Done = std::result::Result<(), DensityError>;

impl Group {
    /// Goes on to scan `until`; draws go to their slots.
    pub(in crate::sampling) fn advance(
        &mut self,
        run: &Tempering,
        until: u64,
        adapts: bool,
        schedule: Schedule,
        mut slots: Option<Slots<'_>>,
        monitor: &dyn Monitor,
    ) -> End {
        while self.number < until {
            if let Err(end) = self.scan(run, adapts, monitor) {
                return end;
            }
            if adapts {
                continue;
            }
            if let (Some(row), Some(slots)) = (schedule.row(self.number), &mut slots) {
                self.store(slots, row);
            }
        }
        End::Complete
    }

    fn scan(&mut self, run: &Tempering, adapts: bool, monitor: &dyn Monitor) -> std::result::Result<(), End> {
        let failed = |row: usize, group: &Self, per: usize| End::Failed {
            chain: group.first_chain() + row / per,
            step: group.number,
        };
        while self.step < run.steps as u64 {
            if monitor.cancelled() {
                return Err(End::Interrupted);
            }
            self.step(run, adapts, monitor).map_err(|why| match why {
                DensityError::Failed => {
                    let row = self.block.proposal_logp.iter().position(|p| *p == Err(DensityError::Failed));
                    failed(row.unwrap_or(0), self, self.rows())
                }
                _ => End::Interrupted,
            })?;
        }
        self.draw_reference(run, monitor).map_err(|why| match why {
            DensityError::Failed => failed(self.below.failed(self.chains()).unwrap_or(0), self, 1),
            _ => End::Interrupted,
        })?;
        (0..self.chains()).for_each(|c| self.exchange(run, c));
        (self.step, self.number) = (0, self.number + 1);
        Ok(())
    }

    /// A step of the kernel on every rung; one that fails has changed nothing.
    fn step(&mut self, run: &Tempering, adapts: bool, monitor: &dyn Monitor) -> Done {
        let number = self.number * run.steps as u64 + self.step;
        let step = Step { key: run.key, number, sizes: &self.sizes, scale: &run.scale, steps: 1.0, monitor };
        run.transition.step(&mut self.block, &self.path, step, &mut self.info)?;
        self.block.commit();
        self.path.keep(&self.block.x, &mut self.now);
        self.step += 1;
        if adapts {
            for ((tuner, size), info) in self.tuners.iter_mut().zip(&mut self.sizes).zip(&self.info) {
                tuner.update(info.acceptance);
                *size = tuner.step();
            }
            return Ok(());
        }
        let rows = self.rows();
        self.info.iter().enumerate().for_each(|(i, at)| self.books.diverge(i / rows, u64::from(at.divergent)));
        for c in 0..self.chains() {
            self.accepted[c] += self.info[self.top(c)].acceptance / (run.steps * run.thin) as f64;
        }
        Ok(())
    }

    fn draw_reference(&mut self, run: &Tempering, monitor: &dyn Monitor) -> Done {
        let d = self.path.dim_of();
        let mut x = vec![0.0; self.chains() * d];
        for (c, x) in x.chunks_exact_mut(d).enumerate() {
            run.reference.draw(self.draws(run, c, self.number), x);
        }
        if !self.below.evaluate(&self.path.ends, &x, monitor) {
            return Err(DensityError::Recoverable);
        }
        if self.below.failed(self.chains()).is_some() { Err(DensityError::Failed) } else { Ok(()) }
    }

    /// Swaps neighbors, even and odd pairs in turn, which lets walkers drift instead of diffuse.
    fn exchange(&mut self, run: &Tempering, chain: usize) {
        let (rows, d) = (self.rows(), self.path.dim_of());
        let draws = self.draws(run, chain, self.number);
        let row = |rung: usize| chain * rows + rung - 1;
        let beta = |path: &Path, rung: usize| if rung == 0 { 0.0 } else { path.betas[row(rung)] };
        for rung in ((self.number % 2) as usize..rows).step_by(2) {
            let upper = self.now.ratio(row(rung + 1));
            let lower = if rung == 0 { self.below.ratio(chain) } else { self.now.ratio(row(rung)) };
            let log_odds = (beta(&self.path, rung) - beta(&self.path, rung + 1)) * (upper - lower);
            let odds = if log_odds >= 0.0 { 1.0 } else { log_odds.exp().max(0.0) };
            self.books.reject(chain, rung, 1.0 - odds);
            if draws.uniform(Purpose::Accept, rung as u32) < odds {
                if rung == 0 {
                    self.now.copy(row(1), &self.below, chain, d);
                } else {
                    self.now.swap(row(rung), row(rung + 1), d);
                    self.stand(row(rung));
                }
                self.stand(row(rung + 1));
                self.walkers.swap(chain * (rows + 1) + rung, chain * (rows + 1) + rung + 1);
            }
        }
        self.count_trips(chain);
    }

    fn count_trips(&mut self, chain: usize) {
        let rungs = self.rows() + 1;
        let ladder = chain * rungs..(chain + 1) * rungs;
        let (bottom, top) = (self.walkers[ladder.start] as usize, self.walkers[ladder.end - 1] as usize);
        let from_top = &mut self.from_top[ladder];
        from_top[top] = true;
        if std::mem::take(&mut from_top[bottom]) {
            self.books.return_trip(chain);
        }
    }
}
