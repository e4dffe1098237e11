//! The proximal point method on the relaxed plan: T ← argmin ⟨C, T⟩ + Σ Ω(t_i) + ζγ/2 ‖T − T'‖².

use super::Status;
use super::newton::{Log, Newton};
use crate::error::Result;

/// First ζ, without a center.
pub const FIRST: f64 = 1.0;
/// ζ with a given start.
pub const WARM: f64 = 0.1;
/// Error at which the first stage is left, by that of its start, and the largest at which any is.
const START: f64 = 0.1;
const ROUGH: f64 = 0.02;
/// Ratio of successive ζ.
const RATIO: f64 = 0.3;
/// Least ζ: smaller ones leave few rows split, and Newton's steps get short.
const LAST: f64 = 3e-4;
/// Most stages.
const STAGES: usize = 200;
/// Newton steps after which a stage is left.
const STEPS: usize = 60;
/// After so many of these in a row ζ rises by this factor, for good: then the plan is nearly that of a linear program.
const HARD_STAGES: usize = 2;
const RAISE: f64 = 10.0;
const MOST: f64 = 1e6;
/// Stages of so few steps in a row, that many of them, mean that masses move along a face: ζ falls below its bound, down to this.
const EASY: usize = 2;
const EASY_STAGES: usize = 6;
const LEAST: f64 = 1e-7;

/// Solves the relaxation to a relative error and gap of `tol`. `Tied` if its plan has too many nonzeros in some row.
pub fn solve(newton: &mut Newton<'_>, tol: f64, goal: f64, log: &mut Log<'_>) -> Result<Status> {
    if newton.dual.rule.zeta == 0.0 {
        newton.recenter(WARM, log.monitor)?;
    }
    let scale = goal / tol;
    let (mut last, mut easy, mut hard) = (LAST, 0, 0);
    // The center is as far from the solution as a given start was: it serves until that is nearly made up for.
    let mut stage_goal = (START * newton.error()).clamp(0.5 * goal, ROUGH * scale);
    for _ in 0..STAGES {
        let before = log.trace.len();
        let ended = newton.minimize(stage_goal, STEPS, log)?;
        if let Some(status @ (Status::MaxIter | Status::Stopped)) = ended {
            return Ok(status);
        }
        let met = ended == Some(Status::Converged);
        easy = if met && log.trace.len() <= before + EASY { easy + 1 } else { 0 };
        hard = if met { 0 } else { hard + 1 };
        if hard >= HARD_STAGES && newton.dual.rule.zeta >= MOST {
            return Ok(Status::Stalled);
        }
        if hard >= HARD_STAGES {
            last = RAISE * newton.dual.rule.zeta;
            newton.dual.rule.zeta = last;
            newton.refresh(log.monitor)?;
            continue;
        }
        if easy >= EASY_STAGES {
            last = (RATIO * last).max(LEAST);
        }
        let sums = newton.dual.measure();
        let size = sums.size + sums.regularization;
        let relative = sums.gap / size;
        if sums.crowded == 0
            && newton.dual.rule.zeta < FIRST
            && let Some(status) = sharp(newton, goal, log)?
        {
            return Ok(status);
        }
        if newton.error() <= goal && relative <= tol {
            return Ok(if sums.crowded > 0 { Status::Tied } else { Status::Converged });
        }
        newton.recenter((RATIO * newton.dual.rule.zeta).max(last), log.monitor)?;
        stage_goal = (relative * scale).clamp(0.5 * goal, ROUGH * scale);
    }
    Ok(Status::Stalled)
}

/// Without ties the dual is smooth around its optimum: Newton steps on itself, kept if they get there.
fn sharp(newton: &mut Newton<'_>, goal: f64, log: &mut Log<'_>) -> Result<Option<Status>> {
    let before = newton.clone();
    newton.dual.sharpen();
    newton.refresh(log.monitor)?;
    let ended = newton.minimize(goal, 8, log)?;
    if ended.is_some_and(|s| s != Status::Stalled) {
        return Ok(ended);
    }
    *newton = before;
    Ok(None)
}
