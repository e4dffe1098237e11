//! The plan that is returned, and its certificate.

use super::dual::{Dual, Measure, Problem};
use super::newton::{Log, Newton};
use super::{Known, Outcome, Status, rounding};
use crate::error::Result;
use crate::ot::sparsify::Csr;
use crate::parallel::sum;

/// ‖T1 − a‖₁ + ‖Tᵀ1 − b‖₁.
pub fn marginal_error(plan: &Csr, problem: &Problem<'_>) -> f64 {
    let mut cols = problem.b.to_vec();
    for (j, t) in plan.indices.iter().zip(&plan.data) {
        cols[*j as usize] -= t;
    }
    let row =
        |(range, a): (&[i64], &f64)| (a - plan.data[range[0] as usize..range[1] as usize].iter().sum::<f64>()).abs();
    sum(plan.indptr.windows(2).zip(problem.a).map(row)) + sum(cols.iter().map(|c| c.abs()))
}

/// Keys closer than this share of the k-th slack tie.
pub const TIE: f64 = 1e-6;

/// A plan and what it is worth.
struct Found {
    plan: Csr,
    sums: Measure,
    error: f64,
    /// Value of the plan, to first order in its error.
    value: f64,
}

impl Found {
    fn new(dual: &Dual<'_>) -> Self {
        let (plan, sums) = (dual.plan(), dual.measure());
        let error = marginal_error(&plan, &dual.problem);
        Self { plan, sums, error, value: sums.cost + sums.regularization + dual.priced() }
    }
}

/// Evaluates the dual itself at the potentials reached, and chooses the plan.
pub fn outcome(
    mut newton: Newton<'_>,
    status: Status,
    known: Option<Known<'_>>,
    tol: f64,
    goal: f64,
    mut log: Log<'_>,
) -> Result<Outcome> {
    let monitor = log.monitor;
    let relaxed = Found::new(&newton.dual);
    let rounds = relaxed.sums.crowded > 0 && matches!(status, Status::Tied | Status::Stalled);
    let rounded = if rounds { rounding::solve(&newton, known, goal, &mut log)? } else { None };
    newton.dual.sharpen();
    newton.refresh(monitor)?;
    let dual = newton.dual.based() - newton.value();
    let (f, g) = (newton.dual.levels(), newton.dual.columns());
    let ties = newton.dual.ties(TIE, &relaxed.plan);
    let best = match rounded {
        Some(rounded) => Found::new(&rounded.dual),
        None if relaxed.sums.crowded == 0 => Found { plan: relaxed.plan.clone(), ..relaxed },
        None => Found::new(&newton.dual),
    };
    // Where sums left the finite numbers (a price of a forbidden arc), or the potentials are so large that the price of the marginals' error
    // is rounding, the plan's value bounds nothing.
    let Found { plan, sums, error, value } = best;
    let allowed = tol * (sums.size + sums.regularization);
    let sound = value.is_finite() && value - dual >= -allowed;
    let primal = if error <= goal && sound { value } else { f64::INFINITY };
    let gap = primal - dual;
    let status = match status {
        Status::Converged | Status::Tied | Status::Stalled if gap <= allowed => Status::Converged,
        Status::Converged => Status::Stalled,
        other => other,
    };
    let (cost, relaxed) = (sums.cost, relaxed.plan);
    Ok(Outcome { f, g, status, plan, relaxed, cost, error, dual, primal, ties, trace: log.trace })
}
