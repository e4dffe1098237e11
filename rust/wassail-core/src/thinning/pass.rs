//! One pass over all points: windows of them are summed against those before, and go down the tree.

use super::far::{ERROR_F32, Far};
use super::fold::{ROWS, STRIDE, total};
use super::node::{Block, Exact, Tree};
use super::recheck::Recheck;
use super::rule::Rule;
use super::split::{Input, Split};
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Kernel, Real};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::numeric::lanes::LANES;
use crate::parallel::{join, map_chunks, sum};
use std::ops::Range;

/// Points that go down between two passes over those before them, at least.
const WINDOW: usize = STRIDE;
/// Tasks of a window.
const TASKS: usize = 16;
/// Pairs from which on a sum is handed to other threads.
const HANDED_OVER: usize = 1 << 15;
/// Points from which on f32 pays.
const SINGLE_FROM: usize = 1024;
/// Error of a sum in f32, over the largest value, up to which few decisions are in doubt: thresholds are some times that value.
const DOUBT: f64 = 0.25;

/// Sums of one window.
struct Room {
    window: usize,
    /// Lanes of a row of `lanes`.
    pitch: usize,
    /// Sums over earlier points by lanes.
    lanes: Aligned<f64>,
    /// The same by leaves.
    far: Vec<f64>,
    /// Sums over points of earlier blocks of the window by leaves.
    near: Vec<f64>,
    /// Values between points of the window.
    gram: Vec<f64>,
}

impl Room {
    /// Room for windows of that many points.
    fn new(window: usize, leaves: usize) -> Result<Self> {
        let pitch = leaves.max(LANES);
        Ok(Self {
            window,
            pitch,
            lanes: Aligned::zeroed(window * pitch)?,
            far: try_zeroed(window * leaves)?,
            near: try_zeroed(window * leaves)?,
            gram: try_zeroed(window * window)?,
        })
    }
}

/// The points of a pass.
struct Points<'a> {
    kernel: &'a dyn Kernel,
    cloud: Cloud<f64>,
    /// The same in f32, and the largest error of a value there.
    fast: Option<(Cloud<f32>, f64)>,
    diagonal: Vec<f64>,
    /// Tiles between two looks at the monitor.
    poll: usize,
}

/// Sums of each place over points of later windows, one array for each task.
struct Columns {
    sums: Aligned<f64>,
    padded: usize,
}

impl<'a> Points<'a> {
    fn new(input: &Input<'a>, order: &[usize]) -> Result<Self> {
        let &Input { kernel, points, d, center, single } = input;
        let n = order.len();
        let mut diagonal = try_zeroed(n)?;
        let mut point = try_zeroed(d)?;
        for (value, &i) in diagonal.iter_mut().zip(order) {
            points.read(i * d, &mut point);
            *value = kernel.diagonal(&point);
        }
        let cloud = Cloud::new(kernel, points, d, center, order.iter().copied())?;
        let largest = diagonal.iter().fold(0.0f64, |m, v| m.max(*v));
        let bound = if single && n >= SINGLE_FROM {
            kernel.bound_f32(d, &cloud.reach()?) + ERROR_F32 * largest
        } else {
            f64::INFINITY
        };
        let fast = if n as f64 * bound <= DOUBT * largest {
            Some((Cloud::new(kernel, points, d, center, order.iter().copied())?, bound))
        } else {
            None
        };
        let poll = (1 << 18) / (STRIDE * ROWS * kernel.work(d)).clamp(1, 1 << 18) + 1;
        Ok(Self { kernel, cloud, fast, diagonal, poll })
    }

    /// Adds kernel values of a window against points of some earlier ones; `own` begins the window with those of its points among
    /// themselves.
    fn sums(
        &self,
        at: &Range<usize>,
        earlier: &Range<usize>,
        own: bool,
        columns: &mut Columns,
        room: &mut Room,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let grain = (room.window / TASKS).next_multiple_of(8);
        let (pitch, window) = (room.pitch, room.window);
        if own {
            room.lanes.fill(0.0);
        }
        let rows = at.clone().step_by(grain).map(|r| r..(r + grain).min(at.end));
        let lanes = room.lanes.chunks_mut(grain * pitch);
        let gram = room.gram.chunks_mut(grain * window);
        let columns = columns.sums.chunks_mut(columns.padded);
        let mut tasks = rows.zip(lanes).zip(gram).zip(columns).map(|(((r, l), g), c)| (r, l, g, c));
        let work = |(rows, lanes, gram, columns): (Range<usize>, &mut [f64], &mut [f64], &mut [f64])| {
            let far = Far { kernel: self.kernel, rows: rows.clone(), earlier: earlier.clone(), pitch, poll: self.poll };
            match &self.fast {
                Some((cloud, _)) => far.sums(cloud, lanes, columns, monitor)?,
                None => far.sums(&self.cloud, lanes, columns, monitor)?,
            }
            if own { self.table(rows, at, gram, window) } else { Ok(()) }
        };
        if at.len() * earlier.len() < HANDED_OVER && !own {
            tasks.try_for_each(work)
        } else {
            map_chunks(tasks.collect(), monitor, work).map(drop)
        }
    }

    /// Values of some rows of a window with its points, what lies right of the diagonal.
    fn table(&self, rows: Range<usize>, at: &Range<usize>, gram: &mut [f64], window: usize) -> Result<()> {
        let mut tile = Aligned::zeroed(ROWS * STRIDE)?;
        for c in (rows.start / LANES * LANES..at.end).step_by(LANES) {
            for r in rows.clone().step_by(ROWS) {
                let some = r..(r + ROWS).min(rows.end);
                let panels = self.cloud.panels(c / LANES..c / LANES + 1);
                f64::tile(self.kernel, self.cloud.rows(some.clone()), panels, &mut tile, STRIDE)?;
                for (row, values) in some.zip(tile.chunks(STRIDE)) {
                    let out = &mut gram[(row - rows.start) * window + c - at.start..][..LANES];
                    out.iter_mut().zip(values).for_each(|(o, v)| *o = *v);
                }
            }
        }
        Ok(())
    }

    /// Puts the points of a window into their places.
    fn arrange(&mut self, start: usize, places: &[usize]) {
        if let Some((cloud, _)) = &mut self.fast {
            cloud.arrange(start, places);
        }
        self.cloud.arrange(start, places);
    }
}

/// What became of the points of the windows so far.
struct Descent<'a> {
    rule: &'a Rule<'a>,
    tree: Tree<'a>,
    /// The point at each place of the panels.
    places: Vec<usize>,
    /// Sums of each point over earlier ones and those of its window.
    rows: Vec<f64>,
    inner: Vec<f64>,
}

impl<'a> Descent<'a> {
    fn new(n: usize, rule: &'a Rule<'a>) -> Result<Self> {
        let (places, rows, inner) = (try_zeroed(n)?, try_zeroed(n)?, try_zeroed(rule.leaves())?);
        Ok(Self { rule, tree: Tree::new(rule)?, places, rows, inner })
    }

    /// Sends the blocks of a window down the tree.
    fn decide(&mut self, points: &Points<'_>, at: Range<usize>, room: &mut Room, monitor: &dyn Monitor) -> Result<()> {
        let leaves = self.rule.leaves();
        let lanes = &room.lanes;
        self.sum_rows(&at, lanes, &room.gram, room.window);
        for (far, lanes) in room.far.chunks_mut(leaves).zip(lanes.chunks(room.pitch)) {
            far.copy_from_slice(&lanes[..leaves]);
            for lanes in lanes.chunks(leaves).skip(1) {
                far.iter_mut().zip(lanes).for_each(|(f, l)| *f += l);
            }
        }
        room.near.fill(0.0);
        for start in at.clone().step_by(leaves).take_while(|s| s + leaves <= self.rule.points) {
            let first = start - at.start;
            let own = first * leaves..(first + leaves) * leaves;
            let recheck = points.fast.as_ref().map(|&(_, bound)| Recheck {
                kernel: points.kernel,
                cloud: &points.cloud,
                done: at.start,
                first: start,
                width: leaves,
                bound,
                monitor,
            });
            let chosen = self.tree.descend(&Block {
                gram: &room.gram[first * room.window + first..],
                stride: room.window,
                diagonal: &points.diagonal[start..start + leaves],
                far: &room.far[own.clone()],
                near: if leaves == room.window { &[] } else { &room.near[own] },
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
        for place in at.skip_while(|&p| p < self.rule.points) {
            self.places[place] = place;
        }
        Ok(())
    }

    /// Sums of the points of a window over earlier ones and over the others of the window.
    fn sum_rows(&mut self, at: &Range<usize>, lanes: &[f64], gram: &[f64], window: usize) {
        let rows = &mut self.rows[at.clone()];
        let pitch = lanes.len() / window;
        for i in 0..rows.len() {
            rows[i] += total(&lanes[i * pitch..][..pitch]);
            let values = &gram[i * window..][i + 1..rows.len().max(i + 1)];
            let (own, later) = rows[i..].split_at_mut(1);
            own[0] += total(values);
            later.iter_mut().zip(values).for_each(|(l, v)| *l += v);
        }
    }

    /// What came of it.
    fn finish(self, order: &[usize], columns: &Columns, rounded: bool) -> Result<Split> {
        let (n, leaves) = (order.len(), self.rule.leaves());
        let size = self.rule.points / leaves;
        let mut sums = self.rows;
        for (place, &point) in self.places.iter().enumerate() {
            sums[point] += sum(columns.sums.chunks_exact(columns.padded).map(|c| c[place]));
        }
        let mut members = try_zeroed(size * leaves)?;
        for (place, &point) in self.places[..size * leaves].iter().enumerate() {
            members[place % leaves * size + place / leaves] = order[point];
        }
        Ok(Split {
            leaves: members,
            variances: self.tree.variances(size)?,
            inner: self.inner,
            sums,
            n_evaluations: n * n.saturating_sub(1) / 2,
            n_recomputed: self.tree.recomputed,
            rounded,
        })
    }
}

/// Splits points in one pass. While the points of a window go down, those of the next are summed against all windows before.
pub fn pass(
    input: &Input<'_>,
    order: &[usize],
    rule: &Rule<'_>,
    report: &dyn Fn(usize),
    monitor: &dyn Monitor,
) -> Result<Split> {
    let (n, leaves) = (order.len(), rule.leaves());
    let window = leaves.max(WINDOW);
    let padded = n.next_multiple_of(STRIDE);
    let mut points = Points::new(input, order)?;
    let mut columns = Columns { sums: Aligned::zeroed(TASKS * padded)?, padded };
    let mut descent = Descent::new(n, rule)?;
    let (mut room, mut next) = (Room::new(window, leaves)?, Room::new(window, leaves)?);
    points.sums(&(0..window.min(n)), &(0..0), true, &mut columns, &mut room, monitor)?;
    for start in (0..n).step_by(window) {
        let at = start..(start + window).min(n);
        let coming = at.end..(at.end + window).min(n);
        join(
            || descent.decide(&points, at.clone(), &mut room, monitor),
            || points.sums(&coming, &(0..start), true, &mut columns, &mut next, monitor),
        )?;
        points.arrange(start, &descent.places[at.clone()]);
        points.sums(&coming, &at, false, &mut columns, &mut next, monitor)?;
        std::mem::swap(&mut room, &mut next);
        report(at.end);
    }
    descent.finish(order, &columns, points.fast.is_some())
}
