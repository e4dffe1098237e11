//! KT-SWAP on a half: each chosen point in turn gives its place to the best point outside.
//!
//! Chosen points need no running statistic: the sum of a point's values with the chosen half is its sum with all points, known
//! from the split, less that with the lanes outside, which are formed to find the best one anyway.

use super::Options;
use super::lanes::{exchange, least, place};
use super::split::Split;
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Panels, Real, Rows};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::numeric::lanes::LANES;
use crate::parallel::map_chunks;

/// Chosen points that are tried with one tile.
const ROWS: usize = 8;
/// Pairs that are decided together: the chosen point of each, and the lane of the other, in the same order.
const PAIRS: usize = LANES / 2;
/// Columns that are summed at once.
const SPAN: usize = 8 * LANES;
/// Lanes of a part of the points outside.
const PART: usize = 16 * LANES;

/// The points outside, lane by lane.
struct Outside {
    points: Vec<usize>,
    /// Their features.
    panels: Aligned<f64>,
    /// What a point would add to m · MMD² if it came in; infinite past the last lane.
    scores: Aligned<f64>,
}

struct Source<'a> {
    options: &'a Options<'a>,
    cloud: &'a Cloud<f64>,
    width: usize,
}

/// Refines the chosen half in place; the rest stays its complement. Returns how many kernel values were formed.
pub fn refine(options: &Options<'_>, cloud: &Cloud<f64>, split: &mut Split, monitor: &dyn Monitor) -> Result<usize> {
    let source = Source { options, cloud, width: options.kernel.width(options.d) };
    let mut outside = Outside::new(&source, split, monitor)?;
    let m = split.chosen.len();
    let mut formed = m * m / 2;
    for _ in 0..options.swap_passes {
        let exchanged = outside.pass(&source, split, monitor)?;
        formed += m * (m + exchanged);
        if exchanged == 0 {
            break;
        }
    }
    split.rest.clone_from(&outside.points);
    Ok(formed)
}

impl Source<'_> {
    fn features(&self, point: usize) -> &[f64] {
        self.cloud.rows(point..point + 1).row(0)
    }

    fn packed<'b>(&self, features: &'b [f64]) -> Rows<'b, f64> {
        Rows::new(features, self.width, self.cloud.extent())
    }

    fn lanes<'b>(&self, features: &'b [f64]) -> Panels<'b, f64> {
        Panels::new(features, self.width, self.cloud.extent())
    }

    fn rows(&self, points: &[usize]) -> Vec<f64> {
        points.iter().flat_map(|&p| self.features(p)).copied().collect()
    }

    /// Values of some points with the first lanes: part by part, row by row.
    fn form(
        &self,
        points: &[usize],
        outside: &Outside,
        lanes: usize,
        out: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let rows = self.rows(points);
        let parts = out.chunks_mut(points.len() * PART).enumerate().take(lanes.div_ceil(PART));
        let work = |(part, out): (usize, &mut [f64])| {
            let (first, stride) = (part * PART, out.len() / points.len());
            let wanted = stride.min((lanes - first).next_multiple_of(LANES));
            let panels = self.lanes(&outside.panels[first * self.width..][..wanted * self.width]);
            self.options.kernel.tile_f64(self.packed(&rows), panels, out, stride)?;
            let filled = stride.min(outside.points.len() - first);
            out.chunks_mut(stride).for_each(|row| row[filled..].fill(0.0));
            Ok(())
        };
        if self.options.wide && points.len() > 1 {
            map_chunks(parts.collect(), monitor, work).map(drop)
        } else {
            monitor.check()?;
            let mut parts = parts;
            parts.try_for_each(work)
        }
    }

    /// Of each point outside, the sum of its values with the chosen points of its panel and of later ones: the split has
    /// summed over those of earlier panels.
    fn ahead(&self, split: &Split, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let (chosen, mut sums) = (self.cloud.select(&split.chosen)?, try_zeroed(split.rest.len())?);
        let work = |(panel, sums): (usize, &mut [f64])| {
            monitor.check()?;
            let (first, mut tile) = (panel * PAIRS, try_zeroed(ROWS * SPAN)?);
            let rows = self.rows(&split.rest[first..first + sums.len()]);
            for at in (first / LANES * LANES..chosen.len()).step_by(SPAN) {
                let end = chosen.len().min(at + SPAN);
                let panels = chosen.panels(at / LANES..end.div_ceil(LANES));
                let mut weights = [0.0; SPAN];
                weights[first.saturating_sub(at)..end - at].fill(1.0);
                for (rows, sums) in rows.chunks(ROWS * self.width).zip(sums.chunks_mut(ROWS)) {
                    let (rows, weights) = (self.packed(rows), &weights[..panels.len() * LANES]);
                    f64::add_rows(self.options.kernel, rows, panels, weights, &mut tile, sums)?;
                }
            }
            Ok(())
        };
        let mut panels = sums.chunks_mut(PAIRS).enumerate();
        if self.options.wide {
            map_chunks(panels.collect(), monitor, work)?;
        } else {
            panels.try_for_each(work)?;
        }
        Ok(sums)
    }

    /// Values of a few points with each other, `LANES` a row.
    fn square(&self, points: &[usize], out: &mut [f64]) -> Result<()> {
        let rows = self.rows(points);
        let mut panel = try_zeroed(self.width * LANES)?;
        for (lane, row) in rows.chunks(self.width).enumerate() {
            panel.iter_mut().skip(lane).step_by(LANES).zip(row).for_each(|(to, &from)| *to = from);
        }
        let (rows, panel) = (self.packed(&rows), self.lanes(&panel));
        self.options.kernel.tile_f64(rows, panel, out, LANES)
    }
}

impl Outside {
    /// Scores of the rest against the chosen half.
    fn new(source: &Source<'_>, split: &Split, monitor: &dyn Monitor) -> Result<Self> {
        let m = split.rest.len();
        let padded = m.next_multiple_of(LANES);
        let points = split.rest.clone();
        let mut outside =
            Self { points, panels: Aligned::zeroed(padded * source.width)?, scores: Aligned::zeroed(padded)? };
        for lane in 0..m {
            outside.enter(lane, source.features(split.rest[lane]));
        }
        for ((score, &point), ahead) in outside.scores.iter_mut().zip(&split.rest).zip(source.ahead(split, monitor)?) {
            let with = split.before[point] + ahead;
            *score = (split.diagonal[point] + 2.0 * with - split.totals[point]) / m as f64;
        }
        outside.scores[m..].fill(f64::INFINITY);
        Ok(outside)
    }

    /// Puts the features of a point into a lane.
    fn enter(&mut self, lane: usize, features: &[f64]) {
        let base = lane / LANES * LANES * features.len() + lane % LANES;
        for (k, &feature) in features.iter().enumerate() {
            self.panels[base + k * LANES] = feature;
        }
    }

    /// Tries each chosen point once; returns the number of exchanges.
    fn pass(&mut self, source: &Source<'_>, split: &mut Split, monitor: &dyn Monitor) -> Result<usize> {
        let (m, padded) = (split.chosen.len(), self.scores.len());
        let (mut strip, mut row) = (Aligned::zeroed(padded * ROWS)?, Aligned::zeroed(padded)?);
        let (mut square, mut exchanged) = (vec![0.0; ROWS * LANES], 0);
        let weight = 2.0 / m as f64;
        // A gain must exceed the rounding of the sums.
        let largest = split.diagonal.iter().fold(0.0f64, |a, &b| a.max(b));
        let slack = 4.0 * f64::EPSILON * split.totals.len() as f64 * weight * largest;
        for start in (0..m).step_by(ROWS) {
            let points = split.chosen[start..m.min(start + ROWS)].to_vec();
            let layout = Layout { padded, rows: points.len() };
            let strip = &mut strip[..padded * points.len()];
            source.form(&points, self, m, strip, monitor)?;
            source.square(&points, &mut square)?;
            for (r, &point) in points.iter().enumerate() {
                let (low, part, sum) = self.best(strip, layout, r, weight);
                let (own, mean, with) = (split.diagonal[point], split.totals[point], split.totals[point] - sum);
                if low >= (own + 2.0 * (with - own) - mean) / m as f64 - slack {
                    continue;
                }
                let values = &strip[layout.row(part, r)];
                let lane = part * PART + place(values, &self.scores[part * PART..][..values.len()], weight, low);
                let new = self.points[lane];
                source.form(&[new], self, m, &mut row, monitor)?;
                for (part, scores) in self.scores.chunks_mut(PART).enumerate() {
                    exchange(scores, &row[part * PART..], &strip[layout.row(part, r)], weight);
                }
                let with = with - own + strip[layout.row(part, r).start + lane % PART];
                self.scores[lane] = (own + 2.0 * with - mean) / m as f64;
                self.points[lane] = point;
                self.enter(lane, source.features(point));
                split.chosen[start + r] = new;
                exchanged += 1;
                for later in r + 1..points.len() {
                    strip[layout.row(part, later).start + lane % PART] = square[later * LANES + r];
                }
            }
        }
        Ok(exchanged)
    }

    /// The least score without the point of row r, its part, and the sum of the row.
    fn best(&self, strip: &[f64], layout: Layout, r: usize, weight: f64) -> (f64, usize, f64) {
        let mut best = (f64::INFINITY, 0, 0.0);
        for (part, scores) in self.scores.chunks(PART).enumerate() {
            let (low, sum) = least(&strip[layout.row(part, r)], scores, weight);
            best.2 += sum;
            if low < best.0 {
                (best.0, best.1) = (low, part);
            }
        }
        best
    }
}

/// Rows of values of all lanes, part by part.
#[derive(Clone, Copy)]
struct Layout {
    padded: usize,
    rows: usize,
}

impl Layout {
    fn row(self, part: usize, row: usize) -> std::ops::Range<usize> {
        let width = PART.min(self.padded - part * PART);
        let start = part * PART * self.rows + row * width;
        start..start + width
    }
}
