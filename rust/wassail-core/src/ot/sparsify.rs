//! The large entries of a plan, as a compressed sparse row matrix.

use super::geometry::Geometry;
use super::plan::{Plan, Potentials, Scratch};
use super::tiling::{ROWS, blocks, kept_height};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::{chunks, map_chunks};
use std::cmp::Ordering;
use std::ops::Range;

/// Which entries to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// Those above a threshold; 0 keeps all that are not 0.
    Above(f64),
    /// The k largest of each row.
    Largest(usize),
    /// Of each row the fewest that hold this share of its mass.
    Mass(f64),
}

/// Compressed sparse rows, columns ascending in each row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Csr {
    /// Row i is at `indptr[i]..indptr[i + 1]`.
    pub indptr: Vec<i64>,
    /// Columns.
    pub indices: Vec<i64>,
    /// Values.
    pub data: Vec<f64>,
}

/// Column and value.
type Entry = (i64, f64);

/// The kept entries of P, in O(m) operations per row whatever the rule.
pub fn sparsify(geometry: &dyn Geometry, potentials: Potentials<'_>, keep: Keep, monitor: &dyn Monitor) -> Result<Csr> {
    let plan = Plan::new(geometry, potentials)?;
    let n = geometry.shape().0;
    let parts = map_chunks(chunks(n, ROWS, 256), monitor, |rows| chunk(&plan, &rows, keep, monitor))?;
    let mut out = Csr { indptr: vec![0], ..Csr::default() };
    let total = parts.iter().flatten().map(Vec::len).sum();
    out.indices.reserve_exact(total);
    out.data.reserve_exact(total);
    for row in parts.into_iter().flatten() {
        for (column, value) in row {
            out.indices.push(column);
            out.data.push(value);
        }
        out.indptr.push(out.data.len() as i64);
    }
    Ok(out)
}

fn chunk(plan: &Plan<'_>, rows: &Range<usize>, keep: Keep, monitor: &dyn Monitor) -> Result<Vec<Vec<Entry>>> {
    let threshold = if let Keep::Above(t) = keep { t } else { 0.0 };
    let mut scratch = Scratch::default();
    let mut out = Vec::with_capacity(rows.len());
    for block in blocks(rows, kept_height(plan.geometry())) {
        let mut found: Vec<Vec<Entry>> = vec![Vec::new(); block.len()];
        plan.block(&block, &mut scratch, monitor, |tile| {
            for (r, found) in found.iter_mut().enumerate() {
                let entries = tile.cols.clone().zip(tile.plan(r)).filter(|(_, p)| **p > threshold);
                found.extend(entries.map(|(j, p)| (j as i64, *p)));
            }
        })?;
        for mut row in found {
            select(&mut row, keep);
            row.shrink_to_fit();
            out.push(row);
        }
    }
    Ok(out)
}

/// Larger values first, ties by column.
fn descending(p: &Entry, q: &Entry) -> Ordering {
    q.1.total_cmp(&p.1).then(p.0.cmp(&q.0))
}

fn select(row: &mut Vec<Entry>, keep: Keep) {
    let count = match keep {
        Keep::Above(_) => row.len(),
        Keep::Largest(k) => k.min(row.len()),
        Keep::Mass(share) => fewest(row, share),
    };
    if count == row.len() {
        row.sort_unstable_by_key(|e| e.0);
        return;
    }
    row.select_nth_unstable_by(count, descending);
    row.truncate(count);
    row.sort_unstable_by_key(|e| e.0);
}

/// How many of the largest entries hold the share of the mass: bisection by partition, O(m).
fn fewest(row: &mut [Entry], share: f64) -> usize {
    let target = share * row.iter().map(|e| e.1).sum::<f64>();
    let (mut low, mut high, mut held) = (0, row.len(), 0.0);
    if share >= 1.0 {
        return high;
    }
    // The first `low` entries hold `held` < target, the first `high` hold at least the target.
    while high - low > 1 {
        let middle = (high - low) / 2;
        let part = &mut row[low..high];
        part.select_nth_unstable_by(middle, descending);
        let mass: f64 = part[..middle].iter().map(|e| e.1).sum();
        if held + mass >= target {
            high = low + middle;
        } else {
            held += mass;
            low += middle;
        }
    }
    high
}
