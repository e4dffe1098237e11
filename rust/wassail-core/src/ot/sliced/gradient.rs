//! Derivatives of sliced distances in the points, the weights and the directions.

use super::project::{Centered, blocks, ranges};
use super::{Coordinates, Problem, Slices, block_size};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::add_scaled4;
use crate::ot::tiling::split;
use crate::parallel::map_chunks;

/// Partial sums over points that are held at once.
const PARTIALS: usize = 32;

/// Derivatives of SW_p.
pub struct Gradient {
    /// In the first points, (n, d).
    pub x: Vec<f64>,
    /// In the second points, (m, d).
    pub y: Vec<f64>,
    /// In the first weights, (n,), up to a constant, in scaled units of length.
    pub a: Vec<f64>,
    /// In the second weights, (m,).
    pub b: Vec<f64>,
}

/// Derivatives of SW_p = (mean of W_p^p)^(1/p), whose value is known.
pub fn gradient(problem: &Problem<'_>, directions: &[f64], value: f64, monitor: &dyn Monitor) -> Result<Gradient> {
    let (d, (n, m)) = (problem.dim(), problem.sizes());
    let share = d as f64 / directions.len() as f64;
    let mut out = Gradient { x: try_zeroed(n * d)?, y: try_zeroed(m * d)?, a: try_zeroed(n)?, b: try_zeroed(m)? };
    let block = block_size().min(directions.len() / d);
    let mut slices = Slices::new(problem, block)?;
    for part in directions.chunks(block * d) {
        slices.project(problem, part, monitor)?;
        let potentials = slices.solve(problem, part.len() / d, monitor, |line, x, y| {
            line.derivative(problem, value, x, y, monitor)?;
            line.potentials(problem, value, monitor)
        })?;
        let directions: Vec<f64> = part.iter().map(|v| v * share).collect();
        spread(&slices.x, &directions, d, &mut out.x, monitor)?;
        spread(&slices.y, &directions, d, &mut out.y, monitor)?;
        for (f, g) in potentials {
            add(&mut out.a, &f, share);
            add(&mut out.b, &g, share);
        }
    }
    Ok(out)
}

fn add(out: &mut [f64], potential: &[f64], share: f64) {
    for (o, v) in out.iter_mut().zip(potential) {
        *o += share * v;
    }
}

/// out_i += Σ_l pull_li direction_l.
fn spread(pulls: &[f64], directions: &[f64], d: usize, out: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
    let n = out.len() / d;
    let last = directions.len() / d - 1;
    let row = |l: usize| &directions[l.min(last) * d..][..d];
    let pieces = ranges(n, d, usize::MAX);
    map_chunks(split(out, &pieces, d).collect(), monitor, |(rows, out)| {
        for (i, out) in rows.zip(out.chunks_exact_mut(d)) {
            for l in (0..=last).step_by(4) {
                let pull = |l: usize| if l <= last { pulls[l * n + i] } else { 0.0 };
                let rows = [row(l), row(l + 1), row(l + 2), row(l + 3)];
                add_scaled4(rows, [pull(l), pull(l + 1), pull(l + 2), pull(l + 3)], out);
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// W_p of the projections onto each direction θ of (L, d), and its derivative in θ, (L, d).
pub fn pulls(problem: &Problem<'_>, directions: &[f64], monitor: &dyn Monitor) -> Result<(Vec<f64>, Vec<f64>)> {
    let d = problem.dim();
    let block = block_size().min(directions.len() / d);
    let mut slices = Slices::new(problem, block)?;
    let (mut distances, mut out) = (Vec::new(), Vec::new());
    for part in directions.chunks(block * d) {
        slices.project(problem, part, monitor)?;
        let count = part.len() / d;
        distances.extend(slices.solve(problem, count, monitor, |line, x, y| {
            let distance = line.distance(problem, monitor)?;
            line.derivative(problem, distance, x, y, monitor)?;
            Ok(distance)
        })?);
        let start = out.len();
        out.resize(start + part.len(), 0.0);
        gather(problem.x.points, problem, &slices.x, &mut out[start..], monitor)?;
        gather(problem.y.points, problem, &slices.y, &mut out[start..], monitor)?;
    }
    Ok((distances, out))
}

/// out_l += Σ_i pull_li point_i. Pulls of both clouds sum to 0, so that centered points do.
fn gather(
    points: Coordinates<'_>,
    problem: &Problem<'_>,
    pulls: &[f64],
    out: &mut [f64],
    monitor: &dyn Monitor,
) -> Result<()> {
    let d = problem.dim();
    let (n, count) = (points.len() / d, out.len() / d);
    let partial = map_chunks(ranges(n, d, PARTIALS), monitor, |rows| {
        let mut sums: Vec<f64> = try_zeroed(count * d)?;
        let mut block = Centered::new(d)?;
        for part in blocks(&rows) {
            monitor.check()?;
            block.read(points, problem, &part);
            for (l, sum) in sums.chunks_exact_mut(d).enumerate() {
                let pulls = &pulls[l * n..][part.clone()];
                for r in (0..part.len()).step_by(4) {
                    let pull = |r: usize| pulls.get(r).copied().unwrap_or(0.0);
                    let rows = [block.row(r), block.row(r + 1), block.row(r + 2), block.row(r + 3)];
                    add_scaled4(rows, [pull(r), pull(r + 1), pull(r + 2), pull(r + 3)], sum);
                }
            }
        }
        Ok(sums)
    })?;
    for sums in partial {
        add(out, &sums, 1.0);
    }
    Ok(())
}
