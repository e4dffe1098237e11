//! Arcs by their ends.

use super::super::groups::Groups;
use super::arcs::Arc;

/// What a node knows of one of its arcs.
#[derive(Clone, Copy)]
pub struct Link {
    /// The other end.
    pub other: u32,
    /// Place among the arcs.
    pub at: u32,
    /// The cost for which the potentials are feasible.
    pub cost: f64,
}

/// Arcs by their ends, side by side in memory: looking for one that enters reads them again and again.
pub struct Incidence {
    groups: Groups,
    links: Vec<Link>,
}

impl Incidence {
    /// The arcs of `count` nodes, of which the first are sources, with costs of their own.
    pub fn new(arcs: &[Arc], costs: &[f64], sources: usize, count: usize) -> Self {
        let ends = |arc: &Arc| [arc.i, sources as u32 + arc.j];
        let groups = Groups::new(arcs.iter().flat_map(ends), count);
        // The ends of an arc have places 2 at and 2 at + 1.
        let link = |end: &u32| {
            let at = end / 2;
            Link { other: ends(&arcs[at as usize])[1 - *end as usize % 2], at, cost: costs[at as usize] }
        };
        let links = groups.all().iter().map(link).collect();
        Self { groups, links }
    }

    /// The arcs of a node.
    pub fn of(&self, v: usize) -> &[Link] {
        &self.links[self.groups.range(v)]
    }
}
