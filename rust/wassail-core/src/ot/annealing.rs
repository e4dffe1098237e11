//! Decreasing regularization: each stage starts from the potentials of the one before.

use super::geometry::{Cost, Geometry, TILE, tiles};
use crate::parallel::sum;

/// Ratio of successive ε.
const RATIO: f64 = 0.25;
/// First ε, as a share of the mean cost above the smallest.
const FIRST: f64 = 0.1;
/// Rows that the cost's scale is read from.
const SAMPLE: usize = 16;

/// The ε of each stage; the last is the one asked for.
pub fn schedule(geometry: &dyn Geometry, epsilon: f64, ratio: Option<f64>) -> Vec<f64> {
    let ratio = ratio.unwrap_or(RATIO);
    let mut stages = vec![epsilon];
    if ratio > 0.0 && ratio < 1.0 {
        let first = FIRST * spread(geometry);
        while first.is_finite() && stages[stages.len() - 1] / ratio <= first {
            stages.push(stages[stages.len() - 1] / ratio);
        }
    }
    stages.reverse();
    stages
}

/// Mean finite cost above the smallest one, over a few rows.
pub(super) fn spread(geometry: &dyn Geometry) -> f64 {
    let (n, m) = geometry.shape();
    let mut tile = [0.0; TILE];
    let (mut lowest, mut total, mut count) = (f64::INFINITY, 0.0, 0.0);
    for i in (0..n).step_by(n.div_ceil(SAMPLE)) {
        for cols in tiles(m) {
            let block = f64::block(geometry, i..i + 1, cols, &mut tile);
            let row = || block.row(0).iter().copied().filter(|c| c.is_finite());
            lowest = row().fold(lowest, f64::min);
            total += sum(row());
            count += row().count() as f64;
        }
    }
    total / count - lowest
}
