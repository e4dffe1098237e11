//! How long chains remember: integrated autocorrelation times of a window of warm-up.

/// Chains that are followed.
pub const CHAINS: usize = 8;
/// Coordinates that are followed.
pub const COORDINATES: usize = 32;

/// Mean over the coordinates of 1 + 2 Σ ρ_t, by Geyer's initial monotone sequence of the autocovariances averaged over chains.
/// Paths have shape (steps, coordinates) each; NaN never, 1 where nothing moves.
pub fn memory(paths: &[Vec<f64>], coordinates: usize) -> f64 {
    mean(paths, coordinates, integrated)
}

/// The same as far as longer trajectories help: at most twice the time of the squares. Where chains are Gaussian, squares have
/// correlations ρ² and times of at least (1 + ρ²)/(1 + ρ)² ≥ ½ of those of the coordinates; where they have less, what is slow is a
/// choice of sides, which long trajectories make no oftener a gradient than short ones.
pub fn reach(paths: &[Vec<f64>], coordinates: usize) -> f64 {
    mean(paths, coordinates, |series| {
        let squares: Vec<Vec<f64>> = series.iter().map(|s| centered(s.iter().map(|v| v * v))).collect();
        integrated(series).min(2.0 * integrated(&squares))
    })
}

fn mean(paths: &[Vec<f64>], coordinates: usize, time: impl Fn(&[Vec<f64>]) -> f64) -> f64 {
    let mut total = 0.0;
    for k in 0..coordinates {
        let one = |path: &Vec<f64>| centered(path.iter().skip(k).step_by(coordinates).copied());
        total += time(&paths.iter().map(one).collect::<Vec<_>>());
    }
    total / coordinates.max(1) as f64
}

fn centered(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|v| *v -= mean);
    values
}

fn covariance(series: &[Vec<f64>], lag: usize) -> f64 {
    series.iter().map(|s| s.iter().zip(&s[lag.min(s.len())..]).map(|(a, b)| a * b).sum::<f64>()).sum()
}

fn integrated(series: &[Vec<f64>]) -> f64 {
    let n = series.first().map_or(0, Vec::len);
    let variance = covariance(series, 0);
    if !(variance > 0.0 && variance.is_finite()) {
        return 1.0;
    }
    let (mut sum, mut last) = (-1.0, f64::INFINITY);
    for lag in (0..n.saturating_sub(1)).step_by(2) {
        let pair = (covariance(series, lag) + covariance(series, lag + 1)) / variance;
        if pair.is_nan() || pair <= 0.0 {
            break;
        }
        last = last.min(pair);
        sum += 2.0 * last;
    }
    // Sequences that alternate have times below one, down to this.
    sum.max(0.05)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn autoregressions_have_their_times() {
        for rho in [0.0, 0.6, -0.5] {
            let paths: Vec<Vec<f64>> = (0..4)
                .map(|chain| {
                    let mut noise = vec![0.0; 40_000];
                    Stream::new(1, chain, 0).normals(Purpose::Noise, 0, &mut noise);
                    let mut x = [0.0; 2];
                    let root = (1.0f64 - rho * rho).sqrt();
                    for z in noise.chunks_exact_mut(2) {
                        for (x, z) in x.iter_mut().zip(z) {
                            *x = rho * *x + root * *z;
                            *z = *x;
                        }
                    }
                    noise
                })
                .collect();
            let expected = (1.0 + rho) / (1.0 - rho);
            let tau = memory(&paths, 2);
            assert!((tau / expected - 1.0).abs() < 0.08, "{rho}: {tau} {expected}");
        }
    }

    #[test]
    fn a_choice_of_sides_does_not_ask_for_longer_trajectories() {
        let mut noise = vec![0.0; 20_000];
        Stream::new(2, 0, 0).normals(Purpose::Noise, 0, &mut noise);
        // Signs that flip now and then beside what is new at each step, and an autoregression.
        let (mut sign, mut x) = (1.0, 0.0);
        let flips: Vec<f64> = noise
            .iter()
            .map(|z| {
                sign *= if *z > 1.5 { -1.0 } else { 1.0 };
                sign * (3.0 + z)
            })
            .collect();
        let gaussian: Vec<f64> = noise
            .iter()
            .map(|z| {
                x = 0.8 * x + 0.6 * z;
                x
            })
            .collect();
        assert!(memory(std::slice::from_ref(&flips), 1) > 8.0);
        assert!(reach(&[flips], 1) < 2.4);
        let (all, reached) = (memory(std::slice::from_ref(&gaussian), 1), reach(&[gaussian], 1));
        assert!((all / reached - 1.0).abs() < 0.1, "{all} {reached}");
    }

    #[test]
    fn what_does_not_move_has_a_time() {
        assert_eq!(memory(&[vec![1.0; 30]], 3), 1.0);
        assert_eq!(memory(&[Vec::new()], 3), 1.0);
    }
}
