//! Potentials to start from, and the arcs that are nearly tight at them.

use super::super::annealing::spread;
use super::super::geometry::Geometry;
use super::super::sets::Sets;
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

/// How far above the potentials arcs count as tight, by how far those of the plan are, and how far these may be: shares of the numbers
/// that a reduced cost is made of.
const ABOVE: f64 = 8.0;
const LOOSE: f64 = 1e-2;

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
    /// Which of them are those of the known plan.
    pub plan: Vec<u32>,
    /// Whether they are tight ones only.
    pub few: bool,
}

/// What is known of the plan.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    /// Nothing.
    No,
    /// It is part of a basis that is optimal still or nearly.
    Stays(Pattern<'a>),
    /// Other arcs may be needed.
    Guides(Pattern<'a>),
    /// It does not move the masses.
    Changes(Pattern<'a>),
}

impl<'a> Known<'a> {
    /// The plan.
    pub fn plan(self) -> Option<Pattern<'a>> {
        match self {
            Self::No => None,
            Self::Stays(plan) | Self::Guides(plan) | Self::Changes(plan) => Some(plan),
        }
    }
}

/// f_i = min_j C_ij − g_j with the arcs next to the minima. Without a plan that is known, whose arcs reach all columns,
/// g_j = min_i C_ij − f_i, with the arcs next to these minima; else, if that plan is to change, for columns of few arcs. A plan that
/// stays is optimal still or nearly: then arcs that are as far above the potentials as its own connect all points, mostly.
pub fn candidates(
    costs: &Costs<'_>,
    near: (Option<&[f64]>, &[f64]),
    known: Known<'_>,
    monitor: &dyn Monitor,
) -> Result<Candidates> {
    let geometry = costs.geometry;
    let (n, m) = geometry.shape();
    let g = near.1;
    let plan: Vec<Arc> = known.plan().map_or(Vec::new(), |plan| arcs_of(costs, plan));
    let tight = match (known, near.0) {
        (Known::Stays(_), Some(f)) => tight(geometry, (f, g), &plan, monitor)?,
        _ => None,
    };
    let few = tight.is_some();
    let Found { arcs, minima: f } = match (tight, near.0) {
        (Some(found), _) => found,
        (None, Some(f)) if n >= SAMPLED * SAMPLE && m > NEAREST => below(geometry, (f, g), monitor)?,
        _ => nearest(geometry, &all_rows(n), g, if n * m <= ALL { m } else { NEAREST }, None, monitor)?,
    };
    let mut list = List::new(arcs, n);
    monitor.check()?;
    let most = if n * m <= ALL { 1 } else { NEAREST };
    let of_columns = |list: &mut List, columns: &[u32]| {
        let found = nearest(&*geometry.transposed(), columns, &f, most, None, monitor)?;
        found.arcs.iter().for_each(|arc| _ = list.add(Arc { i: arc.j, j: arc.i, ..*arc }));
        Ok(found.minima)
    };
    let places: Vec<u32> = plan.into_iter().filter_map(|arc| list.add(arc)).collect();
    let g = if known.plan().is_some() {
        if matches!(known, Known::Changes(_)) {
            let few = list.columns_of_few(m);
            of_columns(&mut list, &few)?;
        }
        g.to_vec()
    } else {
        of_columns(&mut list, &all_rows(m))?
    };
    // Points that only forbidden arcs reach have no potential of their own.
    let finite = |p: Vec<f64>| p.into_iter().map(|p| if p.is_finite() { p } else { 0.0 }).collect();
    Ok(Candidates { f: finite(f), g: finite(g), arcs: list.arcs, plan: places, few })
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

    /// Where the arc is, unless it is forbidden.
    fn add(&mut self, arc: Arc) -> Option<u32> {
        let own = self.start[arc.i as usize]..self.start[arc.i as usize + 1];
        let found = self.arcs[own.clone()].iter().position(|other| other.j == arc.j).map(|at| own.start + at);
        if found.is_none() && arc.cost < f64::INFINITY {
            self.arcs.push(arc);
            return Some(self.arcs.len() as u32 - 1);
        }
        found.map(|at| at as u32)
    }
}

fn all_rows(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

/// The arcs of a plan, forbidden ones too.
fn arcs_of(costs: &Costs<'_>, plan: Pattern<'_>) -> Vec<Arc> {
    plan.entries().map(|(i, j)| Arc { i: i as u32, j: j as u32, cost: costs.at(i, j) }).collect()
}

/// Arcs that are not much further above the potentials than those of a plan that was optimal: the basis it came from is among them. None
/// if they do not connect all points, or the plan is far from tight.
fn tight(
    geometry: &dyn Geometry,
    (f, g): (&[f64], &[f64]),
    plan: &[Arc],
    monitor: &dyn Monitor,
) -> Result<Option<Found>> {
    let (n, m) = geometry.shape();
    let off = plan.iter().fold(0.0f64, |most, arc| {
        let (f, g) = (f[arc.i as usize], g[arc.j as usize]);
        most.max((arc.cost - f - g).abs() / (arc.cost.abs() + f.abs() + g.abs()).max(f64::MIN_POSITIVE))
    });
    if off > LOOSE || plan.iter().any(|arc| arc.cost.is_infinite()) {
        return Ok(None);
    }
    let share = ABOVE * off.max(f64::EPSILON);
    let largest = g.iter().fold(0.0f64, |most, g| most.max(g.abs()));
    let limit: Vec<f64> = f.iter().map(|f| f + share * (f.abs() + largest)).collect();
    let found = nearest(geometry, &all_rows(n), g, NEAREST, Some(&limit), monitor)?;
    let (mut sets, mut parts) = (Sets::new(n + m), n + m);
    found.arcs.iter().chain(plan).for_each(|arc| parts -= usize::from(sets.join(arc.i, n as u32 + arc.j)));
    Ok((parts == 1).then_some(found))
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
