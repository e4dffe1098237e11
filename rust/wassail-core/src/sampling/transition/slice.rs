//! Slice sampling along lines, with stepping out and shrinkage (Neal, Ann. Statist. 31 (2003), doi:10.1214/aos/1056562461):
//! never rejects, needs no gradient, and finds lengths by itself.

use super::stretch::halves;
use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::{Block, overflows};
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{PIECE, all_finite};
use std::ops::Range;
use std::sync::Arc;

/// Lines to slice along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directions {
    /// One coordinate after the other.
    Coordinates,
    /// Normals scaled by the preconditioner: hit and run.
    Normals,
    /// Differences of two walkers of the other half of the ensemble (Karamanis and Beutler, arXiv 2002.06212).
    Differences,
}

/// Slice sampling; the step size is the width of the first interval, in units of the preconditioner or the difference.
pub struct Slice {
    directions: Directions,
    /// Whether its acceptance is the share of widenings.
    tells_widenings: bool,
}

/// Evaluations that widen an interval at most, on both sides together.
const WIDENINGS: u32 = 64;
/// Longest first interval, whose widenings are finite.
const WIDEST: f64 = 1e300;
/// After so many shrinkages, which go from the largest to the smallest number, the density is no function.
const SHRINKAGES: u32 = 10_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Left,
    Right,
    Within,
    Done,
}

/// The search of one chain.
#[derive(Clone, Copy)]
struct Search {
    level: f64,
    low: f64,
    high: f64,
    width: f64,
    /// Widenings left on either side.
    left: u32,
    right: u32,
    trial: f64,
    stage: Stage,
    widened: u32,
    shrunk: u32,
    divergent: bool,
    /// Whether it widened up to where numbers end.
    endless: bool,
}

impl Search {
    fn new(draws: Stream, logp: f64, width: f64) -> Self {
        let width = width.min(WIDEST);
        let low = -width * draws.uniform(Purpose::Time, 0);
        let left = draws.below(Purpose::Time, 1, u64::from(WIDENINGS)) as u32;
        Self {
            level: logp + draws.uniform(Purpose::Accept, 0).ln(),
            low,
            high: low + width,
            width,
            left,
            right: WIDENINGS - 1 - left,
            trial: 0.0,
            stage: Stage::Left,
            widened: 0,
            shrunk: 0,
            divergent: false,
            endless: false,
        }
    }

    /// Where to look next.
    fn choose(&mut self, draws: Stream) {
        if self.stage == Stage::Left && self.left == 0 {
            self.stage = Stage::Right;
        }
        if self.stage == Stage::Right && self.right == 0 {
            self.stage = Stage::Within;
        }
        self.trial = match self.stage {
            Stage::Left => self.low,
            Stage::Right => self.high,
            _ => self.low + draws.uniform(Purpose::Choice, 2 + self.shrunk) * (self.high - self.low),
        };
    }

    /// Takes in whether the trial is on the slice.
    fn learn(&mut self, inside: bool) {
        match (self.stage, inside) {
            (Stage::Left, true) => {
                self.low -= self.width;
                self.left -= 1;
                self.widened += 1;
            }
            (Stage::Right, true) => {
                self.high += self.width;
                self.right -= 1;
                self.widened += 1;
            }
            (Stage::Left, false) => self.stage = Stage::Right,
            (Stage::Right, false) => self.stage = Stage::Within,
            (_, true) => self.stage = Stage::Done,
            (_, false) => {
                *(if self.trial < 0.0 { &mut self.low } else { &mut self.high }) = self.trial;
                self.shrunk += 1;
            }
        }
    }

    /// Whether the density did not end as far as was looked.
    fn is_endless(&self) -> bool {
        self.endless || self.widened == WIDENINGS - 1
    }

    /// Widenings among all changes: ½ where the first width was right.
    fn share_widened(&self) -> f64 {
        let changes = self.widened + self.shrunk;
        if changes == 0 { 0.5 } else { f64::from(self.widened) / f64::from(changes) }
    }
}

impl Slice {
    /// Slice sampling along such lines.
    pub fn new(directions: Directions) -> Self {
        Self { directions, tells_widenings: false }
    }

    /// Writes the direction of chain i into its noise.
    fn direct(&self, block: &mut Block, i: usize, other: &Range<usize>, d: usize, step: Step<'_>) {
        let draws = Stream::new(step.key, block.first + i as u32, step.number);
        let (x, direction) = (&block.x, &mut block.noise[i * d..(i + 1) * d]);
        match self.directions {
            Directions::Coordinates => {
                let k = (step.number % d as u64) as usize;
                direction.fill(0.0);
                direction[k] = step.scale[k];
            }
            Directions::Normals => {
                for (at, piece) in direction.chunks_mut(PIECE).enumerate() {
                    draws.normals(Purpose::Noise, at * PIECE, piece);
                }
                direction.iter_mut().zip(step.scale).for_each(|(v, s)| *v *= s);
            }
            Directions::Differences => {
                let n = other.len();
                let a = draws.below(Purpose::Choice, 0, n as u64) as usize;
                let b = (a + 1 + draws.below(Purpose::Choice, 1, (n - 1).max(1) as u64) as usize) % n;
                let (a, b) = ((other.start + a) * d, (other.start + b) * d);
                direction.iter_mut().enumerate().for_each(|(k, v)| *v = x[a + k] - x[b + k]);
            }
        }
    }

    /// Moves some chains, those that are still searching together.
    fn update(
        &self,
        block: &mut Block,
        rows: &Range<usize>,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        let draws = |first: u32, i: usize| Stream::new(step.key, first + i as u32, step.number);
        let mut searches: Vec<(usize, Search)> =
            rows.clone().map(|i| (i, Search::new(draws(block.first, i), block.logp[i], step.sizes[i]))).collect();
        searches.retain(|&(i, _)| {
            let has_line = all_finite(&block.noise[i * d..(i + 1) * d]);
            if !has_line {
                info[i] = Info { acceptance: 0.0, endless: true, ..Info::default() };
            }
            has_line
        });
        let mut evaluations = 0;
        while !searches.is_empty() {
            if step.monitor.cancelled() {
                return Err(DensityError::Recoverable);
            }
            for (slot, (i, search)) in searches.iter_mut().enumerate() {
                search.choose(draws(block.first, *i));
                for k in 0..d {
                    block.proposal[slot * d + k] = block.x[*i * d + k] + search.trial * block.noise[*i * d + k];
                }
            }
            block.evaluate_rows(density, 0..searches.len(), step.monitor)?;
            evaluations += 1;
            for (slot, (i, search)) in searches.iter_mut().enumerate() {
                let value = block.proposal_logp[slot];
                let far = value.is_err() && overflows(&block.proposal[slot * d..(slot + 1) * d]);
                search.divergent |= value == Err(DensityError::Recoverable) && !far;
                search.endless |= far && matches!(search.stage, Stage::Left | Stage::Right);
                search.learn(value.is_ok_and(|v| v >= search.level));
                if let (Stage::Done, Ok(value)) = (search.stage, value) {
                    block.keep_position(*i);
                    block.x[*i * d..(*i + 1) * d].copy_from_slice(&block.proposal[slot * d..(slot + 1) * d]);
                    block.logp[*i] = value;
                }
                let lost = search.shrunk >= SHRINKAGES;
                if lost || search.stage == Stage::Done {
                    search.stage = Stage::Done;
                    let acceptance =
                        if self.tells_widenings { search.share_widened() } else { f64::from(u8::from(!lost)) };
                    let divergent = lost || search.divergent;
                    let endless = search.is_endless();
                    info[*i] = Info { acceptance, divergent, endless, gradients: evaluations, ..Info::default() };
                }
            }
            searches.retain(|(_, search)| search.stage != Stage::Done);
        }
        Ok(())
    }
}

impl Transition for Slice {
    fn uses_gradients(&self) -> bool {
        false
    }

    fn couples_chains(&self) -> bool {
        self.directions == Directions::Differences
    }

    /// The same moves, whose acceptance is the share of widenings.
    fn tuned(&self) -> Arc<dyn Transition> {
        Arc::new(Self { directions: self.directions, tells_widenings: true })
    }

    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let groups =
            if self.couples_chains() { halves(block.count()).to_vec() } else { vec![(0..block.count(), 0..0)] };
        for (rows, other) in groups {
            for i in rows.clone() {
                self.direct(block, i, &other, density.dim(), step);
            }
            self.update(block, &rows, density, step, info)?;
        }
        Ok(())
    }
}
