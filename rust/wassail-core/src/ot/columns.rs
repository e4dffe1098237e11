//! Column softmins in row order: the cost is read along its rows, whatever its layout favors.

use super::geometry::{Geometry, TILE};
use super::scan::column_max;
use super::softmin::{Columns, softmin_rows};
use super::sweep::{combine, row_chunks};
use super::tiling::{blocks, for_each_tile, height};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{add_scaled, gibbs_row};
use crate::parallel::map_chunks;

/// S_j = −ε log Σ_i a_i exp((f_i − C_ij)/ε), inf for a column without arcs; right for any potentials and weights.
pub fn softmin_cols(
    geometry: &dyn Geometry,
    f: &[f64],
    a: &[f64],
    epsilon: f64,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    if geometry.is_column_major() || !geometry.is_stored() {
        let columns = Columns { g: f, b: a, values: &[], width: 0 };
        return Ok(softmin_rows(&*geometry.transposed(), columns, epsilon, monitor)?.0);
    }
    let exponent = |(f, a): (&f64, &f64)| if *a > 0.0 { f / epsilon + a.ln() } else { f64::NEG_INFINITY };
    let rows: Vec<f64> = f.iter().zip(a).map(exponent).collect();
    let best = column_max(geometry, &rows, 1.0 / epsilon, monitor)?;
    let shift: Vec<f64> = best.iter().map(|b| if *b > f64::NEG_INFINITY { -b } else { *b }).collect();
    let sums = shifted_sums(geometry, &rows, &shift, 1.0 / epsilon, monitor)?;
    let softmin = |(b, s): (&f64, &f64)| if *b > f64::NEG_INFINITY { -(b + s.ln()) * epsilon } else { f64::INFINITY };
    Ok(best.iter().zip(&sums).map(softmin).collect())
}

/// Σ_i exp(rows_i + shift_j − C_ij/ε).
fn shifted_sums(
    geometry: &dyn Geometry,
    rows: &[f64],
    shift: &[f64],
    inv_eps: f64,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let (n, m) = geometry.shape();
    let partials = map_chunks(row_chunks(n, m), monitor, |chunk| {
        let mut t = try_zeroed(m)?;
        let (mut scratch, mut e) = (Vec::new(), [0.0; TILE]);
        for block in blocks(&chunk, height(geometry)) {
            for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
                for (r, i) in block.clone().enumerate() {
                    gibbs_row(costs.row(r), &shift[cols.clone()], rows[i], inv_eps, &mut e[..cols.len()]);
                    add_scaled(&e, 1.0, &mut t[cols.clone()]);
                }
            })?;
        }
        Ok(t)
    })?;
    let mut sums = try_zeroed(m)?;
    combine(&partials, &mut sums, monitor)?;
    Ok(sums)
}
