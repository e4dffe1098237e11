//! All arcs against the potentials of the tree: the worst that improve, and early on those that nearly do.

use super::super::geometry::Geometry;
use super::arcs::Arc;
use super::simplex::improves;
use super::sweep::{Found, Search};
use super::tree::Tree;
use crate::error::Result;
use crate::monitor::Monitor;

/// Below every cost, yet a cost less it is finite.
const HUGE: f64 = f64::MAX / 4.0;

/// Arcs that improve, at most `most` of a row, and min_j C_ij − g_j of each row.
pub fn price(geometry: &dyn Geometry, tree: &Tree, most: usize, monitor: &dyn Monitor) -> Result<Found> {
    let (n, m) = geometry.shape();
    let accept = |i: usize, j: usize, cost: f64| improves(tree, i, j, cost);
    let (f, g) = (&tree.potential[..n], &tree.potential[tree.sources..tree.sources + m]);
    let search =
        |rows: &[u32], g: &[f64]| Search { geometry, rows, g, most, limit: Some(f), accept: &accept }.run(monitor);
    let (row_level, col_level) = (&tree.level[..n], &tree.level[tree.sources..tree.sources + m]);
    if tree.forbidden == 0 {
        return search(&all_rows(n), g);
    }
    // Where potentials hold multiples of infinity, rows of one multiple see all columns alike.
    let mut levels = row_level.to_vec();
    levels.sort_unstable();
    levels.dedup();
    let mut arcs: Vec<Arc> = Vec::new();
    for level in levels {
        let rows: Vec<u32> = (0..n as u32).filter(|&i| row_level[i as usize] == level).collect();
        let seen: Vec<f64> = col_level
            .iter()
            .zip(g)
            .map(|(l, g)| match level + l {
                0 => *g,
                1.. => HUGE,
                _ => f64::NEG_INFINITY,
            })
            .collect();
        arcs.extend(search(&rows, &seen)?.arcs);
    }
    Ok(Found { arcs, minima: Vec::new() })
}

/// The same with arcs of reduced cost below `height` that are not among `known`: the next potentials may make them improve,
/// which would take a sweep each time to find out.
pub fn price_near(
    geometry: &dyn Geometry,
    tree: &Tree,
    most: usize,
    (height, known): (f64, &[Arc]),
    monitor: &dyn Monitor,
) -> Result<Found> {
    let (n, m) = geometry.shape();
    let mut columns = vec![Vec::new(); tree.sources];
    known.iter().for_each(|arc| columns[arc.i as usize].push(arc.j));
    let new = |i: usize, j: usize, cost: f64| cost < f64::INFINITY && !columns[i].contains(&(j as u32));
    let accept = |i: usize, j: usize, cost: f64| improves(tree, i, j, cost) || new(i, j, cost);
    let limit: Vec<f64> = tree.potential[..n].iter().map(|f| f + height).collect();
    let g = &tree.potential[tree.sources..tree.sources + m];
    Search { geometry, rows: &all_rows(n), g, most, limit: Some(&limit), accept: &accept }.run(monitor)
}

fn all_rows(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}
