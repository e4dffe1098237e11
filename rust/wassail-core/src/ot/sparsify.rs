//! The large entries of a plan, as a compressed sparse row matrix.

use super::geometry::Geometry;
use super::plan::{Plan, Potentials, Scratch};
use super::tiling::{ROWS, blocks, kept_height};
use crate::error::{Error, Result, try_extend, try_zeroed};
use crate::monitor::Monitor;
use crate::parallel::{chunks, map_chunks, sum};
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

impl Csr {
    /// The transpose of one of `m` columns.
    pub fn transposed(&self, m: usize) -> Self {
        let mut indptr = vec![0; m + 1];
        self.indices.iter().for_each(|j| indptr[*j as usize + 1] += 1);
        (0..m).for_each(|j| indptr[j + 1] += indptr[j]);
        let (mut indices, mut data, mut fill) =
            (vec![0; self.indices.len()], vec![0.0; self.data.len()], indptr.clone());
        for (i, ends) in self.indptr.windows(2).enumerate() {
            for at in ends[0] as usize..ends[1] as usize {
                let place = &mut fill[self.indices[at] as usize];
                (indices[*place as usize], data[*place as usize]) = (i as i64, self.data[at]);
                *place += 1;
            }
        }
        Self { indptr, indices, data }
    }

    /// No rows yet.
    pub fn empty() -> Self {
        Self { indptr: vec![0], ..Self::default() }
    }

    /// Appends a row of these entries, but for those that are not positive.
    pub fn push_row(&mut self, entries: impl Iterator<Item = Entry>) {
        let mut row: Vec<Entry> = entries.filter(|e| e.1 > 0.0).collect();
        row.sort_unstable_by_key(|e| e.0);
        self.indices.extend(row.iter().map(|e| e.0));
        self.data.extend(row.iter().map(|e| e.1));
        self.indptr.push(self.data.len() as i64);
    }
}

/// The kept entries of P, in O(m) operations per row whatever the rule.
pub fn sparsify(geometry: &dyn Geometry, potentials: Potentials<'_>, keep: Keep, monitor: &dyn Monitor) -> Result<Csr> {
    let plan = Plan::new(geometry, potentials)?;
    let n = geometry.shape().0;
    let parts = map_chunks(chunks(n, ROWS, 256), monitor, |rows| chunk(&plan, &rows, keep, monitor))?;
    let total = parts.iter().map(|p| p.data.len()).sum();
    let mut out = Csr { indptr: Vec::with_capacity(n + 1), ..Csr::default() };
    let refused = |_| Error::OutOfMemory(total * size_of::<Entry>());
    out.indices.try_reserve_exact(total).map_err(refused)?;
    out.data.try_reserve_exact(total).map_err(refused)?;
    for part in parts {
        let start = out.data.len() as i64;
        out.indptr.extend(part.indptr.iter().map(|at| start + at));
        out.indices.extend(part.indices);
        out.data.extend(part.data);
    }
    out.indptr.push(total as i64);
    Ok(out)
}

/// The rows of a chunk, without the last `indptr`.
fn chunk(plan: &Plan<'_>, rows: &Range<usize>, keep: Keep, monitor: &dyn Monitor) -> Result<Csr> {
    let m = plan.geometry().shape().1;
    let height = kept_height(plan.geometry());
    let mut kept = try_zeroed(height * m)?;
    let (mut scratch, mut entries, mut out) = (Scratch::default(), Vec::new(), Csr::default());
    for block in blocks(rows, height) {
        plan.block(&block, &mut scratch, monitor, |tile| {
            for r in 0..block.len() {
                kept[r * m..][tile.cols.clone()].copy_from_slice(tile.plan(r));
            }
        })?;
        for row in kept.chunks_exact(m).take(block.len()) {
            monitor.check()?;
            entries.clear();
            select(row, keep, &mut entries);
            entries.sort_unstable_by_key(|e| e.0);
            out.indptr.push(out.data.len() as i64);
            try_extend(&mut out.indices, entries.iter().map(|e| e.0))?;
            try_extend(&mut out.data, entries.iter().map(|e| e.1))?;
        }
    }
    Ok(out)
}

fn above(row: &[f64], threshold: f64) -> impl Iterator<Item = Entry> {
    row.iter().enumerate().filter(move |(_, p)| **p > threshold).map(|(j, p)| (j as i64, *p))
}

fn select(row: &[f64], keep: Keep, entries: &mut Vec<Entry>) {
    match keep {
        Keep::Above(threshold) => entries.extend(above(row, threshold)),
        Keep::Largest(k) => largest(row, k, entries),
        Keep::Mass(share) => {
            let total = sum(row.iter().copied());
            // Entries up to this one hold together at most what may be left out.
            entries.extend(above(row, (1.0 - share).max(0.0) * total / row.len() as f64));
            let count = fewest(entries, share * total);
            entries.truncate(count);
        }
    }
}

/// The k largest. Candidates are cut back to k whenever they are many, and what cannot be among them is passed over.
fn largest(row: &[f64], k: usize, entries: &mut Vec<Entry>) {
    let many = 2 * k + 32;
    let mut cutoff = 0.0;
    for (j, p) in row.iter().enumerate() {
        if *p > cutoff {
            entries.push((j as i64, *p));
            if entries.len() == many {
                entries.select_nth_unstable_by(k, descending);
                entries.truncate(k);
                cutoff = entries.iter().map(|e| e.1).fold(f64::INFINITY, f64::min);
            }
        }
    }
    if entries.len() > k {
        entries.select_nth_unstable_by(k, descending);
        entries.truncate(k);
    }
}

/// Larger values first, ties by column.
fn descending(p: &Entry, q: &Entry) -> Ordering {
    q.1.total_cmp(&p.1).then(p.0.cmp(&q.0))
}

/// Moves the fewest largest entries that hold the target to the front and counts them: bisection by partition, O(m).
fn fewest(entries: &mut [Entry], target: f64) -> usize {
    let (mut low, mut high, mut held) = (0, entries.len(), 0.0);
    // The first `low` entries hold `held` < target, the first `high` hold at least the target.
    while high - low > 1 {
        let middle = (high - low) / 2;
        let part = &mut entries[low..high];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes() {
        let csr = Csr { indptr: vec![0, 2, 2, 4], indices: vec![0, 3, 1, 3], data: vec![1.0, 2.0, 3.0, 4.0] };
        let other = Csr { indptr: vec![0, 1, 2, 2, 4], indices: vec![0, 2, 0, 2], data: vec![1.0, 3.0, 2.0, 4.0] };
        assert_eq!(csr.transposed(4), other);
        assert_eq!(other.transposed(3), csr);
    }
}
