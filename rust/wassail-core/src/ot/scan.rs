//! What a cost holds: extremes, mean, forbidden rows and columns; and its minima against a potential.

use super::geometry::{Block, Geometry};
use super::kernels::{Summary, raise, summarize};
use super::sweep::row_chunks;
use super::tiling::{blocks, for_each_tile, height};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::row_max;
use crate::parallel::{chunks, map_chunks};
use std::ops::Range;

/// Facts about a cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scan {
    /// Smallest finite entry, inf for none.
    pub min: f64,
    /// Largest finite entry, −inf for none.
    pub max: f64,
    /// Mean of the finite entries, NaN for none.
    pub mean: f64,
    /// Row-major place of the first entry that is NaN or −inf.
    pub bad: Option<usize>,
    /// Whether any entry is not finite.
    pub forbidden: bool,
    /// First row without a finite entry.
    pub forbidden_row: Option<usize>,
    /// First column without a finite entry.
    pub forbidden_col: Option<usize>,
}

/// One chunk's findings.
struct Part {
    summary: Summary,
    bad: Option<usize>,
    forbidden_row: Option<usize>,
    /// Columns seen with a finite entry; `None` when all were.
    seen: Option<Vec<bool>>,
}

/// Reads every entry once, in the order of memory.
pub fn cost_scan(geometry: &dyn Geometry, monitor: &dyn Monitor) -> Result<Scan> {
    if geometry.is_column_major() {
        let scan = scan_rows(&*geometry.transposed(), monitor)?;
        // The first unusable entry in row order is another one.
        if scan.bad.is_none() {
            return Ok(Scan { forbidden_row: scan.forbidden_col, forbidden_col: scan.forbidden_row, ..scan });
        }
    }
    scan_rows(geometry, monitor)
}

fn scan_rows(geometry: &dyn Geometry, monitor: &dyn Monitor) -> Result<Scan> {
    geometry.prepare(false)?;
    let (n, m) = geometry.shape();
    let parts = map_chunks(row_chunks(n, m), monitor, |rows| part(geometry, &rows, monitor))?;
    let summary = parts.iter().fold(Summary::EMPTY, |s, p| s.join(&p.summary));
    let forbidden_col = if parts.iter().any(|p| p.seen.is_none()) {
        None
    } else {
        (0..m).find(|&j| !parts.iter().any(|p| p.seen.as_ref().is_some_and(|s| s[j])))
    };
    Ok(Scan {
        min: summary.min,
        max: summary.max,
        mean: summary.sum / summary.count,
        bad: parts.iter().find_map(|p| p.bad),
        forbidden: summary.count < n as f64 * m as f64,
        forbidden_row: parts.iter().find_map(|p| p.forbidden_row),
        forbidden_col,
    })
}

fn part(geometry: &dyn Geometry, rows: &Range<usize>, monitor: &dyn Monitor) -> Result<Part> {
    let m = geometry.shape().1;
    let mut out = Part { summary: Summary::EMPTY, bad: None, forbidden_row: None, seen: Some(vec![false; m]) };
    let mut scratch = Vec::new();
    for block in blocks(rows, height(geometry)) {
        let mut row = vec![Summary::EMPTY; block.len()];
        for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
            for (r, row) in row.iter_mut().enumerate() {
                let summary = summarize(costs.row(r));
                *row = row.join(&summary);
                if summary.count < cols.len() as f64 {
                    inspect(costs, r, (block.start + r) * m, &cols, &mut out);
                }
            }
        })?;
        for (i, row) in block.zip(&row) {
            out.summary = out.summary.join(row);
            if row.count == 0.0 && out.forbidden_row.is_none() {
                out.forbidden_row = Some(i);
            }
            if row.count == m as f64 {
                out.seen = None;
            }
        }
    }
    // Rows without any infinite entry leave `seen` to the others only where no such row exists.
    if out.seen.is_some() {
        out.seen = Some(seen_columns(geometry, rows, monitor)?);
    }
    Ok(out)
}

/// Looks for the first unusable entry in a piece of a row that is not all finite.
fn inspect(costs: &Block<'_, f64>, r: usize, start: usize, cols: &Range<usize>, out: &mut Part) {
    let bad = costs.row(r).iter().position(|c| c.is_nan() || *c == f64::NEG_INFINITY);
    if let Some(at) = bad {
        let place = start + cols.start + at;
        out.bad = Some(out.bad.map_or(place, |b| b.min(place)));
    }
}

/// Columns with a finite entry in these rows, none of which is all finite.
fn seen_columns(geometry: &dyn Geometry, rows: &Range<usize>, monitor: &dyn Monitor) -> Result<Vec<bool>> {
    let mut seen = vec![false; geometry.shape().1];
    let mut scratch = Vec::new();
    for block in blocks(rows, height(geometry)) {
        for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
            for r in 0..block.len() {
                for (s, c) in seen[cols.clone()].iter_mut().zip(costs.row(r)) {
                    *s |= c.is_finite();
                }
            }
        })?;
    }
    Ok(seen)
}

/// min_j C_ij − g_j for each row; potentials of −inf are left out, inf for none.
pub fn c_transform_rows(geometry: &dyn Geometry, g: &[f64], monitor: &dyn Monitor) -> Result<Vec<f64>> {
    geometry.prepare(false)?;
    let n = geometry.shape().0;
    let parts = map_chunks(chunks(n, height(geometry), 256), monitor, |rows| {
        let mut best = vec![f64::NEG_INFINITY; rows.len()];
        let mut scratch = Vec::new();
        for block in blocks(&rows, height(geometry)) {
            for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
                for (r, i) in block.clone().enumerate() {
                    let best = &mut best[i - rows.start];
                    *best = best.max(row_max(costs.row(r), &g[cols.clone()], 1.0));
                }
            })?;
        }
        Ok(best)
    })?;
    Ok(parts.concat().into_iter().map(|z| -z).collect())
}

/// min_i C_ij − f_i for each column; potentials of −inf are left out, inf for none.
pub fn c_transform_cols(geometry: &dyn Geometry, f: &[f64], monitor: &dyn Monitor) -> Result<Vec<f64>> {
    Ok(column_max(geometry, f, 1.0, monitor)?.into_iter().map(|z| -z).collect())
}

/// max_i f_i − C_ij/ε for each column, −inf for none.
pub(super) fn column_max(geometry: &dyn Geometry, f: &[f64], inv_eps: f64, monitor: &dyn Monitor) -> Result<Vec<f64>> {
    geometry.prepare(false)?;
    let (n, m) = geometry.shape();
    let parts = map_chunks(row_chunks(n, m), monitor, |rows| {
        let mut best = try_zeroed(m)?;
        best.fill(f64::NEG_INFINITY);
        let mut scratch = Vec::new();
        for block in blocks(&rows, height(geometry)) {
            for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
                for (r, i) in block.clone().enumerate().filter(|(_, i)| f[*i] > f64::NEG_INFINITY) {
                    raise(costs.row(r), f[i], inv_eps, &mut best[cols.clone()]);
                }
            })?;
        }
        Ok(best)
    })?;
    let mut best = try_zeroed(m)?;
    best.fill(f64::NEG_INFINITY);
    for part in &parts {
        for (b, p) in best.iter_mut().zip(part) {
            *b = b.max(*p);
        }
    }
    Ok(best)
}
