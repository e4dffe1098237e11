//! Pivots on the arcs at hand, until none improves.

use super::arcs::{Arc, rounding};
use super::tree::Tree;
use crate::error::Result;
use crate::monitor::{Monitor, Progress};

/// Pivots between two looks at the monitor.
const LOOK: usize = 256;
/// Smallest number of arcs that are priced before one enters.
const SMALLEST_BLOCK: usize = 64;

/// An arc that improves.
#[derive(Clone, Copy)]
struct Entering {
    at: usize,
    reduced: f64,
    level: i32,
}

/// The simplex on a tree and a growing list of arcs.
pub struct Simplex {
    /// The basis.
    pub tree: Tree,
    /// Arcs that may enter.
    pub arcs: Vec<Arc>,
    /// Pivots so far.
    pub pivots: usize,
    /// Where pricing goes on.
    cursor: usize,
    since_refresh: usize,
}

impl Simplex {
    /// Starts from a tree that took some pivots.
    pub fn new(tree: Tree, arcs: Vec<Arc>, pivots: usize) -> Self {
        Self { tree, arcs, pivots, cursor: 0, since_refresh: 0 }
    }

    /// Adds arcs; they are priced first.
    pub fn extend(&mut self, arcs: &[Arc]) {
        self.cursor = self.arcs.len();
        self.arcs.extend_from_slice(arcs);
    }

    /// Pivots until no arc improves; true if the monitor stopped it before. `gap` is what is reported.
    pub fn run(&mut self, gap: f64, monitor: &dyn Monitor) -> Result<bool> {
        let nodes = self.tree.nodes.len();
        let block = ((self.arcs.len() as f64).sqrt() as usize).max(SMALLEST_BLOCK);
        loop {
            let Some(entering) = self.entering(block) else {
                // Rounding has gathered in the potentials: only fresh ones say that nothing improves.
                if self.since_refresh == 0 {
                    return Ok(false);
                }
                self.tree.refresh();
                self.since_refresh = 0;
                continue;
            };
            let Arc { i, j, cost } = self.arcs[entering.at];
            let sink = (self.tree.sources + j as usize) as u32;
            self.tree.pivot(i, sink, cost, entering.reduced, entering.level);
            self.pivots += 1;
            self.since_refresh += 1;
            if self.since_refresh >= nodes {
                self.tree.refresh();
                self.since_refresh = 0;
            }
            if self.pivots.is_multiple_of(LOOK) {
                monitor.check()?;
            }
            if self.pivots.is_multiple_of(nodes) && monitor.report(progress(self.pivots, gap)) {
                return Ok(true);
            }
        }
    }

    /// The most negative reduced cost of the next block that has one.
    fn entering(&mut self, block: usize) -> Option<Entering> {
        let len = self.arcs.len();
        let mut seen = 0;
        while seen < len {
            let start = if self.cursor >= len { 0 } else { self.cursor };
            let end = (start + block).min(len);
            self.cursor = end;
            seen += end - start;
            let found = if self.tree.forbidden == 0 { self.best(start..end) } else { self.best_level(start..end) };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn best(&self, range: std::ops::Range<usize>) -> Option<Entering> {
        let (f, g) = self.tree.potential.split_at(self.tree.sources);
        let (mut best, mut least) = (None, 0.0);
        for (at, arc) in range.clone().zip(&self.arcs[range]) {
            let (f, g) = (f[arc.i as usize], g[arc.j as usize]);
            let reduced = arc.cost - f - g;
            if reduced < least && reduced < -rounding(arc.cost, f, g) {
                (best, least) = (Some(Entering { at, reduced, level: 0 }), reduced);
            }
        }
        best
    }

    /// The same where potentials hold multiples of infinity.
    fn best_level(&self, range: std::ops::Range<usize>) -> Option<Entering> {
        let mut best: Option<Entering> = None;
        for (at, arc) in range.clone().zip(&self.arcs[range]) {
            let (reduced, level) = reduced(&self.tree, arc.i as usize, arc.j as usize, arc.cost);
            if improves(&self.tree, arc.i as usize, arc.j as usize, arc.cost)
                && best.is_none_or(|b| (level, reduced) < (b.level, b.reduced))
            {
                best = Some(Entering { at, reduced, level });
            }
        }
        best
    }
}

/// Reduced cost of an arc: the finite part and the multiple of infinity.
fn reduced(tree: &Tree, i: usize, j: usize, cost: f64) -> (f64, i32) {
    let j = tree.sources + j;
    (cost - tree.potential[i] - tree.potential[j], -tree.level[i] - tree.level[j])
}

/// Whether an arc of finite cost improves on the tree.
pub fn improves(tree: &Tree, i: usize, j: usize, cost: f64) -> bool {
    let (reduced, level) = reduced(tree, i, j, cost);
    let zero = rounding(cost, tree.potential[i], tree.potential[tree.sources + j]);
    level < 0 || (level == 0 && reduced < -zero)
}

/// What is told at an iteration boundary.
pub fn progress(pivots: usize, gap: f64) -> Progress {
    Progress { n_iter: pivots, epsilon: 0.0, error: gap }
}
