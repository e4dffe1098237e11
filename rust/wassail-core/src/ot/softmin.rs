//! Softmins by the maximum-shifted formula: right for any potentials and weights, zero weights included.

use super::apply::transpose;
use super::geometry::{Geometry, TILE};
use super::tiling::{ROWS, add_products, blocks, for_each_tile, height};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{gibbs_row, row_max};
use crate::parallel::{chunks, map_chunks};
use std::ops::Range;

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
    let (n, m) = geometry.shape();
    let exponent = |(g, b): (&f64, &f64)| if *b > 0.0 { g / epsilon + b.ln() } else { f64::NEG_INFINITY };
    let g: Vec<f64> = columns.g.iter().zip(columns.b).map(exponent).collect();
    let values = transpose(columns.values, m, columns.width)?;
    let rows = Rows { geometry, g: &g, epsilon, values: &values, width: columns.width, monitor };
    let height = height(geometry);
    let parts = map_chunks(chunks(n, height, 256), monitor, |chunk| {
        let mut softmin = Vec::with_capacity(chunk.len());
        let mut means = try_zeroed(chunk.len() * columns.width)?;
        let mut scratch = Scratch { costs: Vec::new(), e: try_zeroed(height * TILE)? };
        for block in blocks(&chunk, height) {
            let start = (block.start - chunk.start) * columns.width;
            softmin.extend(rows.block(&block, &mut scratch, &mut means[start..])?.iter().take(block.len()));
        }
        Ok((softmin, means))
    })?;
    let (softmin, means): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    Ok((softmin.concat(), means.concat()))
}

struct Scratch {
    costs: Vec<f64>,
    e: Vec<f64>,
}

struct Rows<'a> {
    geometry: &'a dyn Geometry,
    g: &'a [f64],
    epsilon: f64,
    /// (k, m).
    values: &'a [f64],
    width: usize,
    monitor: &'a dyn Monitor,
}

impl Rows<'_> {
    /// Softmins of at most `ROWS` rows; their means are written. The maximum runs along, and what was summed below a
    /// smaller one is scaled down to the larger.
    fn block(&self, rows: &Range<usize>, scratch: &mut Scratch, means: &mut [f64]) -> Result<[f64; ROWS]> {
        let (m, k, inv_eps) = (self.g.len(), self.width, 1.0 / self.epsilon);
        let Scratch { costs: buffer, e } = scratch;
        let (mut best, mut sums) = ([f64::NEG_INFINITY; ROWS], [0.0; ROWS]);
        for_each_tile(self.geometry, rows, buffer, self.monitor, |cols, costs| {
            let g = &self.g[cols.clone()];
            for r in 0..rows.len() {
                let top = row_max(costs.row(r), g, inv_eps);
                if top > best[r] {
                    let shrink = (best[r] - top).exp();
                    sums[r] *= shrink;
                    means[r * k..(r + 1) * k].iter_mut().for_each(|v| *v *= shrink);
                    best[r] = top;
                }
                // A row without arcs yet: any finite shift leaves its sum 0.
                let shift = if best[r] > f64::NEG_INFINITY { -best[r] } else { 0.0 };
                sums[r] += gibbs_row(costs.row(r), g, shift, inv_eps, &mut e[r * TILE..][..cols.len()]);
            }
            for c in 0..k {
                let values = &self.values[c * m..][cols.clone()];
                add_products(e, values, rows.len(), &mut means[c..], k);
            }
        })?;
        for (r, mean) in means.chunks_exact_mut(k.max(1)).enumerate().take(rows.len()) {
            let sum = if sums[r] > 0.0 { sums[r] } else { 1.0 };
            mean.iter_mut().for_each(|v| *v /= sum);
        }
        for (s, b) in sums.iter_mut().zip(&best) {
            *s = if *b > f64::NEG_INFINITY { -(b + s.ln()) * self.epsilon } else { f64::INFINITY };
        }
        Ok(sums)
    }
}
