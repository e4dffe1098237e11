//! Support points: the convex-concave fixed point for the energy distance (Mak and Joseph 2018, Alg. 1).
//!
//! min over x of 2 Σ_im w_m |x_i − y_m| / n − Σ_ij |x_i − x_j| / n². With |z| smoothed to √(|z|² + η²), a step minimizes a
//! majorant of it, so that no step can raise it.

use super::pull::{Pull, pull};
use crate::error::{Result, try_extend, try_zeroed};
use crate::monitor::{Monitor, Progress};
use crate::numeric::lanes::LANES;
use crate::parallel::map_chunks;
use crate::points::Coordinates;
use std::ops::Range;

/// Work of a chunk of rows and of a stretch of panels between two looks at the monitor, in multiplications.
const CHUNK: usize = 400_000;

/// The data, `LANES` points a panel, coordinate by coordinate.
struct Side {
    d: usize,
    panels: Vec<f64>,
    /// Weights, zero past the last point.
    weights: Vec<f64>,
}

impl Side {
    fn new(d: usize, n: usize) -> Result<Self> {
        let padded = n.next_multiple_of(LANES);
        Ok(Self { d, panels: try_zeroed(padded * d)?, weights: try_zeroed(padded)? })
    }

    fn set(&mut self, i: usize, point: &[f64], weight: f64) {
        let base = i / LANES * LANES * self.d + i % LANES;
        for (k, &v) in point.iter().enumerate() {
            self.panels[base + k * LANES] = v;
        }
        self.weights[i] = weight;
    }

    /// Adds what the points of this side do to x.
    fn pull(&self, x: &[f64], eta: f64, monitor: &dyn Monitor, on: &mut Pull) -> Result<()> {
        let stretch = (CHUNK / (LANES * self.d)).max(1);
        let panels = self.panels.chunks(stretch * LANES * self.d);
        for (panels, weights) in panels.zip(self.weights.chunks(stretch * LANES)) {
            monitor.check()?;
            pull(x, panels, weights, eta * eta, on);
        }
        Ok(())
    }
}

/// What is to be represented.
pub struct SupportTask<'a> {
    /// Data (N, d).
    pub points: Coordinates<'a>,
    /// Dimension.
    pub d: usize,
    /// Weights of the data, with sum 1.
    pub weights: &'a [f64],
    /// Subtracted from all points.
    pub center: &'a [f64],
    /// Length that differences are measured in.
    pub scale: f64,
    /// η in units of the scale.
    pub eta: f64,
    /// Stops when no point moves farther, in units of the scale.
    pub tol: f64,
    /// Most steps.
    pub max_iter: usize,
}

/// Where the points ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// Points (n, d).
    pub points: Vec<f64>,
    /// Objective before each step and after the last, in units of the points.
    pub objective: Vec<f64>,
    /// Largest move of the last step, in units of the scale.
    pub moved: f64,
}

/// Moves the n points of `start` (n, d).
pub fn support_points(task: &SupportTask<'_>, start: &[f64], monitor: &dyn Monitor) -> Result<Support> {
    let (d, inverse) = (task.d, 1.0 / task.scale);
    let unit = |p: &mut [f64]| p.iter_mut().zip(task.center).for_each(|(p, c)| *p = (*p - c) * inverse);
    let mut data = Side::new(d, task.weights.len())?;
    let mut point = try_zeroed(d)?;
    for (i, &w) in task.weights.iter().enumerate() {
        task.points.read(i * d, &mut point);
        unit(&mut point);
        data.set(i, &point, w);
    }
    let mut x = start.to_vec();
    x.chunks_mut(d).for_each(unit);
    let (mut objective, mut moved) = (Vec::new(), f64::INFINITY);
    loop {
        let (next, value) = step(&data, &x, task.eta, monitor)?;
        objective.push(value * task.scale);
        let n_iter = objective.len() - 1;
        if n_iter > 0 && monitor.report(Progress { n_iter, epsilon: 0.0, error: moved }) {
            monitor.check()?;
            break;
        }
        if n_iter >= task.max_iter || moved <= task.tol {
            break;
        }
        moved = x.chunks(d).zip(next.chunks(d)).map(|(a, b)| distance(a, b)).fold(0.0, f64::max);
        x = next;
    }
    for p in x.chunks_mut(d) {
        p.iter_mut().zip(task.center).for_each(|(p, c)| *p = *p * task.scale + c);
    }
    Ok(Support { points: x, objective, moved })
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// One step from x, and the objective at x.
fn step(data: &Side, x: &[f64], eta: f64, monitor: &dyn Monitor) -> Result<(Vec<f64>, f64)> {
    let d = data.d;
    let n = x.len() / d;
    let mut own = Side::new(d, n)?;
    for (i, point) in x.chunks(d).enumerate() {
        own.set(i, point, 1.0 / n as f64);
    }
    let rows = (CHUNK / ((data.weights.len() + n) * d)).max(1);
    let chunks: Vec<Range<usize>> = crate::parallel::chunks(n, rows, usize::MAX);
    let parts = map_chunks(chunks, monitor, |rows: Range<usize>| {
        let (mut moved, mut value) = (try_zeroed(rows.len() * d)?, 0.0);
        for (x, moved) in x[rows.start * d..rows.end * d].chunks(d).zip(moved.chunks_mut(d)) {
            let (mut there, mut away) = (Pull::new(d)?, Pull::new(d)?);
            data.pull(x, eta, monitor, &mut there)?;
            own.pull(x, eta, monitor, &mut away)?;
            let (rate, pulls, pushes) = (there.rate(), there.pulls(), away.pulls());
            for (m, (x, (t, a))) in moved.iter_mut().zip(x.iter().zip(pulls.zip(pushes))) {
                // eq. (22) of the paper as a move: (Σ w (y − x)/|y − x| − Σ (x' − x)/|x' − x| / n) / Σ w/|y − x|.
                *m = x + (t - a) / rate;
            }
            // Less what the smoothing makes of a point's distance to itself.
            value += 2.0 * there.distance() - (away.distance() - eta / n as f64);
        }
        Ok((moved, value))
    })?;
    let (mut next, mut value) = (Vec::new(), 0.0);
    for (part, v) in parts {
        try_extend(&mut next, part.into_iter())?;
        value += v;
    }
    Ok((next, value / n as f64))
}
