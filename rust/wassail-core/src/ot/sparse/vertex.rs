//! Where γ hardly counts, or each row has one entry: a plan of unregularized transport that is optimal to the tolerance as it is.

use super::dual::Problem;
use super::finish::{TIE, marginal_error};
use super::{Options, Outcome, Status};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::ot::exact::{self, Amount, Pattern, Start};
use crate::ot::geometry::Geometry;
use crate::ot::sparsify::Csr;
use crate::ot::sweep::Weights;
use crate::ot::tiling::entry;
use crate::parallel::sum;

/// Unregularized transport, from potentials and a plan if they are known, in the order in which the cost is stored.
pub fn transport(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    start: Option<(&[f64], &[f64], Option<&Csr>)>,
    monitor: &dyn Monitor,
) -> Result<exact::Outcome> {
    if geometry.is_column_major() {
        let (n, m) = geometry.shape();
        let swapped = Weights { a: weights.b, b: weights.a };
        let plan = start.and_then(|start| start.2).map(|plan| plan.transposed(m));
        let start = start.map(|(f, g, _)| (g, f, plan.as_ref()));
        let found = transport(&*geometry.transposed(), swapped, start, monitor)?;
        let (f, g, plan) = (found.g, found.f, found.plan.transposed(n));
        return Ok(exact::Outcome { f, g, plan, ..found });
    }
    let start = start.map(|(f, g, plan)| {
        let plan = plan.map(|plan| Pattern { indptr: &plan.indptr, indices: &plan.indices });
        Start { f, g, plan }
    });
    exact::solve(geometry, weights, Amount::All, start, monitor)
}

/// The plan of `found`, if the regularization adds less to its cost than the tolerance, or what no plan avoids as no row may have more
/// than one nonzero; and no row has more than `k`. The potentials are lowered by what they are rounded by: slacks divided by a tiny γ
/// would be masses. With one entry a row that entry has the slack that makes its mass, γ a_i.
pub fn outcome(
    problem: &Problem<'_>,
    found: &exact::Outcome,
    k: usize,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Option<Outcome>> {
    let plan = &found.plan;
    if !found.optimal || plan.indptr.windows(2).any(|ends| (ends[1] - ends[0]) as usize > k) {
        return Ok(None);
    }
    let error = marginal_error(plan, problem);
    let penalty = 0.5 * options.gamma * sum(plan.data.iter().map(|t| t * t));
    let top = found.g.iter().fold(0.0, |top: f64, g| top.max(g.abs()));
    let margin = |f: f64| 2.0 * f64::EPSILON * (f.abs() + top);
    let lost = sum(found.f.iter().zip(problem.a).map(|(f, a)| a * margin(*f)));
    let raised = |a: &f64| if k == 1 { options.gamma * a } else { 0.0 };
    let needed = 0.5 * sum(problem.a.iter().map(|a| a * raised(a)));
    let (primal, dual) = (found.value + penalty, found.value + needed - found.gap - lost);
    let certified = (primal - dual).abs() <= options.tol * (size(problem, plan) + penalty);
    if !certified || error > options.tol * sum(problem.a.iter().copied()) {
        return Ok(None);
    }
    let f: Vec<f64> = found.f.iter().zip(problem.a).map(|(f, a)| (f - margin(*f)) + raised(a)).collect();
    let ties = if k == 1 {
        let within = |f: &f64, a| (TIE * raised(a)).max(margin(*f));
        let limit: Vec<f64> = found.f.iter().zip(problem.a).map(|(f, a)| f + within(f, a)).collect();
        exact::tied_rows(problem.geometry, &found.g, &limit, monitor)?
    } else {
        0
    };
    let (g, dual) = (found.g.clone(), dual.min(primal)); // the one was rounded, too
    let (plan, relaxed, cost, trace) = (plan.clone(), plan.clone(), found.value, Vec::new());
    Ok(Some(Outcome { f, g, status: Status::Converged, plan, relaxed, cost, error, dual, primal, ties, trace }))
}

/// Σ |C| T.
fn size(problem: &Problem<'_>, plan: &Csr) -> f64 {
    sum((0..problem.a.len()).map(|i| {
        let row = plan.indptr[i] as usize..plan.indptr[i + 1] as usize;
        let terms = plan.indices[row.clone()].iter().zip(&plan.data[row]);
        terms.map(|(j, t)| t * entry(problem.geometry, i, *j as usize).abs()).sum::<f64>()
    }))
}
