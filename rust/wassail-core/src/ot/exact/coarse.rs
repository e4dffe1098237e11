//! Potentials of points from those of their cells: entropic transport between the cells' centers, on a small fraction of the pairs, or
//! exact transport where clusters lie so far apart that it would blur all within one.

use super::super::geometry::{Geometry, PointCloud, Points};
use super::super::newton;
use super::super::sinkhorn::Status;
use super::super::softmin::{Columns, softmin_rows};
use super::super::sweep::Weights;
use super::super::tiling::entry;
use super::potentials::{Before, Start, usable};
use super::{Amount, solve};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::points::given::Side;

/// Points of a cell, at most.
const CELL: usize = 16;
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
struct Cells {
    centers: Points,
    weights: Vec<f64>,
}

/// Potentials of all points by the entropic map between cells: f_i = −ε log Σ_c b_c exp((g_c − C(x_i, y_c))/ε), and g alike.
pub fn entropic(cloud: &PointCloud, weights: Weights<'_>, spread: f64, monitor: &dyn Monitor) -> Result<Start> {
    let (x, y) = cloud.sides();
    let (d, metric) = (cloud.dim(), cloud.metric());
    let rows = cells(x, d, weights.a, monitor)?;
    let cols = cells(y, d, weights.b, monitor)?;
    let coarse = PointCloud::new(rows.centers.clone(), cols.centers.clone(), d, metric);
    let between = Weights { a: &rows.weights, b: &cols.weights };
    let Level { epsilon, f, g, stopped } = level(&coarse, between, spread, monitor)?;
    let extended = |points: &Points, to: Cells, g: &[f64]| {
        let fine = PointCloud::new(points.clone(), to.centers, d, metric);
        softmin_rows(&fine, Columns { g, b: &to.weights, values: &[], width: 0 }, epsilon, monitor)
    };
    let (f, g) = (extended(x, cols, &g)?.0, extended(y, rows, &f)?.0);
    Ok((usable(f, g), stopped))
}

/// Potentials of the cells, and ε.
struct Level {
    epsilon: f64,
    f: Vec<f64>,
    g: Vec<f64>,
    stopped: bool,
}

fn level(coarse: &PointCloud, weights: Weights<'_>, spread: f64, monitor: &dyn Monitor) -> Result<Level> {
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
fn nearby(coarse: &PointCloud) -> Result<f64> {
    coarse.prepare(false)?;
    let (n, m) = coarse.shape();
    let sample = (0..n).step_by(n.div_ceil(SAMPLE));
    let nearest = |i| (0..m).map(|j| entry(coarse, i, j)).fold(f64::INFINITY, f64::min);
    let mut least: Vec<f64> = sample.map(nearest).collect();
    let middle = least.len() / 2;
    Ok(*least.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Cells of nearby points: halves along the longest side of their box until they are small.
fn cells(points: &Points, d: usize, weights: &[f64], monitor: &dyn Monitor) -> Result<Cells> {
    let side = Side::new(points, d, false)?;
    let mut order: Vec<u32> = (0..side.count() as u32).collect();
    let mut rest: Vec<&mut [u32]> = vec![&mut order];
    let (mut centers, mut masses) = (Vec::new(), Vec::new());
    let mut center = try_zeroed(d)?;
    while let Some(cell) = rest.pop() {
        monitor.check()?;
        if cell.len() > CELL {
            let k = longest(&side, cell);
            let (half, at) = (cell.len() / 2, |i: &u32| side.coordinate(*i as usize, k));
            cell.select_nth_unstable_by(half, |i, j| at(i).total_cmp(&at(j)).then(i.cmp(j)));
            let (low, high) = cell.split_at_mut(half);
            rest.extend([high, low]);
            continue;
        }
        let mass: f64 = cell.iter().map(|i| weights[*i as usize]).sum();
        for (k, center) in center.iter_mut().enumerate() {
            *center = cell.iter().map(|i| weights[*i as usize] / mass * side.coordinate(*i as usize, k)).sum();
        }
        centers.extend_from_slice(&center);
        masses.push(mass);
    }
    let centers = match points {
        Points::F32(_) => Points::F32(centers.iter().map(|v| *v as f32).collect()),
        Points::F64(_) => Points::F64(centers.into()),
    };
    Ok(Cells { centers, weights: masses })
}

/// The coordinate in which these points differ most.
fn longest(side: &Side, cell: &[u32]) -> usize {
    let extent = |k: usize| {
        let of = |i: &u32| side.coordinate(*i as usize, k);
        let (low, high) =
            cell.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        high - low
    };
    (0..side.dim()).max_by(|k, l| extent(*k).total_cmp(&extent(*l)).then(l.cmp(k))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;

    #[test]
    fn cells_are_small_and_keep_mass_and_mean() {
        let points: Vec<f64> = (0..2 * 103).map(|k| ((k * k) as f64 * 0.37).sin()).collect();
        let weights: Vec<f64> = (0..103).map(|i| 1.0 + (i % 7) as f64).collect();
        let found = cells(&Points::F64(points.clone().into()), 2, &weights, &Silent).expect("no memory is short");
        let Points::F64(centers) = found.centers else { panic!("precision changed") };
        assert!(found.weights.len() * CELL >= 103 && found.weights.len() * CELL < 4 * 103);
        let total: f64 = weights.iter().sum();
        assert!((found.weights.iter().sum::<f64>() - total).abs() < 1e-12 * total);
        for k in 0..2 {
            let mean = |p: &[f64], w: &[f64]| -> f64 { p.chunks(2).zip(w).map(|(p, w)| p[k] * w).sum() };
            assert!((mean(&centers, &found.weights) - mean(&points, &weights)).abs() < 1e-12 * total);
        }
    }
}
