//! A feasible plan with at most k nonzeros in each row, from the relaxed one: rows that have more are cut back and fixed, those first that
//! lose least, and the others solved for again, until no row has more. Where that leaves the weights no plan, the cut one is mended.

use super::dual::Dual;
use super::mend;
use super::newton::{Log, Newton};
use super::{Known, Status, nearby, parts};
use crate::error::Result;
use crate::parallel::sum;

/// Share of the rows with too many nonzeros that is fixed at a time, or this many.
const PART: f64 = 0.4;
const FEW: usize = 16;
/// Rounds of cutting back.
const ROUNDS: usize = 100;
/// ζ in between.
const ZETA: f64 = 0.2;
/// Relative error in between.
const ERROR: f64 = 1e-3;
/// Newton steps of a round.
pub const STEPS: usize = 40;

/// The best plan found, or None. It is not looked for where the plan of another run, if there is one, leads to one as good.
pub fn solve<'a>(
    newton: &Newton<'a>,
    known: Option<Known<'_>>,
    goal: f64,
    log: &mut Log<'_>,
) -> Result<Option<Newton<'a>>> {
    let (near, enough) = match known {
        Some(known) => nearby::solve(newton, known, goal, log)?,
        None => (None, false),
    };
    if enough {
        return Ok(near);
    }
    let found = match cut(newton.clone(), goal, log)? {
        Some(cut) => Some(cut),
        None => nearby::mended(newton, &newton.dual.plan(), mend::CUTS, goal, log)?,
    };
    Ok(better(near, found))
}

/// The plan of less value.
pub fn better<'a>(p: Option<Newton<'a>>, q: Option<Newton<'a>>) -> Option<Newton<'a>> {
    [p, q].into_iter().flatten().min_by(|p, q| value(p).total_cmp(&value(q)))
}

/// The value of the plan, to first order in its error.
pub fn value(newton: &Newton<'_>) -> f64 {
    let sums = newton.dual.measure();
    sums.cost + sums.regularization + newton.dual.priced()
}

/// Whether rows that take up no other entries have more mass than the columns they reach.
pub fn is_hopeless(dual: &Dual<'_>, goal: f64) -> bool {
    let open = dual.rows.iter().zip(dual.problem.a).filter(|(row, _)| !row.is_closed()).map(|(_, a)| a);
    let excess = parts::excess(dual, |i, _| dual.rows[i].is_closed());
    sum(excess.iter().map(|e| e.max(0.0))) - sum(open.copied()) > goal
}

/// Cuts rows back until none has too many nonzeros.
fn cut<'a>(mut newton: Newton<'a>, goal: f64, log: &mut Log<'_>) -> Result<Option<Newton<'a>>> {
    let total: f64 = newton.dual.problem.a.iter().sum();
    let mut error = newton.error();
    for _ in 0..ROUNDS {
        let k = newton.dual.rule.k;
        let mut crowded: Vec<(f64, usize)> = newton.dual.crowded().map(|i| (lost(&newton, i), i)).collect();
        if crowded.is_empty() && error <= goal {
            // The plan is feasible: its support has a best plan, whose dual is smooth.
            newton.dual.fix();
            newton.dual.sharpen();
            newton.refresh(log.monitor)?;
            let ended = newton.minimize(goal, STEPS, log)?;
            return Ok((ended == Some(Status::Converged)).then_some(newton));
        }
        crowded.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        let count = ((PART * crowded.len() as f64) as usize).max(FEW).min(crowded.len());
        crowded[..count].iter().for_each(|&(_, i)| newton.dual.rows[i].fix(k));
        if is_hopeless(&newton.dual, goal) {
            return Ok(None);
        }
        newton.recenter(ZETA, log.monitor)?;
        let wanted = if crowded.is_empty() { 0.5 * goal } else { ERROR * total };
        let ended = newton.minimize(wanted, STEPS, log)?;
        if ended != Some(Status::Converged) {
            return Ok(None);
        }
        error = newton.error();
    }
    Ok(None)
}

/// Share of its mass that a row has beyond its k largest entries.
fn lost(newton: &Newton<'_>, i: usize) -> f64 {
    let (dual, row) = (&newton.dual, &newton.dual.rows[i]);
    let beyond = row.entries.iter().enumerate().skip(dual.rule.k);
    beyond.map(|(place, e)| dual.rule.mass(&row.level, place, e.key)).sum::<f64>() / dual.problem.a[i]
}
