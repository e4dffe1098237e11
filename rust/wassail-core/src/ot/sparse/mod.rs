//! Transport with quadratic regularization and at most k nonzeros in each row: min ⟨C, T⟩ + γ/2 ‖T‖².
//!
//! Liu, Puigcerver, Blondel (2023), arXiv:2209.15466. Their dual is that of the convex relaxation with γ/2 of the squared k-support norm;
//! where the k-th and the next entry of a row tie it has a kink, and at the optimum many do. The proximal point method
//! on the relaxed plan smooths it without moving its solution, and semismooth Newton steps solve each stage. Rows
//! that stay tied have more than k nonzeros in the relaxed plan; `rounding` looks for a plan that has not.

mod base;
mod candidates;
mod dual;
mod exchange;
mod finish;
mod forest;
mod history;
mod mend;
mod nearby;
mod newton;
mod parts;
mod proximal;
mod rounding;
mod row;
mod start;
mod system;
#[cfg(test)]
mod tests;
mod vertex;

pub use newton::TracePoint;

use super::geometry::Geometry;
use super::sparsify::Csr;
use super::sweep::Weights;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use newton::Log;
use start::{Linear, Task};

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

/// What is known of the solution, of another run.
#[derive(Clone, Copy, Debug)]
pub struct Init<'a> {
    /// Row potential; with plans it tells which entries to look at first.
    pub f: &'a [f64],
    /// Column potential.
    pub g: &'a [f64],
    /// The plans, if they are at hand.
    pub plans: Option<Known<'a>>,
}

/// The plans of another run.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// That of the relaxation.
    pub relaxed: &'a Csr,
    /// That with at most k nonzeros in each row.
    pub plan: &'a Csr,
    /// By how much the value of the latter is above the dual one; inf if it does not have the marginals.
    pub gap: f64,
}

/// The loosest tolerance in use: from a relaxed plan that is further off no feasible one is found, and the search for it takes longest.
const LOOSEST: f64 = 1e-4;

/// Solves with at most k nonzeros in each row. All weights are positive.
pub fn solve(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    init: Option<Init<'_>>,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    geometry.prepare(false)?;
    let (n, m) = geometry.shape();
    if n.saturating_add(m) >= (u32::MAX / 2) as usize {
        return Err(Error::OutOfMemory(usize::MAX));
    }
    let options = &Options { tol: options.tol.min(LOOSEST), ..*options };
    let task = Task::new(geometry, weights, options);
    let mut log = Log { trace: Vec::new(), max_iter: options.max_iter, monitor };
    let quick = init.map(|init| task.quick(init, &mut log)).transpose()?.flatten();
    let (mut newton, ended) = match (quick, init) {
        (Some((newton, status)), _) => (newton, Some(status)),
        _ if task.is_nearly_linear() => match task.linear(init, monitor)? {
            Linear::Solved(outcome) => return Ok(Outcome { trace: log.trace, ..*outcome }),
            Linear::Start(newton) => (*newton, None),
        },
        (None, Some(init)) => task.given(init, &mut log)?,
        (None, None) => task.smooth(None, &mut log)?,
    };
    let mut status = match ended {
        Some(status) => status,
        None => task.settle(&mut newton, &mut log)?,
    };
    if status == Status::Stalled {
        newton = match task.linear(None, monitor)? {
            Linear::Solved(outcome) => return Ok(Outcome { trace: log.trace, ..*outcome }),
            Linear::Start(newton) => *newton,
        };
        status = task.settle(&mut newton, &mut log)?;
    }
    finish::outcome(newton, status, init.and_then(|init| init.plans), options.tol, task.goal, log)
}
