//! KT-SPLIT in one pass over all pairs, without their table.
//!
//! Of every block of 2^m consecutive points each leaf of the tree of halvings gets exactly one. Points that went down are kept
//! leaf by leaf within their block, so that the sums over leaves that all later decisions need are sums over lanes: for a node
//! they are those over a range of leaves. Each pair is evaluated once, for all levels and for the mean kernel.

use super::fold::{Lanes, ROWS, STRIDE, fold};
use super::node::{Block, Tree};
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Kernel, Real, center};
use crate::monitor::{Monitor, Progress};
use crate::numeric::lanes::LANES;
use crate::parallel::{map_chunks, sum};
use crate::points::Coordinates;
use std::ops::Range;

/// Points that go down between two passes over those before them, at least.
const WINDOW: usize = STRIDE;
/// Tasks of a window.
const TASKS: usize = 16;

/// How the halvings decide.
pub struct Rule<'a> {
    /// Halvings: 2^levels leaves.
    pub levels: usize,
    /// 2 log(2/δ) of each level.
    pub multipliers: &'a [f64],
    /// Uniform numbers: pair i of node c of level l has number `l * pitch + (c n >> (l + 1)) + i`, n points being split.
    pub uniforms: &'a [f64],
    /// Numbers of a level.
    pub pitch: usize,
    /// Points that are split.
    pub points: usize,
}

impl Rule<'_> {
    /// 2^levels.
    pub fn leaves(&self) -> usize {
        1 << self.levels
    }

    /// 2 log(2/δ).
    pub fn multiplier(&self, level: usize) -> f64 {
        self.multipliers[level]
    }

    /// The number of a pair.
    pub fn uniform(&self, level: usize, node: usize, pair: usize) -> f64 {
        self.uniforms[level * self.pitch + node * (self.points >> (level + 1)) + pair]
    }
}

/// What came of a split.
pub struct Split {
    /// Points of each leaf in their order: leaf by leaf.
    pub leaves: Vec<usize>,
    /// σ² of the difference of means between the points that were split and each leaf.
    pub variances: Vec<f64>,
    /// Σ_{i<j} k(x_i, x_j) of each leaf.
    pub inner: Vec<f64>,
    /// Σ_{j≠i} k(x_i, x_j) over all points, those left over too.
    pub sums: Vec<f64>,
    /// Pairs that were evaluated.
    pub n_evaluations: usize,
    /// Decisions taken again in f64.
    pub n_recomputed: usize,
}

/// Splits `order`, rows of points of dimension d, into 2^levels leaves; the last points, fewer than leaves, are left over.
pub fn split<T: Real>(
    kernel: &dyn Kernel,
    points: Coordinates<'_>,
    d: usize,
    order: &[usize],
    rule: &Rule<'_>,
    monitor: &dyn Monitor,
) -> Result<Split> {
    let n = order.len();
    let cloud = Cloud::<T>::new(kernel, points, d, &center(points, d)?, order.iter().copied())?;
    let mut diagonal = try_zeroed(n)?;
    let mut point = try_zeroed(d)?;
    for (value, &i) in diagonal.iter_mut().zip(order) {
        points.read(i * d, &mut point);
        *value = kernel.diagonal(&point);
    }
    let padded = n.next_multiple_of(STRIDE);
    let mut pass = Pass {
        kernel,
        cloud,
        diagonal,
        places: try_zeroed(n)?,
        rows: try_zeroed(n)?,
        columns: try_zeroed(TASKS * padded)?,
        padded,
        inner: try_zeroed(rule.leaves())?,
        poll: (1 << 18) / (STRIDE * ROWS * kernel.work(d)).clamp(1, 1 << 18) + 1,
    };
    let mut tree = Tree::new(rule)?;
    let window = rule.leaves().max(WINDOW);
    let mut room = Room::new(window, rule.leaves())?;
    for start in (0..n).step_by(window) {
        let end = (start + window).min(n);
        pass.sums(start..end, &mut room, monitor)?;
        pass.decide(start..end, rule, &mut tree, &mut room)?;
        monitor.report(Progress { n_iter: end, ..Progress::default() });
    }
    pass.finish(order, &tree)
}

/// Sums of one window.
struct Room {
    window: usize,
    /// Lanes of a row of `lanes`.
    pitch: usize,
    /// Sums over earlier points by lanes.
    lanes: Vec<f64>,
    /// The same by leaves.
    far: Vec<f64>,
    /// Sums over points of earlier blocks of the window by leaves.
    near: Vec<f64>,
    /// Values between points of the window.
    gram: Vec<f64>,
}

impl Room {
    fn new(window: usize, leaves: usize) -> Result<Self> {
        let pitch = leaves.max(LANES);
        Ok(Self {
            window,
            pitch,
            lanes: try_zeroed(window * pitch)?,
            far: try_zeroed(window * leaves)?,
            near: try_zeroed(window * leaves)?,
            gram: try_zeroed(window * window)?,
        })
    }
}

struct Pass<'a, T> {
    kernel: &'a dyn Kernel,
    cloud: Cloud<T>,
    diagonal: Vec<f64>,
    /// The point at each place of the panels.
    places: Vec<usize>,
    /// Sums of each point over earlier ones and those of its window.
    rows: Vec<f64>,
    /// Sums of each place over points of later windows, one array for each task.
    columns: Vec<f64>,
    padded: usize,
    inner: Vec<f64>,
    /// Tiles between two looks at the monitor.
    poll: usize,
}

impl<T: Real> Pass<'_, T> {
    /// Kernel values of a window against all earlier points, summed, and among themselves.
    fn sums(&mut self, at: Range<usize>, room: &mut Room, monitor: &dyn Monitor) -> Result<()> {
        let grain = (room.window / TASKS).next_multiple_of(8);
        let (pitch, window) = (room.pitch, room.window);
        room.lanes.fill(0.0);
        let rows = at.clone().step_by(grain).map(|r| r..(r + grain).min(at.end));
        let lanes = room.lanes.chunks_mut(grain * pitch);
        let gram = room.gram.chunks_mut(grain * window);
        let columns = self.columns.chunks_mut(self.padded);
        let tasks = rows.zip(lanes).zip(gram).zip(columns).map(|(((r, l), g), c)| (r, l, g, c)).collect();
        let (kernel, cloud, poll) = (self.kernel, &self.cloud, self.poll);
        map_chunks(
            tasks,
            monitor,
            |(rows, lanes, gram, columns): (Range<usize>, &mut [f64], &mut [f64], &mut [f64])| {
                let mut tile = try_zeroed(ROWS * STRIDE)?;
                for (count, c) in (0..at.start).step_by(STRIDE).enumerate() {
                    if count % poll == 0 {
                        monitor.check()?;
                    }
                    let panels = c / LANES..(c + STRIDE) / LANES;
                    for r in rows.clone().step_by(ROWS) {
                        let some = r..(r + ROWS).min(rows.end);
                        let count = some.len();
                        T::tile(kernel, cloud.rows(some), cloud.panels(panels.clone()), &mut tile, STRIDE)?;
                        let sums = &mut lanes[(r - rows.start) * pitch..];
                        fold(&tile, count, Lanes { sums, pitch, offset: c % pitch }, &mut columns[c..]);
                    }
                }
                // Of the window itself, what lies right of the diagonal.
                for c in (rows.start / LANES * LANES..at.end).step_by(LANES) {
                    for r in rows.clone().step_by(ROWS) {
                        let some = r..(r + ROWS).min(rows.end);
                        T::tile(
                            kernel,
                            cloud.rows(some.clone()),
                            cloud.panels(c / LANES..c / LANES + 1),
                            &mut tile,
                            STRIDE,
                        )?;
                        for (row, values) in some.zip(tile.chunks(STRIDE)) {
                            let out = &mut gram[(row - rows.start) * window + c - at.start..][..LANES];
                            out.iter_mut().zip(values).for_each(|(o, v)| *o = v.to_f64());
                        }
                    }
                }
                Ok(())
            },
        )?;
        Ok(())
    }

    /// Sends the blocks of a window down the tree.
    fn decide(&mut self, at: Range<usize>, rule: &Rule<'_>, tree: &mut Tree<'_>, room: &mut Room) -> Result<()> {
        let leaves = rule.leaves();
        self.sum_rows(&at, room);
        for (far, lanes) in room.far.chunks_mut(leaves).zip(room.lanes.chunks(room.pitch)) {
            far.copy_from_slice(&lanes[..leaves]);
            for lanes in lanes.chunks(leaves).skip(1) {
                far.iter_mut().zip(lanes).for_each(|(f, l)| *f += l);
            }
        }
        room.near.fill(0.0);
        for start in at.clone().step_by(leaves).take_while(|s| s + leaves <= rule.points) {
            let first = start - at.start;
            let own = first * leaves..(first + leaves) * leaves;
            let chosen = tree.descend(&Block {
                gram: &room.gram[first * room.window + first..],
                stride: room.window,
                diagonal: &self.diagonal[start..start + leaves],
                far: &room.far[own.clone()],
                near: &room.near[own],
                exact: None,
            })?;
            for (leaf, &x) in chosen.iter().enumerate() {
                let row = first + x;
                self.places[start + leaf] = start + x;
                self.inner[leaf] += room.far[row * leaves + leaf] + room.near[row * leaves + leaf];
                for later in first + leaves..at.len() {
                    room.near[later * leaves + leaf] += room.gram[row * room.window + later];
                }
            }
        }
        for place in at.clone().skip_while(|&p| p < rule.points) {
            self.places[place] = place;
        }
        self.cloud.arrange(at.start, &self.places[at]);
        Ok(())
    }

    /// Sums of the points of a window over earlier ones and over the others of the window.
    fn sum_rows(&mut self, at: &Range<usize>, room: &Room) {
        let rows = &mut self.rows[at.clone()];
        for i in 0..rows.len() {
            rows[i] += sum(room.lanes[i * room.pitch..][..room.pitch].iter().copied());
            let values = &room.gram[i * room.window..][i + 1..rows.len().max(i + 1)];
            let (own, later) = rows[i..].split_at_mut(1);
            own[0] += sum(values.iter().copied());
            later.iter_mut().zip(values).for_each(|(l, v)| *l += v);
        }
    }

    fn finish(self, order: &[usize], tree: &Tree<'_>) -> Result<Split> {
        let (n, leaves) = (order.len(), self.inner.len());
        let size = n / leaves;
        let mut sums = self.rows;
        for (place, &point) in self.places.iter().enumerate() {
            sums[point] += sum(self.columns.chunks(self.padded).map(|c| c[place]));
        }
        let mut members = try_zeroed(size * leaves)?;
        for (place, &point) in self.places[..size * leaves].iter().enumerate() {
            members[place % leaves * size + place / leaves] = order[point];
        }
        Ok(Split {
            leaves: members,
            variances: tree.variances(size)?,
            inner: self.inner,
            sums,
            n_evaluations: n * n.saturating_sub(1) / 2,
            n_recomputed: tree.recomputed,
        })
    }
}
