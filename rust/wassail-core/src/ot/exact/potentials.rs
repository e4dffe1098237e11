//! Potentials to start from, and the arcs that are nearly tight at them.

use super::super::annealing::spread;
use super::super::geometry::Geometry;
use super::super::sinkhorn::{self, Options, Status};
use super::super::sweep::Weights;
use super::Pattern;
use super::arcs::Arc;
use super::coarse;
use super::costs::Costs;
use super::sweep::{Found, Search};
use crate::error::Result;
use crate::monitor::{Monitor, Progress};

/// Regularization of the entropic start, as a share of the mean cost above the smallest.
const EPSILON: f64 = 3e-3;
/// Its marginal error.
const TOLERANCE: f64 = 0.2;
/// Its sweeps, at most.
const SWEEPS: usize = 40;
/// Points in at most so many dimensions, and at least so many of them, start from cells.
const COARSE: usize = 3;
const MANY: usize = 2000;
/// Stored costs that look like theirs do so from here on: one point of a cell stands for it, where there are no means.
const MANY_STORED: usize = 4000;
/// Below this many arcs all of them are candidates.
const ALL: usize = 1 << 14;
/// Candidates of a row, and of a column.
const NEAREST: usize = 12;
/// Columns of fewer arcs than this look for more of their own.
const FEW: usize = 4;
/// Rows that tell how far above the potentials the candidates of all rows lie, and of how many rows they are one.
const SAMPLE: usize = 64;
const SAMPLED: usize = 8;

/// Row and column potentials.
pub type Potentials = (Vec<f64>, Vec<f64>);

/// Potentials to start from, if they help, and whether the callback stopped the run.
pub type Start = (Option<Potentials>, bool);

/// Reports as no pivot made yet; a stop is left to the pivots.
pub struct Before<'a>(pub &'a dyn Monitor);

impl Monitor for Before<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
    fn report(&self, progress: Progress) -> bool {
        self.0.report(Progress { n_iter: 0, ..progress })
    }
}

/// Potentials near the optimum by entropic transport, where it helps, and whether the callback stopped it.
pub fn entropic(geometry: &dyn Geometry, weights: Weights<'_>, monitor: &dyn Monitor) -> Result<Start> {
    let (n, m) = geometry.shape();
    let spread = spread(geometry);
    let epsilon = EPSILON * spread;
    if n * m <= ALL || !epsilon.is_normal() || epsilon <= 0.0 {
        return Ok((None, false));
    }
    if let Some(cloud) = geometry.points().filter(|cloud| cloud.dim() <= COARSE && n.min(m) >= MANY) {
        return coarse::of_points(cloud, weights, spread, monitor);
    }
    if geometry.is_stored()
        && n.min(m) >= MANY_STORED
        && let Some(start) = coarse::of_costs(geometry, weights, spread, monitor)?
    {
        return Ok(start);
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
    Ok((usable(out.f, out.g), out.status == Status::Stopped))
}

/// Potentials, if they are numbers.
pub fn usable(f: Vec<f64>, g: Vec<f64>) -> Option<Potentials> {
    f.iter().chain(&g).all(|p| p.is_finite()).then_some((f, g))
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

/// f_i = min_j C_ij − g_j with the arcs next to the minima. Without a plan that is known, whose arcs reach all columns,
/// g_j = min_i C_ij − f_i, with the arcs next to these minima; else, if that plan is to change, for columns of few arcs.
pub fn candidates(
    costs: &Costs<'_>,
    near: (Option<&[f64]>, &[f64]),
    (known, changes): (Option<Pattern<'_>>, bool),
    monitor: &dyn Monitor,
) -> Result<Candidates> {
    let geometry = costs.geometry;
    let (n, m) = geometry.shape();
    let g = near.1;
    let Found { arcs, minima: f } = match near.0 {
        Some(f) if n >= SAMPLED * SAMPLE && m > NEAREST => below(geometry, (f, g), monitor)?,
        _ => nearest(geometry, &all_rows(n), g, if n * m <= ALL { m } else { NEAREST }, None, monitor)?,
    };
    let mut list = List::new(arcs, n);
    monitor.check()?;
    let most = if n * m <= ALL { 1 } else { NEAREST };
    let of_columns = |list: &mut List, columns: &[u32]| {
        let found = nearest(&*geometry.transposed(), columns, &f, most, None, monitor)?;
        found.arcs.iter().for_each(|arc| list.add(arc.j as usize, arc.i as usize, || arc.cost));
        Ok(found.minima)
    };
    let g = if let Some(pattern) = known {
        pattern.entries().for_each(|(i, j)| list.add(i, j, || costs.at(i, j)));
        if changes {
            let few = list.columns_of_few(m);
            of_columns(&mut list, &few)?;
        }
        g.to_vec()
    } else {
        of_columns(&mut list, &all_rows(m))?
    };
    // Points that only forbidden arcs reach have no potential of their own.
    let finite = |p: Vec<f64>| p.into_iter().map(|p| if p.is_finite() { p } else { 0.0 }).collect();
    Ok(Candidates { f: finite(f), g: finite(g), arcs: list.arcs })
}

/// Lowers the potentials of the dearest points, where those before them have all the mass: what stays goes there.
pub fn leave_dearest(potentials: &mut [f64], weights: &[f64], mass: f64) {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_unstable_by(|i, j| potentials[*i].total_cmp(&potentials[*j]).then(i.cmp(j)));
    let mut left = mass;
    let last = order.into_iter().find(|i| {
        left -= weights[*i];
        left <= 0.0
    });
    if let Some(highest) = last.map(|i| potentials[i]) {
        potentials.iter_mut().for_each(|p| *p = p.min(highest));
    }
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

    fn columns_of_few(&self, m: usize) -> Vec<u32> {
        let mut count = vec![0; m];
        self.arcs.iter().for_each(|arc| count[arc.j as usize] += 1);
        all_rows(m).into_iter().filter(|j| count[*j as usize] < FEW).collect()
    }

    fn add(&mut self, i: usize, j: usize, cost: impl FnOnce() -> f64) {
        let own = &self.arcs[self.start[i]..self.start[i + 1]];
        if own.iter().all(|arc| arc.j as usize != j) {
            let cost = cost();
            if cost < f64::INFINITY {
                self.arcs.push(Arc { i: i as u32, j: j as u32, cost });
            }
        }
    }
}

fn all_rows(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

/// The nearest arcs where row potentials are nearly known: a sample of the rows tells how far above them to look.
fn below(geometry: &dyn Geometry, (f, g): (&[f64], &[f64]), monitor: &dyn Monitor) -> Result<Found> {
    let n = geometry.shape().0;
    let sample: Vec<u32> = all_rows(n).into_iter().step_by(n / SAMPLE).collect();
    let arcs = nearest(geometry, &sample, g, NEAREST, None, monitor)?.arcs;
    let last = arcs.chunk_by(|p, q| p.i == q.i).filter_map(<[Arc]>::last);
    let mut heights: Vec<f64> = last.map(|arc| arc.cost - g[arc.j as usize] - f[arc.i as usize]).collect();
    heights.sort_unstable_by(f64::total_cmp);
    let height = heights.get(heights.len() * 9 / 10).copied().unwrap_or(f64::INFINITY);
    let limit: Vec<f64> = f.iter().map(|f| f + height).collect();
    let mut found = nearest(geometry, &all_rows(n), g, NEAREST, Some(&limit), monitor)?;
    let mut bare = vec![true; n];
    found.arcs.iter().for_each(|arc| bare[arc.i as usize] = false);
    let bare: Vec<u32> = all_rows(n).into_iter().filter(|i| bare[*i as usize]).collect();
    if !bare.is_empty() {
        found.arcs.extend(nearest(geometry, &bare, g, NEAREST, None, monitor)?.arcs);
        found.arcs.sort_by_key(|arc| arc.i);
    }
    Ok(found)
}

fn nearest(
    geometry: &dyn Geometry,
    rows: &[u32],
    g: &[f64],
    most: usize,
    limit: Option<&[f64]>,
    monitor: &dyn Monitor,
) -> Result<Found> {
    Search { geometry, rows, g, most, limit, accept: &|_, _, cost| cost < f64::INFINITY }.run(monitor)
}
