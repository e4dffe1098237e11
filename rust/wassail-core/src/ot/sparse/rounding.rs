//! A feasible plan with at most k nonzeros in each row, from the relaxed one: rows that have more are cut back and fixed, those first that
//! lose least, and the others solved for again, until no row has more. Where that leaves the weights no plan, the cut one is mended.

use super::dual::Dual;
use super::mend;
use super::newton::{Log, Newton};
use super::{Known, Status, parts};
use crate::error::Result;
use crate::ot::sparsify::Csr;
use crate::ot::tiling::entry;
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
const STEPS: usize = 40;

/// How much further from the dual value than it was, a plan may be that another one was mended to.
const WORSE: f64 = 1.1;

/// The best plan found, or None. Plans of another run, where there are, have their support kept; or mended, which is the answer if it leaves
/// no larger a gap than it did there.
pub fn solve<'a>(
    newton: &Newton<'a>,
    known: Option<Known<'_>>,
    goal: f64,
    log: &mut Log<'_>,
) -> Result<Option<Newton<'a>>> {
    let near = match known {
        Some(Known { plan, .. }) => match adopted(newton, plan, goal, log)? {
            Some(kept) => return Ok(Some(kept)),
            None => mended(newton, plan, mend::FEW_CUTS, goal, log)?,
        },
        None => None,
    };
    let lower = value(newton);
    if let (Some(near), Some(known)) = (&near, known)
        && known.gap.is_finite()
        && value(near) - lower <= WORSE * known.gap
    {
        return Ok(Some(near.clone()));
    }
    let found = match cut(newton.clone(), goal, log)? {
        Some(cut) => Some(cut),
        None => mended(newton, &newton.dual.plan(), mend::CUTS, goal, log)?,
    };
    Ok([near, found].into_iter().flatten().min_by(|p, q| value(p).total_cmp(&value(q))))
}

/// The value of the plan, to first order in its error.
fn value(newton: &Newton<'_>) -> f64 {
    let sums = newton.dual.measure();
    sums.cost + sums.regularization + newton.dual.priced()
}

/// The best plan on the support of another, if that can carry the weights.
fn adopted<'a>(newton: &Newton<'a>, plan: &Csr, goal: f64, log: &mut Log<'_>) -> Result<Option<Newton<'a>>> {
    let mut near = newton.clone();
    near.dual.adopt(plan);
    if !is_balanced(&near.dual, goal) {
        return Ok(None);
    }
    near.dual.sharpen();
    near.refresh(log.monitor)?;
    let ended = near.minimize(goal, STEPS, log)?;
    Ok((ended == Some(Status::Converged)).then_some(near))
}

/// A plan of other weights made to carry these. Its support is a forest, on which there is no other.
fn mended<'a>(
    newton: &Newton<'a>,
    plan: &Csr,
    cuts: usize,
    goal: f64,
    log: &mut Log<'_>,
) -> Result<Option<Newton<'a>>> {
    let Some(mut forest) = mend::plan(&newton.dual, plan, cuts, goal, log.monitor)? else { return Ok(None) };
    let (n, geometry, gamma) = (newton.dual.rows.len(), newton.dual.problem.geometry, newton.dual.rule.gamma);
    let mut g = newton.dual.columns();
    forest.potentials(&mut g, |link| entry(geometry, link.i, link.v - n) + gamma * link.t);
    let plan = forest.plan();
    let mut near = newton.clone();
    near.dual.center(&plan);
    near.dual.adopt(&plan);
    near.dual.sharpen();
    near.move_to(&g, log.monitor)?;
    let ended = near.minimize(goal, STEPS, log)?;
    Ok((ended == Some(Status::Converged)).then_some(near))
}

/// Whether the parts into which the candidates fall have as much mass in their rows as in their columns. What candidates rows may
/// take up later is not looked at: after `adopt` nearly none may.
fn is_balanced(dual: &Dual<'_>, goal: f64) -> bool {
    sum(parts::excess(dual, |_, _| true).iter().map(|e| e.abs())) <= goal
}

/// Whether rows that take up no other entries have more mass than the columns they reach.
fn is_hopeless(dual: &Dual<'_>, goal: f64) -> bool {
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
