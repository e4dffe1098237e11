//! A feasible plan with at most k nonzeros in each row, from that of another run: its support is kept, or kept where rows are full, or mended.

use super::dual::Dual;
use super::exchange;
use super::forest::{Forest, Link};
use super::mend;
use super::newton::{Log, Newton};
use super::rounding::{STEPS, better, is_hopeless, value};
use super::{Known, Status, parts};
use crate::error::Result;
use crate::ot::sparsify::Csr;
use crate::ot::tiling::entry;
use crate::parallel::sum;

/// How much further from the dual value than it was a plan may be.
const WORSE: f64 = 1.1;
/// The same where rows have hardly more places than a tree has links, so that a search seldom finds a better one.
const FAR: f64 = 10.0;
/// Places by the links of a tree, up to which they are hardly more.
const TREE: f64 = 1.1;
/// Share of its value that the gap of a plan may be: a start from a bad plan would hand it on for good.
const GOOD: f64 = 0.2;
/// Newton steps from the plan of another run, and the share of the error that they leave if they lead anywhere: then as many follow.
const TRIED: usize = 4;
const LEFT: f64 = 0.1;

/// The best plan near that of another run, and whether it is good enough to look for no other.
pub fn solve<'a>(
    newton: &Newton<'a>,
    known: Known<'_>,
    goal: f64,
    log: &mut Log<'_>,
) -> Result<(Option<Newton<'a>>, bool)> {
    let lower = value(newton);
    let within = |near: &Option<Newton<'_>>, times: f64| {
        let gap = near.as_ref().map(|near| (value(near) - lower, GOOD * value(near).abs()));
        gap.is_some_and(|(gap, good)| known.gap.is_finite() && gap <= good.min(times * known.gap))
    };
    let kept = kept(newton, known.plan, goal, log)?;
    if within(&kept, WORSE) {
        return Ok((kept, true));
    }
    let near = better(kept, reopened(newton, known.plan, goal, log)?);
    if within(&near, WORSE) {
        return Ok((near, true));
    }
    let near = better(near, mended(newton, known.plan, mend::FEW_CUTS, goal, log)?);
    if within(&near, WORSE) {
        return Ok((near, true));
    }
    if !is_treelike(&newton.dual) {
        return Ok((near, false));
    }
    // As without a start where the search fails: the plan is not to be worse than that.
    let near = better(near, mended(newton, &newton.dual.plan(), mend::CUTS, goal, log)?);
    let enough = within(&near, FAR);
    Ok((near, enough))
}

/// Whether rows have about as many places as a plan of weights without partial sums in common has entries, a tree.
fn is_treelike(dual: &Dual<'_>) -> bool {
    let (n, m) = (dual.rows.len(), dual.cols.len());
    n as f64 * dual.rule.k as f64 <= TREE * (n + m) as f64
}

/// The best plan on the support of another, if that can carry the weights.
fn kept<'a>(newton: &Newton<'a>, plan: &Csr, goal: f64, log: &mut Log<'_>) -> Result<Option<Newton<'a>>> {
    let mut near = newton.clone();
    near.dual.center(plan);
    near.dual.adopt(plan, 0);
    if !is_balanced(&near.dual, goal) {
        return Ok(None);
    }
    from(near, plan, goal, log)
}

/// The best plan in which full rows of another keep their support, and the others may take up any entries.
fn reopened<'a>(newton: &Newton<'a>, plan: &Csr, goal: f64, log: &mut Log<'_>) -> Result<Option<Newton<'a>>> {
    let mut near = newton.clone();
    near.dual.center(plan);
    near.dual.adopt(plan, near.dual.rule.k);
    if is_hopeless(&near.dual, goal) {
        return Ok(None);
    }
    from(near, plan, goal, log)
}

/// From the potentials of a plan, where they lead to a feasible one.
fn from<'a>(mut near: Newton<'a>, plan: &Csr, goal: f64, log: &mut Log<'_>) -> Result<Option<Newton<'a>>> {
    let g = potentials(&near.dual, plan);
    near.dual.sharpen();
    near.move_to(&g, log.monitor)?;
    let (mut before, mut ended) = (f64::INFINITY, None);
    while ended.is_none() && near.error() <= LEFT * before {
        before = near.error();
        ended = near.minimize(goal, TRIED, log)?;
    }
    Ok((ended == Some(Status::Converged)).then_some(near))
}

/// Column potentials at which a plan is the best on its support, if it is: from its largest entries that make no cycle.
fn potentials(dual: &Dual<'_>, plan: &Csr) -> Vec<f64> {
    let n = dual.rows.len();
    let mut links = Vec::with_capacity(plan.data.len());
    for (i, ends) in plan.indptr.windows(2).enumerate() {
        let range = ends[0] as usize..ends[1] as usize;
        let row = plan.indices[range.clone()].iter().zip(&plan.data[range]);
        let allowed = row.filter(|(j, _)| entry(dual.problem.geometry, i, **j as usize).is_finite());
        links.extend(allowed.map(|(j, t)| Link { i, v: n + *j as usize, t: *t }));
    }
    links.sort_unstable_by(mend::largest_first);
    let mut forest = Forest::new(dual.problem.a, dual.problem.b);
    links.into_iter().for_each(|link| forest.add(link));
    forest_potentials(dual, &mut forest)
}

fn forest_potentials(dual: &Dual<'_>, forest: &mut Forest<'_>) -> Vec<f64> {
    let (n, geometry, gamma) = (dual.rows.len(), dual.problem.geometry, dual.rule.gamma);
    let mut g = dual.columns();
    forest.potentials(&mut g, |link| entry(geometry, link.i, link.v - n) + gamma * link.t);
    g
}

/// A plan of other weights made to carry these, its entries exchanged for better ones. Its support is a forest, on which there is no other
/// plan.
pub fn mended<'a>(
    newton: &Newton<'a>,
    plan: &Csr,
    cuts: usize,
    goal: f64,
    log: &mut Log<'_>,
) -> Result<Option<Newton<'a>>> {
    let Some(forest) = mend::plan(&newton.dual, plan, cuts, goal, log.monitor)? else { return Ok(None) };
    let mut forest = exchange::improve(&newton.dual, &forest, value(newton), log.monitor)?;
    let (g, plan) = (forest_potentials(&newton.dual, &mut forest), forest.plan());
    let mut near = newton.clone();
    near.dual.center(&plan);
    near.dual.adopt(&plan, 0);
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
