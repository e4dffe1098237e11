//! Potentials to start from, and the arcs that are nearly tight at them.

use super::super::annealing::spread;
use super::super::geometry::Geometry;
use super::super::sinkhorn::{self, Options, Status};
use super::super::sweep::Weights;
use super::arcs::{Arc, unique};
use super::sweep::{Found, Search};
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
/// Candidates of a row, and of a column.
const NEAREST: usize = 12;

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

/// Feasible potentials and the arcs that are nearly tight at them.
pub struct Candidates {
    /// Row potentials.
    pub f: Vec<f64>,
    /// Column potentials.
    pub g: Vec<f64>,
    /// Arcs, by row.
    pub arcs: Vec<Arc>,
}

/// f_i = min_j C_ij − g_j, then g_j = min_i C_ij − f_i, with the arcs next to the minima.
pub fn candidates(geometry: &dyn Geometry, g: &[f64], monitor: &dyn Monitor) -> Result<Candidates> {
    let (n, m) = geometry.shape();
    let most = if n * m <= ALL { m } else { NEAREST };
    let Found { mut arcs, minima: f } = nearest(geometry, g, most, monitor)?;
    let transposed = geometry.transposed();
    let Found { arcs: other, minima: g } = nearest(&*transposed, &f, if most == m { 1 } else { most }, monitor)?;
    monitor.check()?;
    arcs.extend(other.into_iter().map(|arc| Arc { i: arc.j, j: arc.i, cost: arc.cost }));
    unique(&mut arcs);
    monitor.check()?;
    Ok(Candidates { f, g, arcs })
}

fn nearest(geometry: &dyn Geometry, g: &[f64], most: usize, monitor: &dyn Monitor) -> Result<Found> {
    let rows: Vec<u32> = (0..geometry.shape().0 as u32).collect();
    Search { geometry, rows: &rows, g, most, limit: None, accept: &|_, _, cost| cost < f64::INFINITY }.run(monitor)
}
