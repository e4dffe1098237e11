//! The one-sweep Sinkhorn iteration: each cost is read once and exponentiated once.
//!
//! For row i, e_ij = b_j exp((r_i + g_j − C_ij)/ε) relative to a reference r_i (the last softmin), s_i = Σ_j e_ij gives the new f_i,
//! and P_ij = a_i exp((f_i − r_i)/ε) e_ij is added to the column masses while it is still in cache.

use super::geometry::{Cost, Geometry, TILE, tiles};
use super::kernels::rounded_row;
use super::update::{Advance, BLOCK, Project, RowRule, Update};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{add_scaled, add_scaled4, dot4, gibbs_row, gibbs_row_native, row_max};
use crate::numeric::log::ln_slice;
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

/// Entries of a chunk that are worth its own column sums and a hand-over.
const CHUNK: usize = 1 << 15;

/// Row ranges of a sweep. They depend on the shape only; their column sums are kept apart, in at most 64 MB or 8 rows.
pub fn row_chunks(n: usize, m: usize) -> Vec<Range<usize>> {
    let most = ((1 << 23) / m.max(1)).clamp(8, 64);
    chunks(n, BLOCK, most.min((n.saturating_mul(m) / CHUNK).max(8)))
}

/// One chunk's share of the rows.
pub struct ChunkRows<R> {
    /// Global rows.
    pub rows: Range<usize>,
    /// What happens to them.
    pub rule: R,
}

/// Cuts f, softmin and a into the chunks of an update.
pub fn updates<'a>(pair: &'a mut Pair<'_>, a: &'a [f64], rule: &'a Update) -> Vec<ChunkRows<Advance<'a>>> {
    let (mut f, mut softmin) = (&mut pair.f[..], &mut pair.softmin[..]);
    let ranges = row_chunks(f.len(), pair.g.len());
    let mut out = Vec::with_capacity(ranges.len());
    for rows in ranges {
        let (f_head, f_tail) = f.split_at_mut(rows.len());
        let (s_head, s_tail) = softmin.split_at_mut(rows.len());
        (f, softmin) = (f_tail, s_tail);
        let rule = Advance { f: f_head, softmin: s_head, a: &a[rows.clone()], rule };
        out.push(ChunkRows { rows, rule });
    }
    out
}

/// The chunks of a product, `scale` and `softmin` per row.
pub fn projections<'a>(softmin: &'a [f64], scale: &'a [f64], m: usize) -> Vec<ChunkRows<Project<'a>>> {
    let cut = |rows: Range<usize>| ChunkRows {
        rule: Project { softmin: &softmin[rows.clone()], scale: &scale[rows.clone()] },
        rows,
    };
    row_chunks(softmin.len(), m).into_iter().map(cut).collect()
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

/// What a pass reads, in units of ε: columns with their log weights, and the vector whose row sums are wanted (None: ones).
struct Pass<'a, T> {
    g: &'a [f64],
    /// g in the precision of the costs.
    native: Vec<T>,
    inv_eps: f64,
    probe: Option<&'a [f64]>,
}

impl<'a, T: Scalar> Pass<'a, T> {
    fn new(g: &'a [f64], epsilon: f64, probe: Option<&'a [f64]>) -> Self {
        Self { g, native: g.iter().map(|&g| T::from_f64(g)).collect(), inv_eps: 1.0 / epsilon, probe }
    }
}

/// The pair at which Sinkhorn's map is linearized.
#[derive(Clone, Copy)]
pub struct Linearization<'a> {
    /// Row softmins at g.
    pub softmin: &'a [f64],
    /// Column potential.
    pub g: &'a [f64],
    /// Column weights.
    pub b: &'a [f64],
    /// P1.
    pub row_mass: &'a [f64],
    /// ε.
    pub epsilon: f64,
}

/// log b_j folded into g: b_j exp(z) = exp(z + log b_j).
pub fn scaled_columns(g: &[f64], b: &[f64], epsilon: f64) -> Vec<f64> {
    let mut scaled = b.to_vec();
    ln_slice(&mut scaled);
    scaled.iter_mut().zip(g).for_each(|(s, g)| *s += g / epsilon);
    scaled
}

impl<'a, T: Cost> Stream<'a, T> {
    /// A sweep over the given costs.
    pub fn new(geometry: &'a dyn Geometry) -> Result<Self> {
        geometry.prepare(T::WIDE == 2)?;
        Ok(Self { geometry, tile: Buffers::new(), exponentials: Buffers::new(), partials: Buffers::new() })
    }

    /// Updates f from g and leaves the column masses.
    pub fn sweep(&self, mut pair: Pair<'_>, w: Weights<'_>, rule: &Update, monitor: &dyn Monitor) -> Result<()> {
        let g = scaled_columns(pair.g, w.b, rule.epsilon);
        let pass = Pass::new(&g, rule.epsilon, None);
        let mass = std::mem::take(&mut pair.mass);
        self.pass(updates(&mut pair, w.a, rule), &pass, mass, monitor)
    }

    /// The same, and leaves the kernel b_j exp((S_i + g_j − C_ij)/ε), whose rows sum to 1.
    pub fn sweep_keeping<S: Scalar>(
        &self,
        mut pair: Pair<'_>,
        w: Weights<'_>,
        rule: &Update,
        kernel: &mut [S],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let (g, m) = (scaled_columns(pair.g, w.b, rule.epsilon), w.b.len());
        let pass = Pass::new(&g, rule.epsilon, None);
        let mass = std::mem::take(&mut pair.mass);
        let (mut rest, mut jobs) = (kernel, Vec::new());
        for job in updates(&mut pair, w.a, rule) {
            let (head, tail) = rest.split_at_mut(job.rows.len() * m);
            rest = tail;
            jobs.push((job, head));
        }
        let partials = map_chunks(jobs, monitor, |(job, kernel)| {
            let keep = |rows: Range<usize>, e: &[T], sums: &[f64]| {
                let kept = kernel[rows.start * m..rows.end * m].chunks_exact_mut(m);
                kept.zip(e.chunks_exact(m)).zip(sums).for_each(|((kept, e), sum)| rounded_row(e, 1.0 / sum, kept));
            };
            self.chunk(job, &pass, keep, monitor)
        })?;
        self.combined(partials, mass, monitor)
    }

    /// out_j = Σ_i scale_i p_ij Σ_k p_ik x_k with p_ij = b_j exp((S_i + g_j − C_ij)/ε), rows of p summing to 1.
    pub fn product(&self, at: &Linearization<'_>, x: &[f64], out: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        let g = scaled_columns(at.g, at.b, at.epsilon);
        let pass = Pass::new(&g, at.epsilon, Some(x));
        self.pass(projections(at.softmin, at.row_mass, x.len()), &pass, out, monitor)
    }

    fn pass<R: RowRule>(
        &self,
        jobs: Vec<ChunkRows<R>>,
        pass: &Pass<'_, T>,
        out: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let partials = map_chunks(jobs, monitor, |job| self.chunk(job, pass, |_, _, _| (), monitor))?;
        self.combined(partials, out, monitor)
    }

    fn combined(&self, partials: Vec<Vec<f64>>, out: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        combine(&partials, out, monitor)?;
        partials.into_iter().for_each(|p| self.partials.give(p));
        Ok(())
    }

    /// `keep` sees the exponentials of each block of rows of the chunk, and their sums.
    fn chunk<R: RowRule>(
        &self,
        mut job: ChunkRows<R>,
        pass: &Pass<'_, T>,
        mut keep: impl FnMut(Range<usize>, &[T], &[f64]),
        monitor: &dyn Monitor,
    ) -> Result<Vec<f64>> {
        let m = pass.g.len();
        let rows_at_once = self.rows_at_once();
        let mut tile = self.tile.take(rows_at_once * TILE)?;
        let mut e = self.exponentials.take(rows_at_once * m)?;
        let mut t = self.partials.take(m)?;
        t[..m].fill(0.0);
        for block in chunks(job.rows.len(), rows_at_once, usize::MAX) {
            monitor.check()?;
            self.block(job.rows.start, block, &mut job.rule, pass, &mut tile, &mut e, &mut keep, &mut t[..m]);
        }
        self.tile.give(tile);
        self.exponentials.give(e);
        Ok(t)
    }

    /// Columns in high dimension are reloaded for every block of rows, so blocks are taller there.
    fn rows_at_once(&self) -> usize {
        if self.geometry.points().is_some_and(|p| p.dim() > 8) { BLOCK } else { 4 }
    }

    fn block<R: RowRule>(
        &self,
        start: usize,
        block: Range<usize>,
        rule: &mut R,
        pass: &Pass<'_, T>,
        tile: &mut [T],
        e: &mut [T],
        keep: &mut impl FnMut(Range<usize>, &[T], &[f64]),
        t: &mut [f64],
    ) {
        let (count, m) = (block.len(), pass.g.len());
        let rows = start + block.start..start + block.end;
        let mut reference = [0.0; BLOCK];
        reference[..count].copy_from_slice(rule.reference(block.clone()));
        let mut sums = [0.0; BLOCK];
        for cols in tiles(m) {
            let costs = T::block(self.geometry, rows.clone(), cols.clone(), tile);
            for r in 0..count {
                let out = &mut e[r * m..][cols.clone()];
                sums[r] += gibbs_row_native(
                    costs.row(r),
                    &pass.native[cols.clone()],
                    reference[r] * pass.inv_eps,
                    pass.inv_eps,
                    out,
                );
            }
        }
        for r in 0..count {
            if !(sums[r] > 1.0 / T::SAFE && sums[r] < T::SAFE) {
                (reference[r], sums[r]) = self.rescued(rows.start + r, pass, tile, &mut e[r * m..(r + 1) * m]);
            }
        }
        keep(block.clone(), e, &sums[..count]);
        if let Some(x) = pass.probe {
            row_dots(e, x, &mut sums[..count]);
        }
        rule.weigh(block, &reference[..count], &mut sums[..count]);
        add_rows(e, &sums[..count], t);
    }

    /// A row whose sum left the safe range, with its largest exponent as the reference: reference and sum.
    fn rescued(&self, row: usize, pass: &Pass<'_, T>, tile: &mut [T], e: &mut [T]) -> (f64, f64) {
        let mut best = f64::NEG_INFINITY;
        for cols in tiles(e.len()) {
            let costs = T::block(self.geometry, row..row + 1, cols.clone(), tile);
            best = best.max(row_max(costs.row(0), &pass.g[cols], pass.inv_eps));
        }
        let mut sum = 0.0;
        for cols in tiles(e.len()) {
            let costs = T::block(self.geometry, row..row + 1, cols.clone(), tile);
            sum += gibbs_row(costs.row(0), &pass.g[cols.clone()], -best, pass.inv_eps, &mut e[cols]);
        }
        (-best / pass.inv_eps, sum)
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

/// sums_r = Σ_j e_rj x_j, rows of length `x.len()`.
pub fn row_dots<T: Scalar>(e: &[T], x: &[f64], sums: &mut [f64]) {
    let (count, m) = (sums.len(), x.len());
    // The last row stands in for those that would complete a quad.
    let row = |r: usize| &e[r.min(count - 1) * m..][..m];
    let mut all = [0.0; BLOCK];
    for r in (0..count).step_by(4) {
        all[r..r + 4].copy_from_slice(&dot4([row(r), row(r + 1), row(r + 2), row(r + 3)], x));
    }
    sums.copy_from_slice(&all[..count]);
}
