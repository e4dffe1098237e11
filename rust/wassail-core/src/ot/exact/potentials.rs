//! Potentials to start from, and the arcs that are nearly tight at them.

use super::super::annealing::spread;
use super::super::geometry::Geometry;
use super::super::sinkhorn::{self, Options, Status};
use super::super::sweep::Weights;
use super::Pattern;
use super::arcs::Arc;
use super::costs::Costs;
use super::sweep::{Found, Search, columns};
use super::tree::NONE;
use crate::error::Result;
use crate::monitor::{Monitor, Progress};

/// Regularization of the entropic start, as a share of the mean cost above the smallest.
const EPSILON: f64 = 3e-3;
/// Its marginal error.
const TOLERANCE: f64 = 0.2;
/// Its sweeps, at most.
const SWEEPS: usize = 40;
/// Below this many arcs all of them are candidates.
const ALL: usize = 1 << 14;
/// Candidates of a row.
const NEAREST: usize = 14;

/// Reports as no pivot made yet; a stop is left to the pivots.
struct Before<'a>(&'a dyn Monitor);

impl Monitor for Before<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
    fn report(&self, progress: Progress) -> bool {
        self.0.report(Progress { n_iter: 0, ..progress })
    }
}

/// Column potentials near the optimum, from entropic transport, and whether the callback stopped it.
pub fn entropic(geometry: &dyn Geometry, weights: Weights<'_>, monitor: &dyn Monitor) -> Result<(Vec<f64>, bool)> {
    let (n, m) = geometry.shape();
    let epsilon = EPSILON * spread(geometry);
    if n * m <= ALL || !epsilon.is_normal() || epsilon <= 0.0 {
        return Ok((vec![0.0; m], false));
    }
    let options = Options {
        epsilon,
        tol: TOLERANCE,
        max_iter: SWEEPS,
        rho: (f64::INFINITY, f64::INFINITY),
        anneal: None,
        relaxation: None,
    };
    let out = sinkhorn::solve(geometry, weights, None, &options, &Before(monitor))?;
    let usable = out.g.iter().all(|g| g.is_finite());
    Ok((if usable { out.g } else { vec![0.0; m] }, out.status == Status::Stopped))
}

/// Potentials that are feasible or nearly so, and arcs that are nearly tight at them.
pub struct Candidates {
    /// Row potentials.
    pub f: Vec<f64>,
    /// Column potentials.
    pub g: Vec<f64>,
    /// Arcs, by row, and then others.
    pub arcs: Vec<Arc>,
}

/// f_i = min_j C_ij − g_j with the arcs next to the minima. Without arcs of a plan that is known, which reach all columns,
/// g_j = min_i C_ij − f_i, with the arcs of these minima.
pub fn candidates(
    costs: &Costs<'_>,
    g: &[f64],
    known: Option<Pattern<'_>>,
    monitor: &dyn Monitor,
) -> Result<Candidates> {
    let geometry = costs.geometry;
    let (n, m) = geometry.shape();
    let most = if n * m <= ALL { m } else { NEAREST };
    let Found { arcs, minima: f } = nearest(geometry, g, most, monitor)?;
    let mut list = List::new(arcs, n);
    monitor.check()?;
    let g = if let Some(pattern) = known {
        pattern.entries().for_each(|(i, j)| list.add(costs, i, j));
        g.to_vec()
    } else {
        let (g, rows) = columns(geometry, &f, monitor)?;
        let reached = rows.iter().enumerate().filter(|(_, i)| **i != NONE);
        reached.for_each(|(j, i)| list.add(costs, *i as usize, j));
        g
    };
    // Points that only forbidden arcs reach have no potential of their own.
    let finite = |p: Vec<f64>| p.into_iter().map(|p| if p.is_finite() { p } else { 0.0 }).collect();
    Ok(Candidates { f: finite(f), g: finite(g), arcs: list.arcs })
}

/// Arcs by row, and then others that are not among them.
struct List {
    arcs: Vec<Arc>,
    start: Vec<usize>,
}

impl List {
    fn new(arcs: Vec<Arc>, n: usize) -> Self {
        let mut start = vec![0; n + 1];
        for arc in &arcs {
            start[arc.i as usize + 1] += 1;
        }
        for i in 0..n {
            start[i + 1] += start[i];
        }
        Self { arcs, start }
    }

    fn add(&mut self, costs: &Costs<'_>, i: usize, j: usize) {
        let own = &self.arcs[self.start[i]..self.start[i + 1]];
        if own.iter().all(|arc| arc.j as usize != j) {
            let cost = costs.at(i, j);
            if cost < f64::INFINITY {
                self.arcs.push(Arc { i: i as u32, j: j as u32, cost });
            }
        }
    }
}

fn nearest(geometry: &dyn Geometry, g: &[f64], most: usize, monitor: &dyn Monitor) -> Result<Found> {
    let rows: Vec<u32> = (0..geometry.shape().0 as u32).collect();
    Search { geometry, rows: &rows, g, most, limit: None, accept: &|_, _, cost| cost < f64::INFINITY }.run(monitor)
}
