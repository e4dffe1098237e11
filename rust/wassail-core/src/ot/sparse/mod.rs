//! Transport with quadratic regularization and at most k nonzeros in each row: min ⟨C, T⟩ + γ/2 ‖T‖².
//!
//! Liu, Puigcerver, Blondel (2023), arXiv:2209.15466. Their dual is that of the convex relaxation with γ/2 of the squared k-support norm;
//! where the k-th and the next entry of a row tie it has a kink, and at the optimum many do. The proximal point method
//! on the relaxed plan smooths it without moving its solution, and semismooth Newton steps solve each stage. Rows
//! that stay tied have more than k nonzeros in the relaxed plan; `rounding` looks for a plan that has not.

mod base;
mod candidates;
mod dual;
mod history;
mod newton;
mod proximal;
mod rounding;
mod row;
mod system;

pub use newton::TracePoint;

use super::annealing::spread;
use super::exact::{self, Amount};
use super::geometry::Geometry;
use super::sinkhorn;
use super::sparsify::Csr;
use super::sweep::Weights;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Progress};
use crate::parallel::sum;
use dual::{Dual, Measure, Problem};
use newton::{Log, Newton};
use row::Rule;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// γ.
    pub gamma: f64,
    /// Most nonzeros of a row; None is no limit.
    pub max_nonzeros: Option<usize>,
    /// Relative L1 error of the marginals, and relative gap of the relaxation, to stop at.
    pub tol: f64,
    /// Most Newton steps.
    pub max_iter: usize,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The plan meets the tolerance, its value the dual's.
    Converged,
    /// `max_iter` steps were made.
    MaxIter,
    /// The callback stopped it.
    Stopped,
    /// The error no longer shrinks.
    Stalled,
    /// The dual is solved, and no plan with k nonzeros attains it.
    Tied,
}

/// The solution.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Row potential.
    pub f: Vec<f64>,
    /// Column potential.
    pub g: Vec<f64>,
    /// How the run ended.
    pub status: Status,
    /// A plan with at most k nonzeros in each row.
    pub plan: Csr,
    /// The plan of the convex relaxation.
    pub relaxed: Csr,
    /// ⟨C, T⟩ of the plan.
    pub cost: f64,
    /// L1 error of the plan's marginals.
    pub error: f64,
    /// Dual value at (f, g).
    pub dual: f64,
    /// Value of the plan, to first order in its error; inf if the error is above the tolerance.
    pub primal: f64,
    /// Rows whose k-th and next entry tie.
    pub ties: usize,
    /// One entry per step.
    pub trace: Vec<TracePoint>,
}

/// Solves with at most k nonzeros in each row. All weights are positive.
pub fn solve(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    init: Option<&[f64]>,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    geometry.prepare(false)?;
    let (n, m) = geometry.shape();
    if n.saturating_add(m) >= (u32::MAX / 2) as usize {
        return Err(Error::OutOfMemory(usize::MAX));
    }
    let problem = Problem { geometry, a: weights.a, b: weights.b };
    let k = options.max_nonzeros.filter(|k| *k < m).unwrap_or(usize::MAX);
    let mut log = Log { trace: Vec::new(), max_iter: options.max_iter, monitor };
    let goal = options.tol * sum(weights.a.iter().copied());
    let ladder = if init.is_some() { vec![options.gamma] } else { ladder(geometry, weights, options.gamma, k) };
    let start = match init {
        Some(g) => g.to_vec(),
        None => blurred(geometry, weights, ladder[0], k, monitor)?,
    };
    let zeta = if k < usize::MAX && init.is_none() { proximal::FIRST } else { 0.0 };
    let mut newton = Newton::new(Dual::new(problem, Rule { k, gamma: ladder[0], zeta }), start, monitor)?;
    let mut status = None;
    for gamma in ladder {
        newton.dual.rule.gamma = gamma;
        newton.refresh(monitor)?;
        if gamma > options.gamma {
            status = newton.minimize(STAGE_ERROR * goal / options.tol, STAGE_STEPS, &mut log)?;
            status = status.filter(|s| matches!(s, Status::MaxIter | Status::Stopped));
            if status.is_some() {
                break;
            }
        }
    }
    newton.dual.rule.gamma = options.gamma;
    let status = match status {
        Some(status) => status,
        None if k == usize::MAX => newton.minimize(goal, usize::MAX, &mut log)?.unwrap_or(Status::MaxIter),
        None => proximal::solve(&mut newton, options.tol, goal, &mut log)?,
    };
    let status = if status == Status::Stalled {
        let exact = exact::solve(geometry, weights, Amount::All, Some(&newton.dual.columns()), &Quiet(monitor))?;
        newton = Newton::new(Dual::new(problem, Rule { k, gamma: options.gamma, zeta: proximal::FIRST }), exact.g, monitor)?;
        newton.dual.center(&exact.plan);
        newton.refresh(monitor)?;
        proximal::solve(&mut newton, options.tol, goal, &mut log)?
    } else {
        status
    };
    finish(newton, status, options.tol, goal, log)
}

/// Relative error at which a stage of larger γ is left, and the steps after which it is left anyway.
const STAGE_ERROR: f64 = 0.1;
const STAGE_STEPS: usize = 12;
/// Ratio of successive γ.
const RATIO: f64 = 0.2;
/// The first γ has rows spread over this share of the range of the cost.
const FIRST_WIDTH: f64 = 0.03;

/// Width of the keys that share the mass of a row, if they are spread evenly.
fn width(spread: f64, weights: Weights<'_>, gamma: f64, k: usize) -> f64 {
    let mass = gamma * sum(weights.a.iter().copied()) / weights.a.len() as f64;
    let m = weights.b.len() as f64;
    let even = (2.0 * mass * spread / m).sqrt();
    even.max(if k < usize::MAX { mass / k as f64 } else { 0.0 })
}

/// Decreasing γ, the last the one asked for.
fn ladder(geometry: &dyn Geometry, weights: Weights<'_>, gamma: f64, k: usize) -> Vec<f64> {
    let spread = spread(geometry);
    let mut stages = vec![gamma];
    while stages.len() < 60 && width(spread, weights, stages[stages.len() - 1] / RATIO, k) < FIRST_WIDTH * spread {
        stages.push(stages[stages.len() - 1] / RATIO);
    }
    stages.reverse();
    stages
}

/// Column potentials of an entropic plan about as wide as the first stage's.
fn blurred(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    gamma: f64,
    k: usize,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let spread = spread(geometry);
    if !(spread > 0.0 && spread.is_finite()) {
        return Ok(vec![0.0; weights.b.len()]);
    }
    let epsilon = (width(spread, weights, gamma, k) / 3.0).clamp(0.002 * spread, 0.1 * spread);
    let options = sinkhorn::Options {
        epsilon,
        tol: 0.05,
        max_iter: 200,
        rho: (f64::INFINITY, f64::INFINITY),
        anneal: None,
        relaxation: None,
    };
    let done = sinkhorn::solve(geometry, weights, None, &options, &Quiet(monitor))?;
    Ok(done.g.iter().zip(weights.b).map(|(g, b)| g + epsilon * b.ln()).collect())
}

/// Passes on the wish to stop, and no reports.
struct Quiet<'a>(&'a dyn Monitor);

impl Monitor for Quiet<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
    fn report(&self, _: Progress) -> bool {
        false
    }
}

/// ‖T1 − a‖₁ + ‖Tᵀ1 − b‖₁.
fn marginal_error(plan: &Csr, problem: &Problem<'_>) -> f64 {
    let mut cols = problem.b.to_vec();
    for (j, t) in plan.indices.iter().zip(&plan.data) {
        cols[*j as usize] -= t;
    }
    let row =
        |(range, a): (&[i64], &f64)| (a - plan.data[range[0] as usize..range[1] as usize].iter().sum::<f64>()).abs();
    sum(plan.indptr.windows(2).zip(problem.a).map(row)) + sum(cols.iter().map(|c| c.abs()))
}

/// Keys closer than this share of the k-th slack tie.
const TIE: f64 = 1e-6;

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
fn finish(mut newton: Newton<'_>, status: Status, tol: f64, goal: f64, mut log: Log<'_>) -> Result<Outcome> {
    let monitor = log.monitor;
    let relaxed = Found::new(&newton.dual);
    let rounds = relaxed.sums.crowded > 0 && matches!(status, Status::Tied | Status::Stalled);
    let rounded = if rounds { rounding::solve(newton.clone(), goal, &mut log)? } else { None };
    newton.dual.sharpen();
    newton.refresh(monitor)?;
    let dual = newton.dual.based() - newton.value();
    let (f, g) = (newton.dual.levels(), newton.dual.columns());
    let ties = newton.dual.ties(TIE);
    let best = match rounded {
        Some(rounded) => Found::new(&rounded.dual),
        None if relaxed.sums.crowded == 0 => Found { plan: relaxed.plan.clone(), ..relaxed },
        None => Found::new(&newton.dual),
    };
    // Where sums left the finite numbers (a price of a forbidden arc), the plan's value bounds nothing.
    let Found { plan, sums, error, value } = best;
    let primal = if error <= goal && value.is_finite() { value } else { f64::INFINITY };
    let gap = primal - dual;
    let status = match status {
        Status::Converged | Status::Tied | Status::Stalled if gap <= tol * (sums.size + sums.regularization) => {
            Status::Converged
        }
        Status::Converged => Status::Stalled,
        other => other,
    };
    let (cost, relaxed) = (sums.cost, relaxed.plan);
    Ok(Outcome { f, g, status, plan, relaxed, cost, error, dual, primal, ties, trace: log.trace })
}
