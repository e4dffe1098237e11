//! Sliced transport: points are projected onto directions, and each pair of projections is solved by sorting.
//!
//! Directions come in blocks: points are read once a block, then each direction of it is solved by one thread. What is
//! summed over directions is summed in their order, so that neither blocks nor threads show in the bits.

mod circle;
mod couple;
mod gradient;
mod line;
mod order;
mod power;
mod project;

pub use circle::{Circle, Cut, Side as CircleSide};
pub use gradient::{Gradient, gradient, pulls};
pub use power::Power;

use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::parallel::map_chunks;
pub use crate::points::Coordinates;
use line::Line;
use std::sync::{Mutex, PoisonError};

/// Weighted points.
#[derive(Clone, Copy)]
pub struct Cloud<'a> {
    /// (n, d), finite, fewer than 2^32.
    pub points: Coordinates<'a>,
    /// (n,), or empty for 1/n each, on both sides at once.
    pub weights: &'a [f64],
}

/// Two weighted clouds of one mass.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// First cloud.
    pub x: Cloud<'a>,
    /// Second cloud.
    pub y: Cloud<'a>,
    /// Subtracted from points times `scale`, (d,): digits are not spent on a common offset.
    pub center: &'a [f64],
    /// A power of two that brings coordinates into a safe range. All results are in scaled units.
    pub scale: f64,
    /// Order of the distance.
    pub power: Power,
    /// Mass of each side.
    pub total: f64,
    /// Rounding of cumulated weights.
    pub slack: f64,
}

impl Problem<'_> {
    fn dim(&self) -> usize {
        self.center.len()
    }

    fn sizes(&self) -> (usize, usize) {
        (self.x.points.len() / self.dim(), self.y.points.len() / self.dim())
    }
}

/// Directions that are worked on at once: enough for the threads at hand.
fn block_size() -> usize {
    project::LANES * rayon::current_num_threads().div_ceil(project::LANES / 2)
}

/// Projections of both clouds onto the directions of a block, and a place for what is computed from them.
struct Slices {
    x: Vec<f64>,
    y: Vec<f64>,
    sizes: (usize, usize),
    lines: Mutex<Vec<Line>>,
}

/// The two projections onto one direction.
type Slice<'a> = (&'a mut [f64], &'a mut [f64]);

impl Slices {
    fn new(problem: &Problem<'_>, block: usize) -> Result<Self> {
        let (n, m) = problem.sizes();
        let room = |n: usize| try_zeroed(n.saturating_mul(block));
        Ok(Self { x: room(n)?, y: room(m)?, sizes: (n, m), lines: Mutex::default() })
    }

    /// Projects onto the directions of the block.
    fn project(&mut self, problem: &Problem<'_>, directions: &[f64], monitor: &dyn Monitor) -> Result<()> {
        let count = directions.len() / problem.dim();
        let (n, m) = self.sizes;
        project::project(problem.x.points, problem, directions, &mut self.x[..count * n], monitor)?;
        project::project(problem.y.points, problem, directions, &mut self.y[..count * m], monitor)
    }

    /// Calls `work` for the first `count` directions, each with sorted projections.
    fn solve<R: Send>(
        &mut self,
        problem: &Problem<'_>,
        count: usize,
        monitor: &dyn Monitor,
        work: impl Fn(&mut Line, &mut [f64], &mut [f64]) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        let (n, m) = self.sizes;
        let pairs = self.x.chunks_exact_mut(n).zip(self.y.chunks_exact_mut(m)).take(count);
        let lines = &self.lines;
        map_chunks(pairs.collect(), monitor, |(x, y): Slice<'_>| {
            let kept = lines.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut line = kept.unwrap_or_default();
            line.load(problem, x, y, monitor)?;
            let out = work(&mut line, x, y)?;
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            Ok(out)
        })
    }
}

/// W_p of the projections onto each of the directions, (L, d).
pub fn distances(problem: &Problem<'_>, directions: &[f64], monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let d = problem.dim();
    let block = block_size().min(directions.len() / d);
    let mut slices = Slices::new(problem, block)?;
    let mut found = Vec::with_capacity(directions.len() / d);
    for part in directions.chunks(block * d) {
        slices.project(problem, part, monitor)?;
        found.extend(slices.solve(problem, part.len() / d, monitor, |line, _, _| line.distance(problem, monitor))?);
    }
    Ok(found)
}
