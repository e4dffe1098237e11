//! KT-SPLIT in one pass over all pairs, without their table.
//!
//! Of every block of 2^m consecutive points each leaf of the tree of halvings gets exactly one. Points that went down are kept
//! leaf by leaf within their block, so that the sums over leaves that all later decisions need are sums over lanes: for a node
//! they are those over a range of leaves. Each pair is evaluated once, for all levels and for the mean kernel.

use super::fold::{Lanes, ROWS, STRIDE, aligned, fold, with_room};
use super::node::{Block, Exact, Tree};
use super::recheck::Recheck;
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Kernel, Real, center};
use crate::monitor::{Monitor, Progress};
use crate::numeric::lanes::LANES;
use crate::parallel::{map_chunks, sum};
use crate::points::Coordinates;
use std::ops::Range;

/// Points that go down between two passes over those before them, at least.
const WINDOW: usize = STRIDE;
/// Halvings that are made at once: tables of 4^levels values are held.
const MOST_LEVELS: usize = 10;
/// Points from which on f32 pays.
const SINGLE_FROM: usize = 1024;
/// Error of a sum in f32, over the largest value, up to which few decisions are in doubt: thresholds are some times that value.
const DOUBT: f64 = 0.25;
/// Tasks of a window.
const TASKS: usize = 16;

/// How the halvings decide.
#[derive(Clone)]
pub struct Rule<'a> {
    /// Halvings: 2^levels leaves.
    pub levels: usize,
    /// Points that are split.
    pub points: usize,
    /// 2 log(2/δ) of each level of the whole tree.
    multipliers: &'a [f64],
    uniforms: &'a [f64],
    pitch: usize,
    /// Points that the whole tree splits.
    total: usize,
    /// Where in the whole tree this one hangs.
    level: usize,
    node: usize,
}

impl<'a> Rule<'a> {
    /// A rule for n points from one multiplier and `pitch` uniform numbers, at least n / 2, a level. Pair i of node c of level l
    /// takes number `l * pitch + (c p >> (l + 1)) + i`, p being the points that are split.
    pub fn new(n: usize, multipliers: &'a [f64], uniforms: &'a [f64], pitch: usize) -> Self {
        let levels = multipliers.len();
        let total = n >> levels << levels;
        Self { levels, points: total, multipliers, uniforms, pitch, total, level: 0, node: 0 }
    }

    /// 2^levels.
    pub fn leaves(&self) -> usize {
        1 << self.levels
    }

    /// 2 log(2/δ).
    pub fn multiplier(&self, level: usize) -> f64 {
        self.multipliers[self.level + level]
    }

    /// The number of a pair.
    pub fn uniform(&self, level: usize, node: usize, pair: usize) -> f64 {
        let (level, node) = (self.level + level, (self.node << level) + node);
        self.uniforms[level * self.pitch + node * (self.total >> (level + 1)) + pair]
    }

    /// The first levels of the tree.
    fn top(&self, levels: usize) -> Self {
        Self { levels, ..self.clone() }
    }

    /// The tree below one of the leaves that `levels` halvings give.
    fn below(&self, levels: usize, leaf: usize) -> Self {
        let (level, node) = (self.level + levels, (self.node << levels) + leaf);
        Self { levels: self.levels - levels, points: self.points >> levels, level, node, ..self.clone() }
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
    /// Whether `inner` and `sums` are those of values in f32.
    pub rounded: bool,
}

/// Splits `order`, rows of points of dimension d, into 2^levels leaves; the last points, fewer than leaves, are left over.
///
/// With `single`, sums are those of values in f32 where that pays, and decisions that their error could turn are taken again
/// from f64: the leaves are the same.
pub fn split(
    kernel: &dyn Kernel,
    points: Coordinates<'_>,
    d: usize,
    order: &[usize],
    rule: &Rule<'_>,
    single: bool,
    monitor: &dyn Monitor,
) -> Result<Split> {
    let input = Input { kernel, points, d, center: &center(points, d)?, single };
    let reports = |n_iter| {
        monitor.report(Progress { n_iter, ..Progress::default() });
    };
    let mut split = halve(&input, order, &rule.top(rule.levels.min(MOST_LEVELS)), &reports, monitor)?;
    let mut at = split.variances.len();
    // Nodes are split independently: with few points each, one by one takes little more than all at once.
    while at < rule.leaves() {
        let (done, size) = (at.ilog2() as usize, rule.points / at);
        let tasks = split.leaves.chunks(size).enumerate().collect();
        let parts = map_chunks(tasks, monitor, |(leaf, order): (usize, &[usize])| {
            let rule = rule.below(done, leaf);
            halve(&input, order, &rule.top(rule.levels.min(MOST_LEVELS)), &|_| (), monitor)
        })?;
        split.join(parts);
        at = split.variances.len();
    }
    Ok(split)
}

/// Points as a kernel reads them, of dimension d.
struct Input<'a> {
    kernel: &'a dyn Kernel,
    points: Coordinates<'a>,
    d: usize,
    center: &'a [f64],
    single: bool,
}

fn halve(
    input: &Input<'_>,
    order: &[usize],
    rule: &Rule<'_>,
    report: &dyn Fn(usize),
    monitor: &dyn Monitor,
) -> Result<Split> {
    let mut pass = Pass::new(input, order, rule)?;
    let mut tree = Tree::new(rule)?;
    let window = rule.leaves().max(WINDOW);
    let mut room = Room::new(window, rule.leaves())?;
    for start in (0..order.len()).step_by(window) {
        let end = (start + window).min(order.len());
        pass.sums(start..end, &mut room, monitor)?;
        pass.decide(start..end, rule, &mut tree, &mut room, monitor)?;
        report(end);
    }
    pass.finish(order, rule, &tree)
}

impl Split {
    /// Replaces each leaf by the leaves of its own split.
    fn join(&mut self, parts: Vec<Split>) {
        let above = std::mem::take(&mut self.variances);
        self.leaves.clear();
        self.inner.clear();
        for (variance, part) in above.into_iter().zip(parts) {
            self.variances.extend(part.variances.iter().map(|v| variance + v));
            self.leaves.extend(part.leaves);
            self.inner.extend(part.inner);
            self.n_evaluations += part.n_evaluations;
            self.n_recomputed += part.n_recomputed;
        }
    }
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
            lanes: with_room(window * pitch)?,
            far: try_zeroed(window * leaves)?,
            near: try_zeroed(window * leaves)?,
            gram: try_zeroed(window * window)?,
        })
    }
}

/// Sums of some rows over the points of earlier windows.
struct Far<'a> {
    kernel: &'a dyn Kernel,
    rows: Range<usize>,
    /// Points of earlier windows.
    done: usize,
    pitch: usize,
    /// Tiles between two looks at the monitor.
    poll: usize,
}

impl Far<'_> {
    fn sums<T: Real>(
        &self,
        cloud: &Cloud<T>,
        lanes: &mut [f64],
        columns: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let mut tile = with_room(ROWS * STRIDE)?;
        let tile = aligned(&mut tile);
        for (count, c) in (0..self.done).step_by(STRIDE).enumerate() {
            if count % self.poll == 0 {
                monitor.check()?;
            }
            let panels = c / LANES..(c + STRIDE) / LANES;
            for r in self.rows.clone().step_by(ROWS) {
                let some = r..(r + ROWS).min(self.rows.end);
                let count = some.len();
                T::tile(self.kernel, cloud.rows(some), cloud.panels(panels.clone()), tile, STRIDE)?;
                let sums = &mut lanes[(r - self.rows.start) * self.pitch..];
                fold(tile, count, Lanes { sums, pitch: self.pitch, offset: c % self.pitch }, &mut columns[c..]);
            }
        }
        Ok(())
    }
}

struct Pass<'a> {
    kernel: &'a dyn Kernel,
    cloud: Cloud<f64>,
    /// The same in f32, and the largest error of a value there.
    fast: Option<(Cloud<f32>, f64)>,
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

impl<'a> Pass<'a> {
    fn new(input: &Input<'a>, order: &[usize], rule: &Rule<'_>) -> Result<Self> {
        let &Input { kernel, points, d, center, single } = input;
        let n = order.len();
        let mut diagonal = try_zeroed(n)?;
        let mut point = try_zeroed(d)?;
        for (value, &i) in diagonal.iter_mut().zip(order) {
            points.read(i * d, &mut point);
            *value = kernel.diagonal(&point);
        }
        let padded = n.next_multiple_of(STRIDE);
        let cloud = Cloud::new(kernel, points, d, center, order.iter().copied())?;
        let largest = diagonal.iter().fold(0.0f64, |m, v| m.max(*v));
        let bound = if single && n >= SINGLE_FROM { kernel.bound_f32(d, &cloud.reach()?) } else { f64::INFINITY };
        let fast = if n as f64 * bound <= DOUBT * largest {
            Some((Cloud::new(kernel, points, d, center, order.iter().copied())?, bound))
        } else {
            None
        };
        Ok(Self {
            kernel,
            cloud,
            fast,
            diagonal,
            places: try_zeroed(n)?,
            rows: try_zeroed(n)?,
            columns: with_room(TASKS * padded)?,
            padded,
            inner: try_zeroed(rule.leaves())?,
            poll: (1 << 18) / (STRIDE * ROWS * kernel.work(d)).clamp(1, 1 << 18) + 1,
        })
    }

    /// Kernel values of a window against all earlier points, summed, and among themselves.
    fn sums(&mut self, at: Range<usize>, room: &mut Room, monitor: &dyn Monitor) -> Result<()> {
        let grain = (room.window / TASKS).next_multiple_of(8);
        let (pitch, window) = (room.pitch, room.window);
        let lanes = aligned(&mut room.lanes);
        lanes.fill(0.0);
        let rows = at.clone().step_by(grain).map(|r| r..(r + grain).min(at.end));
        let lanes = lanes.chunks_mut(grain * pitch);
        let gram = room.gram.chunks_mut(grain * window);
        let columns = aligned(&mut self.columns).chunks_mut(self.padded);
        let tasks = rows.zip(lanes).zip(gram).zip(columns).map(|(((r, l), g), c)| (r, l, g, c)).collect();
        let (kernel, cloud, fast, poll) = (self.kernel, &self.cloud, self.fast.as_ref(), self.poll);
        map_chunks(
            tasks,
            monitor,
            |(rows, lanes, gram, columns): (Range<usize>, &mut [f64], &mut [f64], &mut [f64])| {
                let far = Far { kernel, rows: rows.clone(), done: at.start, pitch, poll };
                match fast {
                    Some((cloud, _)) => far.sums(cloud, lanes, columns, monitor)?,
                    None => far.sums(cloud, lanes, columns, monitor)?,
                }
                let mut tile = with_room(ROWS * STRIDE)?;
                let tile = aligned(&mut tile);
                // Of the window itself, what lies right of the diagonal.
                for c in (rows.start / LANES * LANES..at.end).step_by(LANES) {
                    for r in rows.clone().step_by(ROWS) {
                        let some = r..(r + ROWS).min(rows.end);
                        f64::tile(
                            kernel,
                            cloud.rows(some.clone()),
                            cloud.panels(c / LANES..c / LANES + 1),
                            tile,
                            STRIDE,
                        )?;
                        for (row, values) in some.zip(tile.chunks(STRIDE)) {
                            let out = &mut gram[(row - rows.start) * window + c - at.start..][..LANES];
                            out.iter_mut().zip(values).for_each(|(o, v)| *o = *v);
                        }
                    }
                }
                Ok(())
            },
        )?;
        Ok(())
    }

    /// Sends the blocks of a window down the tree.
    fn decide(
        &mut self,
        at: Range<usize>,
        rule: &Rule<'_>,
        tree: &mut Tree<'_>,
        room: &mut Room,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let leaves = rule.leaves();
        let lanes = aligned(&mut room.lanes);
        self.sum_rows(&at, lanes, &room.gram, room.window);
        for (far, lanes) in room.far.chunks_mut(leaves).zip(lanes.chunks(room.pitch)) {
            far.copy_from_slice(&lanes[..leaves]);
            for lanes in lanes.chunks(leaves).skip(1) {
                far.iter_mut().zip(lanes).for_each(|(f, l)| *f += l);
            }
        }
        room.near.fill(0.0);
        for start in at.clone().step_by(leaves).take_while(|s| s + leaves <= rule.points) {
            let first = start - at.start;
            let own = first * leaves..(first + leaves) * leaves;
            let recheck = self.fast.as_ref().map(|&(_, bound)| Recheck {
                kernel: self.kernel,
                cloud: &self.cloud,
                done: at.start,
                first: start,
                width: leaves,
                bound,
                monitor,
            });
            let chosen = tree.descend(&Block {
                gram: &room.gram[first * room.window + first..],
                stride: room.window,
                diagonal: &self.diagonal[start..start + leaves],
                far: &room.far[own.clone()],
                near: &room.near[own],
                exact: recheck.as_ref().map(|r| r as &dyn Exact),
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
        if let Some((cloud, _)) = &mut self.fast {
            cloud.arrange(at.start, &self.places[at.clone()]);
        }
        self.cloud.arrange(at.start, &self.places[at]);
        Ok(())
    }

    /// Sums of the points of a window over earlier ones and over the others of the window.
    fn sum_rows(&mut self, at: &Range<usize>, lanes: &[f64], gram: &[f64], window: usize) {
        let rows = &mut self.rows[at.clone()];
        let pitch = lanes.len() / window;
        for i in 0..rows.len() {
            rows[i] += sum(lanes[i * pitch..][..pitch].iter().copied());
            let values = &gram[i * window..][i + 1..rows.len().max(i + 1)];
            let (own, later) = rows[i..].split_at_mut(1);
            own[0] += sum(values.iter().copied());
            later.iter_mut().zip(values).for_each(|(l, v)| *l += v);
        }
    }

    fn finish(mut self, order: &[usize], rule: &Rule<'_>, tree: &Tree<'_>) -> Result<Split> {
        let (n, leaves) = (order.len(), rule.leaves());
        let size = rule.points / leaves;
        let mut sums = self.rows;
        let columns = aligned(&mut self.columns);
        for (place, &point) in self.places.iter().enumerate() {
            sums[point] += sum(columns.chunks_exact(self.padded).map(|c| c[place]));
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
            rounded: self.fast.is_some(),
        })
    }
}
