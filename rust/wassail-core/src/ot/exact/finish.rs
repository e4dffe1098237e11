//! From the last tree to plan, potentials and certificate.

use super::super::scan::{c_transform_rows, cost_scan};
use super::super::sparsify::Csr;
use super::costs::Costs;
use super::masses::Masses;
use super::tree::{Edge, Tree};
use super::{Outcome, Round, modest, proof};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::sum;

/// A flow below this share of both its ends is what rounding of the weights left.
const DUST: f64 = 4.0 * f64::EPSILON;

/// The answer that a tree stands for, with potentials that are feasible for every arc. `minima` are those of the last
/// sweep, min_j C_ij − g_j.
pub fn outcome(
    costs: &Costs<'_>,
    masses: &Masses,
    tree: &Tree,
    (optimal, rounds, minima): (bool, Vec<Round>, Vec<f64>),
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    let (n, m) = costs.geometry.shape();
    let potential = if tree.forbidden > 0 { finite(tree, costs, monitor)? } else { tree.potential.clone() };
    let mut g = potential[tree.sources..].to_vec();
    let mut f = if tree.forbidden > 0 { opposite(costs, &g, monitor)? } else { with_dummies(costs, minima, &g) };
    // With forbidden arcs in use beyond rounding there is no plan; their flow is what is missing.
    let edges: Vec<Edge> = tree.edges().filter(|e| e.flow > 0).collect();
    let blocked = sum(edges.iter().filter(|e| e.cost.is_infinite()).map(|e| masses.weight(e.flow)));
    let (plan, value, largest) = plan(&edges, masses, (n, m));
    let size = value.abs().max(sum(plan.data.iter().copied()) * largest);
    let mut gap = proof::gap(costs, masses, &edges, (&f, &g), size, monitor)?;
    if optimal
        && tree.forbidden == 0
        && gap > proof::PROMISE * size
        && let Some((near_f, near_g)) = modest::potentials(costs, tree, monitor)?
    {
        let other = proof::gap(costs, masses, &edges, (&near_f, &near_g), size, monitor)?;
        if other < gap {
            (f, g, gap) = (near_f, near_g, other);
        }
    }
    let dummies = (masses.dummy_source.then(|| f[n]), masses.dummy_sink.then(|| g[m]));
    f.truncate(n);
    g.truncate(m);
    Ok(Outcome { f, g, plan, value, largest, gap, optimal, blocked, dummies, rounds })
}

/// The largest row potentials that are feasible beside `g`.
pub fn opposite(costs: &Costs<'_>, g: &[f64], monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let m = costs.geometry.shape().1;
    Ok(with_dummies(costs, c_transform_rows(costs.geometry, &g[..m], monitor)?, g))
}

/// Row potentials that the dummies allow beside `g`, too.
fn with_dummies(costs: &Costs<'_>, mut f: Vec<f64>, g: &[f64]) -> Vec<f64> {
    let (n, m) = costs.geometry.shape();
    if costs.sinks > m {
        f.iter_mut().for_each(|f| *f = f.min(-g[m]));
    }
    if costs.sources > n {
        f.push(g[..m].iter().fold(f64::INFINITY, |least, g| least.min(-g)));
    }
    f
}

/// Flows between real points by row and column, what they cost, and the largest cost among them.
fn plan(edges: &[Edge], masses: &Masses, (n, m): (usize, usize)) -> (Csr, f64, f64) {
    let sources = masses.sources;
    let mut edges = edges.to_vec();
    edges.retain(|e| {
        let ends = masses.values[e.source as usize].min(masses.values[e.sink as usize]);
        let real = (e.source as usize) < n && (e.sink as usize) < sources + m && e.cost.is_finite();
        real && e.flow as f64 > DUST * ends as f64
    });
    edges.sort_unstable_by_key(|e| (e.source, e.sink));
    let value = sum(edges.iter().map(|e| masses.weight(e.flow) * e.cost));
    let largest = edges.iter().fold(0.0, |largest: f64, e| largest.max(e.cost.abs()));
    let mut indptr = vec![0; n + 1];
    for e in &edges {
        indptr[e.source as usize + 1] += 1;
    }
    for i in 0..n {
        indptr[i + 1] += indptr[i];
    }
    let indices = edges.iter().map(|e| i64::from(e.sink) - sources as i64).collect();
    let data = edges.iter().map(|e| masses.weight(e.flow)).collect();
    (Csr { indptr, indices, data }, value, largest)
}

/// Potentials with a number for infinity that is so large that arcs between different multiples of it are feasible.
fn finite(tree: &Tree, costs: &Costs<'_>, monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let lowest = cost_scan(costs.geometry, monitor)?.min.min(0.0);
    let (f, g) = tree.potential.split_at(tree.sources);
    let top = |p: &[f64]| p.iter().fold(f64::NEG_INFINITY, |top, p| top.max(*p));
    let infinity = (top(f) + top(g) - lowest).max(0.0);
    Ok(tree.potential.iter().zip(&tree.level).map(|(p, level)| p + f64::from(*level) * infinity).collect())
}
