//! The ladders of some chains that are evaluated together.

use super::path::{Parts, Path};
use super::{Reference, Tempering};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::rng::{Purpose, Stream};
use crate::sampling::adaptation::DualAveraging;
use crate::sampling::block::Block;
use crate::sampling::chains::End;
use crate::sampling::density::DensityError;
use crate::sampling::transition::{Info, Step};

/// Ladders of several chains: rung 0 is drawn exactly, rungs 1.. are the rows of a block, ladder by ladder.
pub struct Group<'a> {
    run: &'a Tempering<'a>,
    pub block: Block,
    pub path: Path<'a>,
    now: Parts,
    below: Parts,
    pub info: Vec<Info>,
    pub sizes: Vec<f64>,
    pub tuners: Vec<DualAveraging>,
    pub divergences: Vec<u64>,
    /// Sums of rejections between rungs and their number, since they were last looked at.
    pub rejected: Vec<f64>,
    pub offered: Vec<f64>,
    /// Which walker stands on each rung, and whether it was last at the top.
    walkers: Vec<u32>,
    from_top: Vec<bool>,
    pub round_trips: Vec<u64>,
}

/// Where the draws of the ladders of a group go, from draw `drawn` of `n` on.
pub struct Slots<'s> {
    pub draws: &'s mut [f64],
    pub logp: &'s mut [f64],
    pub acceptance: &'s mut [f64],
    pub ratios: &'s mut [f64],
    pub drawn: usize,
}

impl<'a> Group<'a> {
    /// Ladders all of whose rungs start at the same point.
    pub fn new(run: &'a Tempering<'a>, first_chain: usize, start: &[f64], betas: &[f64]) -> Result<Self> {
        let (d, rows) = (run.target.dim(), betas.len() - 1);
        let chains = start.len() / d;
        let x: Vec<f64> = start.chunks_exact(d).flat_map(|x| (0..rows).flat_map(move |_| x)).copied().collect();
        let row_betas = (0..chains).flat_map(|_| betas[1..].iter().copied()).collect();
        Ok(Self {
            run,
            block: Block::new((first_chain * rows) as u32, &x, d)?,
            path: Path::new([run.reference.density, run.target], row_betas)?,
            now: Parts::new(chains * rows, d)?,
            below: Parts::new(chains, d)?,
            info: vec![Info::default(); chains * rows],
            sizes: vec![run.step_size; chains * rows],
            tuners: Vec::new(),
            divergences: vec![0; chains],
            rejected: vec![0.0; rows],
            offered: vec![0.0; rows],
            walkers: (0..chains).flat_map(|_| 0..=rows as u32).collect(),
            from_top: vec![false; chains * (rows + 1)],
            round_trips: vec![0; chains],
        })
    }

    fn rows(&self) -> usize {
        self.rejected.len()
    }

    fn chains(&self) -> usize {
        self.divergences.len()
    }

    /// Number of the first chain.
    fn first_chain(&self) -> usize {
        self.block.first as usize / self.rows()
    }

    /// Values at the starting points, or the first chain without them.
    pub fn start(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let d = self.path.dim_of();
        self.block.proposal.copy_from_slice(&self.block.x);
        // What failed is in the values.
        if self.block.evaluate(&self.path, monitor) == Err(DensityError::Recoverable) {
            return Err(Error::Interrupted);
        }
        for i in 0..self.block.count() {
            match self.block.proposal_logp[i] {
                Ok(logp) => self.block.accept(i, d, logp),
                Err(why) => return Ok(End::at_start(self.first_chain() + i / self.rows(), why)),
            }
        }
        self.path.keep(&self.block.x, &mut self.now);
        self.block.draw_velocities(self.run.key, d, self.run.transition);
        Ok(End::Complete)
    }

    /// Makes a scan: steps of the kernel on every rung, a new draw of the reference, then swaps.
    fn scan(&mut self, number: u64, adapts: bool, monitor: &dyn Monitor) -> std::result::Result<End, DensityError> {
        let run = self.run;
        for k in 0..run.steps {
            if monitor.cancelled() {
                return Ok(End::Interrupted);
            }
            let number = number * run.steps as u64 + k as u64;
            let step = Step { key: run.key, number, sizes: &self.sizes, scale: run.scale, steps: 1.0, monitor };
            run.transition.step(&mut self.block, &self.path, step, &mut self.info)?;
            self.block.commit();
            self.path.keep(&self.block.x, &mut self.now);
            if adapts {
                for ((tuner, size), info) in self.tuners.iter_mut().zip(&mut self.sizes).zip(&self.info) {
                    tuner.update(info.acceptance);
                    *size = tuner.step();
                }
            } else {
                let rows = self.rows();
                self.info.iter().enumerate().for_each(|(i, at)| self.divergences[i / rows] += u64::from(at.divergent));
            }
        }
        self.draw_reference(number, monitor)?;
        (0..self.chains()).for_each(|c| self.exchange(c, number));
        Ok(End::Complete)
    }

    /// Random words of a ladder that are those of no row.
    fn draws(&self, chain: usize, number: u64) -> Stream {
        let ladders = self.run.chains * self.rows();
        Stream::new(self.run.key, (ladders + self.first_chain() + chain) as u32, number)
    }

    fn draw_reference(&mut self, number: u64, monitor: &dyn Monitor) -> std::result::Result<(), DensityError> {
        let d = self.path.dim_of();
        let mut x = vec![0.0; self.chains() * d];
        for (c, x) in x.chunks_exact_mut(d).enumerate() {
            self.run.reference.draw(self.draws(c, number), x);
        }
        if !self.below.evaluate(self.path.ends, &x, monitor) {
            return Err(DensityError::Recoverable);
        }
        if self.below.failed(self.chains()) { Err(DensityError::Failed) } else { Ok(()) }
    }

    /// Swaps neighbors, even and odd pairs in turn, which lets walkers drift instead of diffuse.
    fn exchange(&mut self, chain: usize, number: u64) {
        let (rows, d) = (self.rows(), self.path.dim_of());
        let draws = self.draws(chain, number);
        let row = |rung: usize| chain * rows + rung - 1;
        let beta = |path: &Path<'_>, rung: usize| if rung == 0 { 0.0 } else { path.betas[row(rung)] };
        for rung in ((number % 2) as usize..rows).step_by(2) {
            let upper = self.now.ratio(row(rung + 1));
            let lower = if rung == 0 { self.below.ratio(chain) } else { self.now.ratio(row(rung)) };
            let log_odds = (beta(&self.path, rung) - beta(&self.path, rung + 1)) * (upper - lower);
            let odds = if log_odds >= 0.0 { 1.0 } else { log_odds.exp().max(0.0) };
            self.rejected[rung] += 1.0 - odds;
            self.offered[rung] += 1.0;
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
            self.round_trips[chain] += 1;
        }
    }

    /// Puts a row of the block where its parts are.
    fn stand(&mut self, i: usize) {
        let d = self.path.dim_of();
        let at = i * d..(i + 1) * d;
        self.block.x[at.clone()].copy_from_slice(&self.now.x[at.clone()]);
        if let Ok(logp) = self.now.mix(i, self.path.betas[i], &mut self.block.grad[at]) {
            self.block.logp[i] = logp;
        }
    }

    /// Moves the rungs to other βs.
    pub fn place(&mut self, betas: &[f64]) {
        let rows = self.rows();
        for i in 0..self.block.count() {
            self.path.betas[i] = betas[1 + i % rows];
            self.stand(i);
        }
    }

    /// Makes scans from a number on, and says how many.
    pub fn advance(
        &mut self,
        from: u64,
        scans: usize,
        adapts: bool,
        mut slots: Option<Slots<'_>>,
        monitor: &dyn Monitor,
    ) -> (usize, End) {
        for made in 0..scans {
            match self.scan(from + made as u64, adapts, monitor) {
                Ok(End::Complete) => {}
                Ok(end) => return (made, end),
                Err(DensityError::Failed) => {
                    return (made, End::Failed { chain: self.first_chain(), step: from + made as u64 });
                }
                Err(_) => return (made, End::Interrupted),
            }
            if let Some(slots) = &mut slots {
                self.store(slots, made);
            }
        }
        (scans, End::Complete)
    }

    fn store(&self, slots: &mut Slots<'_>, made: usize) {
        let (run, d, rows) = (self.run, self.path.dim_of(), self.rows());
        if !(slots.drawn + made + 1).is_multiple_of(run.thin) {
            return;
        }
        let at = (slots.drawn + made) / run.thin;
        for c in 0..self.chains() {
            let (to, top) = (c * run.n_samples + at, (c + 1) * rows - 1);
            slots.draws[to * d..(to + 1) * d].copy_from_slice(&self.block.x[top * d..(top + 1) * d]);
            slots.logp[to] = self.now.logp[1][top];
            slots.acceptance[to] = self.info[top].acceptance;
            let ratios = &mut slots.ratios[to * (rows + 1)..(to + 1) * (rows + 1)];
            ratios[0] = self.below.ratio(c);
            for (r, ratio) in ratios[1..].iter_mut().enumerate() {
                *ratio = self.now.ratio(c * rows + r);
            }
        }
    }
}

impl Path<'_> {
    fn dim_of(&self) -> usize {
        self.ends[1].dim()
    }
}

impl Reference<'_> {
    /// An exact draw.
    fn draw(&self, draws: Stream, x: &mut [f64]) {
        let d = x.len();
        let mut noise = vec![0.0; d];
        draws.normals(Purpose::Noise, 0, &mut noise);
        for (i, x) in x.iter_mut().enumerate() {
            let spread = if self.factor.len() == d {
                self.factor[i] * noise[i]
            } else {
                self.factor[i * d..(i + 1) * d].iter().zip(&noise).map(|(f, z)| f * z).sum()
            };
            *x = self.mean[i] + spread;
        }
    }
}
