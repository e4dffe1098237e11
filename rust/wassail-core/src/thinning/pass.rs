//! One pass over all points: windows of them are summed against those before, and go down the tree.

use super::far::{ERROR_F32, Far};
use super::fold::{ROWS, STRIDE, aligned, total, with_room};
use super::node::{Block, Exact, Tree};
use super::recheck::Recheck;
use super::rule::Rule;
use super::split::{Input, Split};
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Kernel, Real};
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use crate::parallel::{map_chunks, sum};
use std::ops::Range;

/// Points that go down between two passes over those before them, at least.
pub const WINDOW: usize = STRIDE;
/// Tasks of a window.
const TASKS: usize = 16;
/// Points from which on f32 pays.
const SINGLE_FROM: usize = 1024;
/// Error of a sum in f32, over the largest value, up to which few decisions are in doubt: thresholds are some times that value.
const DOUBT: f64 = 0.25;

/// Sums of one window.
pub struct Room {
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
    /// Room for windows of that many points.
    pub fn new(window: usize, leaves: usize) -> Result<Self> {
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

/// The state of a pass.
pub struct Pass<'a> {
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
    /// Before the first window.
    pub fn new(input: &Input<'a>, order: &[usize], rule: &Rule<'_>) -> Result<Self> {
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
    pub fn sums(&mut self, at: Range<usize>, room: &mut Room, monitor: &dyn Monitor) -> Result<()> {
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
    pub fn decide(
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
            rows[i] += total(&lanes[i * pitch..][..pitch]);
            let values = &gram[i * window..][i + 1..rows.len().max(i + 1)];
            let (own, later) = rows[i..].split_at_mut(1);
            own[0] += total(values);
            later.iter_mut().zip(values).for_each(|(l, v)| *l += v);
        }
    }

    /// What came of it.
    pub fn finish(mut self, order: &[usize], rule: &Rule<'_>, tree: &Tree<'_>) -> Result<Split> {
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
