//! The one-sweep Sinkhorn iteration: each cost is read once and exponentiated once.
//!
//! For row i, e_ij = b_j exp((r_i + g_j − C_ij)/ε) relative to a reference r_i (the last softmin), s_i = Σ_j e_ij gives the new f_i,
//! and P_ij = a_i exp((f_i − r_i)/ε) e_ij is added to the column masses while it is still in cache.

use super::geometry::{Cost, Geometry, TILE, tiles};
use super::update::{BLOCK, RowState, Update};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{add_scaled, add_scaled4, gibbs_row, row_max};
use crate::numeric::scalar::Scalar;
use crate::parallel::{chunks, map_chunks};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// What a sweep works on.
pub struct Pair<'a> {
    /// Row potential, updated.
    pub f: &'a mut [f64],
    /// Column potential.
    pub g: &'a [f64],
    /// Row softmins: in, those of the last sweep, the references of this one; out, those at g.
    pub softmin: &'a mut [f64],
    /// Column masses Σ_i P_ij of the plan at (new f, g), written.
    pub mass: &'a mut [f64],
}

impl Pair<'_> {
    /// The same pair for a shorter time.
    pub fn reborrow(&mut self) -> Pair<'_> {
        Pair { f: self.f, g: self.g, softmin: self.softmin, mass: self.mass }
    }
}

/// Weights of rows and columns.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// Row weights.
    pub a: &'a [f64],
    /// Column weights.
    pub b: &'a [f64],
}

/// Row ranges of a sweep. They depend on the shape only; their column sums are kept apart, in at most 64 MB or 8 rows.
pub fn row_chunks(n: usize, m: usize) -> Vec<Range<usize>> {
    let most = ((1 << 23) / m.max(1)).clamp(8, 64);
    chunks(n, BLOCK, most)
}

/// One chunk's share of the rows.
pub struct ChunkRows<'a> {
    /// Global rows.
    pub rows: Range<usize>,
    /// Their state.
    pub state: RowState<'a>,
}

/// Cuts f, softmin and a into the chunks.
pub fn split_rows<'a>(
    f: &'a mut [f64],
    softmin: &'a mut [f64],
    a: &'a [f64],
    ranges: &[Range<usize>],
) -> Vec<ChunkRows<'a>> {
    let (mut f, mut softmin) = (f, softmin);
    let mut out = Vec::with_capacity(ranges.len());
    for rows in ranges {
        let (f_head, f_tail) = f.split_at_mut(rows.len());
        let (s_head, s_tail) = softmin.split_at_mut(rows.len());
        (f, softmin) = (f_tail, s_tail);
        let state = RowState { f: f_head, softmin: s_head, a: &a[rows.clone()] };
        out.push(ChunkRows { rows: rows.clone(), state });
    }
    out
}

/// mass_j = Σ over chunks, in order.
pub fn combine(partials: &[Vec<f64>], mass: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
    let width = mass.len().div_ceil(16).max(4096);
    let parts: Vec<(usize, &mut [f64])> = mass.chunks_mut(width).enumerate().map(|(k, c)| (k * width, c)).collect();
    map_chunks(parts, monitor, |(start, part)| {
        part.fill(0.0);
        for partial in partials {
            for (m, p) in part.iter_mut().zip(&partial[start..]) {
                *m += p;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Buffers that chunks take and give back, so that a sweep allocates nothing once they exist.
pub struct Buffers<T>(Mutex<Vec<Vec<T>>>);

impl<T: Scalar> Buffers<T> {
    /// None yet.
    pub fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }
    /// A buffer of at least `len` elements, contents arbitrary.
    pub fn take(&self, len: usize) -> Result<Vec<T>> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match found {
            Some(buffer) if buffer.len() >= len => Ok(buffer),
            _ => try_zeroed(len),
        }
    }
    /// Returns a buffer.
    pub fn give(&self, buffer: Vec<T>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

impl<T: Scalar> Default for Buffers<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Sweeps that compute each exponential from its cost: any geometry, O(n + m) memory.
pub struct Stream<'a, T> {
    geometry: &'a dyn Geometry,
    tile: Buffers<T>,
    exponentials: Buffers<T>,
    partials: Buffers<f64>,
}

/// One row block's view of the problem, all in units of ε.
struct Scaled<'a> {
    g: &'a [f64],
    inv_eps: f64,
}

impl<'a, T: Cost> Stream<'a, T> {
    /// A sweep over the given costs.
    pub fn new(geometry: &'a dyn Geometry) -> Result<Self> {
        geometry.prepare(T::WIDE == 2)?;
        Ok(Self { geometry, tile: Buffers::new(), exponentials: Buffers::new(), partials: Buffers::new() })
    }

    /// Updates f from g and leaves the column masses.
    pub fn sweep(&self, pair: Pair<'_>, w: Weights<'_>, rule: &Update, monitor: &dyn Monitor) -> Result<()> {
        let (n, m) = self.geometry.shape();
        // log b_j folded into g: b_j exp(z) = exp(z + log b_j).
        let g: Vec<f64> = pair.g.iter().zip(w.b).map(|(g, b)| g / rule.epsilon + b.ln()).collect();
        let scaled = Scaled { g: &g, inv_eps: 1.0 / rule.epsilon };
        let ranges = row_chunks(n, m);
        let jobs = split_rows(pair.f, pair.softmin, w.a, &ranges);
        let partials = map_chunks(jobs, monitor, |job| self.chunk(job, &scaled, rule, monitor))?;
        combine(&partials, pair.mass, monitor)?;
        partials.into_iter().for_each(|p| self.partials.give(p));
        Ok(())
    }

    fn chunk(&self, job: ChunkRows<'_>, scaled: &Scaled<'_>, rule: &Update, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let m = scaled.g.len();
        let rows_at_once = self.rows_at_once();
        let mut tile = self.tile.take(rows_at_once * TILE)?;
        let mut e = self.exponentials.take(rows_at_once * m)?;
        let mut t = self.partials.take(m)?;
        t[..m].fill(0.0);
        for block in chunks(job.rows.len(), rows_at_once, usize::MAX) {
            monitor.check()?;
            let rows = job.rows.start + block.start..job.rows.start + block.end;
            let mut state = RowState {
                f: &mut job.state.f[block.clone()],
                softmin: &mut job.state.softmin[block.clone()],
                a: &job.state.a[block.clone()],
            };
            self.block(rows, &mut state, scaled, rule, &mut tile, &mut e, &mut t[..m]);
        }
        self.tile.give(tile);
        self.exponentials.give(e);
        Ok(t)
    }

    /// Columns in high dimension are reloaded for every block of rows, so blocks are taller there.
    fn rows_at_once(&self) -> usize {
        if self.geometry.points().is_some_and(|p| p.dim() > 8) { BLOCK } else { 4 }
    }

    fn block(
        &self,
        rows: Range<usize>,
        state: &mut RowState<'_>,
        scaled: &Scaled<'_>,
        rule: &Update,
        tile: &mut [T],
        e: &mut [T],
        t: &mut [f64],
    ) {
        let (count, m) = (rows.len(), scaled.g.len());
        let mut reference = [0.0; BLOCK];
        reference[..count].copy_from_slice(state.softmin);
        let mut sums = [0.0; BLOCK];
        for cols in tiles(m) {
            let costs = T::block(self.geometry, rows.clone(), cols.clone(), tile);
            for r in 0..count {
                let out = &mut e[r * m..][cols.clone()];
                sums[r] += gibbs_row(
                    costs.row(r),
                    &scaled.g[cols.clone()],
                    reference[r] * scaled.inv_eps,
                    scaled.inv_eps,
                    out,
                );
            }
        }
        for r in 0..count {
            if !(sums[r] > 1.0 / T::SAFE && sums[r] < T::SAFE) {
                (reference[r], sums[r]) = self.rescued(rows.start + r, scaled, tile, &mut e[r * m..(r + 1) * m]);
            }
        }
        state.advance(rule, &reference[..count], &mut sums[..count]);
        add_rows(e, &sums[..count], t);
    }

    /// A row whose sum left the safe range, with its largest exponent as the reference: reference and sum.
    fn rescued(&self, row: usize, scaled: &Scaled<'_>, tile: &mut [T], e: &mut [T]) -> (f64, f64) {
        let mut best = f64::NEG_INFINITY;
        for cols in tiles(e.len()) {
            let costs = T::block(self.geometry, row..row + 1, cols.clone(), tile);
            best = best.max(row_max(costs.row(0), &scaled.g[cols], scaled.inv_eps));
        }
        let mut sum = 0.0;
        for cols in tiles(e.len()) {
            let costs = T::block(self.geometry, row..row + 1, cols.clone(), tile);
            sum += gibbs_row(costs.row(0), &scaled.g[cols.clone()], -best, scaled.inv_eps, &mut e[cols]);
        }
        (-best / scaled.inv_eps, sum)
    }
}

/// t_j += Σ_r w_r e_rj, rows of length `t.len()`.
pub fn add_rows<T: Scalar>(e: &[T], w: &[f64], t: &mut [f64]) {
    let m = t.len();
    let row = |r: usize| &e[r * m..(r + 1) * m];
    let quads = w.len() / 4 * 4;
    for r in (0..quads).step_by(4) {
        add_scaled4([row(r), row(r + 1), row(r + 2), row(r + 3)], [w[r], w[r + 1], w[r + 2], w[r + 3]], t);
    }
    for (r, &w) in w.iter().enumerate().skip(quads) {
        add_scaled(row(r), w, t);
    }
}
