//! Products of a plan with a few vectors.

use super::geometry::Geometry;
use super::plan::{Plan, Potentials};
use super::sweep::{combine, row_chunks};
use super::tiling::{ROWS, add_products, split};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::parallel::map_chunks;

/// (k, len) from row-major (len, k).
pub(super) fn transpose(v: &[f64], len: usize, k: usize) -> Result<Vec<f64>> {
    let mut out = try_zeroed(len * k)?;
    for (j, row) in v.chunks_exact(k.max(1)).take(len).enumerate() {
        for (c, value) in row.iter().enumerate() {
            out[c * len + j] = *value;
        }
    }
    Ok(out)
}

/// P v: (n, k) from (m, k).
pub fn apply(
    geometry: &dyn Geometry,
    potentials: Potentials<'_>,
    v: &[f64],
    k: usize,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let plan = Plan::new(geometry, potentials)?;
    let (n, m) = geometry.shape();
    let columns = transpose(v, m, k)?;
    let mut out = try_zeroed(n * k)?;
    let ranges = row_chunks(n, m);
    map_chunks(split(&mut out, &ranges, k).collect(), monitor, |(rows, out)| {
        plan.walk(&rows, monitor, |tile| {
            let start = tile.rows.start - rows.start;
            for c in 0..k {
                let v = &columns[c * m..(c + 1) * m][tile.cols.clone()];
                add_products(tile.table(), v, tile.rows.len(), &mut out[start * k + c..], k);
            }
        })
    })?;
    Ok(out)
}

/// Pᵀ v: (m, k) from (n, k).
pub fn apply_transposed(
    geometry: &dyn Geometry,
    potentials: Potentials<'_>,
    v: &[f64],
    k: usize,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let plan = Plan::new(geometry, potentials)?;
    let (n, m) = geometry.shape();
    let partials = map_chunks(row_chunks(n, m * k), monitor, |rows| {
        let mut t = try_zeroed(m * k)?;
        plan.walk(&rows, monitor, |tile| {
            let mut w = [0.0; ROWS];
            for (c, t) in t.chunks_exact_mut(m).enumerate() {
                for (w, i) in w.iter_mut().zip(tile.rows.clone()) {
                    *w = v[i * k + c];
                }
                tile.add_columns(&w[..tile.rows.len()], t);
            }
        })?;
        Ok(t)
    })?;
    let mut out = try_zeroed(m * k)?;
    combine(&partials, &mut out, monitor)?;
    transpose(&out, k, m)
}
