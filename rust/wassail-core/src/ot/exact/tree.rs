//! The basis of the transport simplex: a spanning tree over sources and sinks, with flows on its arcs.
//!
//! Nodes are sources first, then sinks; an arc leads from a source to a sink, so its direction follows from which end is the
//! child. The tree is kept strongly feasible: an arc without flow has its source below, so that every node can send to the
//! root. Then no sequence of degenerate pivots cycles (Cunningham 1976, doi:10.1007/BF01580379).

use super::super::groups::Groups;
use super::masses::Mass;

/// No node.
pub const NONE: u32 = u32::MAX;

/// A tree node with the arc to its parent.
#[derive(Clone, Copy)]
pub struct Node {
    /// Flow on the arc.
    pub flow: Mass,
    /// Cost of the arc, 0 if it is forbidden.
    pub cost: f64,
    /// The other end of the arc, `NONE` at the root.
    pub parent: u32,
    /// Nodes of the subtree, this one included.
    pub size: u32,
    /// 1 for a forbidden arc: its cost is infinite, to first order.
    pub level: i32,
    child: u32,
    next: u32,
    previous: u32,
}

/// An arc between a source and a sink, by node numbers.
#[derive(Clone, Copy)]
pub struct Edge {
    /// Source.
    pub source: u32,
    /// Sink.
    pub sink: u32,
    /// Cost, infinite for a forbidden arc.
    pub cost: f64,
    /// Flow.
    pub flow: Mass,
}

/// A side of the cut that the arc above a node makes.
#[derive(Default)]
pub struct Side {
    /// Its nodes.
    pub nodes: Vec<u32>,
    /// Whether the node is among them.
    pub below: bool,
}

/// Where the cycle of an entering arc breaks.
struct Cycle {
    join: u32,
    /// Lower end of the leaving arc.
    leaving: u32,
    flow: Mass,
    /// Whether the leaving arc lies above the source of the entering one.
    on_source_side: bool,
}

/// A spanning tree and the potentials that make its arcs tight.
pub struct Tree {
    /// By node number.
    pub nodes: Vec<Node>,
    /// Potentials, to which a multiple of infinity is added by `level`.
    pub potential: Vec<f64>,
    /// Counts of infinity.
    pub level: Vec<i32>,
    /// Number of sources.
    pub sources: usize,
    /// Forbidden arcs in the tree.
    pub forbidden: usize,
    root: u32,
    stack: Vec<u32>,
}

impl Tree {
    /// The tree of these arcs, which span all nodes, rooted at `root`.
    pub fn new(edges: &[Edge], sources: usize, count: usize, root: u32) -> Self {
        let blank =
            Node { flow: 0, cost: 0.0, parent: NONE, size: 1, level: 0, child: NONE, next: NONE, previous: NONE };
        let mut tree = Self {
            nodes: vec![blank; count],
            potential: vec![0.0; count],
            level: vec![0; count],
            sources,
            forbidden: edges.iter().filter(|e| e.cost.is_infinite()).count(),
            root,
            stack: Vec::new(),
        };
        let incident = Groups::new(edges.iter().flat_map(|e| [e.source, e.sink]), count);
        let mut order = vec![root];
        let mut next = 0;
        while next < order.len() {
            let v = order[next];
            next += 1;
            for &end in incident.of(v as usize) {
                let edge = edges[end as usize / 2];
                let other = if edge.source == v { edge.sink } else { edge.source };
                if other != tree.nodes[v as usize].parent {
                    let (cost, level) = if edge.cost.is_finite() { (edge.cost, 0) } else { (0.0, 1) };
                    tree.hang(other, v, edge.flow, cost, level);
                    order.push(other);
                }
            }
        }
        for &v in order[1..].iter().rev() {
            let Node { parent, size, .. } = tree.nodes[v as usize];
            tree.nodes[parent as usize].size += size;
        }
        tree.refresh();
        tree
    }

    fn is_source(&self, v: u32) -> bool {
        (v as usize) < self.sources
    }

    /// Makes `v` a child of `parent` by the given arc.
    fn hang(&mut self, v: u32, parent: u32, flow: Mass, cost: f64, level: i32) {
        let first = std::mem::replace(&mut self.nodes[parent as usize].child, v);
        if first != NONE {
            self.nodes[first as usize].previous = v;
        }
        let node = &mut self.nodes[v as usize];
        (node.parent, node.flow, node.cost, node.level) = (parent, flow, cost, level);
        (node.next, node.previous) = (first, NONE);
    }

    /// Takes `v` out of its parent's children.
    fn cut(&mut self, v: u32) {
        let Node { parent, next, previous, .. } = self.nodes[v as usize];
        if previous == NONE {
            self.nodes[parent as usize].child = next;
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
    }

    /// Potentials anew from the costs of the arcs, in twice the precision, so that errors do not grow with the depth.
    pub fn refresh(&mut self) {
        let mut low = vec![0.0; self.nodes.len()];
        let mut stack = std::mem::take(&mut self.stack);
        stack.clear();
        stack.push(self.root);
        self.potential[self.root as usize] = 0.0;
        self.level[self.root as usize] = 0;
        while let Some(v) = stack.pop() {
            let (high, rest, level) = (self.potential[v as usize], low[v as usize], self.level[v as usize]);
            let mut child = self.nodes[v as usize].child;
            while child != NONE {
                let Node { cost, level: own, next, .. } = self.nodes[child as usize];
                let difference = cost - high;
                let back = difference - cost;
                let tail = (cost - (difference - back)) - (high + back) - rest;
                let sum = difference + tail;
                self.potential[child as usize] = sum;
                low[child as usize] = tail - (sum - difference);
                self.level[child as usize] = own - level;
                stack.push(child);
                child = next;
            }
        }
        self.stack = stack;
    }

    /// Brings the arc from `source` to `sink` in, whose reduced cost is `reduced` and whose level is `level`.
    pub fn pivot(&mut self, source: u32, sink: u32, cost: f64, reduced: f64, level: i32) {
        let cycle = self.cycle(source, sink);
        let (inner, outer) = if cycle.on_source_side { (source, sink) } else { (sink, source) };
        let size = self.take_out(source, sink, &cycle);
        self.shift(inner, cycle.leaving, size, reduced, level);
        self.bring_in((inner, outer), cost, size, &cycle);
    }

    /// Takes the arc above `leaving` out, whose flow is negative, and brings the one from `source` to `sink` in, of this cost and reduced cost,
    /// which leads across the cut the other way. `side` is a side of that cut; `changed` become the nodes whose size or flow changes.
    pub fn dual_pivot(
        &mut self,
        leaving: u32,
        (source, sink): (u32, u32),
        (cost, reduced): (f64, f64),
        side: &Side,
        changed: &mut Vec<u32>,
    ) {
        changed.clear();
        let (join, flow) = (self.join(source, sink, changed), -self.nodes[leaving as usize].flow);
        let cycle = Cycle { join, leaving, flow, on_source_side: !self.is_source(leaving) };
        let (inner, outer) = if cycle.on_source_side { (source, sink) } else { (sink, source) };
        let size = self.take_out(source, sink, &cycle);
        let by = if side.below == cycle.on_source_side { reduced } else { -reduced };
        for &v in &side.nodes {
            self.potential[v as usize] += if self.is_source(v) { by } else { -by };
        }
        self.bring_in((inner, outer), cost, size, &cycle);
    }

    /// Sends the flow around the cycle and takes the part below the leaving arc off: its size.
    fn take_out(&mut self, source: u32, sink: u32, cycle: &Cycle) -> u32 {
        self.push(source, sink, cycle);
        let Node { parent, size, level, .. } = self.nodes[cycle.leaving as usize];
        self.forbidden -= level as usize;
        self.resize(parent, cycle.join, size.wrapping_neg());
        self.cut(cycle.leaving);
        size
    }

    /// Hangs the part that was taken off below `outer` by its node `inner`.
    fn bring_in(&mut self, (inner, outer): (u32, u32), cost: f64, size: u32, cycle: &Cycle) {
        self.rehang(inner, outer, cycle.leaving, size, (cycle.flow, cost, 0));
        self.resize(outer, cycle.join, size);
    }

    /// Where the ways of two nodes to the root meet, and the nodes on them before.
    fn join(&self, mut u: u32, mut v: u32, way: &mut Vec<u32>) -> u32 {
        while u != v {
            let (left, right) = (&self.nodes[u as usize], &self.nodes[v as usize]);
            if left.size < right.size {
                way.push(u);
                u = left.parent;
            } else {
                way.push(v);
                v = right.parent;
            }
        }
        u
    }

    /// Walks from both ends of the entering arc to where they meet. Of the arcs whose flow runs out first, the last one on
    /// the way around from the meeting point leaves: this keeps the tree strongly feasible.
    fn cycle(&self, source: u32, sink: u32) -> Cycle {
        let (mut u, mut v) = (source, sink);
        let (mut below_u, mut below_v) = ((Mass::MAX, NONE), (Mass::MAX, NONE));
        while u != v {
            let (left, right) = (&self.nodes[u as usize], &self.nodes[v as usize]);
            if left.size < right.size {
                if self.is_source(u) && left.flow < below_u.0 {
                    below_u = (left.flow, u);
                }
                u = left.parent;
            } else {
                if !self.is_source(v) && right.flow <= below_v.0 {
                    below_v = (right.flow, v);
                }
                v = right.parent;
            }
        }
        let on_source_side = below_u.0 < below_v.0;
        let (flow, leaving) = if on_source_side { below_u } else { below_v };
        Cycle { join: u, leaving, flow, on_source_side }
    }

    /// Sends the flow around the cycle.
    fn push(&mut self, source: u32, sink: u32, cycle: &Cycle) {
        if cycle.flow == 0 {
            return;
        }
        for (start, decreasing) in [(source, true), (sink, false)] {
            let mut v = start;
            while v != cycle.join {
                let against = self.is_source(v) == decreasing;
                let node = &mut self.nodes[v as usize];
                node.flow += if against { -cycle.flow } else { cycle.flow };
                v = node.parent;
            }
        }
    }

    /// Adds to the sizes from `v` up to below `top`.
    fn resize(&mut self, mut v: u32, top: u32, by: u32) {
        while v != top {
            let node = &mut self.nodes[v as usize];
            node.size = node.size.wrapping_add(by);
            v = node.parent;
        }
    }

    /// Makes the entering arc tight, by moving the potentials of the cut part or of all others, whichever are fewer.
    fn shift(&mut self, inner: u32, top: u32, size: u32, reduced: f64, level: i32) {
        let small = 2 * (size as usize) <= self.nodes.len();
        let (start, sign) = if small { (top, 1) } else { (self.root, -1) };
        let sign = if self.is_source(inner) { sign } else { -sign };
        let (by, levels) = (f64::from(sign) * reduced, sign * level);
        let mut stack = std::mem::take(&mut self.stack);
        stack.clear();
        stack.push(start);
        while let Some(v) = stack.pop() {
            let own = self.is_source(v);
            self.potential[v as usize] += if own { by } else { -by };
            if levels != 0 {
                self.level[v as usize] += if own { levels } else { -levels };
            }
            let mut child = self.nodes[v as usize].child;
            while child != NONE {
                stack.push(child);
                child = self.nodes[child as usize].next;
            }
        }
        self.stack = stack;
    }

    /// Turns the path from `inner` up to `top` around and hangs it below `outer`.
    fn rehang(&mut self, inner: u32, outer: u32, top: u32, size: u32, entering: (Mass, f64, i32)) {
        let (mut v, mut parent, mut arc, mut below) = (inner, outer, entering, 0);
        loop {
            let old = self.nodes[v as usize];
            if v != top {
                self.cut(v);
            }
            self.hang(v, parent, arc.0, arc.1, arc.2);
            self.nodes[v as usize].size = size - below;
            if v == top {
                return;
            }
            (arc, below) = ((old.flow, old.cost, old.level), old.size);
            (parent, v) = (v, old.parent);
        }
    }

    /// The root.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// Whether the arc above `v` keeps the tree from being strongly feasible.
    pub fn is_wrong(&self, v: usize) -> bool {
        let flow = self.nodes[v].flow;
        flow < 0 || (flow == 0 && v >= self.sources && v as u32 != self.root)
    }

    /// Gathers the smaller side of the arc above `v`.
    pub fn smaller_side(&self, v: u32, side: &mut Side) {
        side.below = 2 * (self.nodes[v as usize].size as usize) <= self.nodes.len();
        let nodes = &mut side.nodes;
        nodes.clear();
        nodes.push(if side.below { v } else { self.root });
        let mut next = 0;
        while next < nodes.len() {
            let mut child = self.nodes[nodes[next] as usize].child;
            while child != NONE {
                if child != v {
                    nodes.push(child);
                }
                child = self.nodes[child as usize].next;
            }
            next += 1;
        }
    }

    /// Gives the arcs other costs, all finite, and the nodes the potentials that these make.
    pub fn set_costs(&mut self, cost: impl Fn(u32, u32) -> f64) {
        for v in (0..self.nodes.len() as u32).filter(|v| *v != self.root) {
            let parent = self.nodes[v as usize].parent;
            let (source, sink) = if self.is_source(v) { (v, parent) } else { (parent, v) };
            self.nodes[v as usize].cost = cost(source, sink);
        }
        self.refresh();
    }

    /// All nodes, parents first.
    pub fn downwards(&self) -> Vec<u32> {
        let mut order = vec![self.root];
        let mut next = 0;
        while next < order.len() {
            let mut child = self.nodes[order[next] as usize].child;
            while child != NONE {
                order.push(child);
                child = self.nodes[child as usize].next;
            }
            next += 1;
        }
        order
    }

    /// The arcs of the tree.
    pub fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.nodes.iter().enumerate().filter(|(_, node)| node.parent != NONE).map(|(v, node)| {
            let v = v as u32;
            let (source, sink) = if self.is_source(v) { (v, node.parent) } else { (node.parent, v) };
            let cost = if node.level == 0 { node.cost } else { f64::INFINITY };
            Edge { source, sink, cost, flow: node.flow }
        })
    }
}
