//! KT-SWAP (arXiv:2105.05842, Alg. 1b), and points added and removed greedily.

use super::fold::{ROWS, STRIDE, add_rows, exchange, least, position, score, total};
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Cross, Kernel, Real, symmetric_sums};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::numeric::lanes::LANES;
use crate::parallel::map_chunks;
use std::ops::Range;

/// Points of a task.
const GRAIN: usize = 32 * STRIDE;

/// What the chosen points are to stand for.
pub struct Goal<'a> {
    /// Kernel of the discrepancy.
    pub kernel: &'a dyn Kernel,
    /// The points to choose from.
    pub cloud: &'a Cloud<f64>,
    /// k(x, x) of each.
    pub diagonal: &'a [f64],
    /// Mean embedding of the measure to stand for, at each point.
    pub mean: &'a [f64],
}

impl Goal<'_> {
    /// Squared discrepancy of a choice, less the constant of the measure.
    pub fn relative(&self, chosen: &[usize], monitor: &dyn Monitor) -> Result<f64> {
        let cloud = self.cloud.select(chosen)?;
        let mut ones = try_zeroed(chosen.len())?;
        ones.fill(1.0);
        let pairs = symmetric_sums(&Cross { kernel: self.kernel, x: &cloud, y: &cloud }, &[&ones], monitor)?;
        let own = total(&pairs) + chosen.iter().map(|&c| self.diagonal[c]).sum::<f64>();
        Ok(self.relative_of(own, chosen))
    }

    /// The same from the sum of all kernel values of the choice.
    pub fn relative_of(&self, own: f64, chosen: &[usize]) -> f64 {
        let m = chosen.len() as f64;
        own / (m * m) - 2.0 / m * chosen.iter().map(|&c| self.mean[c]).sum::<f64>()
    }
}

/// columns_j += Σ_i k(x_i, y_j) for some j, the first of which starts a panel.
fn add_all(kernel: &dyn Kernel, x: &Cloud<f64>, y: &Cloud<f64>, at: Range<usize>, columns: &mut [f64]) -> Result<()> {
    let mut tile = try_zeroed(ROWS * STRIDE)?;
    for start in at.clone().step_by(STRIDE) {
        let panels = start / LANES..(start + STRIDE).min(at.end).div_ceil(LANES);
        for r in (0..x.len()).step_by(ROWS) {
            let rows = r..(r + ROWS).min(x.len());
            let count = rows.len();
            f64::tile(kernel, x.rows(rows), y.panels(panels.clone()), &mut tile, STRIDE)?;
            add_rows(&tile, count, &mut columns[start - at.start..]);
        }
    }
    Ok(())
}

/// A choice of points that is being improved.
pub struct Swap<'a> {
    goal: &'a Goal<'a>,
    /// The choice.
    chosen: Vec<usize>,
    /// Whether a point may be chosen once only.
    unique: bool,
    /// How often each point is chosen.
    counts: Vec<u32>,
    /// Σ_c k(x_c, x_i).
    sums: Aligned<f64>,
    /// What is added to the score of each point; infinite for those that cannot be taken.
    rest: Aligned<f64>,
    /// Kernel values of the point that leaves.
    gone: Aligned<f64>,
    /// Kernel values of the point that entered.
    fresh: Aligned<f64>,
    /// The point that entered, whose values are not in `sums` yet.
    entered: Option<usize>,
    /// Kernel values that were used.
    pub n_evaluations: usize,
}

impl<'a> Swap<'a> {
    /// Starts from a choice; repeated points are dropped when `unique`.
    pub fn new(goal: &'a Goal<'a>, chosen: &[usize], unique: bool, monitor: &dyn Monitor) -> Result<Self> {
        let n = goal.cloud.len();
        let padded = n.next_multiple_of(STRIDE);
        let mut counts: Vec<u32> = try_zeroed(n)?;
        let mut kept = Vec::new();
        for &c in chosen {
            counts[c] += 1;
            if unique && counts[c] > 1 {
                counts[c] = 1;
            } else {
                kept.push(c);
            }
        }
        let mut sums = Aligned::zeroed(padded)?;
        let cloud = goal.cloud.select(&kept)?;
        let tasks = sums.chunks_mut(GRAIN).enumerate().collect();
        map_chunks(tasks, monitor, |(i, sums): (usize, &mut [f64])| {
            // In small parts, so that a signal is heard.
            for (k, part) in sums.chunks_mut(STRIDE).enumerate() {
                monitor.check()?;
                let start = i * GRAIN + k * STRIDE;
                if start < n {
                    add_all(goal.kernel, &cloud, goal.cloud, start..(start + STRIDE).min(n), part)?;
                }
            }
            Ok(())
        })?;
        Ok(Self {
            goal,
            n_evaluations: n * kept.len(),
            chosen: kept,
            unique,
            counts,
            sums,
            rest: Aligned::zeroed(padded)?,
            gone: Aligned::zeroed(padded)?,
            fresh: Aligned::zeroed(padded)?,
            entered: None,
        })
    }

    /// Number of points chosen.
    pub fn count(&self) -> usize {
        self.chosen.len()
    }

    /// The choice.
    pub fn chosen(&self) -> &[usize] {
        &self.chosen
    }

    /// The choice.
    pub fn into_chosen(self) -> Vec<usize> {
        self.chosen
    }

    /// Adds or removes points greedily until there are `size`.
    pub fn resize(&mut self, size: usize, monitor: &dyn Monitor) -> Result<()> {
        self.gone.fill(0.0);
        while self.chosen.len() < size {
            let m = self.chosen.len() + 1;
            self.open(m);
            let (_, best) = self.least(None, 2.0 / m as f64, monitor)?;
            self.counts[best] += 1;
            self.chosen.push(best);
            self.entered = Some(best);
        }
        while self.chosen.len() > size {
            self.flush(monitor)?;
            let m = self.chosen.len() as f64 - 1.0;
            let cost = |&c: &usize| (self.goal.diagonal[c] - 2.0 * self.sums[c]) / m + 2.0 * self.goal.mean[c];
            let worst = (0..self.chosen.len()).min_by(|&i, &j| cost(&self.chosen[i]).total_cmp(&cost(&self.chosen[j])));
            let point = self.chosen.remove(worst.unwrap_or(0));
            self.counts[point] -= 1;
            self.row(point, monitor)?;
            for (sum, gone) in self.sums.iter_mut().zip(self.gone.iter_mut()) {
                *sum -= std::mem::take(gone);
            }
        }
        self.flush(monitor)
    }

    /// Puts in the place of each point in turn the one that lowers the discrepancy most. Ends early when a round changes nothing.
    pub fn refine(&mut self, rounds: usize, monitor: &dyn Monitor) -> Result<()> {
        let m = self.chosen.len();
        let factor = 2.0 / m as f64;
        self.open(m);
        let largest = self.goal.diagonal.iter().fold(0.0f64, |s, v| s.max(v.abs()));
        // Below it gains are rounding, after which two points could take turns forever.
        let noise = 8.0 * f64::EPSILON * largest;
        for _ in 0..rounds {
            let mut changed = false;
            for slot in 0..m {
                let old = self.chosen[slot];
                let (least, best) = self.least(Some(old), factor, monitor)?;
                let own = score(self.sums[old], self.gone[old], self.score_alone(old, m), factor);
                if least < own - noise {
                    self.exchange(slot, best, m);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        self.flush(monitor)
    }

    fn exchange(&mut self, slot: usize, new: usize, m: usize) {
        let old = self.chosen[slot];
        self.chosen[slot] = new;
        self.counts[old] -= 1;
        self.counts[new] += 1;
        self.rest[old] = self.score_alone(old, m);
        if self.unique {
            self.rest[new] = f64::INFINITY;
        }
        self.entered = Some(new);
    }

    /// The part of a point's score that the others have no share in, for choices of m points.
    fn score_alone(&self, i: usize, m: usize) -> f64 {
        self.goal.diagonal[i] / m as f64 - 2.0 * self.goal.mean[i]
    }

    /// Which points can be taken.
    fn open(&mut self, m: usize) {
        self.rest.fill(f64::INFINITY);
        for i in 0..self.counts.len() {
            if !self.unique || self.counts[i] == 0 {
                self.rest[i] = self.score_alone(i, m);
            }
        }
    }

    /// The least factor·(sums − k(leaving, ·)) + rest, and its point. A point that entered is added to the sums on the way.
    fn least(&mut self, leaving: Option<usize>, factor: f64, monitor: &dyn Monitor) -> Result<(f64, usize)> {
        let (goal, entered) = (self.goal, self.entered.take());
        let n = goal.cloud.len();
        self.n_evaluations += n * (usize::from(entered.is_some()) + usize::from(leaving.is_some()));
        let sums = self.sums.chunks_mut(GRAIN);
        let rest = self.rest.chunks(GRAIN);
        let gone = self.gone.chunks_mut(GRAIN);
        let fresh = self.fresh.chunks_mut(GRAIN);
        let tasks = sums.zip(rest).zip(gone).zip(fresh).enumerate().collect();
        let found = map_chunks(tasks, monitor, |(i, (((sums, rest), gone), fresh)): (usize, Parts<'_>)| {
            let panels = i * GRAIN / LANES..(i * GRAIN + sums.len()).min(n).div_ceil(LANES);
            if let Some(new) = entered {
                f64::tile(goal.kernel, goal.cloud.rows(new..new + 1), goal.cloud.panels(panels.clone()), fresh, GRAIN)?;
                exchange(sums, fresh, gone);
            }
            if let Some(old) = leaving {
                f64::tile(goal.kernel, goal.cloud.rows(old..old + 1), goal.cloud.panels(panels), gone, GRAIN)?;
            }
            let value = least(sums, gone, rest, factor);
            Ok((value, i))
        })?;
        let (value, part) = found.into_iter().fold((f64::INFINITY, 0), |a, b| if b.0 < a.0 { b } else { a });
        let at = part * GRAIN..((part + 1) * GRAIN).min(self.sums.len());
        let place = position(&self.sums[at.clone()], &self.gone[at.clone()], &self.rest[at.clone()], factor, value);
        Ok((value, at.start + place.unwrap_or(0)))
    }

    /// Fills `gone` with the values of a point.
    fn row(&mut self, point: usize, monitor: &dyn Monitor) -> Result<()> {
        self.least(Some(point), 0.0, monitor).map(drop)
    }

    /// Brings the sums up to date.
    fn flush(&mut self, monitor: &dyn Monitor) -> Result<()> {
        if self.entered.is_some() {
            self.least(None, 0.0, monitor)?;
        }
        Ok(())
    }
}

type Parts<'a> = (((&'a mut [f64], &'a [f64]), &'a mut [f64]), &'a mut [f64]);
