//! A plan with at most k nonzeros in each row, made to carry other weights.
//!
//! On a spanning forest of its support the weights tell the masses, and parts of it have too much or too little. A part with too much
//! sends it, by a row that has a place left, along the arc of least slack to one with too little. Where no part can, the links
//! in the way are cut, and never made again.

use super::dual::Dual;
use super::forest::{Forest, Link};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::ot::sparsify::Csr;
use crate::ot::tiling::entry;
use std::collections::HashSet;

/// Times that links are cut, for a plan nearby and for any.
pub const FEW_CUTS: usize = 16;
pub const CUTS: usize = 200;
/// Points and entries of the cost looked at before it is given up: as a multiple of the points, and of the cost.
const POINTS: usize = 1000;
const COSTS: usize = 4;
/// Share of the links of a plan nearby that make no cycle, below which its forest tells little of it.
const FOREST: f64 = 0.9;
/// Share of the allowed error that the parts may have.
const LEFT: f64 = 0.1;

/// A plan on the way.
struct Mend<'d> {
    dual: &'d Dual<'d>,
    f: Vec<f64>,
    g: Vec<f64>,
    forest: Forest<'d>,
    cut: HashSet<(usize, usize)>,
    /// Excess of a part that is none.
    least: f64,
}

/// A plan of the present weights near this one, if one is found that misses no more than `goal` in all. With one place a row no part can
/// send anything.
pub fn plan<'d>(
    dual: &'d Dual<'d>,
    near: &Csr,
    cuts: usize,
    goal: f64,
    monitor: &dyn Monitor,
) -> Result<Option<Forest<'d>>> {
    if dual.rule.k == 1 {
        return Ok(None);
    }
    let points = dual.rows.len() + dual.cols.len();
    let most = POINTS * points + COSTS * dual.rows.len() * dual.cols.len();
    let mut mend = Mend {
        dual,
        f: dual.levels(),
        g: dual.columns(),
        forest: Forest::new(dual.problem.a, dual.problem.b),
        cut: HashSet::new(),
        least: LEFT * goal / points as f64,
    };
    mend.begin(near);
    if cuts == FEW_CUTS && (mend.forest.links.len() as f64) < FOREST * near.data.len() as f64 {
        return Ok(None);
    }
    for _ in 0..cuts {
        while mend.join() && mend.forest.work < most {
            monitor.check()?;
        }
        let places = mend.in_the_way();
        if places.is_empty() {
            let done = mend.forest.parts().all(|part| mend.forest.excess(part).abs() <= mend.least);
            return Ok(done.then_some(mend.forest));
        }
        if mend.forest.work >= most {
            break;
        }
        mend.cut.extend(places.iter().map(|at| mend.forest.links[*at as usize]).map(|link| (link.i, link.v)));
        mend.forest.remove(&places);
    }
    Ok(None)
}

impl Mend<'_> {
    /// Takes the k largest entries of each row, the largest first, that make no cycle.
    fn begin(&mut self, near: &Csr) {
        let n = self.dual.rows.len();
        let mut links = Vec::with_capacity(near.data.len());
        for (i, ends) in near.indptr.windows(2).enumerate() {
            let (range, first) = (ends[0] as usize..ends[1] as usize, links.len());
            let entries = near.indices[range.clone()].iter().zip(&near.data[range]).filter(|(_, t)| **t > 0.0);
            links.extend(entries.map(|(j, t)| Link { i, v: n + *j as usize, t: *t }));
            links[first..].sort_unstable_by(largest_first);
            links.truncate(first.saturating_add(self.dual.rule.k));
        }
        links.sort_unstable_by(largest_first);
        links.into_iter().for_each(|link| self.forest.add(link));
    }

    /// Whether a row can send what its part has too much of.
    fn is_open(&mut self, i: usize) -> bool {
        let part = self.forest.part(i);
        self.forest.degree(i) < self.dual.rule.k && self.forest.excess(part) > self.least
    }

    /// Joins parts that have too much to others; returns whether any was.
    fn join(&mut self) -> bool {
        let before = self.forest.links.len();
        for (_, i, v) in self.arcs() {
            if self.is_open(i) && self.forest.part(i) != self.forest.part(v) && self.forest.gather(i).is_ok() {
                let t = self.forest.missing(i);
                self.forest.add(Link { i, v, t });
            }
        }
        self.forest.links.len() > before
    }

    /// From each row that can send the arc of least slack to a part with too little, or to any other if its part knows of none: slack, row
    /// and column, the least slack first.
    fn arcs(&mut self) -> Vec<(f64, usize, usize)> {
        let (n, m, dual) = (self.dual.rows.len(), self.dual.cols.len(), self.dual);
        let mut arcs: Vec<(f64, usize, usize)> = Vec::new();
        let mut served = vec![false; n + m];
        let open: Vec<usize> = (0..n).filter(|&i| self.is_open(i)).collect();
        for &i in &open {
            let row = &dual.rows[i];
            let known = row.entries.iter().map(|e| (e.j as usize, row.costs[e.place as usize]));
            if let Some((true, slack, v)) = self.least(i, known) {
                arcs.push((slack, i, v));
                served[self.forest.part(i)] = true;
            }
        }
        for &i in &open {
            if !served[self.forest.part(i)] {
                self.forest.work += m;
                let found = self.least(i, (0..m).map(|j| (j, entry(dual.problem.geometry, i, j))));
                arcs.extend(found.map(|(_, slack, v)| (slack, i, v)));
            }
        }
        arcs.sort_unstable_by(|p, q| p.0.total_cmp(&q.0).then((p.1, p.2).cmp(&(q.1, q.2))));
        arcs
    }

    /// Whether its part has too little, slack and column.
    fn least(&mut self, i: usize, arcs: impl Iterator<Item = (usize, f64)>) -> Option<(bool, f64, usize)> {
        let (n, from) = (self.dual.rows.len(), self.forest.part(i));
        let mut best: Option<(bool, f64, usize)> = None;
        for (j, cost) in arcs {
            let (slack, to) = (cost - self.f[i] - self.g[j], self.forest.part(n + j));
            let wants = self.forest.excess(to) < 0.0;
            let better = best.is_none_or(|best| wants && !best.0 || wants == best.0 && slack < best.1);
            if better && to != from && slack.is_finite() && !self.cut.contains(&(i, n + j)) {
                best = Some((wants, slack, n + j));
            }
        }
        best
    }

    /// Links to cut: in a part with too much the one that keeps a row with a place left from sending it, or the smallest, and
    /// in a part that is balanced the one that would have less than none.
    fn in_the_way(&mut self) -> Vec<u32> {
        let (smallest, blocked) = (self.smallest(), self.blocked());
        let parts: Vec<usize> = self.forest.parts().collect();
        let mut found: Vec<u32> = Vec::new();
        for part in parts {
            let excess = self.forest.excess(part);
            if excess > self.least {
                found.extend(blocked[part].or(smallest[part]));
            } else if excess >= -self.least {
                found.extend(self.forest.gather(part).err());
            }
        }
        found.sort_unstable();
        found
    }

    /// The smallest link of each part.
    fn smallest(&mut self) -> Vec<Option<u32>> {
        let mut smallest: Vec<Option<u32>> = vec![None; self.dual.rows.len() + self.dual.cols.len()];
        for (at, link) in (0..).zip(self.forest.links.clone()) {
            let held = &mut smallest[self.forest.part(link.i)];
            if held.is_none_or(|held| link.t < self.forest.links[held as usize].t) {
                *held = Some(at);
            }
        }
        smallest
    }

    /// What keeps the first row that could send it from sending what a part has too much of.
    fn blocked(&mut self) -> Vec<Option<u32>> {
        let mut blocked: Vec<Option<u32>> = vec![None; self.dual.rows.len() + self.dual.cols.len()];
        for i in 0..self.dual.rows.len() {
            let part = self.forest.part(i);
            if blocked[part].is_none() && self.is_open(i) {
                blocked[part] = self.forest.gather(i).err();
            }
        }
        blocked
    }
}

pub fn largest_first(p: &Link, q: &Link) -> std::cmp::Ordering {
    q.t.total_cmp(&p.t).then((p.i, p.v).cmp(&(q.i, q.v)))
}
