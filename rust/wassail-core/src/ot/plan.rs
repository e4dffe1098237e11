//! The plan of a pair of potentials, never stored: P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε).

use super::geometry::{Block, Geometry, TILE};
use super::kernels::masked_dot;
use super::sweep::{combine, row_chunks};
use super::tiling::{ROWS, blocks, for_each_tile, height, split};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::{add_scaled, add_scaled4, gibbs_row};
use crate::parallel::{map_chunks, sum};
use std::ops::Range;

/// Potentials and weights of a plan. Weights may be 0: P is 0 there, whatever the potential.
#[derive(Clone, Copy)]
pub struct Potentials<'a> {
    /// Row potential.
    pub f: &'a [f64],
    /// Column potential.
    pub g: &'a [f64],
    /// Row weights.
    pub a: &'a [f64],
    /// Column weights.
    pub b: &'a [f64],
    /// Regularization.
    pub epsilon: f64,
}

/// A plan, ready to be walked through.
pub struct Plan<'a> {
    geometry: &'a dyn Geometry,
    /// f_i/ε + log a_i.
    rows: Vec<f64>,
    /// g_j/ε + log b_j.
    cols: Vec<f64>,
    inv_eps: f64,
}

/// Buffers of one walk.
#[derive(Default)]
pub struct Scratch {
    costs: Vec<f64>,
    plan: Vec<f64>,
}

/// Some rows and columns of costs and plan.
pub struct PlanTile<'t> {
    /// Rows of the cost.
    pub rows: Range<usize>,
    /// Columns of the cost.
    pub cols: Range<usize>,
    /// Row sums of the plan over these columns.
    pub sums: &'t [f64],
    costs: &'t Block<'t, f64>,
    plan: &'t [f64],
}

impl<'t> PlanTile<'t> {
    /// Row r of the plan's tile.
    pub fn plan(&self, r: usize) -> &'t [f64] {
        &self.plan[r * TILE..r * TILE + self.cols.len()]
    }

    /// All rows of the plan's tile, `TILE` apart.
    pub fn table(&self) -> &'t [f64] {
        self.plan
    }

    /// Row r of the costs' tile.
    pub fn costs(&self, r: usize) -> &'t [f64] {
        self.costs.row(r)
    }

    /// t_j += Σ_r w_r P_rj, t over all columns.
    pub fn add_columns(&self, w: &[f64], t: &mut [f64]) {
        let t = &mut t[self.cols.clone()];
        let quads = w.len() / 4 * 4;
        for r in (0..quads).step_by(4) {
            let rows = [self.plan(r), self.plan(r + 1), self.plan(r + 2), self.plan(r + 3)];
            add_scaled4(rows, [w[r], w[r + 1], w[r + 2], w[r + 3]], t);
        }
        for (r, &w) in w.iter().enumerate().skip(quads) {
            add_scaled(self.plan(r), w, t);
        }
    }
}

fn exponents(potential: &[f64], weights: &[f64], epsilon: f64) -> Vec<f64> {
    let exponent = |(p, w): (&f64, &f64)| if *w > 0.0 { p / epsilon + w.ln() } else { f64::NEG_INFINITY };
    potential.iter().zip(weights).map(exponent).collect()
}

impl<'a> Plan<'a> {
    /// The plan of these potentials.
    pub fn new(geometry: &'a dyn Geometry, p: Potentials<'_>) -> Result<Self> {
        geometry.prepare(false)?;
        let (rows, cols) = (exponents(p.f, p.a, p.epsilon), exponents(p.g, p.b, p.epsilon));
        Ok(Self { geometry, rows, cols, inv_eps: 1.0 / p.epsilon })
    }

    /// The cost.
    pub fn geometry(&self) -> &'a dyn Geometry {
        self.geometry
    }

    /// Visits the tiles of at most `ROWS` rows.
    pub fn block(
        &self,
        rows: &Range<usize>,
        scratch: &mut Scratch,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(&PlanTile<'_>),
    ) -> Result<()> {
        let Scratch { costs, plan } = scratch;
        if plan.len() < rows.len() * TILE {
            *plan = try_zeroed(rows.len() * TILE)?;
        }
        for_each_tile(self.geometry, rows, costs, monitor, |cols, costs| {
            let mut sums = [0.0; ROWS];
            for (r, i) in rows.clone().enumerate() {
                let out = &mut plan[r * TILE..r * TILE + cols.len()];
                sums[r] = gibbs_row(costs.row(r), &self.cols[cols.clone()], self.rows[i], self.inv_eps, out);
            }
            visit(&PlanTile { rows: rows.clone(), cols, sums: &sums[..rows.len()], costs, plan });
        })
    }

    /// Visits the tiles of many rows, block by block.
    pub fn walk(&self, rows: &Range<usize>, monitor: &dyn Monitor, mut visit: impl FnMut(&PlanTile<'_>)) -> Result<()> {
        let mut scratch = Scratch::default();
        for block in blocks(rows, height(self.geometry)) {
            self.block(&block, &mut scratch, monitor, &mut visit)?;
        }
        Ok(())
    }
}

/// Marginals and cost of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// P1.
    pub rows: Vec<f64>,
    /// Pᵀ1.
    pub cols: Vec<f64>,
    /// ⟨C, P⟩ over P > 0.
    pub cost: f64,
}

/// P1, Pᵀ1 and ⟨C, P⟩ in one pass.
pub fn sums(geometry: &dyn Geometry, potentials: Potentials<'_>, monitor: &dyn Monitor) -> Result<Sums> {
    let plan = Plan::new(geometry, potentials)?;
    let (n, m) = geometry.shape();
    let parts = map_chunks(row_chunks(n, m), monitor, |rows| {
        let (mut row, mut cost) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
        let mut col = try_zeroed(m)?;
        plan.walk(&rows, monitor, |tile| {
            tile.add_columns(&[1.0; ROWS][..tile.rows.len()], &mut col);
            for (r, i) in tile.rows.clone().enumerate() {
                row[i - rows.start] += tile.sums[r];
                cost[i - rows.start] += masked_dot(tile.costs(r), tile.plan(r));
            }
        })?;
        Ok((row, (col, sum(cost.into_iter()))))
    })?;
    let (rows, rest): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let (partials, costs): (Vec<_>, Vec<f64>) = rest.into_iter().unzip();
    let mut cols = try_zeroed(m)?;
    combine(&partials, &mut cols, monitor)?;
    Ok(Sums { rows: rows.concat(), cols, cost: sum(costs.into_iter()) })
}

/// P, row-major.
pub fn dense(geometry: &dyn Geometry, potentials: Potentials<'_>, monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let plan = Plan::new(geometry, potentials)?;
    let (n, m) = geometry.shape();
    let mut out = try_zeroed(n.saturating_mul(m))?;
    let ranges = row_chunks(n, m);
    map_chunks(split(&mut out, &ranges, m).collect(), monitor, |(rows, out)| {
        plan.walk(&rows, monitor, |tile| {
            for (r, i) in tile.rows.clone().enumerate() {
                out[(i - rows.start) * m..][tile.cols.clone()].copy_from_slice(tile.plan(r));
            }
        })
    })?;
    Ok(out)
}
