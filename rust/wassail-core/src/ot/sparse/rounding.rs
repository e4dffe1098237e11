//! A feasible plan with at most k nonzeros in each row, from the relaxed one: rows that have more are cut back and fixed, those first that
//! lose least, and the others solved for again, until no row has more.

use super::Status;
use super::dual::Dual;
use super::newton::{Log, Newton};
use crate::error::Result;
use crate::ot::sets::Sets;
use crate::ot::sparsify::Csr;
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

/// The plan of the best support found, or None. The support of a plan nearby is tried first, where there is one.
pub fn solve<'a>(newton: Newton<'a>, nearby: Option<&Csr>, goal: f64, log: &mut Log<'_>) -> Result<Option<Newton<'a>>> {
    if let Some(plan) = nearby {
        let mut near = newton.clone();
        near.dual.adopt(plan);
        if is_balanced(&near.dual, goal) {
            near.dual.sharpen();
            near.refresh(log.monitor)?;
            if near.minimize(goal, STEPS, log)? == Some(Status::Converged) {
                return Ok(Some(near));
            }
        }
    }
    cut(newton, goal, log)
}

/// Whether the parts into which the candidates fall have as much mass in their rows as in their columns. What candidates rows may
/// take up later is not looked at: after `adopt` nearly none may.
fn is_balanced(dual: &Dual<'_>, goal: f64) -> bool {
    let (n, m) = (dual.rows.len(), dual.cols.len());
    let mut parts = Sets::new(n + m);
    for (i, row) in dual.rows.iter().enumerate() {
        for e in &row.entries {
            parts.join(i as u32, n as u32 + e.j);
        }
    }
    let mut excess = vec![0.0; n + m];
    let masses = dual.problem.a.iter().copied().chain(dual.problem.b.iter().map(|b| -b));
    for (point, mass) in masses.enumerate() {
        excess[parts.find(point as u32) as usize] += mass;
    }
    sum(excess.iter().map(|e| e.abs())) <= goal
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
