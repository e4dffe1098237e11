//! A plan on a forest whose rows have at most k entries, improved by exchanging one entry for another.
//!
//! An entry that joins closes a cycle, around which masses move until another is gone. A row that is full gives up the one of its own
//! that is on the cycle, which must be the first to go. What is gained is known from the potentials of the forest, at which all
//! entries are as dear as they are, and the length of the cycle.

use super::dual::Dual;
use super::forest::{Forest, Link};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::ot::tiling::{blocks, entry, for_each_tile, kept_height};
use crate::parallel::{chunks, map_chunks, sum};

/// Passes over the cost.
const PASSES: usize = 10;
/// Share of the gap that an exchange must gain, or that of a row, and a pass for there to be another one.
const LEAST: f64 = 5e-3;
const AGAIN: f64 = 2e-2;
/// Share of what it was to gain when it was found that an exchange must gain still.
const STILL: f64 = 0.5;
/// Places of a tree whose point has none above it.
const NONE: u32 = u32::MAX;

/// Exchanges entries as long as the gap to this lower bound of the value falls.
pub fn improve<'d>(dual: &'d Dual<'d>, forest: &Forest<'d>, lower: f64, monitor: &dyn Monitor) -> Result<Forest<'d>> {
    let mut trees = Trees::new(dual, &forest.links);
    let gap = trees.value() - lower;
    let least = LEAST.min(1.0 / dual.rows.len() as f64) * gap;
    for _ in 0..PASSES {
        let mut gained = 0.0;
        for found in trees.exchanges(least, monitor)? {
            let now = trees.exchange(found.i, found.v, found.cost, STILL * found.gain);
            gained += now.map_or(0.0, |now| trees.apply(now));
        }
        let again = gained > AGAIN * gap;
        if !again {
            break;
        }
    }
    let mut improved = Forest::new(dual.problem.a, dual.problem.b);
    trees.links.into_iter().for_each(|link| improved.add(link));
    Ok(improved)
}

/// A forest with a root in each part.
struct Trees<'d> {
    dual: &'d Dual<'d>,
    links: Vec<Link>,
    costs: Vec<f64>,
    /// Links of a point.
    at: Vec<Vec<u32>>,
    points: Vec<Point>,
    order: Vec<usize>,
}

/// Where a point hangs.
#[derive(Clone, Copy)]
struct Point {
    above: u32,
    link: u32,
    depth: u32,
    root: u32,
    /// Potential: those of both ends of a link add up to what it costs more of it.
    price: f64,
}

/// An entry that joins, the link whose place it takes, and the mass that moves.
#[derive(Clone, Copy)]
struct Exchange {
    gain: f64,
    i: usize,
    v: usize,
    cost: f64,
    leaving: u32,
    t: f64,
}

/// A way from a row to a column: its last link, the one that would leave, the mass that can move, and the length of the cycle.
#[derive(Clone, Copy)]
struct Way {
    v: usize,
    last: u32,
    leaving: u32,
    t: f64,
    length: u32,
}

impl<'d> Trees<'d> {
    fn new(dual: &'d Dual<'d>, links: &[Link]) -> Self {
        let (n, count) = (dual.rows.len(), dual.rows.len() + dual.cols.len());
        let costs = links.iter().map(|link| entry(dual.problem.geometry, link.i, link.v - n)).collect();
        let bare = Point { above: NONE, link: NONE, depth: 0, root: NONE, price: 0.0 };
        let mut at = vec![Vec::new(); count];
        for (place, link) in (0..).zip(links) {
            at[link.i].push(place);
            at[link.v].push(place);
        }
        let mut trees = Self { dual, links: links.to_vec(), costs, at, points: vec![bare; count], order: Vec::new() };
        for root in 0..count {
            if trees.points[root].root == NONE {
                trees.plant(root);
            }
        }
        trees
    }

    /// Value of the plan.
    fn value(&self) -> f64 {
        let gamma = self.dual.rule.gamma;
        sum(self.links.iter().zip(&self.costs).map(|(link, cost)| link.t * (cost + 0.5 * gamma * link.t)))
    }

    /// Hangs a part on this point.
    fn plant(&mut self, root: usize) {
        let gamma = self.dual.rule.gamma;
        self.points[root] = Point { above: NONE, link: NONE, depth: 0, root: root as u32, price: 0.0 };
        self.order.clear();
        self.order.push(root);
        let mut place = 0;
        while place < self.order.len() {
            let p = self.order[place];
            let above = self.points[p];
            for &link in self.at[p].iter().filter(|link| **link != above.link) {
                let Link { i, v, t } = self.links[link as usize];
                let q = if i == p { v } else { i };
                let price = self.costs[link as usize] + gamma * t - above.price;
                self.points[q] = Point { above: p as u32, link, depth: above.depth + 1, price, ..above };
                self.order.push(q);
            }
            place += 1;
        }
    }

    /// Calls `visit` with the links between two points of a part, and whether they lose mass if an entry joins the points, while it says so.
    fn walk(&self, i: usize, v: usize, mut visit: impl FnMut(u32, bool) -> bool) {
        // Links next to the ends lose, and every other one on the way.
        let mut ends = [(i, true), (v, true)];
        while ends[0].0 != ends[1].0 {
            let deeper = usize::from(self.points[ends[0].0].depth < self.points[ends[1].0].depth);
            let (end, loses) = &mut ends[deeper];
            let Point { link, above, .. } = self.points[*end];
            if !visit(link, *loses) {
                return;
            }
            (*end, *loses) = (above as usize, !*loses);
        }
    }

    /// What joins row i and column v, if it gains more than this.
    fn exchange(&self, i: usize, v: usize, cost: f64, least: f64) -> Option<Exchange> {
        let slope = self.points[i].price + self.points[v].price - cost;
        if self.points[i].root != self.points[v].root || slope <= 0.0 {
            return None;
        }
        let gamma = self.dual.rule.gamma;
        let (mut first, mut own, mut length) = ((f64::INFINITY, NONE), NONE, 1);
        let mass = |link: u32| self.links[link as usize].t;
        let full = self.at[i].len() >= self.dual.rule.k;
        let smallest = self.at[i].iter().map(|link| mass(*link)).fold(f64::INFINITY, f64::min);
        let needed = (least / slope).max(if full { smallest } else { 0.0 });
        self.walk(i, v, |link, loses| {
            length += 1;
            if loses && mass(link) < first.0 {
                first = (mass(link), link);
            }
            if self.links[link as usize].i == i {
                own = link;
            }
            first.0 >= needed
        });
        let leaving = if full { own } else { first.1 };
        let t = first.0;
        if t < needed || mass(leaving) > t {
            return None;
        }
        let gain = t * (slope - 0.5 * gamma * t * f64::from(length));
        (gain > least).then_some(Exchange { gain, i, v, cost, leaving, t })
    }

    /// Makes an exchange; returns what it gains.
    fn apply(&mut self, Exchange { gain, i, v, cost, leaving, t }: Exchange) -> f64 {
        let mut moved = Vec::new();
        self.walk(i, v, |link, loses| {
            moved.push((link, if loses { -t } else { t }));
            true
        });
        moved.into_iter().for_each(|(link, t)| self.links[link as usize].t += t);
        let old = std::mem::replace(&mut self.links[leaving as usize], Link { i, v, t });
        self.costs[leaving as usize] = cost;
        [old.i, old.v].into_iter().for_each(|point| self.at[point].retain(|link| *link != leaving));
        [i, v].into_iter().for_each(|point| self.at[point].push(leaving));
        self.plant(self.points[i].root as usize);
        gain
    }

    /// Exchanges that gain more than this, the best first.
    fn exchanges(&self, least: f64, monitor: &dyn Monitor) -> Result<Vec<Exchange>> {
        let (geometry, n, m) = (self.dual.problem.geometry, self.dual.rows.len(), self.dual.cols.len());
        let found = map_chunks(chunks(n, kept_height(geometry), 256), monitor, |rows| {
            let (mut scratch, mut slopes, mut ways, mut found) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for block in blocks(&rows, kept_height(geometry)) {
                slopes.resize(block.len() * m, 0.0);
                for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
                    for (r, i) in block.clone().enumerate() {
                        let (price, others) = (self.points[i].price, &self.points[n..][cols.clone()]);
                        let terms = slopes[r * m..][cols.clone()].iter_mut().zip(others.iter().zip(costs.row(r)));
                        terms.for_each(|(slope, (other, cost))| *slope = price + other.price - cost);
                    }
                })?;
                for (i, slopes) in block.zip(slopes.chunks(m)) {
                    self.exchanges_of(i, slopes, least, &mut ways, &mut found);
                }
            }
            Ok(found)
        })?;
        let mut found = found.concat();
        found.sort_unstable_by(|p, q| q.gain.total_cmp(&p.gain).then((p.i, p.v).cmp(&(q.i, q.v))));
        Ok(found)
    }

    /// Exchanges of a row, by what a little mass at its columns gains: along all ways on which enough can move.
    fn exchanges_of(&self, i: usize, slopes: &[f64], least: f64, ways: &mut Vec<Way>, found: &mut Vec<Exchange>) {
        let (n, gamma) = (self.dual.rows.len(), self.dual.rule.gamma);
        let needed = least / slopes.iter().copied().fold(0.0, f64::max);
        let full = self.at[i].len() >= self.dual.rule.k;
        for &own in &self.at[i] {
            let Link { v, t, .. } = self.links[own as usize];
            if t < needed {
                continue;
            }
            ways.push(Way { v, last: own, leaving: own, t, length: 2 });
            let needed = if full { t } else { needed };
            while let Some(way) = ways.pop() {
                let slope = slopes[way.v - n];
                let gain = way.t * (slope - 0.5 * gamma * way.t * f64::from(way.length));
                if gain > least && way.length > 2 {
                    let cost = self.points[i].price + self.points[way.v].price - slope;
                    found.push(Exchange { gain, i, v: way.v, cost, leaving: way.leaving, t: way.t });
                }
                self.extend(way, needed, ways);
            }
        }
    }

    /// The ways that go on over two more links, of which the second one loses at least what is needed.
    fn extend(&self, way: Way, needed: f64, ways: &mut Vec<Way>) {
        for &gains in self.at[way.v].iter().filter(|link| **link != way.last) {
            for &last in self.at[self.links[gains as usize].i].iter().filter(|link| **link != gains) {
                let Link { v, t, .. } = self.links[last as usize];
                if t >= needed {
                    let (t, leaving) = if t < way.t { (t, last) } else { (way.t, way.leaving) };
                    ways.push(Way { v, last, leaving, t, length: way.length + 2 });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;
    use crate::ot::geometry::Dense;
    use crate::ot::sparse::dual::Problem;
    use crate::ot::sparse::row::Rule;

    /// A plan of these entries, improved, with its value before and after.
    fn improved(cost: &[f64], n: usize, k: usize, links: &[(usize, usize, f64)]) -> Result<(Vec<Link>, f64, f64)> {
        let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
        for (i, j, t) in links {
            a[*i] += t;
            b[*j] += t;
        }
        let geometry = Dense::from_rows(cost, n, n);
        let dual = Dual::new(Problem { geometry: &geometry, a: &a, b: &b }, Rule { k, gamma: 0.1, zeta: 0.0 });
        let mut forest = Forest::new(&a, &b);
        links.iter().for_each(|&(i, j, t)| forest.add(Link { i, v: n + j, t }));
        let before = Trees::new(&dual, &forest.links).value();
        let forest = improve(&dual, &forest, 0.0, &Silent)?;
        for point in 0..2 * n {
            let held: f64 =
                forest.links.iter().filter(|link| [link.i, link.v].contains(&point)).map(|link| link.t).sum();
            let weight = if point < n { a[point] } else { b[point - n] };
            assert!((held - weight).abs() < 1e-14 && (point >= n || forest.degree(point) <= k));
        }
        let after = Trees::new(&dual, &forest.links).value();
        Ok((forest.links, before, after))
    }

    #[test]
    fn a_full_row_exchanges_its_own_entry() -> Result<()> {
        // Rows 0 and 2 are full: what row 0 has at column 2 is for column 1, for which row 2 gives up as much.
        let cost = [0.0, 0.0, 9.0, 0.0, 0.0, 9.0, 9.0, 0.0, 0.0];
        let links = [(0, 0, 0.2), (0, 2, 0.1), (1, 0, 0.3), (2, 1, 0.25), (2, 2, 0.15)];
        let (mut found, before, after) = improved(&cost, 3, 2, &links)?;
        assert!(before - after > 0.8, "{before} {after}");
        found.sort_unstable_by_key(|link| (link.i, link.v));
        let found: Vec<_> = found.iter().map(|link| (link.i, link.v - 3, (100.0 * link.t).round())).collect();
        assert_eq!(found, [(0, 0, 20.0), (0, 1, 10.0), (1, 0, 30.0), (2, 1, 15.0), (2, 2, 25.0)]);
        Ok(())
    }

    #[test]
    fn a_row_with_a_place_left_takes_up_an_entry() -> Result<()> {
        // Row 0 moves to column 1 what row 1 has there, the least that loses on the way.
        let cost = [9.0, 0.0, 0.0, 0.0];
        let (mut found, before, after) = improved(&cost, 2, 2, &[(0, 0, 0.5), (1, 0, 0.1), (1, 1, 0.4)])?;
        assert!(before - after > 3.5, "{before} {after}");
        found.sort_unstable_by_key(|link| (link.i, link.v));
        let found: Vec<_> = found.iter().map(|link| (link.i, link.v - 2, (100.0 * link.t).round())).collect();
        assert_eq!(found, [(0, 0, 10.0), (0, 1, 40.0), (1, 0, 50.0)]);
        Ok(())
    }

    #[test]
    fn what_exchanges_gain_is_what_the_value_falls() -> Result<()> {
        let (n, mut state) = (12usize, 7u64);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let cost: Vec<f64> = (0..n * n).map(|_| next()).collect();
        // A path through all points.
        let links: Vec<_> = (0..2 * n - 1).map(|at| (at.div_ceil(2), at / 2, 0.01 + next())).collect();
        let links: Vec<_> = links.into_iter().map(|(i, j, t)| (i.min(n - 1), j, t)).collect();
        let (_, before, after) = improved(&cost, n, 2, &links)?;
        assert!(after < 0.9 * before, "{before} {after}");
        let (a, b): (Vec<f64>, Vec<f64>) = (vec![1.0; n], vec![1.0; n]);
        let geometry = Dense::from_rows(&cost, n, n);
        let dual = Dual::new(Problem { geometry: &geometry, a: &a, b: &b }, Rule { k: 2, gamma: 0.1, zeta: 0.0 });
        let links: Vec<Link> = links.into_iter().map(|(i, j, t)| Link { i, v: n + j, t }).collect();
        let mut trees = Trees::new(&dual, &links);
        let found = trees.exchanges(0.0, &Silent)?;
        assert!(!found.is_empty());
        for exchange in found {
            let again = trees.exchange(exchange.i, exchange.v, exchange.cost, 0.0);
            if let Some(now) = again {
                let before = trees.value();
                let gained = trees.apply(now);
                assert!((before - trees.value() - gained).abs() < 1e-13);
                assert!(trees.links.iter().all(|link| link.t >= -1e-15));
            }
        }
        Ok(())
    }
}
