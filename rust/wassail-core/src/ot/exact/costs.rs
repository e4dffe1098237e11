//! Costs by node: the geometry's, and zero for arcs of the dummies.

use super::super::geometry::Geometry;
use super::super::tiling::entry;
use super::masses::Masses;

/// Costs of all arcs, those of dummies included.
pub struct Costs<'a> {
    /// The ground cost.
    pub geometry: &'a dyn Geometry,
    /// Sources, the dummy included.
    pub sources: usize,
    /// Sinks, the dummy included.
    pub sinks: usize,
}

impl<'a> Costs<'a> {
    /// The costs of a problem with these masses.
    pub fn new(geometry: &'a dyn Geometry, masses: &Masses) -> Self {
        Self { geometry, sources: masses.sources, sinks: masses.values.len() - masses.sources }
    }

    /// Cost of one arc, infinite if it is forbidden: as is the one between the dummies.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        let (n, m) = self.geometry.shape();
        if i == n || j == m {
            return if i == n && j == m { f64::INFINITY } else { 0.0 };
        }
        entry(self.geometry, i, j)
    }

    /// Arcs of the dummies but the one between them.
    pub fn dummies(&self) -> impl Iterator<Item = (usize, usize)> {
        let (n, m) = self.geometry.shape();
        let rows = (n..self.sources).flat_map(move |i| (0..m).map(move |j| (i, j)));
        rows.chain((m..self.sinks).flat_map(move |j| (0..n).map(move |i| (i, j))))
    }
}
