//! Where γ hardly counts: a plan of unregularized transport that is optimal to the tolerance as it is.

use super::dual::Problem;
use super::finish::marginal_error;
use super::{Options, Outcome, Status};
use crate::ot::exact;
use crate::ot::tiling::entry;
use crate::parallel::sum;

/// The plan of `found`, if the regularization adds less to its cost than the tolerance, and no row has more than `k` nonzeros. The
/// potentials are lowered by what they are rounded by: slacks divided by a tiny γ would be masses.
pub fn outcome(problem: &Problem<'_>, found: &exact::Outcome, k: usize, options: &Options) -> Option<Outcome> {
    let plan = &found.plan;
    if !found.optimal || plan.indptr.windows(2).any(|ends| (ends[1] - ends[0]) as usize > k) {
        return None;
    }
    let error = marginal_error(plan, problem);
    let penalty = 0.5 * options.gamma * sum(plan.data.iter().map(|t| t * t));
    let top = found.g.iter().fold(0.0, |top: f64, g| top.max(g.abs()));
    let margin = |f: f64| 2.0 * f64::EPSILON * (f.abs() + top);
    let lost = sum(found.f.iter().zip(problem.a).map(|(f, a)| a * margin(*f)));
    let (primal, dual) = (found.value + penalty, found.value - found.gap - lost);
    let certified = primal - dual <= options.tol * (size(problem, plan) + penalty);
    (certified && error <= options.tol * sum(problem.a.iter().copied())).then(|| Outcome {
        f: found.f.iter().map(|f| f - margin(*f)).collect(),
        g: found.g.clone(),
        status: Status::Converged,
        plan: plan.clone(),
        relaxed: plan.clone(),
        cost: found.value,
        error,
        dual,
        primal,
        ties: 0,
        trace: Vec::new(),
    })
}

/// Σ |C| T.
fn size(problem: &Problem<'_>, plan: &crate::ot::sparsify::Csr) -> f64 {
    sum((0..problem.a.len()).map(|i| {
        let row = plan.indptr[i] as usize..plan.indptr[i + 1] as usize;
        let terms = plan.indices[row.clone()].iter().zip(&plan.data[row]);
        terms.map(|(j, t)| t * entry(problem.geometry, i, *j as usize).abs()).sum::<f64>()
    }))
}
