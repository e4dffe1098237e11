//! Rounding of a plan onto the transport polytope (Altschuler, Weed, Rigollet 2017), streamed: the sums that bound the
//! optimal cost from above.

use super::geometry::Geometry;
use super::kernels::masked_dot;
use super::plan::{Plan, Potentials, Scratch};
use super::sweep::{combine, row_chunks};
use super::tiling::{ROWS, blocks, kept_height};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::dot4;
use crate::parallel::{map_chunks, sum};
use std::ops::Range;

/// The plan P, its scaled form P' = diag(x) P diag(y), and what the rounded plan P' + e_a e_bᵀ / ‖e_a‖₁ costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// P1.
    pub rows: Vec<f64>,
    /// Pᵀ1.
    pub cols: Vec<f64>,
    /// x = min(a / P1, 1).
    pub x: Vec<f64>,
    /// y = min(b / (diag(x) P)ᵀ1, 1).
    pub y: Vec<f64>,
    /// P'1.
    pub scaled_rows: Vec<f64>,
    /// P'ᵀ1.
    pub scaled_cols: Vec<f64>,
    /// ⟨C, P'⟩.
    pub scaled_cost: f64,
    /// e_aᵀ C e_b / ‖e_a‖₁ with e_a = a − P'1 and e_b = b − P'ᵀ1, over pairs where both are positive.
    pub filled_cost: f64,
}

/// Two passes over the cost: the first scales rows, the second sums the scaled plan.
pub fn certificate_sums(
    geometry: &dyn Geometry,
    potentials: Potentials<'_>,
    monitor: &dyn Monitor,
) -> Result<Certificate> {
    let plan = Plan::new(geometry, potentials)?;
    let Scaled { rows, cols, x, row_scaled_cols } = scale_rows(&plan, potentials.a, monitor)?;
    let y: Vec<f64> = row_scaled_cols.iter().zip(potentials.b).map(|(c, b)| factor(*b, *c)).collect();
    let scaled_cols: Vec<f64> = row_scaled_cols.iter().zip(&y).map(|(c, y)| c * y).collect();
    let missing: Vec<f64> = potentials.b.iter().zip(&scaled_cols).map(|(b, c)| (b - c).max(0.0)).collect();
    let filled: Vec<Filled> = {
        let parts = map_chunks(row_chunks(x.len(), y.len()), monitor, |rows| {
            fill_rows(&plan, &rows, &x, &y, &missing, monitor)
        })?;
        parts.into_iter().flatten().collect()
    };
    let short: Vec<f64> = potentials.a.iter().zip(&filled).map(|(a, r)| (a - r.mass).max(0.0)).collect();
    let total = sum(potentials.a.iter().zip(&filled).map(|(a, r)| (a - r.mass).abs()));
    let paid = short.iter().zip(&filled).map(|(e, r)| if *e > 0.0 { e * r.missing_cost } else { 0.0 });
    let filled_cost = if total > 0.0 { sum(paid) / total } else { 0.0 };
    let scaled_cost = sum(filled.iter().map(|r| r.cost));
    let scaled_rows = filled.iter().map(|r| r.mass).collect();
    Ok(Certificate { rows, cols, x, y, scaled_rows, scaled_cols, scaled_cost, filled_cost })
}

/// min(target / mass, 1), 1 where there is no mass.
fn factor(target: f64, mass: f64) -> f64 {
    if mass > target { target / mass } else { 1.0 }
}

struct Scaled {
    rows: Vec<f64>,
    cols: Vec<f64>,
    x: Vec<f64>,
    row_scaled_cols: Vec<f64>,
}

/// P1, Pᵀ1, x and (diag(x) P)ᵀ1 in one pass: each block of rows is kept until its sums are known.
fn scale_rows(plan: &Plan<'_>, a: &[f64], monitor: &dyn Monitor) -> Result<Scaled> {
    let (n, m) = plan.geometry().shape();
    let height = kept_height(plan.geometry());
    let parts = map_chunks(row_chunks(n, m), monitor, |rows| {
        let mut scratch = Scratch::default();
        let mut kept = try_zeroed(height * m)?;
        let (mut col, mut scaled) = (try_zeroed(m)?, try_zeroed(m)?);
        let mut sums = Vec::with_capacity(rows.len());
        for block in blocks(&rows, height) {
            let mut row = [0.0; ROWS];
            plan.block(&block, &mut scratch, monitor, |tile| {
                tile.add_columns(&[1.0; ROWS][..block.len()], &mut col);
                for (r, sum) in tile.sums.iter().enumerate() {
                    row[r] += sum;
                    kept[r * m..][tile.cols.clone()].copy_from_slice(tile.plan(r));
                }
            })?;
            for (r, i) in block.clone().enumerate() {
                sums.push((row[r], factor(a[i], row[r])));
            }
            let x: Vec<f64> = sums[sums.len() - block.len()..].iter().map(|s| s.1).collect();
            super::sweep::add_rows(&kept[..block.len() * m], &x, &mut scaled);
        }
        Ok((sums, (col, scaled)))
    })?;
    let (sums, partials): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let (col, scaled): (Vec<_>, Vec<_>) = partials.into_iter().unzip();
    let (rows, x) = sums.concat().into_iter().unzip();
    let (mut cols, mut row_scaled_cols) = (try_zeroed(m)?, try_zeroed(m)?);
    combine(&col, &mut cols, monitor)?;
    combine(&scaled, &mut row_scaled_cols, monitor)?;
    Ok(Scaled { rows, cols, x, row_scaled_cols })
}

/// One row of P' and its costs.
struct Filled {
    mass: f64,
    cost: f64,
    /// Σ_j C_ij e_b,j.
    missing_cost: f64,
}

fn fill_rows(
    plan: &Plan<'_>,
    rows: &Range<usize>,
    x: &[f64],
    y: &[f64],
    missing: &[f64],
    monitor: &dyn Monitor,
) -> Result<Vec<Filled>> {
    let mut out: Vec<Filled> = rows.clone().map(|_| Filled { mass: 0.0, cost: 0.0, missing_cost: 0.0 }).collect();
    let mut scaled = [0.0; super::geometry::TILE];
    plan.walk(rows, monitor, |tile| {
        let (y, missing) = (&y[tile.cols.clone()], &missing[tile.cols.clone()]);
        for (r, i) in tile.rows.clone().enumerate() {
            let p = tile.plan(r);
            let row = &mut out[i - rows.start];
            for ((s, p), y) in scaled.iter_mut().zip(p).zip(y) {
                *s = p * y;
            }
            row.mass += x[i] * dot4([p; 4], y)[0];
            row.cost += x[i] * masked_dot(tile.costs(r), &scaled[..p.len()]);
            row.missing_cost += masked_dot(tile.costs(r), missing);
        }
    })?;
    Ok(out)
}
