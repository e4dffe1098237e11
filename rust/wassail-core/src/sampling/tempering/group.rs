//! The ladders of some chains that are evaluated together.

use super::books::Books;
use super::path::{Parts, Path};
use super::{Reference, Tempering};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::rng::{Purpose, Stream};
use crate::sampling::adaptation::DualAveraging;
use crate::sampling::block::Block;
use crate::sampling::chains::{End, agree};
use crate::sampling::density::DensityError;
use crate::sampling::storage::{Ahead, Slots};
use crate::sampling::transition::Info;
use std::sync::Arc;

/// Ladders of several chains: rung 0 is drawn exactly, rungs 1.. are the rows of a block, ladder by ladder.
pub struct Group {
    pub block: Block,
    pub path: Path,
    pub now: Parts,
    pub below: Parts,
    pub info: Vec<Info>,
    pub sizes: Vec<f64>,
    /// Of each row; none where no window of warm-up has begun.
    pub tuners: Vec<DualAveraging>,
    pub books: Books,
    /// Which walker stands on each rung, and whether it was last at the top.
    pub walkers: Vec<u64>,
    pub from_top: Vec<bool>,
    /// Scans made, and steps of the kernel in the next one.
    pub number: u64,
    pub step: u64,
    /// Sums of the acceptance at the top since the last draw.
    pub accepted: Vec<f64>,
    /// The target's log-density that was known, and found instead, where it differs.
    pub differing: Option<(f64, f64)>,
    /// Draws that not all ladders have yet.
    pub(in crate::sampling) ahead: Ahead,
}

impl Group {
    /// Ladders all of whose rungs start at the same point.
    pub fn new(run: &Tempering, first_chain: usize, start: &[f64], betas: &[f64]) -> Result<Self> {
        let (d, rows) = (run.target.dim(), betas.len() - 1);
        let chains = start.len() / d;
        let x: Vec<f64> = start.chunks_exact(d).flat_map(|x| (0..rows).flat_map(move |_| x)).copied().collect();
        let row_betas = (0..chains).flat_map(|_| betas[1..].iter().copied()).collect();
        let ends = [Arc::clone(&run.reference.density), Arc::clone(&run.target)];
        let mut now = Parts::new(chains * rows, d)?;
        now.x.copy_from_slice(&x);
        Ok(Self {
            block: Block::new((first_chain * rows) as u32, &x, d)?,
            path: Path::new(ends, row_betas)?,
            now,
            below: Parts::new(chains, d)?,
            info: vec![Info::default(); chains * rows],
            sizes: vec![run.step_size; chains * rows],
            tuners: Vec::new(),
            books: Books::new(chains, rows),
            walkers: (0..chains).flat_map(|_| 0..=rows as u64).collect(),
            from_top: vec![false; chains * (rows + 1)],
            number: 0,
            step: 0,
            accepted: vec![0.0; chains],
            differing: None,
            ahead: Ahead::default(),
        })
    }

    /// Rungs of a ladder that are rows of the block.
    pub fn rows(&self) -> usize {
        self.books.rows
    }

    /// Ladders.
    pub fn chains(&self) -> usize {
        self.accepted.len()
    }

    /// The row at the top of a ladder.
    pub fn top(&self, chain: usize) -> usize {
        (chain + 1) * self.rows() - 1
    }

    /// Number of the first chain.
    pub fn first_chain(&self) -> usize {
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
        Ok(End::Complete)
    }

    /// Compares the target where the rungs are with what is known of it.
    pub fn verify(&mut self, monitor: &dyn Monitor) -> Result<End> {
        let mut found = Parts::new(self.block.count(), self.path.dim_of())?;
        if !found.evaluate(&self.path.ends, &self.now.x, monitor) {
            return Err(Error::Interrupted);
        }
        if let Some(i) = found.failed(self.block.count()) {
            return Ok(End::Failed { chain: self.first_chain() + i / self.rows(), step: self.number });
        }
        let differs = |&i: &usize| !found.value(i).is_ok_and(|now| agree(self.now.logp[1][i], now));
        let Some(i) = (0..self.block.count()).find(differs) else { return Ok(End::Complete) };
        self.differing = Some((self.now.logp[1][i], found.value(i).unwrap_or(f64::NAN)));
        Ok(End::Differs(self.first_chain() + i / self.rows()))
    }

    /// Random words of a ladder that are those of no row.
    pub fn draws(&self, run: &Tempering, chain: usize, number: u64) -> Stream {
        let ladders = run.chains * self.rows();
        Stream::new(run.key, (ladders + self.first_chain() + chain) as u32, number)
    }

    /// Puts a row of the block where its parts are.
    pub fn stand(&mut self, i: usize) {
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

    /// Stores where the tops are as draw `row`.
    pub(in crate::sampling) fn store(&mut self, slots: &mut Slots<'_>, row: usize) {
        let (chains, rows, d) = (self.chains(), self.rows(), self.path.dim_of());
        let mut ratios = vec![0.0; rows + 1];
        for c in 0..chains {
            let top = self.top(c);
            let at = top * d..(top + 1) * d;
            ratios[0] = self.below.ratio(c);
            for (r, ratio) in ratios[1..].iter_mut().enumerate() {
                *ratio = self.now.ratio(c * rows + r);
            }
            let (x, grad) = (&self.block.x[at.clone()], &self.block.grad[at]);
            slots.put(chains, c, row, [x, grad, &self.now.logp[1][top..=top], &self.accepted[c..=c], &ratios]);
        }
        self.books.mark();
        self.accepted.fill(0.0);
    }
}

impl Path {
    pub fn dim_of(&self) -> usize {
        self.ends[1].dim()
    }
}

impl Reference {
    /// An exact draw.
    pub fn draw(&self, draws: Stream, x: &mut [f64]) {
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
