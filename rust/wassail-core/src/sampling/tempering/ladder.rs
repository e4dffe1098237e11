//! Rungs between reference and target.

/// Rejections below this are measured too roughly to be told from each other.
const LEAST: f64 = 1e-3;

/// β of so many rungs to start with: dense near the reference, where densities change most.
pub fn first(rungs: usize) -> Vec<f64> {
    (0..rungs).map(|r| (r as f64 / (rungs - 1) as f64).powi(3)).collect()
}

/// Rungs of equal rejection, from the rejection between those there are: the communication barrier Λ(β), the sum of the
/// rejections below β, is interpolated linearly and cut into equal parts (Syed and others, arXiv 1905.02939, Alg. 2).
pub fn equalize(betas: &[f64], rejections: &[f64]) -> Vec<f64> {
    let mut barrier = vec![0.0];
    for r in rejections {
        barrier.push(barrier[barrier.len() - 1] + r.max(LEAST));
    }
    let total = barrier[barrier.len() - 1];
    let last = betas.len() - 1;
    let mut out = Vec::with_capacity(betas.len());
    let mut k = 0;
    for r in 0..=last {
        let level = total * r as f64 / last as f64;
        while k + 1 < last && barrier[k + 1] < level {
            k += 1;
        }
        let share = ((level - barrier[k]) / (barrier[k + 1] - barrier[k])).clamp(0.0, 1.0);
        out.push(betas[k] + share * (betas[k + 1] - betas[k]));
    }
    (out[0], out[last]) = (0.0, 1.0);
    out
}

/// A function of β known at some rungs, at others: linear between.
pub fn interpolate(betas: &[f64], values: &[f64], at: f64) -> f64 {
    let k = betas[1..betas.len() - 1].iter().take_while(|&&b| b < at).count();
    let share = (at - betas[k]) / (betas[k + 1] - betas[k]);
    values[k] + share.clamp(0.0, 1.0) * (values[k + 1] - values[k])
}

#[cfg(test)]
mod tests {
    use super::{equalize, first, interpolate};

    #[test]
    fn equal_rejections_are_found() {
        // Rejections of a barrier Λ(β) = √β.
        let mut betas = first(9);
        for _ in 0..12 {
            let rejections: Vec<f64> = betas.windows(2).map(|b| b[1].sqrt() - b[0].sqrt()).collect();
            betas = equalize(&betas, &rejections);
        }
        for (r, b) in betas.iter().enumerate() {
            assert!((b.sqrt() - r as f64 / 8.0).abs() < 1e-3, "{betas:?}");
        }
    }

    #[test]
    fn rungs_stay_in_order_whatever_was_measured() {
        for rejections in [[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]] {
            let betas = equalize(&[0.0, 0.1, 0.5, 1.0], &rejections);
            assert!(betas.windows(2).all(|b| b[0] < b[1]), "{betas:?}");
        }
    }

    #[test]
    fn values_are_interpolated() {
        assert!((interpolate(&[0.0, 0.5, 1.0], &[1.0, 2.0, 4.0], 0.75) - 3.0).abs() < 1e-15);
        assert!((interpolate(&[0.0, 0.5, 1.0], &[1.0, 2.0, 4.0], 0.25) - 1.5).abs() < 1e-15);
    }
}
