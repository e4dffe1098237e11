//! Optimal potentials of small size, where those of the tree are so large that their rounding hides the value: as for
//! clouds that nearly agree, whose tree connects pairs at next to no cost by arcs that are long and carry nothing.

use super::costs::Costs;
use super::finish::opposite;
use super::tree::{NONE, Tree};
use crate::error::Result;
use crate::monitor::Monitor;

/// Sweeps at most: where more are needed little is won.
const SWEEPS: usize = 16;
/// An excess below this share of the potentials is left to the proof.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The parts that the plan connects, each with potentials that are 0 somewhere.
struct Parts {
    /// Part of each node.
    part: Vec<u32>,
    potential: Vec<f64>,
    count: usize,
}

impl Parts {
    fn new(tree: &Tree) -> Self {
        let (mut part, mut potential, mut count) = (vec![0; tree.nodes.len()], vec![0.0; tree.nodes.len()], 0);
        for v in tree.downwards() {
            let node = &tree.nodes[v as usize];
            if node.parent == NONE || node.flow == 0 {
                part[v as usize] = count as u32;
                count += 1;
            } else {
                part[v as usize] = part[node.parent as usize];
                potential[v as usize] = node.cost - potential[node.parent as usize];
            }
        }
        Self { part, potential, count }
    }
}

/// Starts from the potentials of the parts. A part whose rows see an arc that is too cheap is lowered until there is none
/// (Bellman and Ford's method on the parts); `None` if this takes long.
pub fn potentials(costs: &Costs<'_>, tree: &Tree, monitor: &dyn Monitor) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
    let parts = Parts::new(tree);
    let (own, of_others) = parts.potential.split_at(tree.sources);
    let (row_part, col_part) = parts.part.split_at(tree.sources);
    let mut lowered = vec![0.0; parts.count];
    for _ in 0..SWEEPS {
        let g: Vec<f64> = of_others.iter().zip(col_part).map(|(g, part)| g + lowered[*part as usize]).collect();
        let f = opposite(costs, &g, monitor)?;
        let mut next: Vec<f64> = lowered.clone();
        for ((least, own), &part) in f.iter().zip(own).zip(row_part) {
            let by = own - least;
            let at = &mut next[part as usize];
            if by - *at > ROUNDING * own.abs().max(least.abs()) {
                *at = by;
            }
        }
        if next == lowered {
            return Ok(Some((f, g)));
        }
        lowered = next;
    }
    Ok(None)
}
