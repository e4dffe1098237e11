//! The first tree: cheap arcs first, in reduced cost.

use super::super::sets::Sets;
use super::Pattern;
use super::arcs::Arc;
use super::costs::Costs;
use super::masses::{Mass, Masses};
use super::tree::{Edge, Tree};
use crate::error::Result;
use crate::monitor::Monitor;

/// What is left of a mass, as a share, that rounding of the weights explains.
const ROUNDING: f64 = 1e-12;

/// A strongly feasible tree, and whether it has no arcs but those given. `reduced` are their reduced costs.
pub fn tree(
    costs: &Costs<'_>,
    masses: &Masses,
    arcs: &[Arc],
    reduced: &[f64],
    monitor: &dyn Monitor,
) -> Result<(Tree, bool)> {
    let sorted: Vec<Edge> = in_order(reduced, arcs.len()).map(|at| edge(arcs[at], masses.sources)).collect();
    monitor.check()?;
    let mut forest = Forest::new(masses);
    forest.send_along(&spanning(sorted.iter().copied(), masses.values.len()));
    monitor.check()?;
    for edge in &sorted {
        forest.send(edge.source, edge.sink, || edge.cost);
    }
    let sent = forest.edges.len();
    forest.send_rest(costs);
    monitor.check()?;
    let own = forest.edges.len() == sent;
    let (tree, connected) = forest.into_tree(costs, &sorted);
    Ok((tree, own && connected))
}

/// Places by reduced cost. The `few` least are sorted at once, the others when they are asked for.
pub fn in_order(reduced: &[f64], few: usize) -> impl Iterator<Item = usize> {
    // Numbers sort faster than what they are made of.
    let key = |(at, reduced): (usize, &f64)| u128::from(ordered(*reduced)) << 32 | u128::from(at as u32);
    let mut keys: Vec<u128> = reduced.iter().enumerate().map(key).collect();
    let mut sorted = few.min(keys.len());
    if sorted < keys.len() {
        keys.select_nth_unstable(sorted);
    }
    keys[..sorted].sort_unstable();
    (0..keys.len()).map(move |k| {
        if k == sorted {
            keys[k..].sort_unstable();
            sorted = keys.len();
        }
        keys[k] as u32 as usize
    })
}

/// A number that is in the order of `f64::total_cmp`.
fn ordered(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// An arc between nodes, without flow.
pub fn edge(arc: Arc, sources: usize) -> Edge {
    Edge { source: arc.i, sink: (sources + arc.j as usize) as u32, cost: arc.cost, flow: 0 }
}

/// The arcs that connect what the arcs before them do not (Kruskal).
pub fn spanning(sorted: impl Iterator<Item = Edge>, count: usize) -> Vec<Edge> {
    let mut sets = Sets::new(count);
    sorted.filter(|edge| sets.join(edge.source, edge.sink)).take(count - 1).collect()
}

/// Whether a plan of this pattern, if it has no cycle, moves these masses but for rounding.
pub fn fits(plan: Pattern<'_>, masses: &Masses) -> bool {
    let arc = |(i, j): (usize, usize)| edge(Arc { i: i as u32, j: j as u32, cost: 0.0 }, masses.sources);
    let edges: Vec<Edge> = plan.entries().map(arc).collect();
    let mut forest = Forest::new(masses);
    forest.send_along(&edges);
    let mut rest = forest.left.iter().zip(&masses.values);
    rest.all(|(left, all)| *left as f64 <= ROUNDING * *all as f64)
}

/// Arcs with flow, without a cycle.
struct Forest {
    edges: Vec<Edge>,
    left: Vec<Mass>,
    sources: usize,
    sets: Sets,
}

impl Forest {
    fn new(masses: &Masses) -> Self {
        let count = masses.values.len();
        let left = masses.values.clone();
        Self { edges: Vec::with_capacity(count), left, sources: masses.sources, sets: Sets::new(count) }
    }

    /// Sends along a forest, from its leaves inwards: as much as it can carry.
    fn send_along(&mut self, forest: &[Edge]) {
        // The one arc of a leaf is what is left of the exclusive or of all its arcs.
        let (mut degree, mut arc) = (vec![0u32; self.left.len()], vec![0usize; self.left.len()]);
        for (at, edge) in forest.iter().enumerate() {
            for v in [edge.source, edge.sink] {
                degree[v as usize] += 1;
                arc[v as usize] ^= at;
            }
        }
        let mut leaves: Vec<usize> = (0..degree.len()).filter(|&v| degree[v] == 1).collect();
        while let Some(leaf) = leaves.pop() {
            if degree[leaf] != 1 {
                continue;
            }
            let at = arc[leaf];
            let edge = forest[at];
            self.send(edge.source, edge.sink, || edge.cost);
            for v in [edge.source as usize, edge.sink as usize] {
                degree[v] -= 1;
                arc[v] ^= at;
                if degree[v] == 1 {
                    leaves.push(v);
                }
            }
        }
    }

    /// Sends all that source and sink still have: one of them is exhausted, so that no cycle forms.
    fn send(&mut self, source: u32, sink: u32, cost: impl FnOnce() -> f64) {
        let flow = self.left[source as usize].min(self.left[sink as usize]);
        if flow > 0 {
            self.left[source as usize] -= flow;
            self.left[sink as usize] -= flow;
            self.sets.join(source, sink);
            self.edges.push(Edge { source, sink, cost: cost(), flow });
        }
    }

    /// Sends what is left in the order of the nodes.
    fn send_rest(&mut self, costs: &Costs<'_>) {
        let (mut source, mut sink) = (0, self.sources);
        while source < self.sources && sink < self.left.len() {
            if self.left[source] == 0 {
                source += 1;
            } else if self.left[sink] == 0 {
                sink += 1;
            } else {
                let j = sink - self.sources;
                self.send(source as u32, sink as u32, || costs.at(source, j));
            }
        }
    }

    /// Connects the parts by arcs without flow. Such an arc must lead from the part next to the root of its set: then all of
    /// them lead towards the root. Also whether those given were enough.
    fn into_tree(mut self, costs: &Costs<'_>, sorted: &[Edge]) -> (Tree, bool) {
        let count = self.left.len();
        let part: Vec<u32> = (0..count as u32).map(|v| self.sets.find(v)).collect();
        // The part next to the root, of each set.
        let mut top = part.clone();
        for edge in sorted {
            self.connect(edge.source, edge.sink, &part, &mut top, || edge.cost);
        }
        let connected = self.edges.len() + 1 == count;
        let last = (count - 1) as u32;
        for v in 0..self.sources as u32 {
            let j = last as usize - self.sources;
            self.connect(v, last, &part, &mut top, || costs.at(v as usize, j));
        }
        let root = top[self.sets.find(last) as usize];
        (Tree::new(&self.edges, self.sources, count, root), connected)
    }

    fn connect(&mut self, source: u32, sink: u32, part: &[u32], top: &mut [u32], cost: impl FnOnce() -> f64) {
        let (from, to) = (self.sets.find(source), self.sets.find(sink));
        if from != to && top[from as usize] == part[source as usize] {
            self.sets.join(from, to);
            self.edges.push(Edge { source, sink, cost: cost(), flow: 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_total_cmp() {
        let reduced = [1.0, -0.0, 0.0, -1.0, f64::INFINITY, -1e-300, 1.0, f64::NEG_INFINITY, 5e-324];
        let mut expected: Vec<usize> = (0..reduced.len()).collect();
        expected.sort_by(|i, j| reduced[*i].total_cmp(&reduced[*j]));
        for few in [0, 1, 4, 9, 100] {
            assert_eq!(in_order(&reduced, few).collect::<Vec<usize>>(), expected);
        }
    }
}
