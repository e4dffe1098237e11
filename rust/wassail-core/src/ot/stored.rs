//! The scaling form of the sweep: the kernel is kept, an iteration is two products that read it once.
//!
//! K_ij = b_j exp((f⁰_i + g⁰_j − C_ij)/ε) at references f⁰ (a row softmin: rows of K sum to about 1) and g⁰, so that
//! P_ij = a_i u_i K_ij v_j with u = exp((f − f⁰)/ε) and v = exp((g − g⁰)/ε). When softmin or g have moved far, the references
//! follow ("absorption"): nothing over- or underflows, and what underflow drops is below e^(2·LIMIT) times the smallest normal.

use super::geometry::{Cost, Geometry, TILE, tiles};
use super::kernels::scaled_row;
use super::sweep::{
    Buffers, ChunkRows, Linearization, Pair, Stream, Weights, add_rows, combine, projections, row_chunks, row_dots,
    scaled_columns, updates,
};
use super::update::{BLOCK, RowRule, Update};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::numeric::exp::exp_slice;
use crate::numeric::lanes::{gibbs_row, row_max};
use crate::numeric::scalar::Scalar;
use crate::parallel::{chunks, map_chunks};

/// Largest |S − f⁰|/ε and |g − g⁰|/ε before absorption.
const LIMIT: f64 = 12.0;

/// A kernel in storage precision S, its references, and the ε it belongs to.
pub struct Stored<S> {
    kernel: Vec<S>,
    f0: Vec<f64>,
    g0: Vec<f64>,
    epsilon: f64,
    partials: Buffers<f64>,
}

impl<S: Scalar> Stored<S> {
    /// An empty kernel of this shape.
    pub fn new(n: usize, m: usize) -> Result<Self> {
        // Zeroed by the system page by page, so that the threads that fill it touch it first.
        Ok(Self {
            kernel: vec![S::ZERO; n * m],
            f0: vec![0.0; n],
            g0: vec![0.0; m],
            epsilon: 0.0,
            partials: Buffers::new(),
        })
    }

    /// Whether softmin and g are near enough to the references at this ε.
    pub fn fits(&self, softmin: &[f64], g: &[f64], epsilon: f64) -> bool {
        let near = |x: &[f64], x0: &[f64]| x.iter().zip(x0).all(|(x, x0)| (x - x0).abs() <= LIMIT * epsilon);
        self.epsilon == epsilon && near(g, &self.g0) && near(softmin, &self.f0)
    }

    /// Moves the references to (softmin, g) and fills the kernel.
    pub fn absorb<T: Cost>(
        &mut self,
        geometry: &dyn Geometry,
        softmin: &[f64],
        g: &[f64],
        b: &[f64],
        epsilon: f64,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let (n, m) = geometry.shape();
        self.f0.copy_from_slice(softmin);
        self.g0.copy_from_slice(g);
        self.epsilon = epsilon;
        let scaled = scaled_columns(g, b, epsilon);
        let fill = Filling { geometry, g: &scaled, inv_eps: 1.0 / epsilon };
        let mut rest = &mut self.kernel[..];
        let mut jobs = Vec::new();
        for rows in row_chunks(n, m) {
            let (head, tail) = rest.split_at_mut(rows.len() * m);
            rest = tail;
            jobs.push((rows, head));
        }
        map_chunks(jobs, monitor, |(rows, kernel)| {
            let mut tile = [T::ZERO; TILE];
            for (i, row) in rows.zip(kernel.chunks_exact_mut(m)) {
                monitor.check()?;
                fill.row(i, softmin[i], &mut tile, row);
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Updates f from g and leaves the column masses while it fills the kernel: one exponential an entry for both.
    pub fn sweep_absorbing<T: Cost>(
        &mut self,
        geometry: &dyn Geometry,
        mut pair: Pair<'_>,
        w: Weights<'_>,
        rule: &Update,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let m = pair.g.len();
        let g = scaled_columns(pair.g, w.b, rule.epsilon);
        let mass = std::mem::take(&mut pair.mass);
        let mut rest = &mut self.kernel[..];
        let mut jobs = Vec::new();
        for job in updates(&mut pair, w.a, rule) {
            let (head, tail) = rest.split_at_mut(job.rows.len() * m);
            rest = tail;
            jobs.push((job, head));
        }
        let fill = Filling { geometry, g: &g, inv_eps: 1.0 / rule.epsilon };
        let partials = map_chunks(jobs, monitor, |(job, kernel)| {
            let mut t = self.partials.take(m)?;
            t[..m].fill(0.0);
            fill.chunk::<T, S, _>(job, kernel, &mut t[..m], monitor)?;
            Ok(t)
        })?;
        combine(&partials, mass, monitor)?;
        partials.into_iter().for_each(|p| self.partials.give(p));
        self.f0.copy_from_slice(pair.softmin);
        self.g0.copy_from_slice(pair.g);
        self.epsilon = rule.epsilon;
        Ok(())
    }

    /// Updates f from g and leaves the column masses, all in f64, and fills the kernel on the way.
    pub fn sweep_exact(
        &mut self,
        exact: &Stream<'_, f64>,
        mut pair: Pair<'_>,
        w: Weights<'_>,
        rule: &Update,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        exact.sweep_keeping(pair.reborrow(), w, rule, &mut self.kernel, monitor)?;
        self.f0.copy_from_slice(pair.softmin);
        self.g0.copy_from_slice(pair.g);
        self.epsilon = rule.epsilon;
        Ok(())
    }

    /// Updates f from g and leaves the column masses. False if a row sum left the safe range: the sweep is then void.
    pub fn sweep(&self, mut pair: Pair<'_>, w: Weights<'_>, rule: &Update, monitor: &dyn Monitor) -> Result<bool> {
        let v = self.scalings(pair.g);
        let mass = std::mem::take(&mut pair.mass);
        let safe = self.pass(updates(&mut pair, w.a, rule), &v, mass, monitor)?;
        mass.iter_mut().zip(&v).for_each(|(mass, v)| *mass *= v);
        Ok(safe)
    }

    /// out_j = Σ_i row_mass_i p_ij Σ_k p_ik x_k with the rows of p summing to 1 (see `Stream::product`).
    pub fn product(&self, at: &Linearization<'_>, x: &[f64], out: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        let v = self.scalings(at.g);
        let probe: Vec<f64> = v.iter().zip(x).map(|(v, x)| v * x).collect();
        // p_ij = K_ij v_j / s_i with s_i = exp((f⁰_i − S_i)/ε), which enters twice.
        let mut scale: Vec<f64> = self.f0.iter().zip(at.softmin).map(|(f0, s)| 2.0 * (s - f0) / self.epsilon).collect();
        exp_slice(&mut scale);
        scale.iter_mut().zip(at.row_mass).for_each(|(s, r)| *s *= r);
        self.pass(projections(at.softmin, &scale, x.len()), &probe, out, monitor)?;
        out.iter_mut().zip(&v).for_each(|(o, v)| *o *= v);
        Ok(())
    }

    /// The plan at a row-exact pair near the references.
    pub fn plan_rows(&self, at: &Linearization<'_>) -> PlanRows<'_, S> {
        let mut u: Vec<f64> = at.softmin.iter().zip(&self.f0).map(|(s, f0)| (s - f0) / self.epsilon).collect();
        exp_slice(&mut u);
        u.iter_mut().zip(at.row_mass).for_each(|(u, r)| *u *= r);
        PlanRows { kernel: &self.kernel, u, v: self.scalings(at.g) }
    }

    fn scalings(&self, g: &[f64]) -> Vec<f64> {
        let mut v: Vec<f64> = g.iter().zip(&self.g0).map(|(g, g0)| (g - g0) / self.epsilon).collect();
        exp_slice(&mut v);
        v
    }

    fn pass<R: RowRule>(
        &self,
        jobs: Vec<ChunkRows<R>>,
        probe: &[f64],
        out: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<bool> {
        let done = map_chunks(jobs, monitor, |job| self.chunk(job, probe, monitor))?;
        let (partials, safe): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        combine(&partials, out, monitor)?;
        partials.into_iter().for_each(|p| self.partials.give(p));
        Ok(safe.into_iter().all(|s| s))
    }

    fn chunk<R: RowRule>(
        &self,
        mut job: ChunkRows<R>,
        probe: &[f64],
        monitor: &dyn Monitor,
    ) -> Result<(Vec<f64>, bool)> {
        let m = probe.len();
        let mut t = self.partials.take(m)?;
        t[..m].fill(0.0);
        let mut safe = true;
        // Rows in flight together stay in the second-level cache between the two products.
        let at_once = if m * size_of::<S>() * BLOCK <= 1 << 18 { BLOCK } else { 4 };
        for block in chunks(job.rows.len(), at_once, usize::MAX) {
            monitor.check()?;
            let first = job.rows.start + block.start;
            let kernel = &self.kernel[first * m..(first + block.len()) * m];
            let mut sums = [0.0; BLOCK];
            let sums = &mut sums[..block.len()];
            row_dots(kernel, probe, sums);
            safe &= sums.iter().all(|&s| s > 1.0 / S::SAFE && s < S::SAFE);
            let count = block.len();
            job.rule.weigh(block, &self.f0[first..first + count], sums);
            add_rows(kernel, sums, &mut t[..m]);
        }
        Ok((t, safe))
    }
}

/// P_ij = u_i K_ij v_j, row by row.
pub struct PlanRows<'k, S> {
    kernel: &'k [S],
    u: Vec<f64>,
    v: Vec<f64>,
}

impl<S: Scalar> PlanRows<'_, S> {
    /// out = row i.
    pub fn row(&self, i: usize, out: &mut [f64]) {
        let m = self.v.len();
        scaled_row(&self.kernel[i * m..(i + 1) * m], &self.v, self.u[i], out);
    }
}

/// Costs to exponentials, row by row.
struct Filling<'a> {
    geometry: &'a dyn Geometry,
    g: &'a [f64],
    inv_eps: f64,
}

impl Filling<'_> {
    /// Fills rows of the kernel, each normalized to sum 1, and adds their plan to the column sums.
    fn chunk<T: Cost, S: Scalar, R: RowRule>(
        &self,
        mut job: ChunkRows<R>,
        kernel: &mut [S],
        t: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let m = self.g.len();
        let mut tile = [T::ZERO; TILE];
        for block in chunks(job.rows.len(), 4, usize::MAX) {
            monitor.check()?;
            let kernel = &mut kernel[block.start * m..block.end * m];
            let (mut reference, mut sums, mut scale) = ([0.0; 4], [0.0; 4], [0.0; 4]);
            let count = block.len();
            reference[..count].copy_from_slice(job.rule.reference(block.clone()));
            for (r, row) in kernel.chunks_exact_mut(m).enumerate() {
                let i = job.rows.start + block.start + r;
                sums[r] = self.row(i, reference[r], &mut tile, row);
                if !(sums[r] > 1.0 / S::SAFE && sums[r] < S::SAFE) {
                    reference[r] = -self.largest(i, &mut tile) / self.inv_eps;
                    sums[r] = self.row(i, reference[r], &mut tile, row);
                }
                scale[r] = sums[r];
                let inverse = S::from_f64(1.0 / sums[r]);
                row.iter_mut().for_each(|k| *k = *k * inverse);
            }
            job.rule.weigh(block, &reference[..count], &mut sums[..count]);
            sums.iter_mut().zip(&scale).for_each(|(w, s)| *w *= s);
            add_rows(kernel, &sums[..count], t);
        }
        Ok(())
    }

    fn row<T: Cost, S: Scalar>(&self, i: usize, reference: f64, tile: &mut [T], out: &mut [S]) -> f64 {
        let mut sum = 0.0;
        for cols in tiles(out.len()) {
            let costs = T::block(self.geometry, i..i + 1, cols.clone(), tile);
            let g = &self.g[cols.clone()];
            sum += gibbs_row(costs.row(0), g, reference * self.inv_eps, self.inv_eps, &mut out[cols]);
        }
        sum
    }

    fn largest<T: Cost>(&self, i: usize, tile: &mut [T]) -> f64 {
        tiles(self.g.len()).fold(f64::NEG_INFINITY, |best, cols| {
            let costs = T::block(self.geometry, i..i + 1, cols.clone(), tile);
            best.max(row_max(costs.row(0), &self.g[cols], self.inv_eps))
        })
    }
}
