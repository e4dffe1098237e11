//! Potentials of points from those of their cells: entropic transport between the cells, on a small fraction of the pairs, or
//! exact transport where clusters lie so far apart that it would blur all within one.

use super::super::geometry::{Dense, Geometry, Picked, PointCloud, Points};
use super::super::newton;
use super::super::sinkhorn::Status;
use super::super::softmin::{Columns, softmin_rows};
use super::super::sweep::Weights;
use super::super::tiling::entry;
use super::cells::Cells;
use super::landmarks::{self, Representatives};
use super::potentials::{Before, Start, usable};
use super::{Amount, solve};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::points::given::Side;

/// Regularization as a share of the mean cost above the smallest, and the marginal error.
const EPSILON: f64 = 1e-3;
const TOLERANCE: f64 = 1e-3;
/// Sweeps, at most.
const SWEEPS: usize = 100;
/// Regularization as a share of the cost between cells nearby, and how far below the other it is where clusters lie far apart.
const NEARBY: f64 = 0.1;
const FAR: f64 = 0.01;
/// Cells that tell.
const SAMPLE: usize = 64;

/// A side of the coarse problem.
struct Centers {
    points: Points,
    weights: Vec<f64>,
}

/// Potentials of all points by the entropic map between cells: f_i = −ε log Σ_c b_c exp((g_c − C(x_i, y_c))/ε), and g alike.
pub fn of_points(cloud: &PointCloud, weights: Weights<'_>, spread: f64, monitor: &dyn Monitor) -> Result<Start> {
    let (x, y) = cloud.sides();
    let (d, metric) = (cloud.dim(), cloud.metric());
    let rows = centers(x, d, weights.a, monitor)?;
    let cols = centers(y, d, weights.b, monitor)?;
    let coarse = PointCloud::new(rows.points.clone(), cols.points.clone(), d, metric);
    let between = Weights { a: &rows.weights, b: &cols.weights };
    let Level { epsilon, f, g, stopped } = level(&coarse, between, spread, monitor)?;
    let extended = |points: &Points, to: Centers, g: &[f64]| {
        let fine = PointCloud::new(points.clone(), to.points, d, metric);
        extension(&fine, (g, &to.weights), epsilon, monitor)
    };
    let (f, g) = (extended(x, cols, &g)?, extended(y, rows, &f)?);
    Ok((usable(f, g), stopped))
}

/// The same for costs that are prepared and have no points, if they are as those of points in few dimensions: one of each cell stands for it.
pub fn of_costs(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    spread: f64,
    monitor: &dyn Monitor,
) -> Result<Option<Start>> {
    let all = Picked { base: geometry, rows: None, cols: None, swapped: false };
    let Some(rows) = landmarks::cells(&all, weights.a, spread, monitor)? else { return Ok(None) };
    let turned = Picked { swapped: true, ..all };
    let Some(cols) = landmarks::cells(&turned, weights.b, spread, monitor)? else { return Ok(None) };
    let costs = between(&all, &rows, &cols)?;
    if costs.iter().any(|c| !c.is_finite()) {
        return Ok(None);
    }
    let coarse = Dense::from_rows(&costs, rows.masses.len(), cols.masses.len());
    let masses = Weights { a: &rows.masses, b: &cols.masses };
    let Level { epsilon, f, g, stopped } = level(&coarse, masses, spread, monitor)?;
    let (to_cols, to_rows) =
        (Picked { cols: Some(&cols.points), ..all }, Picked { rows: Some(&rows.points), ..turned });
    let all_f = extension(&to_cols, (&g, &cols.masses), epsilon, monitor)?;
    let all_g = extension(&to_rows, (&f, &rows.masses), epsilon, monitor)?;
    Ok(Some((usable(all_f, all_g), stopped)))
}

/// Potentials of the rows from potentials and masses of the cells that are the columns.
fn extension(fine: &dyn Geometry, (g, b): (&[f64], &[f64]), epsilon: f64, monitor: &dyn Monitor) -> Result<Vec<f64>> {
    Ok(softmin_rows(fine, Columns { g, b, values: &[], width: 0 }, epsilon, monitor)?.0)
}

/// Costs between the representatives, row-major.
fn between(all: &Picked<'_>, rows: &Representatives, cols: &Representatives) -> Result<Vec<f64>> {
    let mut costs = try_zeroed(rows.points.len() * cols.points.len())?;
    for (i, row) in rows.points.iter().zip(costs.chunks_exact_mut(cols.points.len())) {
        row.iter_mut().zip(&cols.points).for_each(|(c, j)| *c = all.at(*i as usize, *j as usize));
    }
    Ok(costs)
}

/// Potentials of the cells, and ε.
struct Level {
    epsilon: f64,
    f: Vec<f64>,
    g: Vec<f64>,
    stopped: bool,
}

fn level(coarse: &dyn Geometry, weights: Weights<'_>, spread: f64, monitor: &dyn Monitor) -> Result<Level> {
    let (epsilon, near) = (EPSILON * spread, NEARBY * nearby(coarse)?);
    if near > 0.0 && near < FAR * epsilon {
        let found = solve(coarse, weights, Amount::All, None, &Before(monitor))?;
        return Ok(Level { epsilon: near, f: found.f, g: found.g, stopped: !found.optimal });
    }
    let options = newton::Options { epsilon, tol: TOLERANCE, max_iter: SWEEPS, anneal: None };
    let found = newton::solve(coarse, weights, None, &options, &Before(monitor))?;
    let stopped = found.pair.status == Status::Stopped;
    Ok(Level { epsilon, f: found.pair.f, g: found.pair.g, stopped })
}

/// Median cost from a cell to the nearest of the other side, in a sample of them.
fn nearby(coarse: &dyn Geometry) -> Result<f64> {
    coarse.prepare(false)?;
    let (n, m) = coarse.shape();
    let sample = (0..n).step_by(n.div_ceil(SAMPLE));
    let nearest = |i| (0..m).map(|j| entry(coarse, i, j)).fold(f64::INFINITY, f64::min);
    let mut least: Vec<f64> = sample.map(nearest).collect();
    let middle = least.len() / 2;
    Ok(*least.select_nth_unstable_by(middle, f64::total_cmp).1)
}

fn centers(points: &Points, d: usize, weights: &[f64], monitor: &dyn Monitor) -> Result<Centers> {
    let side = Side::new(points, d, false)?;
    let cells = Cells::of(&side, monitor)?;
    let centers = cells.centers(&side, weights)?;
    let points = match points {
        Points::F32(_) => Points::F32(centers.iter().map(|v| *v as f32).collect()),
        Points::F64(_) => Points::F64(centers.into()),
    };
    Ok(Centers { points, weights: cells.masses(weights) })
}
