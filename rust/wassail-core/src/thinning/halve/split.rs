//! Kernel halving: pairs are decided in turn, a panel of points at a time.
//!
//! Once a panel is decided its kernel values with all later points are formed, once, and added to what those points need
//! to be decided: nothing is ever read back, so memory is O(s).

use super::Options;
use super::balance::Balance;
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Margins, Rows};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::numeric::lanes::LANES;
use crate::parallel::map_chunks;
use crate::thinning::fold::total;

/// Columns and rows that are summed at once: what is added to, and a tile of their values, stay in the first-level cache.
const COLUMNS: usize = 8 * LANES;
const ROWS: usize = 8;
/// Columns of a task.
const SPAN: usize = 4 * COLUMNS;
/// Pairs of a panel.
const PAIRS: usize = LANES / 2;

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
    /// Of each pair whether its first point is in the rest.
    first_leaves: Vec<bool>,
    /// Of each point, over the first points of earlier panels, over those of them in the rest, and the same of second points.
    sums: [Aligned<f64>; 4],
    /// 1 for points, 0 for what fills the last panel.
    weights: Aligned<f64>,
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
    let zeroed = || Aligned::zeroed(padded);
    let mut walk = Walk {
        options,
        cloud,
        balance: Balance::new(s, delta),
        first_leaves: try_zeroed(s / 2)?,
        sums: [zeroed()?, zeroed()?, zeroed()?, zeroed()?],
        weights: zeroed()?,
        ahead: try_zeroed(padded)?,
        diagonal: try_zeroed(s)?,
        distance: 0.0,
        regular: 0.0,
    };
    walk.weights[..s].fill(1.0);
    let (mut square, mut scratch) = (vec![0.0; LANES * LANES], Scratch::new()?);
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
        for (p, (signed, regular)) in signed.iter_mut().zip(&mut regular).enumerate() {
            let [first, leaving, second, left] = self.at(start + p);
            // Of all first points against all second ones both are the same to the last bit.
            *signed = (leaving - (first - leaving)) + (left - (second - left));
            *regular = first - second;
        }
        for p in (0..count).step_by(2) {
            let (first, second) = (&square[p * LANES..], &square[(p + 1) * LANES..]);
            // Rounding may leave it negative.
            let b2 = (first[p] - 2.0 * first[p + 1] + second[p + 1]).max(0.0);
            let alpha = signed[p] - signed[p + 1];
            let pair = usize::midpoint(start, p);
            self.first_leaves[pair] = self.balance.first_leaves(b2, alpha, uniforms[pair]);
            let sign = if self.first_leaves[pair] { 1.0 } else { -1.0 };
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

    /// Sums of a point.
    fn at(&self, point: usize) -> [f64; 4] {
        let [a, b, c, d] = &self.sums;
        [a[point], b[point], c[point], d[point]]
    }

    /// Adds the values of a decided panel to the sums of all later points.
    fn spread(&mut self, panel: usize, scratch: &mut Scratch, monitor: &dyn Monitor) -> Result<()> {
        let (start, later) = (panel * LANES, (panel + 1) * LANES);
        let Some(first_leaves) = self.first_leaves.get(start / 2..later / 2) else { return Ok(()) };
        let strip = Strip::new(self, start, first_leaves);
        let [a, b, c, d] = self.sums.each_mut().map(|sums| sums[later..].chunks_mut(SPAN));
        let spans = a.zip(b).zip(c.zip(d)).zip(self.weights[later..].chunks(SPAN)).enumerate();
        let spans = spans.map(|(span, (((a, b), (c, d)), weights))| (later + span * SPAN, [a, b, c, d], weights));
        let parts: Vec<[f64; LANES]> = if self.options.wide {
            map_chunks(spans.collect(), monitor, |(from, sums, weights)| {
                strip.sweep(from, sums, weights, &mut Scratch::new()?)
            })?
        } else {
            spans.map(|(from, sums, weights)| strip.sweep(from, sums, weights, scratch)).collect::<Result<_>>()?
        };
        for part in parts {
            places(start).zip(&part).for_each(|(point, v)| self.ahead[point] += v);
        }
        Ok(())
    }

    fn finish(self) -> Split {
        let chosen: Vec<usize> =
            self.first_leaves.iter().enumerate().map(|(i, &leaves)| 2 * i + usize::from(leaves)).collect();
        let points = 0..self.diagonal.len();
        Split {
            rest: chosen.iter().map(|c| c ^ 1).collect(),
            chosen,
            before: points
                .clone()
                .map(|i| self.sums[0][i] - self.sums[1][i] + (self.sums[2][i] - self.sums[3][i]))
                .collect(),
            before_regular: self.sums[2][points.clone()].to_vec(),
            totals: points.map(|i| self.sums[0][i] + self.sums[2][i] + self.ahead[i]).collect(),
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

/// What a sweep works with.
struct Scratch {
    /// Sums of rows by lanes.
    lanes: Aligned<f64>,
    tile: Vec<f64>,
}

impl Scratch {
    fn new() -> Result<Self> {
        Ok(Self { lanes: Aligned::zeroed(LANES * LANES)?, tile: try_zeroed(ROWS * COLUMNS)? })
    }
}

/// Points of a panel, the first ones of its pairs before the second ones.
fn places(start: usize) -> impl Iterator<Item = usize> {
    (start..start + LANES).step_by(2).chain((start + 1..start + LANES).step_by(2))
}

/// A decided panel against later points.
struct Strip<'a> {
    options: &'a Options<'a>,
    cloud: &'a Cloud<f64>,
    features: Vec<f64>,
    width: usize,
    /// 1 for points in the rest.
    marks: [f64; LANES],
}

impl<'a> Strip<'a> {
    fn new(walk: &Walk<'a>, start: usize, first_leaves: &[bool]) -> Self {
        let rows = walk.cloud.rows(start..start + LANES);
        let features = places(0).flat_map(|place| rows.row(place)).copied().collect();
        let mut marks = [0.0; LANES];
        for (pair, &leaves) in first_leaves.iter().enumerate() {
            marks[if leaves { pair } else { PAIRS + pair }] = 1.0;
        }
        Self { options: walk.options, cloud: walk.cloud, features, width: rows.width(), marks }
    }

    /// Adds to the sums of columns from `from` on, and returns the sums of the rows.
    fn sweep(
        &self,
        from: usize,
        [first, leaving, second, left]: [&mut [f64]; 4],
        weights: &[f64],
        scratch: &mut Scratch,
    ) -> Result<[f64; LANES]> {
        let Scratch { lanes, tile } = scratch;
        lanes.fill(0.0);
        for at in (0..weights.len()).step_by(COLUMNS) {
            let columns = at..weights.len().min(at + COLUMNS);
            let panels = self.cloud.panels((from + columns.start) / LANES..(from + columns.end) / LANES);
            for start in (0..LANES).step_by(ROWS) {
                let rows = Rows::new(
                    &self.features[start * self.width..][..ROWS * self.width],
                    self.width,
                    self.cloud.extent(),
                );
                let (all, marked) =
                    if start < PAIRS { (&mut *first, &mut *leaving) } else { (&mut *second, &mut *left) };
                let mut margins = Margins {
                    rows: &mut lanes[start * LANES..],
                    pitch: LANES,
                    weights: &weights[columns.clone()],
                    columns: &mut all[columns.clone()],
                    marked: &mut marked[columns.clone()],
                    marks: &self.marks[start..],
                };
                self.options.kernel.fold_f64(rows, panels, tile, &mut margins)?;
            }
        }
        let mut totals = [0.0; LANES];
        totals.iter_mut().zip(lanes.chunks(LANES)).for_each(|(sum, lanes)| *sum = total(lanes));
        Ok(totals)
    }
}
