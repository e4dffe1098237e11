//! The certificate: what a plan may cost more than the best one.

use super::costs::Costs;
use super::masses::Masses;
use super::sweep::Search;
use super::tree::Edge;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::sum;

/// The gap that is promised, relative to the largest term of the value.
pub const PROMISE: f64 = 1e-12;

/// c − g rounded, and what is missing to it.
fn difference(c: f64, g: f64) -> (f64, f64) {
    let z = c - g;
    let back = z - c;
    (z, (c - (z - back)) - (g + back))
}

/// Bound on what the flows cost above the optimum, by potentials with f_i = min_j C_ij − g_j, for a value of size `size`.
pub fn gap(
    costs: &Costs<'_>,
    masses: &Masses,
    edges: &[Edge],
    (f, g): (&[f64], &[f64]),
    size: f64,
    monitor: &dyn Monitor,
) -> Result<f64> {
    Ok(slack(edges, masses, f, g) + rounding(costs, masses, (f, g), size, monitor)?)
}

/// What the flows lose by arcs that are not tight: Σ P_ij (C_ij − f_i − g_j).
fn slack(edges: &[Edge], masses: &Masses, f: &[f64], g: &[f64]) -> f64 {
    let lost = edges.iter().filter(|e| e.cost.is_finite()).map(|e| {
        let (z, rest) = difference(e.cost, g[e.sink as usize - masses.sources]);
        masses.weight(e.flow) * (z - f[e.source as usize] + rest).max(0.0)
    });
    sum(lost)
}

/// What f may exceed feasible potentials by, as each f_i = min_j C_ij − g_j is rounded once. Where this is too coarse
/// the rows are looked at: those without an arc that was rounded up are exact.
fn rounding(
    costs: &Costs<'_>,
    masses: &Masses,
    (f, g): (&[f64], &[f64]),
    size: f64,
    monitor: &dyn Monitor,
) -> Result<f64> {
    let charge = |i: usize| masses.weight(masses.values[i]) * f[i].abs() * (0.5 * f64::EPSILON);
    let all = sum((0..masses.sources).map(charge));
    if all <= PROMISE * size || !all.is_finite() {
        return Ok(all);
    }
    let (n, m) = costs.geometry.shape();
    let rows: Vec<u32> = (0..n as u32).collect();
    let above: Vec<f64> = f[..n].iter().map(|f| f.next_up()).collect();
    let search = Search {
        geometry: costs.geometry,
        rows: &rows,
        g: &g[..m],
        most: 1,
        limit: Some(&above),
        accept: &|_, j, cost| difference(cost, g[j]).1 < 0.0,
    };
    Ok(sum(search.run(monitor)?.arcs.iter().map(|arc| charge(arc.i as usize))))
}
