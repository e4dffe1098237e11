//! Exact transport: a primal simplex on few arcs, and sweeps over all arcs that add to them or prove the optimum.

mod arcs;
mod cells;
mod coarse;
mod costs;
mod feasible;
mod finish;
mod incidence;
mod landmarks;
mod masses;
mod modest;
mod potentials;
mod pricing;
mod proof;
mod repair;
mod simplex;
mod start;
mod sweep;
mod top;
mod tree;

use super::geometry::Geometry;
use super::sparsify::Csr;
use super::sweep::Weights;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::sum;
use arcs::Arc;
use costs::Costs;
use masses::Masses;
use potentials::{Candidates, Known};
use repair::Repaired;
use simplex::{Simplex, progress};
use tree::Tree;

pub use feasible::blocked;

/// Arcs of a row that one sweep may add.
const ADDED: usize = 4;
/// Arcs of a row that one of the first sweeps may add, and how far above the potentials, as a share of the median reduced cost
/// of the first candidates.
const ADDED_EARLY: usize = 8;
const HEIGHTS: [f64; 2] = [0.5, 0.15];

/// The share of the mass from which a part is nearly all of it.
const NEARLY_ALL: f64 = 0.9;

/// What is to be moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// All of a to all of b.
    All,
    /// This mass, from and to where it is cheapest.
    Part(f64),
}

/// Where a plan is positive, by row.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a> {
    /// Where the columns of each row begin, and the end.
    pub indptr: &'a [i64],
    /// Columns.
    pub indices: &'a [i64],
}

impl Pattern<'_> {
    fn entries(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let rows = self.indptr.windows(2).enumerate();
        rows.flat_map(|(i, ends)| {
            self.indices[ends[0] as usize..ends[1] as usize].iter().map(move |j| (i, *j as usize))
        })
    }
}

/// The answer to a problem nearby.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Row potential; its largest is what leaving a row's mass costs.
    pub f: &'a [f64],
    /// Column potential.
    pub g: &'a [f64],
    /// The plan, if it is at hand.
    pub plan: Option<Pattern<'a>>,
}

impl Start<'_> {
    /// By how much f + g falls short of the costs: the price of the mass, where only a part of it is moved. `minima` are
    /// min_j C_ij − g_j; the rows that the plan uses tell, else the smallest difference does.
    fn price(&self, minima: &[f64]) -> f64 {
        let differences = || minima.iter().zip(self.f).map(|(least, f)| least - f);
        if let Some(plan) = self.plan {
            let used = plan.indptr.windows(2).map(|ends| ends[0] < ends[1]);
            let mut tight: Vec<f64> = differences().zip(used).filter_map(|(by, used)| used.then_some(by)).collect();
            if !tight.is_empty() {
                let middle = tight.len() / 2;
                return *tight.select_nth_unstable_by(middle, f64::total_cmp).1;
            }
        }
        differences().fold(f64::INFINITY, f64::min)
    }
}

/// How many of the rows have more than one C_ij − g_j below their `limit`.
pub fn tied_rows(geometry: &dyn Geometry, g: &[f64], limit: &[f64], monitor: &dyn Monitor) -> Result<usize> {
    let rows: Vec<u32> = (0..limit.len() as u32).collect();
    let search = sweep::Search { geometry, rows: &rows, g, most: 2, limit: Some(limit), accept: &|_, _, _| true };
    Ok(search.run(monitor)?.arcs.chunk_by(|p, q| p.i == q.i).filter(|of_row| of_row.len() > 1).count())
}

/// What happened between two sweeps.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Arcs that the simplex could use.
    pub arcs: usize,
    /// Pivots made.
    pub pivots: usize,
    /// Arcs that were found to improve.
    pub violations: usize,
    /// Duality gap at the sweep, infinite while forbidden arcs are in use.
    pub gap: f64,
}

/// An optimal plan and its proof.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Row potential.
    pub f: Vec<f64>,
    /// Column potential.
    pub g: Vec<f64>,
    /// The plan: the positive flows of the basis.
    pub plan: Csr,
    /// ⟨C, P⟩.
    pub value: f64,
    /// Largest |C_ij| where P is positive.
    pub largest: f64,
    /// ⟨C, P⟩ less a lower bound of it.
    pub gap: f64,
    /// Whether no arc improves; else the callback stopped the run.
    pub optimal: bool,
    /// Mass that only forbidden arcs could move.
    pub blocked: f64,
    /// Potentials of the dummy source and the dummy sink, where there are.
    pub dummies: (Option<f64>, Option<f64>),
    /// One entry per sweep.
    pub rounds: Vec<Round>,
}

/// Solves min ⟨C, P⟩ over P ≥ 0 with P1 = a, Pᵀ1 = b, or P1 ≤ a, Pᵀ1 ≤ b, ΣP = mass. All weights are positive.
pub fn solve(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    amount: Amount,
    init: Option<Start<'_>>,
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    geometry.prepare(false)?;
    let masses = match amount {
        Amount::All => Masses::balanced(weights.a, weights.b),
        Amount::Part(mass) => Masses::partial(weights.a, weights.b, mass),
    };
    let costs = Costs::new(geometry, &masses);
    let Begun { mut simplex, height, mut stopped } = begin(&costs, &masses, weights, amount, init, monitor)?;
    let (mut rounds, mut gap) = (Vec::<Round>::new(), f64::INFINITY);
    loop {
        let before = rounds.iter().map(|round| round.pivots).sum::<usize>();
        stopped = stopped || simplex.run(gap, monitor)?;
        if stopped {
            simplex.tree.refresh();
        }
        let tree = &simplex.tree;
        let found = match HEIGHTS.get(rounds.len()) {
            Some(share) if tree.forbidden == 0 && init.is_none_or(|start| start.plan.is_none()) => {
                pricing::price_near(geometry, tree, ADDED_EARLY, (share * height, &simplex.arcs), monitor)?
            }
            _ => pricing::price(geometry, tree, ADDED, monitor)?,
        };
        gap = shortfall(tree, &found.minima, weights.a);
        let arcs = simplex.arcs.len();
        let improving = |arc: &&Arc| simplex::improves(tree, arc.i as usize, arc.j as usize, arc.cost);
        let violations = found.arcs.iter().filter(improving).count();
        rounds.push(Round { arcs, pivots: simplex.pivots - before, violations, gap });
        let optimal = violations == 0;
        stopped |= monitor.report(progress(simplex.pivots, gap));
        if optimal || stopped {
            return finish::outcome(&costs, &masses, &simplex.tree, (optimal, rounds, found.minima), monitor);
        }
        simplex.extend(&found.arcs);
    }
}

/// What the simplex begins with.
struct Begun {
    simplex: Simplex,
    /// Median reduced cost of the candidates.
    height: f64,
    /// Whether the callback has stopped the run.
    stopped: bool,
}

/// A first tree and first arcs.
fn begin(
    costs: &Costs<'_>,
    masses: &Masses,
    weights: Weights<'_>,
    amount: Amount,
    init: Option<Start<'_>>,
    monitor: &dyn Monitor,
) -> Result<Begun> {
    let geometry = costs.geometry;
    let (found, stopped) = match (init, amount) {
        (None, Amount::All) => potentials::entropic(geometry, weights, monitor)?,
        (None, Amount::Part(mass)) if nearly_all(weights, mass) => {
            let (from, to) = (sum(weights.a.iter().copied()), sum(weights.b.iter().copied()));
            let b: Vec<f64> = weights.b.iter().map(|b| b * (from / to)).collect();
            potentials::entropic(geometry, Weights { a: weights.a, b: &b }, monitor)?
        }
        _ => (None, false),
    };
    let given = init.map(|start| (start.f, start.g));
    let near = given.or(found.as_ref().map(|(f, g)| (f.as_slice(), g.as_slice())));
    let zero = vec![0.0; geometry.shape().1];
    let near = near.map_or((None, zero.as_slice()), |(f, g)| (Some(f), g));
    let known = init.and_then(|start| start.plan);
    let outdated = known.filter(|plan| amount == Amount::All && !start::fits(*plan, masses));
    let known = match (known, outdated, amount) {
        (None, ..) => Known::No,
        (Some(plan), None, Amount::All) => Known::Stays(plan),
        (Some(plan), None, Amount::Part(_)) => Known::Guides(plan),
        (Some(plan), Some(_), _) => Known::Changes(plan),
    };
    let mut candidates = potentials::candidates(costs, near, known, monitor)?;
    if candidates.few {
        let reduced = complete(&mut candidates, costs, masses, weights, (amount, init));
        let (tree, own) = start::tree(costs, masses, &candidates.arcs, &reduced, monitor)?;
        if own {
            return Ok(Begun { simplex: Simplex::new(tree, candidates.arcs, 0), height: 0.0, stopped });
        }
        let known = known.plan().map_or(Known::No, Known::Guides);
        candidates = potentials::candidates(costs, near, known, monitor)?;
    }
    let mut reduced = complete(&mut candidates, costs, masses, weights, (amount, init));
    let Repaired { tree, arcs, pivots, stopped: ended } = match known {
        Known::Changes(_) => repair::tree(costs, masses, (candidates.arcs, &reduced), &candidates.plan, monitor)?,
        _ => Repaired { tree: None, arcs: candidates.arcs, pivots: 0, stopped: false },
    };
    // Arcs that mending needed count where it found no tree, too.
    for arc in &arcs[reduced.len()..] {
        reduced.push(arc.cost - candidates.f[arc.i as usize] - candidates.g[arc.j as usize]);
    }
    let tree = match tree {
        Some(tree) => tree,
        None => start::tree(costs, masses, &arcs, &reduced, monitor)?.0,
    };
    let middle = reduced.len() / 2;
    let height = if reduced.is_empty() { 0.0 } else { *reduced.select_nth_unstable_by(middle, f64::total_cmp).1 };
    Ok(Begun { simplex: Simplex::new(tree, arcs, pivots), height, stopped: stopped || ended })
}

/// Fits the potentials to the part of the mass that moves, and adds the dummies' potentials and arcs: the reduced costs of all arcs.
fn complete(
    found: &mut Candidates,
    costs: &Costs<'_>,
    masses: &Masses,
    weights: Weights<'_>,
    (amount, init): (Amount, Option<Start<'_>>),
) -> Vec<f64> {
    let Candidates { f, g, arcs, .. } = found;
    // The dummies' arcs are free: their potentials are the least of the other side's.
    let least = |p: &[f64]| p.iter().fold(f64::INFINITY, |least, p| least.min(-p));
    if let (Some(start), Amount::Part(_)) = (init, amount) {
        let by = start.price(f);
        f.iter_mut().for_each(|f| *f -= by);
        g.iter_mut().for_each(|g| *g += by);
    }
    if let (None, Amount::Part(mass)) = (init, amount) {
        potentials::leave_dearest(f, weights.a, mass);
        potentials::leave_dearest(g, weights.b, mass);
    }
    let sink = least(init.map_or(f, |start| start.f));
    let source = least(g);
    if masses.dummy_sink {
        f.iter_mut().for_each(|f| *f = f.min(-sink));
    }
    f.push(source);
    g.push(sink);
    arcs.extend(costs.dummies().map(|(i, j)| Arc { i: i as u32, j: j as u32, cost: 0.0 }));
    arcs.iter().map(|arc| arc.cost - f[arc.i as usize] - g[arc.j as usize]).collect()
}

/// Whether so little of the mass stays where it is that all of it moves to nearly the same potentials.
fn nearly_all(weights: Weights<'_>, mass: f64) -> bool {
    let total = sum(weights.a.iter().copied()).max(sum(weights.b.iter().copied()));
    mass >= NEARLY_ALL * total
}

/// The duality gap: what the row potentials lose when they are made feasible.
fn shortfall(tree: &Tree, minima: &[f64], a: &[f64]) -> f64 {
    if tree.forbidden > 0 {
        return f64::INFINITY;
    }
    sum(minima.iter().zip(&tree.potential).zip(a).map(|((least, f), a)| a * (f - least).max(0.0)))
}
