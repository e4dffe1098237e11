//! Softmins by the maximum-shifted formula: right for any potentials and weights, zero weights included.

use super::geometry::{Cost, Geometry, TILE, tiles};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::numeric::lanes::{gibbs_row, row_max};
use crate::parallel::{chunks, map_chunks};

/// What a softmin averages over: column potentials, weights, and optional values (m, k).
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    /// Column potential.
    pub g: &'a [f64],
    /// Column weights, zeros allowed.
    pub b: &'a [f64],
    /// (m, k), row-major; empty for none.
    pub values: &'a [f64],
    /// k.
    pub width: usize,
}

/// S_i = −ε log Σ_j b_j exp((g_j − C_ij)/ε), inf for a row without arcs, and the means Σ_j p_ij values_j under the
/// row-normalized weights p: (n,) and (n, k).
pub fn softmin_rows(
    geometry: &dyn Geometry,
    columns: Columns<'_>,
    epsilon: f64,
    monitor: &dyn Monitor,
) -> Result<(Vec<f64>, Vec<f64>)> {
    geometry.prepare(false)?;
    let n = geometry.shape().0;
    let g: Vec<f64> = columns
        .g
        .iter()
        .zip(columns.b)
        .map(|(g, b)| if *b > 0.0 { g / epsilon + b.ln() } else { f64::NEG_INFINITY })
        .collect();
    let parts = map_chunks(chunks(n, 4, 256), monitor, |rows| {
        let mut softmin = Vec::with_capacity(rows.len());
        let mut means = vec![0.0; rows.len() * columns.width];
        for (r, i) in rows.enumerate() {
            monitor.check()?;
            let mean = &mut means[r * columns.width..(r + 1) * columns.width];
            softmin.push(row_softmin(geometry, i, &g, epsilon, columns, mean));
        }
        Ok((softmin, means))
    })?;
    let (softmin, means): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    Ok((softmin.concat(), means.concat()))
}

fn row_softmin(
    geometry: &dyn Geometry,
    i: usize,
    g: &[f64],
    epsilon: f64,
    columns: Columns<'_>,
    mean: &mut [f64],
) -> f64 {
    let inv_eps = 1.0 / epsilon;
    let mut tile = [0.0; TILE];
    let mut best = f64::NEG_INFINITY;
    for cols in tiles(g.len()) {
        let costs = f64::block(geometry, i..i + 1, cols.clone(), &mut tile);
        best = best.max(row_max(costs.row(0), &g[cols], inv_eps));
    }
    if best == f64::NEG_INFINITY {
        mean.fill(0.0);
        return f64::INFINITY;
    }
    let mut e = [0.0; TILE];
    let mut sum = 0.0;
    for cols in tiles(g.len()) {
        let costs = f64::block(geometry, i..i + 1, cols.clone(), &mut tile);
        sum += gibbs_row(costs.row(0), &g[cols.clone()], -best, inv_eps, &mut e);
        for (p, j) in e.iter().zip(cols).filter(|(p, _)| columns.width > 0 && **p > 0.0) {
            for (o, v) in mean.iter_mut().zip(&columns.values[j * columns.width..]) {
                *o += p * v;
            }
        }
    }
    mean.iter_mut().for_each(|o| *o /= sum);
    -(best + sum.ln()) * epsilon
}
