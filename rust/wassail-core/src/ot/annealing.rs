//! Decreasing regularization: each stage starts from the potentials of the one before.

use super::geometry::{Cost, Geometry, TILE, tiles};
use crate::parallel::sum;

/// Ratio of successive ε.
const RATIO: f64 = 0.25;
/// First ε, as a share of the mean cost above the smallest.
const FIRST: f64 = 0.1;
/// Rows, and columns of each, that the cost's scale is read from.
const SAMPLE: (usize, usize) = (16, 1024);
/// Costs this many times above the usual ones mark what must not happen: they are no part of the scale.
const MARK: f64 = 1e12;

/// The ε of the stages before the one asked for, largest first. Lazy: a ratio near 1 gives more than memory holds.
pub fn schedule(geometry: &dyn Geometry, epsilon: f64, ratio: Option<f64>) -> impl Iterator<Item = f64> + use<> {
    let ratio = ratio.unwrap_or(RATIO);
    let stages = if ratio > 0.0 && ratio < 1.0 { stages(epsilon, FIRST * spread(geometry), ratio) } else { 0 };
    (1..=stages).rev().map(move |k| (epsilon.ln() - k as f64 * ratio.ln()).exp())
}

/// How often ε can be divided by the ratio before it exceeds the first one.
fn stages(epsilon: f64, first: f64, ratio: f64) -> usize {
    if !first.is_finite() {
        return 0;
    }
    // The cast saturates: NaN and negative numbers give 0.
    ((epsilon.ln() - first.ln()) / ratio.ln()) as usize
}

/// Mean finite cost above the smallest one, over a sample.
pub fn spread(geometry: &dyn Geometry) -> f64 {
    let mut costs = sample(geometry);
    let lowest = costs.iter().copied().fold(f64::INFINITY, f64::min);
    costs.iter_mut().for_each(|c| *c -= lowest);
    let mut positive: Vec<f64> = costs.iter().copied().filter(|c| *c > 0.0).collect();
    if positive.is_empty() {
        return 0.0;
    }
    let quarter = positive.len() / 4;
    let limit = MARK * *positive.select_nth_unstable_by(quarter, f64::total_cmp).1;
    costs.retain(|c| *c <= limit);
    sum(costs.iter().map(|c| c / costs.len() as f64))
}

fn sample(geometry: &dyn Geometry) -> Vec<f64> {
    let (n, m) = geometry.shape();
    let stride = m.div_ceil(SAMPLE.1);
    let (mut tile, mut costs) = ([0.0; TILE], Vec::new());
    for i in (0..n).step_by(n.div_ceil(SAMPLE.0)) {
        for cols in tiles(m) {
            let skipped = cols.start.next_multiple_of(stride) - cols.start;
            let block = f64::block(geometry, i..i + 1, cols, &mut tile);
            costs.extend(block.row(0).iter().skip(skipped).step_by(stride).filter(|c| c.is_finite()));
        }
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ot::geometry::Dense;

    fn stages_of(cost: &[f64], epsilon: f64, ratio: Option<f64>) -> Vec<f64> {
        schedule(&Dense::from_rows(cost, 2, cost.len() / 2), epsilon, ratio).take(1000).collect()
    }

    #[test]
    fn divides_down_from_a_tenth_of_the_mean() {
        let found = stages_of(&[0.0, 1.0, 2.0, 1.0], 0.001, None);
        for (e, expected) in found.iter().zip([0.064, 0.016, 0.004]) {
            assert!((e / expected - 1.0).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(found.len(), 3);
        assert!(stages_of(&[0.0, 1.0, 2.0, 1.0], 0.001, Some(1.0)).is_empty());
        assert!(stages_of(&[3.0; 4], 0.001, None).is_empty());
    }

    #[test]
    fn marks_are_no_scale() {
        let cost = [0.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1e30];
        assert_eq!(stages_of(&cost, 0.02, None).len(), 1);
    }

    #[test]
    fn ends_at_any_ratio_and_scale() {
        for ratio in [1.0 - f64::EPSILON / 2.0, 0.5, f64::MIN_POSITIVE] {
            for epsilon in [5e-324, 1e-310, 1.0, f64::MAX] {
                let found = stages_of(&[0.0, 1.0, 2.0, 1.0], epsilon, Some(ratio));
                assert!(found.iter().all(|e| e.is_finite() && *e >= epsilon * 0.999), "{ratio} {epsilon} {found:?}");
            }
        }
    }
}
