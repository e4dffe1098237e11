//! Weighted sums of kernel values: mean embeddings and quadratic forms, in f64, in a fixed order, in O(n) memory.

use super::table::{BLOCK, STRIDE, Scratch, Table, add_rows, tiles, walk};
use super::{Kernel, Real};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{LANES, add_scaled4};
use crate::parallel::{chunks, map_chunks};
use crate::points::Coordinates;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Columns of a task: a few rows against many columns keep all threads busy too.
const SPAN: usize = 256 * STRIDE;
/// Most blocks that a symmetric table is cut into; half as many tasks run at a time.
const SIDES: usize = 128;

/// k(x_i, x_i).
pub fn diagonal(kernel: &dyn Kernel, points: Coordinates<'_>, d: usize, monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let (mut values, mut point) = (try_zeroed(points.len() / d)?, try_zeroed(d)?);
    for (i, value) in values.iter_mut().enumerate() {
        if i % BLOCK == 0 {
            monitor.check()?;
        }
        points.read(i * d, &mut point);
        *value = kernel.try_diagonal(&point)?;
    }
    Ok(values)
}

/// Σ_j w_j h(i, j) for all rows.
pub fn row_sums<T: Real>(table: &dyn Table<T>, weights: &[f64], monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let (n, m) = table.shape();
    let mut tasks = Vec::new();
    for rows in chunks(n, BLOCK, usize::MAX) {
        tasks.extend((0..m).step_by(SPAN).map(|start| (rows.clone(), start..(start + SPAN).min(m))));
    }
    let starts: Vec<usize> = tasks.iter().map(|(rows, _)| rows.start).collect();
    let parts = map_chunks(tasks, monitor, |(rows, cols)| {
        let (mut sums, first) = (try_zeroed(rows.len())?, rows.start);
        let mut part = Part { table, weights, scratch: Scratch::new()? };
        tiles(rows, cols, monitor, |rows, cols| {
            let sums = &mut sums[rows.start - first..rows.end - first];
            part.add(rows, cols, |_| 0..usize::MAX, sums)
        })?;
        Ok(sums)
    })?;
    let mut sums = try_zeroed(n)?;
    for (start, part) in starts.into_iter().zip(parts) {
        sums[start..].iter_mut().zip(part).for_each(|(s, p)| *s += p);
    }
    Ok(sums)
}

/// Σ_{i<j<end(i)} w_j h(i, j) for all rows of a square table; `end` must not decrease.
pub fn upper_sums<T: Real>(
    table: &dyn Table<T>,
    weights: &[f64],
    end: impl Fn(usize) -> usize + Sync,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let (n, _) = table.shape();
    let parts = map_chunks(chunks(n, BLOCK, usize::MAX), monitor, |rows: Range<usize>| {
        let (mut sums, first) = (try_zeroed(rows.len())?, rows.start);
        // BLOCK is a multiple of LANES: the diagonal starts at a panel.
        let cols = first..end(rows.end - 1).min(n);
        let mut part = Part { table, weights, scratch: Scratch::new()? };
        tiles(rows, cols, monitor, |rows, cols| {
            let sums = &mut sums[rows.start - first..rows.end - first];
            part.add(rows, cols, |i| i + 1..end(i), sums)
        })?;
        Ok(sums)
    })?;
    let mut sums = try_zeroed(n)?;
    sums.iter_mut().zip(parts.iter().flatten()).for_each(|(s, &p)| *s = p);
    Ok(sums)
}

/// Σ_{j≠i} w_j h(i, j) for all rows of a symmetric table and several weights: (weights, n), row-major. Each pair is
/// evaluated once.
pub fn symmetric_sums<T: Real>(table: &dyn Table<T>, weights: &[&[f64]], monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let (n, _) = table.shape();
    let sides = chunks(n, BLOCK, SIDES);
    let mut sums = Vec::new();
    for side in &sides {
        sums.push(Mutex::new(try_zeroed(weights.len() * side.len())?));
    }
    // Within a round no two tasks meet in a block, so that its sums grow in the order of the rounds.
    for round in rounds(sides.len()) {
        map_chunks(round, monitor, |(p, q)| {
            let (rows, cols) = (&sides[p], &sides[q]);
            let mut left = sums[p].lock().unwrap_or_else(PoisonError::into_inner);
            let mut right = (p != q).then(|| sums[q].lock().unwrap_or_else(PoisonError::into_inner));
            let mut scratch = Scratch::new()?;
            for block in chunks(rows.len(), BLOCK, usize::MAX) {
                let block = rows.start + block.start..rows.start + block.end;
                let from = if p == q { block.start } else { cols.start };
                walk(table, block, from..cols.end, &mut scratch, monitor, |some, at, tile| {
                    if p == q {
                        for (i, values) in some.clone().zip(tile.chunks_mut(STRIDE)) {
                            erase(values, &at, 0..i + 1);
                        }
                    }
                    for (k, w) in weights.iter().enumerate() {
                        let of = |side: &Range<usize>, part: &Range<usize>| {
                            let base = k * side.len();
                            base + part.start - side.start..base + part.end - side.start
                        };
                        add_rows(tile, &w[at.clone()], &mut left[of(rows, &some)]);
                        let other = right.as_deref_mut().unwrap_or(&mut left);
                        add_columns(tile, &w[some.clone()], &mut other[of(cols, &at)]);
                    }
                })?;
            }
            Ok(())
        })?;
    }
    let mut out = try_zeroed(weights.len() * n)?;
    for (side, sums) in sides.iter().zip(sums) {
        let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (out, sums) in out.chunks_mut(n).zip(sums.chunks(side.len())) {
            out[side.clone()].copy_from_slice(sums);
        }
    }
    Ok(out)
}

/// Pairs of blocks (p ≤ q), each pair once, in rounds where no block occurs twice: first each with itself, then the
/// circle method of tournaments.
fn rounds(count: usize) -> Vec<Vec<(usize, usize)>> {
    let even = count.next_multiple_of(2);
    let mut rounds = vec![(0..count).map(|p| (p, p)).collect()];
    for turn in 0..even.saturating_sub(1) {
        let at = |k: usize| (turn + k) % (even - 1);
        let pairs = (1..even / 2).map(|k| (at(k), at(even - 1 - k))).chain([(turn, even - 1)]);
        let ordered = pairs.map(|(p, q)| (p.min(q), p.max(q)));
        rounds.push(ordered.filter(|&(_, q)| q < count).collect());
    }
    rounds
}

/// Weighted sums over rows.
struct Part<'a, T> {
    table: &'a dyn Table<T>,
    weights: &'a [f64],
    scratch: Scratch<T>,
}

impl<T: Real> Part<'_, T> {
    /// sums_i += Σ_j w_j h(i, j) over the columns of a tile that row i takes; the ends of its columns do not decrease.
    fn add(
        &mut self,
        rows: Range<usize>,
        cols: Range<usize>,
        taken: impl Fn(usize) -> Range<usize>,
        sums: &mut [f64],
    ) -> Result<()> {
        let panels = cols.start / LANES..cols.end.div_ceil(LANES);
        let weights = &self.weights[cols.clone()];
        let whole = cols.len().is_multiple_of(LANES);
        if whole && taken(rows.end - 1).start <= cols.start && cols.end <= taken(rows.start).end {
            return self.table.add_rows(rows, panels, weights, &mut self.scratch, sums);
        }
        let Scratch { tile, spare } = &mut self.scratch;
        self.table.tile(rows.clone(), panels, tile, spare)?;
        for (i, values) in rows.zip(tile.chunks_mut(STRIDE)) {
            let taken = taken(i);
            erase(values, &cols, 0..taken.start);
            erase(values, &cols, taken.end..usize::MAX);
        }
        add_rows(tile, weights, sums);
        Ok(())
    }
}

/// Zeros the values of a row whose columns are in `gone`.
fn erase<T: Real>(values: &mut [T], cols: &Range<usize>, gone: Range<usize>) {
    let (start, end) = (gone.start.max(cols.start), gone.end.min(cols.end));
    if start < end {
        values[start - cols.start..end - cols.start].fill(T::ZERO);
    }
}

/// sums_j += Σ_r w_r tile_rj.
fn add_columns<T: Real>(tile: &[T], weights: &[f64], sums: &mut [f64]) {
    let count = weights.len();
    for first in (0..count).step_by(4) {
        let row = |i: usize| &tile[(first + i).min(count - 1) * STRIDE..][..sums.len()];
        let weight = |i: usize| weights.get(first + i).copied().unwrap_or(0.0);
        add_scaled4([row(0), row(1), row(2), row(3)], [weight(0), weight(1), weight(2), weight(3)], sums);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::table::{Cross, Paired};
    use crate::kernel::{Cloud, Gaussian, Isotropic};
    use crate::monitor::Silent;

    fn points(n: usize, d: usize, seed: u32) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24)
        };
        (0..n * d).map(|_| next()).collect()
    }

    fn value(x: &[f64], y: &[f64]) -> f64 {
        (-2.0 * x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>()).exp()
    }

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= 1e-12 * (1.0 + e.abs()), "{f} {e}");
        }
    }

    #[test]
    fn sums_are_those_of_the_table() {
        let d = 3;
        let kernel: &dyn Kernel = &Isotropic(Gaussian::new(0.5));
        for n in [1, 2, 9, 64, 65, 257, 700] {
            let (x, y, w) = (points(n, d, 1), points(n, d, 2), points(n, 1, 3));
            let v: Vec<f64> = w.iter().map(|w| w - 0.5).collect();
            let cloud = |p: &[f64]| Cloud::<f64>::new(kernel, Coordinates::Double(p), d, &[0.0; 3], 0..n).unwrap();
            let (cx, cy) = (cloud(&x), cloud(&y));
            let at = |p: &[f64], i: usize| p[i * d..(i + 1) * d].to_vec();
            let k = |p: &[f64], q: &[f64], i, j| value(&at(p, i), &at(q, j));
            let h = |i, j| k(&x, &x, i, j) - k(&x, &y, i, j) - k(&y, &x, i, j) + k(&y, &y, i, j);
            let sum = |i: usize, w: &[f64], cols: Range<usize>, h: &dyn Fn(usize, usize) -> f64| -> f64 {
                cols.filter(|&j| j != i).map(|j| w[j] * h(i, j)).sum()
            };

            let cross = Cross { kernel, x: &cx, y: &cy };
            let expected: Vec<f64> = (0..n).map(|i| (0..n).map(|j| w[j] * k(&x, &y, i, j)).sum()).collect();
            close(&row_sums(&cross, &w, &Silent).unwrap(), &expected);

            let paired = Paired { kernel, x: &cx, y: &cy };
            for reach in [1, 5, 100, n] {
                let end = |i: usize| (i + 1 + reach).min(n);
                let expected: Vec<f64> = (0..n).map(|i| sum(i, &w, i + 1..end(i), &h)).collect();
                close(&upper_sums(&paired, &w, end, &Silent).unwrap(), &expected);
            }

            let own = Cross { kernel, x: &cx, y: &cx };
            let both = [w.as_slice(), &v];
            let expected: Vec<f64> =
                both.iter().flat_map(|w| (0..n).map(|i| sum(i, w, 0..n, &|i, j| k(&x, &x, i, j)))).collect();
            close(&symmetric_sums(&own, &both, &Silent).unwrap(), &expected);
        }
    }

    #[test]
    fn rounds_hold_each_pair_once() {
        for count in 0..20 {
            let mut seen = vec![0; count * count];
            for round in rounds(count) {
                let mut met = vec![false; count];
                for (p, q) in round {
                    seen[p * count + q] += 1;
                    assert!(p <= q && !met[p] && (p == q || !met[q]));
                    (met[p], met[q]) = (true, true);
                }
            }
            for p in 0..count {
                assert!((p..count).all(|q| seen[p * count + q] == 1));
            }
        }
    }
}
