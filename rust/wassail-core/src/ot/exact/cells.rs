//! Cells of nearby points.

use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::points::given::Side;

/// Points of a cell, at most.
const CELL: usize = 16;

/// The points of one side, cell by cell.
pub struct Cells {
    order: Vec<u32>,
    ends: Vec<usize>,
}

impl Cells {
    /// Halves along the longest side of their box until they are small.
    pub fn of(side: &Side, monitor: &dyn Monitor) -> Result<Self> {
        let mut order: Vec<u32> = (0..side.count() as u32).collect();
        let mut rest: Vec<&mut [u32]> = vec![&mut order];
        let mut ends = Vec::new();
        while let Some(cell) = rest.pop() {
            monitor.check()?;
            if cell.len() > CELL {
                let k = longest(side, cell);
                let (half, at) = (cell.len() / 2, |i: &u32| side.coordinate(*i as usize, k));
                cell.select_nth_unstable_by(half, |i, j| at(i).total_cmp(&at(j)).then(i.cmp(j)));
                let (low, high) = cell.split_at_mut(half);
                rest.extend([high, low]);
                continue;
            }
            ends.push(ends.last().unwrap_or(&0) + cell.len());
        }
        Ok(Self { order, ends })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The points of each.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.order[start..*end])
    }

    /// What each weighs.
    pub fn masses(&self, weights: &[f64]) -> Vec<f64> {
        self.iter().map(|cell| cell.iter().map(|i| weights[*i as usize]).sum()).collect()
    }

    /// The mean of each, row-major.
    pub fn centers(&self, side: &Side, weights: &[f64]) -> Result<Vec<f64>> {
        let d = side.dim();
        let mut centers = try_zeroed(self.len() * d)?;
        for (cell, center) in self.iter().zip(centers.chunks_exact_mut(d)) {
            let mass: f64 = cell.iter().map(|i| weights[*i as usize]).sum();
            for (k, center) in center.iter_mut().enumerate() {
                *center = cell.iter().map(|i| weights[*i as usize] / mass * side.coordinate(*i as usize, k)).sum();
            }
        }
        Ok(centers)
    }
}

/// The coordinate in which these points differ most.
fn longest(side: &Side, cell: &[u32]) -> usize {
    let extent = |k: usize| {
        let of = |i: &u32| side.coordinate(*i as usize, k);
        let (low, high) =
            cell.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        high - low
    };
    (0..side.dim()).max_by(|k, l| extent(*k).total_cmp(&extent(*l)).then(l.cmp(k))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;
    use crate::points::given::Points;

    #[test]
    fn cells_are_small_and_keep_mass_and_mean() {
        let points: Vec<f64> = (0..2 * 103).map(|k| ((k * k) as f64 * 0.37).sin()).collect();
        let weights: Vec<f64> = (0..103).map(|i| 1.0 + (i % 7) as f64).collect();
        let side = Side::new(&Points::F64(points.clone().into()), 2, false).expect("no memory is short");
        let found = Cells::of(&side, &Silent).expect("no memory is short");
        let (masses, centers) = (found.masses(&weights), found.centers(&side, &weights).expect("no memory is short"));
        assert!(found.len() * CELL >= 103 && found.len() * CELL < 4 * 103);
        let mut members = found.order.clone();
        members.sort_unstable();
        assert!(members.into_iter().eq(0..103));
        let total: f64 = weights.iter().sum();
        assert!((masses.iter().sum::<f64>() - total).abs() < 1e-12 * total);
        for k in 0..2 {
            let mean = |p: &[f64], w: &[f64]| -> f64 { p.chunks(2).zip(w).map(|(p, w)| p[k] * w).sum() };
            assert!((mean(&centers, &masses) - mean(&points, &weights)).abs() < 1e-12 * total);
        }
    }
}
