//! The generalized Hessian of the semi-dual as the Laplacian of a bipartite graph.
//!
//! Times γ, row i adds edges of weight 1/(1 + ζ) from f_i to its entries in full. Its split entries share τ: they hang on a vertex h_i
//! of their own by edges of weight 1/ζ, and h_i on f_i by one of weight k − |full|. That edge is cut in two by a vertex u_i, so that
//! the graph stays bipartite: (f, h) on one side, (g, u) on the other.

use super::dual::Dual;
use crate::error::Result;
use crate::linalg::{Bipartite, System};
use crate::monitor::Monitor;

/// The graph of the present plan.
pub struct Hessian {
    weights: Bipartite,
    rows: Vec<f64>,
    cols: Vec<f64>,
    m: usize,
}

/// Most products of one solve.
const PRODUCTS: usize = 2000;

impl Hessian {
    /// From the levels of the last evaluation.
    pub fn new(dual: &Dual<'_>) -> Self {
        let m = dual.cols.len();
        let zeta = dual.rule.zeta;
        let mut weights = Bipartite { start: vec![0], ..Bipartite::default() };
        let mut split = Vec::new();
        for (i, row) in dual.rows.iter().enumerate() {
            for e in &row.entries[..row.level.full] {
                weights.index.push(e.j);
                weights.weight.push(1.0 / (1.0 + zeta));
            }
            if row.level.split > 0 {
                weights.index.push((m + split.len()) as u32);
                weights.weight.push(2.0 * (dual.rule.k - row.level.full) as f64);
                split.push(i);
            }
            weights.start.push(weights.index.len());
        }
        for (u, &i) in split.iter().enumerate() {
            let row = &dual.rows[i];
            for e in &row.entries[row.level.full..][..row.level.split] {
                weights.index.push(e.j);
                weights.weight.push(1.0 / zeta);
            }
            weights.index.push((m + u) as u32);
            weights.weight.push(2.0 * (dual.rule.k - row.level.full) as f64);
            weights.start.push(weights.index.len());
        }
        weights.cols = m + split.len();
        let (rows, cols) = weights.sums();
        Self { weights, rows, cols, m }
    }

    /// Mean diagonal of the columns.
    pub fn scale(&self) -> f64 {
        self.cols[..self.m].iter().sum::<f64>() / self.m as f64
    }

    /// Solves (H + shift) d = q for the columns; returns d and the products made.
    pub fn solve(&mut self, q: &[f64], shift: f64, tolerance: f64, monitor: &dyn Monitor) -> Result<(Vec<f64>, usize)> {
        let plain = self.cols.clone();
        self.cols[..self.m].iter_mut().for_each(|c| *c += shift);
        let mut right = q.to_vec();
        right.resize(self.cols.len(), 0.0);
        let system = System { weights: &self.weights, rows: &self.rows, cols: &self.cols };
        let solved = system.solve(&vec![0.0; self.rows.len()], &right, tolerance, PRODUCTS, monitor)?;
        self.cols = plain;
        let mut d = solved.y;
        d.truncate(self.m);
        // What rounding leaves of the sum of q moves all columns alike, which changes nothing.
        let mean = d.iter().sum::<f64>() / self.m as f64;
        d.iter_mut().for_each(|d| *d -= mean);
        Ok((d, solved.iterations))
    }

    /// Number of edges.
    pub fn len(&self) -> usize {
        self.weights.len()
    }
}
