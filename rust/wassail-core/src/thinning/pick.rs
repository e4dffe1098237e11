//! Picking from scores: the lowest, or one drawn by its probability.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

multiversion! {
    /// Lowest of sum + (constant + t slope); NaN counts as infinite. Lengths are multiples of every register's elements.
    pub(super) fn lowest(sums: &[f64], constant: &[f64], slope: &[f64], t: f64) -> f64 => lowest_body
}

#[inline(always)]
fn lowest_body<I: Isa>(sums: &[f64], constant: &[f64], slope: &[f64], t: f64) -> f64 {
    let width = I::F64::N;
    let mut least = I::F64::splat(f64::INFINITY);
    for at in (0..sums.len()).step_by(width) {
        least = scores::<I>(&sums[at..], &constant[at..], &slope[at..], t).min(least);
    }
    let mut lanes = [f64::INFINITY; 8];
    least.store(&mut lanes);
    lanes.iter().fold(f64::INFINITY, |a, &b| if b < a { b } else { a })
}

/// Without a fused operation, so that every level and the scalar form agree to the last bit.
#[inline(always)]
fn scores<I: Isa>(sums: &[f64], constant: &[f64], slope: &[f64], t: f64) -> I::F64 {
    let slope = I::F64::load(slope).mul(I::F64::splat(t));
    I::F64::load(sums).add(I::F64::load(constant).add(slope))
}

multiversion! {
    /// Turns sums into exp((least − score) · rate) and gives their total; NaN becomes 0.
    pub(super) fn weigh(sums: &mut [f64], constant: &[f64], slope: &[f64], t: f64, least: f64, rate: f64) -> f64 => weigh_body
}

#[inline(always)]
fn weigh_body<I: Isa>(sums: &mut [f64], constant: &[f64], slope: &[f64], t: f64, least: f64, rate: f64) -> f64 {
    let width = I::F64::N;
    for at in (0..sums.len()).step_by(width) {
        let score = scores::<I>(&sums[at..], &constant[at..], &slope[at..], t);
        let exponent = I::F64::splat(least).sub(score).mul(I::F64::splat(rate));
        <f64 as Scalar>::exp::<I>(exponent).store(&mut sums[at..]);
    }
    // One order on every level.
    crate::parallel::sum(sums.iter().copied())
}

/// The point at which the cumulated weights pass `uniform` times their total; `masses` are those of chunks of `grain`.
pub(super) fn softmin(weights: &[f64], masses: &[f64], grain: usize, uniform: f64) -> Option<usize> {
    let goal = uniform * masses.iter().sum::<f64>();
    let (mut below, mut last) = (0.0, None);
    for (chunk, &mass) in masses.iter().enumerate() {
        let start = chunk * grain;
        if below + mass <= goal && chunk + 1 < masses.len() {
            below += mass;
            continue;
        }
        for (i, &w) in weights[start..].iter().take(grain).enumerate() {
            if w > 0.0 {
                last = Some(start + i);
                below += w;
                if below > goal {
                    return last;
                }
            }
        }
    }
    // Rounding may leave the goal just above the total: then it is the last of positive weight.
    last.or_else(|| weights.iter().rposition(|&w| w > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_score_ignores_nan() {
        let mut sums = vec![1.0; 64];
        sums[40] = -2.0;
        sums[41] = f64::NAN;
        let (constant, slope) = (vec![0.5; 64], vec![0.25; 64]);
        assert_eq!(lowest(&sums, &constant, &slope, 2.0), -1.0);
        assert_eq!(lowest(&[f64::NAN; 32], &constant, &slope, 2.0), f64::INFINITY);
    }

    #[test]
    fn draws_cover_exactly_what_has_weight() {
        let weights = [0.0, 1.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0];
        let masses = [3.0, 1.0];
        let picks = |u| softmin(&weights, &masses, 4, u);
        assert_eq!((picks(0.0), picks(0.2), picks(0.25), picks(0.7)), (Some(1), Some(1), Some(3), Some(3)));
        // At the border of a chunk, and where rounding put the goal at the total or beyond it.
        assert_eq!((picks(0.75), picks(0.99), picks(1.0), picks(1.5)), (Some(4), Some(4), Some(4), Some(4)));
        assert_eq!(softmin(&[0.0; 4], &[0.0], 4, 0.5), None);
        assert_eq!(softmin(&weights, &[3.5, 1.0], 4, 0.77), Some(4));
    }

    #[test]
    fn weights_are_those_of_the_scores() {
        let mut sums: Vec<f64> = (0..32).map(|i| 0.1 * f64::from(i)).collect();
        let mut constant = vec![0.0; 32];
        constant[0] = f64::INFINITY;
        let total = weigh(&mut sums, &constant, &[0.0; 32], 1.0, 0.1, 2.0);
        assert_eq!(sums[0], 0.0);
        for (i, w) in sums.iter().enumerate().skip(1) {
            assert!((w - (-0.2 * (i as f64 - 1.0)).exp()).abs() < 1e-14);
        }
        assert!((total - sums.iter().sum::<f64>()).abs() < 1e-13);
    }
}
