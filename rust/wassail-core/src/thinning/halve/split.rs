//! Kernel halving: pairs are decided in turn, a panel of points at a time.
//!
//! Once a panel is decided its kernel values with all later points are formed, once, and added to what those points need
//! to be decided: nothing is ever read back, so memory is O(s).

use super::Options;
use super::balance::Balance;
use super::lanes::{Columns, accumulate};
use crate::error::{Result, try_zeroed};
use crate::kernel::Cloud;
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use crate::parallel::map_chunks;

/// Columns of a tile, and its rows: it stays in the first-level cache.
const COLUMNS: usize = 8 * LANES;
const ROWS: usize = 8;

/// The two halves, and what refining one of them needs.
pub struct Split {
    /// The chosen half: of each pair one.
    pub chosen: Vec<usize>,
    /// The other ones.
    pub rest: Vec<usize>,
    /// Σ k(x_i, ·) over the chosen points of earlier panels.
    pub before: Vec<f64>,
    /// The same over every second point.
    before_regular: Vec<f64>,
    /// Σ_j k(x_i, x_j).
    pub totals: Vec<f64>,
    /// k(x_i, x_i).
    pub diagonal: Vec<f64>,
    /// Squared norm of the difference between the halves.
    pub distance: f64,
    /// The same between the points of odd and of even places.
    pub regular: f64,
}

struct Walk<'a> {
    options: &'a Options<'a>,
    cloud: &'a Cloud<f64>,
    balance: Balance,
    /// Of each pair +1 if its first point is in the rest, −1 if it is chosen.
    signs: Vec<f64>,
    /// Of each point, over earlier panels.
    sums: Columns<Vec<f64>>,
    /// Of each point, over its own panel and later ones.
    ahead: Vec<f64>,
    diagonal: Vec<f64>,
    distance: f64,
    regular: f64,
}

/// Halves an even number of points.
pub fn split(
    options: &Options<'_>,
    cloud: &Cloud<f64>,
    delta: f64,
    uniforms: &[f64],
    monitor: &dyn Monitor,
) -> Result<Split> {
    let (s, padded) = (cloud.len(), cloud.len().next_multiple_of(LANES));
    let mut walk = Walk {
        options,
        cloud,
        balance: Balance::new(s, delta),
        signs: try_zeroed(s / 2)?,
        sums: Columns { signed: try_zeroed(padded)?, regular: try_zeroed(padded)?, total: try_zeroed(padded)? },
        ahead: try_zeroed(padded)?,
        diagonal: try_zeroed(s)?,
        distance: 0.0,
        regular: 0.0,
    };
    let (mut square, mut scratch) = (vec![0.0; LANES * LANES], try_zeroed(ROWS * COLUMNS)?);
    for panel in 0..padded / LANES {
        monitor.check()?;
        let count = LANES.min(s - panel * LANES);
        walk.panel(panel, count, &mut square)?;
        walk.decide(panel, count, &square, uniforms);
        walk.spread(panel, &mut scratch, monitor)?;
    }
    Ok(walk.finish())
}

impl Walk<'_> {
    /// Values of a panel's points with themselves.
    fn panel(&self, panel: usize, count: usize, square: &mut [f64]) -> Result<()> {
        let start = panel * LANES;
        let (rows, panels) = (self.cloud.rows(start..start + count), self.cloud.panels(panel..panel + 1));
        self.options.kernel.tile_f64(rows, panels, square, LANES)
    }

    /// Decides the pairs of a panel in turn.
    fn decide(&mut self, panel: usize, count: usize, square: &[f64], uniforms: &[f64]) {
        let start = panel * LANES;
        let (mut signed, mut regular) = ([0.0; LANES], [0.0; LANES]);
        signed.copy_from_slice(&self.sums.signed[start..start + LANES]);
        regular.copy_from_slice(&self.sums.regular[start..start + LANES]);
        for p in (0..count).step_by(2) {
            let (first, second) = (&square[p * LANES..], &square[(p + 1) * LANES..]);
            // Rounding may leave it negative.
            let b2 = (first[p] - 2.0 * first[p + 1] + second[p + 1]).max(0.0);
            let alpha = signed[p] - signed[p + 1];
            let pair = usize::midpoint(start, p);
            let sign = if self.balance.first_leaves(b2, alpha, uniforms[pair]) { 1.0 } else { -1.0 };
            self.signs[pair] = sign;
            self.distance += b2 + 2.0 * sign * alpha;
            self.regular += b2 + 2.0 * (regular[p] - regular[p + 1]);
            for x in p + 2..count {
                let difference = first[x] - second[x];
                signed[x] += sign * difference;
                regular[x] += difference;
            }
        }
        for (p, row) in square.chunks(LANES).take(count).enumerate() {
            self.diagonal[start + p] = row[p];
            self.ahead[start..start + count].iter_mut().zip(row).for_each(|(t, v)| *t += v);
        }
    }

    /// Adds the values of a decided panel to the sums of all later points.
    fn spread(&mut self, panel: usize, scratch: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        let (start, later) = (panel * LANES, (panel + 1) * LANES);
        let Some(signs) = self.signs.get(start / 2..later / 2) else { return Ok(()) };
        let strip = Strip { options: self.options, cloud: self.cloud, start, signs };
        let chunks = self.sums.later(later).chunks(COLUMNS).enumerate();
        let chunks = chunks.map(|(chunk, columns)| (later + chunk * COLUMNS, columns));
        let parts: Vec<[f64; LANES]> = if self.options.wide {
            map_chunks(chunks.collect(), monitor, |(from, columns)| {
                strip.sweep(from, columns, &mut try_zeroed(ROWS * COLUMNS)?)
            })?
        } else {
            chunks.map(|(from, columns)| strip.sweep(from, columns, scratch)).collect::<Result<_>>()?
        };
        for part in parts {
            self.ahead[start..].iter_mut().zip(&part).for_each(|(t, v)| *t += v);
        }
        Ok(())
    }

    fn finish(self) -> Split {
        let Columns { signed, regular, total } = self.sums;
        let chosen: Vec<usize> = self.signs.iter().enumerate().map(|(i, &s)| 2 * i + usize::from(s > 0.0)).collect();
        let half = |signed: &[f64]| total.iter().zip(signed).map(|(t, s)| 0.5 * (t - s)).collect();
        Split {
            rest: chosen.iter().map(|c| c ^ 1).collect(),
            chosen,
            before: half(&signed),
            before_regular: half(&regular),
            totals: total
                .iter()
                .zip(&self.ahead)
                .map(|(before, ahead)| before + ahead)
                .take(self.diagonal.len())
                .collect(),
            diagonal: self.diagonal,
            distance: self.distance,
            regular: self.regular,
        }
    }
}

impl Split {
    /// Takes every second point where those are no worse.
    pub fn prefer_regular(&mut self) {
        if self.distance >= self.regular {
            self.chosen.iter_mut().enumerate().for_each(|(i, c)| *c = 2 * i + 1);
            self.rest.iter_mut().enumerate().for_each(|(i, c)| *c = 2 * i);
            std::mem::swap(&mut self.before, &mut self.before_regular);
        }
    }
}

/// A decided panel against later points.
struct Strip<'a> {
    options: &'a Options<'a>,
    cloud: &'a Cloud<f64>,
    start: usize,
    signs: &'a [f64],
}

impl Strip<'_> {
    /// Adds to columns from `from` on, and returns the sums of the rows.
    fn sweep(&self, from: usize, mut columns: Columns<&mut [f64]>, tile: &mut [f64]) -> Result<[f64; LANES]> {
        let width = columns.total.len();
        let panels = self.cloud.panels(from / LANES..(from + width) / LANES);
        let mut totals = [0.0; LANES];
        for (r, totals) in totals.chunks_mut(ROWS).enumerate() {
            let rows = self.start + r * ROWS;
            self.options.kernel.tile_f64(self.cloud.rows(rows..rows + ROWS), panels, tile, COLUMNS)?;
            // Lanes past the last point must not count.
            for row in tile.chunks_mut(COLUMNS) {
                row[(self.cloud.len() - from).min(width)..width].fill(0.0);
            }
            accumulate(tile, COLUMNS, &self.signs[r * ROWS / 2..][..ROWS / 2], &mut columns, totals);
        }
        Ok(totals)
    }
}
