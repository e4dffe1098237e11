//! A sparse stand-in for the plan: its large entries, and a sample of the small ones that carries their mass.
//!
//! Entries with P_ij ≥ δ min(a_i, b_j) are kept. What a row loses is put back onto entries drawn from those it loses, in
//! proportion to their size, each carrying at most a share of the row. Row sums are kept, and every sum over the plan is in
//! expectation: the graph stays connected where dropping would cut it, and its Laplacian is close to the plan's. Systematic
//! sampling with offsets from the golden ratio: the result is a function of the plan.

use super::super::geometry::Geometry;
use super::super::plan::{Plan, Potentials, Scratch};
use super::super::stored::PlanRows;
use super::super::sweep::{Linearization, Weights, row_chunks};
use super::super::tiling::{blocks, kept_height};
use super::kernels::{draw, keep};
use crate::error::{Result, try_zeroed};
use crate::linalg::Bipartite;
use crate::monitor::Monitor;
use crate::numeric::scalar::Scalar;
use crate::parallel::{map_chunks, sum};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fractional part of the golden ratio.
const GOLDEN: f64 = 0.618_033_988_749_894_9;
/// Mass of a row, as a share of it, that is not worth a drawn entry.
const NOTHING: f64 = 1e-15;

/// What is kept.
#[derive(Clone, Copy)]
pub struct Rule<'a> {
    /// Weights of the marginals.
    pub weights: Weights<'a>,
    /// δ: entries of at least this share of their row or column are kept.
    pub share: f64,
    /// The largest share of a row that a drawn entry carries.
    pub grain: f64,
    /// Entries that are too many.
    pub most: usize,
}

/// Rows being collected.
#[derive(Default)]
struct Part {
    counts: Vec<usize>,
    index: Vec<u32>,
    weight: Vec<f64>,
    /// Of the row at hand: places, and what blocks of it lose.
    places: Vec<u32>,
    sums: Vec<f64>,
}

impl Part {
    /// Adds row i, whose entries are `p`; `cut` holds δ b of their columns, and `column` names them.
    fn add(&mut self, i: usize, p: &[f64], cut: &[f64], rule: &Rule<'_>, column: impl Fn(u32) -> u32) {
        let (before, top) = (self.index.len(), rule.share * rule.weights.a[i]);
        self.places.clear();
        self.sums.clear();
        keep(p, cut, top, &mut self.places, &mut self.sums);
        let rest = sum(self.sums.iter().copied());
        self.index.extend(self.places.iter().map(|at| column(*at)));
        self.weight.extend(self.places.iter().map(|at| p[*at as usize]));
        if rest > NOTHING * rule.weights.a[i] && rest < f64::INFINITY {
            // A row holds its weight; where rounding blows it up, no more is drawn than from a whole one.
            let count = (rest / (rule.grain * rule.weights.a[i])).min(1.0 / rule.grain).ceil().max(1.0);
            let spacing = rest / count;
            self.places.clear();
            let offset = ((i as f64 + 0.5) * GOLDEN).fract();
            draw(p, cut, top, &self.sums, offset * spacing, spacing, &mut self.places);
            let carried = rest / self.places.len().max(1) as f64;
            let mut last = None;
            for at in &self.places {
                if last == Some(*at) {
                    let end = self.weight.len() - 1;
                    self.weight[end] += carried;
                } else {
                    self.index.push(column(*at));
                    self.weight.push(carried);
                }
                last = Some(*at);
            }
        }
        self.counts.push(self.index.len() - before);
    }
}

fn joined(parts: Vec<Part>, n: usize, m: usize) -> Bipartite {
    let total = parts.iter().map(|p| p.index.len()).sum();
    let mut out = Bipartite { cols: m, start: Vec::with_capacity(n + 1), ..Bipartite::default() };
    out.index.reserve_exact(total);
    out.weight.reserve_exact(total);
    let mut end = 0;
    out.start.push(0);
    for part in parts {
        out.start.extend(part.counts.iter().map(|c| {
            end += c;
            end
        }));
        out.index.extend(part.index);
        out.weight.extend(part.weight);
    }
    out
}

/// The entries of rows that `visit` hands over one by one; None if they are too many.
fn collect(
    (n, m): (usize, usize),
    rule: &Rule<'_>,
    monitor: &dyn Monitor,
    visit: impl Fn(&Range<usize>, &mut dyn FnMut(usize, &[f64]) -> bool) -> Result<()> + Sync,
) -> Result<Option<Bipartite>> {
    let cut: Vec<f64> = rule.weights.b.iter().map(|b| rule.share * b).collect();
    let found = AtomicUsize::new(0);
    let parts = map_chunks(row_chunks(n, m), monitor, |rows| {
        let mut part = Part::default();
        visit(&rows, &mut |i, p| {
            part.add(i, p, &cut, rule, |at| at);
            let new = part.counts.last().copied().unwrap_or(0);
            found.fetch_add(new, Ordering::Relaxed) + new <= rule.most
        })?;
        Ok(part)
    })?;
    // A sum that is too large is so in any order.
    let fits = found.into_inner() <= rule.most;
    Ok(fits.then(|| joined(parts, n, m)))
}

/// From a stored kernel.
pub fn of_kernel<S: Scalar>(
    plan: &PlanRows<'_, S>,
    shape: (usize, usize),
    rule: &Rule<'_>,
    monitor: &dyn Monitor,
) -> Result<Option<Bipartite>> {
    collect(shape, rule, monitor, |rows, take| {
        let mut row = try_zeroed(shape.1)?;
        for i in rows.clone() {
            monitor.check()?;
            plan.row(i, &mut row);
            if !take(i, &row) {
                break;
            }
        }
        Ok(())
    })
}

/// From the costs, streamed: O(n + m) memory beside the entries.
pub fn of_costs(
    geometry: &dyn Geometry,
    at: &Linearization<'_>,
    rule: &Rule<'_>,
    monitor: &dyn Monitor,
) -> Result<Option<Bipartite>> {
    let Weights { a, b } = rule.weights;
    let plan = Plan::new(geometry, Potentials { f: at.softmin, g: at.g, a, b, epsilon: at.epsilon })?;
    let (shape, height) = (geometry.shape(), kept_height(geometry));
    collect(shape, rule, monitor, |rows, take| {
        let (mut kept, mut scratch) = (try_zeroed(height * shape.1)?, Scratch::default());
        for block in blocks(rows, height) {
            plan.block(&block, &mut scratch, monitor, |tile| {
                for r in 0..block.len() {
                    kept[r * shape.1..][tile.cols.clone()].copy_from_slice(tile.plan(r));
                }
            })?;
            for (i, row) in block.zip(kept.chunks_exact(shape.1)) {
                monitor.check()?;
                if !take(i, row) {
                    return Ok(());
                }
            }
        }
        Ok(())
    })
}

/// A sparser stand-in for a sparse one.
pub fn thinned(w: &Bipartite, rule: &Rule<'_>) -> Bipartite {
    let mut part = Part::default();
    let mut cut = Vec::new();
    for i in 0..w.rows() {
        let (index, weight) = w.row(i);
        cut.clear();
        cut.extend(index.iter().map(|j| rule.share * rule.weights.b[*j as usize]));
        part.add(i, weight, &cut, rule, |at| index[at as usize]);
    }
    joined(vec![part], w.rows(), w.cols)
}
