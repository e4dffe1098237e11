//! The first tree: cheap arcs first, in reduced cost.

use super::arcs::Arc;
use super::costs::Costs;
use super::masses::{Mass, Masses};
use super::tree::{Edge, Tree};

/// Sets of nodes that are connected so far.
struct Sets(Vec<u32>);

impl Sets {
    fn find(&mut self, mut v: u32) -> u32 {
        while self.0[v as usize] != v {
            let above = self.0[v as usize];
            self.0[v as usize] = self.0[above as usize];
            v = above;
        }
        v
    }

    /// Puts the set of `child` below that of `parent`.
    fn join(&mut self, child: u32, parent: u32) {
        let (child, parent) = (self.find(child), self.find(parent));
        self.0[child as usize] = parent;
    }
}

/// A strongly feasible tree. `reduced` are the reduced costs of the arcs.
pub fn tree(costs: &Costs<'_>, masses: &Masses, arcs: &[Arc], reduced: &[f64]) -> Tree {
    let (n, m) = costs.geometry.shape();
    let mut order: Vec<u32> = (0..arcs.len() as u32).collect();
    // Dummies take what is left.
    let is_dummy = |at: u32| arcs[at as usize].i as usize == n || arcs[at as usize].j as usize == m;
    order.sort_unstable_by(|&p, &q| {
        let by_cost = reduced[p as usize].total_cmp(&reduced[q as usize]);
        is_dummy(p).cmp(&is_dummy(q)).then(by_cost).then(p.cmp(&q))
    });
    let mut forest = Forest::new(masses);
    for &at in &order {
        let Arc { i, j, cost } = arcs[at as usize];
        forest.send(i, (masses.sources + j as usize) as u32, || cost);
    }
    forest.send_rest(costs);
    forest.into_tree(costs, order.iter().map(|&at| arcs[at as usize]))
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
        let sets = Sets((0..count as u32).collect());
        Self { edges: Vec::with_capacity(count), left: masses.values.clone(), sources: masses.sources, sets }
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
    /// them lead towards the root.
    fn into_tree(mut self, costs: &Costs<'_>, arcs: impl Iterator<Item = Arc>) -> Tree {
        let count = self.left.len();
        let part: Vec<u32> = (0..count as u32).map(|v| self.sets.find(v)).collect();
        // The part next to the root, of each set.
        let mut top = part.clone();
        for arc in arcs {
            let (source, sink) = (arc.i, (self.sources + arc.j as usize) as u32);
            self.connect(source, sink, &part, &mut top, || arc.cost);
        }
        let last = (count - 1) as u32;
        for v in 0..self.sources as u32 {
            let j = last as usize - self.sources;
            self.connect(v, last, &part, &mut top, || costs.at(v as usize, j));
        }
        let root = top[self.sets.find(last) as usize];
        Tree::new(&self.edges, self.sources, count, root)
    }

    fn connect(&mut self, source: u32, sink: u32, part: &[u32], top: &mut [u32], cost: impl FnOnce() -> f64) {
        let (from, to) = (self.sets.find(source), self.sets.find(sink));
        if from != to && top[from as usize] == part[source as usize] {
            self.sets.join(from, to);
            self.edges.push(Edge { source, sink, cost: cost(), flow: 0 });
        }
    }
}
