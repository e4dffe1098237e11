//! The tree of an earlier plan, mended for other weights by dual pivots.
//!
//! Where weights change, the old tree carries negative flows, but its potentials stay feasible: an arc of negative flow leaves,
//! and of the arcs that lead back across the cut the one of the smallest reduced cost enters (Lemke 1954,
//! doi:10.1002/nav.3800010107). Where costs changed too, arcs count as costing so much that the given potentials are feasible
//! and the tree is tight; the primal simplex that follows sees the true costs.

use super::super::geometry::Geometry;
use super::ADDED;
use super::arcs::Arc;
use super::costs::Costs;
use super::incidence::Incidence;
use super::masses::{Mass, Masses};
use super::simplex::progress;
use super::start::{edge, in_order, spanning};
use super::sweep::Search;
use super::tree::{Edge, Node, Side, Tree};
use crate::error::Result;
use crate::monitor::Monitor;

/// Pivots between two looks at the monitor.
const LOOK: usize = 64;
/// Pivots at most, as a multiple of the nodes: dual pivots may cycle where costs are tied.
const PIVOTS: usize = 4;
/// Arcs that are sorted at first, as a multiple of the nodes: the old tree is among the tightest.
const SORTED: usize = 2;
/// What a node gains whose arc may stay.
const STAYS: f64 = -1.0;
/// Gains that are looked at together.
const LANES: usize = 8;

/// Dual pivots on a tree.
struct Repair<'a> {
    geometry: &'a dyn Geometry,
    tree: Tree,
    arcs: Vec<Arc>,
    /// Costs for which the potentials are feasible.
    costs: Vec<f64>,
    incidence: Incidence,
    /// What it gains if the arc above a node leaves, and more of no node.
    gain: Vec<f64>,
    /// Which pivot saw a node on its side of the cut.
    seen: Vec<u32>,
    side: Side,
    changed: Vec<u32>,
}

/// What came of it.
pub struct Repaired {
    /// The tree; None if it would take too long, or forbidden arcs.
    pub tree: Option<Tree>,
    /// The arcs that were given and those that were needed beside them.
    pub arcs: Vec<Arc>,
    /// Pivots made.
    pub pivots: usize,
    /// Whether the callback stopped it.
    pub stopped: bool,
}

/// A strongly feasible tree near that of the old plan, whose arcs are those at `plan`, and the potentials by which arcs have these `reduced` costs.
pub fn tree(
    costs: &Costs<'_>,
    masses: &Masses,
    (arcs, reduced): (Vec<Arc>, &[f64]),
    plan: &[u32],
    monitor: &dyn Monitor,
) -> Result<Repaired> {
    let count = masses.values.len();
    let tight = |at: usize| Edge { cost: arcs[at].cost - reduced[at], ..edge(arcs[at], masses.sources) };
    monitor.check()?;
    let order = plan.iter().map(|at| *at as usize).chain(in_order(reduced, SORTED * count));
    let edges = spanning(order.map(tight), count);
    if edges.len() + 1 < count {
        return Ok(Repaired { tree: None, arcs, pivots: 0, stopped: false });
    }
    // As if no arc were cheaper than the potentials say.
    let feasible: Vec<f64> = arcs.iter().zip(reduced).map(|(arc, reduced)| arc.cost - reduced.min(0.0)).collect();
    let mut repair = Repair {
        geometry: costs.geometry,
        tree: rooted(&edges, masses),
        incidence: Incidence::new(&arcs, &feasible, masses.sources, count),
        arcs,
        costs: feasible,
        gain: vec![STAYS; count.next_multiple_of(LANES)],
        seen: vec![0; count],
        side: Side::default(),
        changed: Vec::new(),
    };
    (0..count).for_each(|v| repair.gain[v] = repair.gain_at(v));
    let (done, pivots, stopped) = repair.run(monitor)?;
    let real = |source: u32, sink: u32| costs.at(source as usize, sink as usize - masses.sources);
    let tree = done.then(|| {
        repair.tree.set_costs(real);
        repair.tree
    });
    Ok(Repaired { tree, arcs: repair.arcs, pivots, stopped })
}

/// The tree with the flows that the masses make of it, some negative, rooted where the fewest arcs must leave.
fn rooted(edges: &[Edge], masses: &Masses) -> Tree {
    let count = masses.values.len();
    let mut tree = Tree::new(edges, masses.sources, count, count as u32 - 1);
    let order = tree.downwards();
    let mut net: Vec<Mass> = masses.values.clone();
    net[masses.sources..].iter_mut().for_each(|demand| *demand = -*demand);
    for &v in order[1..].iter().rev() {
        let (v, sent) = (v as usize, net[v as usize]);
        let node = &mut tree.nodes[v];
        node.flow = if v < masses.sources { sent } else { -sent };
        net[node.parent as usize] += sent;
    }
    // An arc without flow must lead to the root: what a step of the root down to a child changes.
    let mut wrong = vec![0i64; count];
    let (mut best, mut least) = (order[0], 0);
    for &v in &order[1..] {
        let node = &tree.nodes[v as usize];
        let step = i64::from(node.flow == 0) * if (v as usize) < masses.sources { 1 } else { -1 };
        wrong[v as usize] = wrong[node.parent as usize] + step;
        if wrong[v as usize] < least {
            (best, least) = (v, wrong[v as usize]);
        }
    }
    if best == tree.root() {
        return tree;
    }
    let edges: Vec<Edge> = tree.edges().collect();
    Tree::new(&edges, masses.sources, count, best)
}

impl Repair<'_> {
    /// Pivots until the tree is strongly feasible: whether it is, the pivots, and whether the monitor stopped them.
    fn run(&mut self, monitor: &dyn Monitor) -> Result<(bool, usize, bool)> {
        let count = self.tree.nodes.len();
        for pivot in 0..PIVOTS * count {
            let Some(v) = self.leaving() else { return Ok((true, pivot, false)) };
            self.tree.smaller_side(v, &mut self.side);
            let stamp = pivot as u32 + 1;
            let mut entering = self.entering(v, stamp);
            if entering.is_none() && self.look_further(v, stamp, monitor)? {
                entering = self.entering(v, stamp);
            }
            let Some((at, reduced)) = entering else { return Ok((false, pivot, false)) };
            let Arc { i, j, .. } = self.arcs[at];
            let ends = (i, (self.tree.sources + j as usize) as u32);
            self.tree.dual_pivot(v, ends, (self.costs[at], reduced), &self.side, &mut self.changed);
            for &v in &self.changed {
                self.gain[v as usize] = self.gain_at(v as usize);
            }
            if (pivot + 1).is_multiple_of(LOOK) {
                monitor.check()?;
            }
            if (pivot + 1).is_multiple_of(count) && monitor.report(progress(pivot + 1, f64::INFINITY)) {
                return Ok((false, pivot + 1, true));
            }
        }
        Ok((false, PIVOTS * count, false))
    }

    /// The lower end of the arc that gains most, of those of negative flow.
    fn leaving(&self) -> Option<u32> {
        let mut most = [STAYS; LANES];
        for gains in self.gain.chunks_exact(LANES) {
            most.iter_mut().zip(gains).for_each(|(most, gain)| *most = if gain > most { *gain } else { *most });
        }
        let most = most.iter().fold(STAYS, |most, gain| most.max(*gain));
        let found = self.gain.iter().position(|gain| *gain == most);
        found.filter(|_| most > STAYS).map(|v| v as u32)
    }

    /// The square of the flow by the arcs across the cut, roughly: a step's height where all directions are measured alike
    /// (Goldfarb and Reid 1977, doi:10.1007/BF01593804).
    fn gain_at(&self, v: usize) -> f64 {
        if !self.tree.is_wrong(v) {
            return STAYS;
        }
        let Node { flow, size, .. } = self.tree.nodes[v];
        let flow = flow as f64;
        flow * flow / (size as usize).min(self.tree.nodes.len() - size as usize) as f64
    }

    /// The arc of the smallest reduced cost that leads across the cut below `v`, against the arc that leaves.
    fn entering(&mut self, v: u32, pivot: u32) -> Option<(usize, f64)> {
        let side = &self.side.nodes;
        side.iter().for_each(|&v| self.seen[v as usize] = pivot);
        let (sources, outwards) = (self.tree.sources, self.outwards(v));
        let (mut best, mut least) = (None, f64::INFINITY);
        let (potential, seen) = (&self.tree.potential, &self.seen);
        for &v in side.iter().filter(|v| outwards == ((**v as usize) < sources)) {
            let own = potential[v as usize];
            for link in self.incidence.of(v as usize) {
                let reduced = link.cost - own - potential[link.other as usize];
                if reduced < least && seen[link.other as usize] != pivot {
                    (best, least) = (Some((link.at as usize, reduced)), reduced);
                }
            }
        }
        best
    }

    /// Whether arcs out of the side are asked for: what is missing below a source comes in, what is too much below a sink goes out.
    fn outwards(&self, v: u32) -> bool {
        self.side.below == (v as usize >= self.tree.sources)
    }

    /// Adds arcs that lead across the cut, the nearest ones of each node of the side; false if all are forbidden.
    fn look_further(&mut self, v: u32, pivot: u32, monitor: &dyn Monitor) -> Result<bool> {
        let (sources, outwards, seen) = (self.tree.sources, self.outwards(v), &self.seen);
        let (f, g) = self.tree.potential.split_at(sources);
        let (from_sources, from_sinks) = self.side.nodes.iter().partition::<Vec<u32>, _>(|v| (**v as usize) < sources);
        let turned = self.geometry.transposed();
        let (geometry, mut nodes, others, first) = if outwards {
            (self.geometry, from_sources, g, sources)
        } else {
            (&*turned, from_sinks.into_iter().map(|v| v - sources as u32).collect(), f, 0)
        };
        nodes.sort_unstable();
        let accept = |_: usize, k: usize, cost: f64| cost < f64::INFINITY && seen[first + k] != pivot;
        let search = Search { geometry, rows: &nodes, g: others, most: ADDED, limit: None, accept: &accept };
        let mut found = search.run(monitor)?.arcs;
        if !outwards {
            found.iter_mut().for_each(|arc| (arc.i, arc.j) = (arc.j, arc.i));
        }
        // Those that the potentials are not feasible for cost more until all is done.
        self.costs.extend(found.iter().map(|arc| arc.cost.max(f[arc.i as usize] + g[arc.j as usize])));
        self.arcs.extend_from_slice(&found);
        self.incidence = Incidence::new(&self.arcs, &self.costs, sources, self.tree.nodes.len());
        Ok(!found.is_empty())
    }
}
