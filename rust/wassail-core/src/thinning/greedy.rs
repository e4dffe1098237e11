//! Greedy selection: the next point is the one of the lowest score c_i + t s_i + Σ_chosen k(x_j, x_i).
//!
//! One running sum of kernel values a point, one row of them a step. Herding has c = 0 and s = −(mean of k(x_i, ·)), Stein
//! thinning has c = k(x_i, x_i) / 2 and s = 0, its regularized form both.

use super::pick::{lowest, softmin, weigh};
use super::row::{TILE, grain, walk_row};
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Kernel};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::numeric::lanes::{LANES, add_scaled};
use crate::parallel::map_chunks;

/// Running sums and what is added to them.
pub(super) struct Greedy<'a> {
    kernel: &'a dyn Kernel,
    cloud: &'a Cloud<f64>,
    /// c, infinite for points that are not to be chosen and past the last point.
    constant: Aligned<f64>,
    /// s.
    slope: Aligned<f64>,
    sums: Aligned<f64>,
    /// Probabilities, while points are drawn.
    weights: Vec<f64>,
    grain: usize,
}

impl<'a> Greedy<'a> {
    /// An empty slope is zero.
    pub fn new(
        kernel: &'a dyn Kernel,
        cloud: &'a Cloud<f64>,
        d: usize,
        constant: &[f64],
        slope: &[f64],
    ) -> Result<Self> {
        let padded = cloud.len().next_multiple_of(LANES);
        let mut own = Self {
            kernel,
            cloud,
            constant: Aligned::zeroed(padded)?,
            slope: Aligned::zeroed(padded)?,
            sums: Aligned::zeroed(padded)?,
            weights: Vec::new(),
            grain: grain(cloud.len(), kernel.work(d)),
        };
        own.constant.fill(f64::INFINITY);
        own.constant[..constant.len()].copy_from_slice(constant);
        own.slope[..slope.len()].copy_from_slice(slope);
        Ok(own)
    }

    /// Σ_chosen k(x_j, x_i).
    pub fn sum(&self, i: usize) -> f64 {
        self.sums[i]
    }

    /// s_i.
    pub fn slope(&self, i: usize) -> f64 {
        self.slope[i]
    }

    /// Takes a point out of the candidates.
    pub fn forbid(&mut self, i: usize) {
        self.constant[i] = f64::INFINITY;
    }

    /// Puts it back, with its c.
    pub fn allow(&mut self, i: usize, constant: f64) {
        self.constant[i] = constant;
    }

    /// Adds kernel values of some points, times ±1, to the sums.
    pub fn update(&mut self, changes: &[(usize, f64)], monitor: &dyn Monitor) -> Result<()> {
        self.pass(changes, 0.0, monitor).map(drop)
    }

    /// `update`, then the first point of the lowest score; `None` where no score is finite.
    pub fn best(&mut self, changes: &[(usize, f64)], t: f64, monitor: &dyn Monitor) -> Result<Option<usize>> {
        let Some((start, least)) = least(&self.pass(changes, t, monitor)?) else { return Ok(None) };
        let first = |i: &usize| score(self.sums[*i], self.constant[*i], self.slope[*i], t) <= least;
        Ok((start..self.sums.len()).find(first))
    }

    /// `update`, then a point drawn with probability proportional to exp(−score / temperature) by a uniform number.
    pub fn draw(
        &mut self,
        changes: &[(usize, f64)],
        t: f64,
        temperature: f64,
        uniform: f64,
        monitor: &dyn Monitor,
    ) -> Result<Option<usize>> {
        let Some((_, least)) = least(&self.pass(changes, t, monitor)?) else { return Ok(None) };
        if self.weights.is_empty() {
            self.weights = try_zeroed(self.sums.len())?;
        }
        let (sums, constant, slope) = (&self.sums, &self.constant, &self.slope);
        let chunks = self.weights.chunks_mut(self.grain).enumerate().collect();
        // A temperature may be so low that its inverse overflows.
        let (grain, rate) = (self.grain, (1.0 / temperature).min(f64::MAX));
        let masses = map_chunks(chunks, monitor, |(chunk, weights): (usize, &mut [f64])| {
            let at = chunk * grain..chunk * grain + weights.len();
            weights.copy_from_slice(&sums[at.clone()]);
            Ok(weigh(weights, &constant[at.clone()], &slope[at], t, least, rate))
        })?;
        Ok(softmin(&self.weights, &masses, grain, uniform))
    }

    /// Updates the sums and gives the lowest score of each chunk, infinite for none, and the first point of its tile.
    fn pass(&mut self, changes: &[(usize, f64)], t: f64, monitor: &dyn Monitor) -> Result<Vec<(usize, f64)>> {
        let (kernel, cloud, grain) = (self.kernel, self.cloud, self.grain);
        let (constant, slope) = (&self.constant, &self.slope);
        let chunks = self.sums.chunks_mut(grain).enumerate().collect();
        map_chunks(chunks, monitor, |(chunk, sums): (usize, &mut [f64])| {
            let mut best = (chunk * grain, f64::INFINITY);
            for (start, sums) in (chunk * grain..).step_by(TILE).zip(sums.chunks_mut(TILE)) {
                let at = start..start + sums.len();
                for &(i, sign) in changes {
                    walk_row(kernel, cloud, i, start, sums.len(), |_, values| add_scaled(values, sign, sums))?;
                }
                let low = lowest(sums, &constant[at.clone()], &slope[at], t);
                if low < best.1 {
                    best = (start, low);
                }
            }
            Ok(best)
        })
    }
}

/// c + t s + Σ k, in the order in which the vector loops form it.
pub(super) fn score(sum: f64, constant: f64, slope: f64, t: f64) -> f64 {
    sum + (constant + t * slope)
}

/// The first of the lowest scores, if that is finite.
fn least(minima: &[(usize, f64)]) -> Option<(usize, f64)> {
    let mut best = None;
    for &(start, low) in minima {
        if low < best.map_or(f64::INFINITY, |(_, b)| b) {
            best = Some((start, low));
        }
    }
    best
}
