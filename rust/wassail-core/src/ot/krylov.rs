//! The step that over-relaxation approximates: (I − κS)⁻¹ r by conjugate gradients.
//!
//! One Sinkhorn iteration moves g by r; its derivative is κS with S = diag(Pᵀ1)⁻¹ Pᵀ diag(P1)⁻¹ P, κ = τ_a τ_b (1 if
//! balanced). Relaxation stretches r by one number ω; (I − κS)⁻¹ r is Newton's step on the semi-dual (Brauer, Clason, Lorenz, Wirth
//! 2017, arXiv 1710.06635, eliminate one side of it). S is self-adjoint in the Pᵀ1-weighted inner product with spectrum in [0, 1], and a product costs
//! a sweep without exponentials.

use crate::error::Result;
use crate::parallel::sum;

/// Outcome of an inner solve.
pub struct Step {
    /// The move of g.
    pub delta: Vec<f64>,
    /// Products made.
    pub products: usize,
}

/// The operator I − κS and the inner product it is self-adjoint in.
pub struct System<'a> {
    /// Pᵀ1.
    pub weight: &'a [f64],
    /// κ = τ_a τ_b.
    pub kappa: f64,
    /// Whether κ = 1: then constants, the kernel of I − S, are taken out.
    pub balanced: bool,
}

/// Solves (I − κS) δ = r in the weighted inner product to a relative residual, in at most `most` products.
/// `apply(x, out)` writes Pᵀ diag(P1)⁻¹ P x.
pub fn solve(
    system: &System<'_>,
    r: &[f64],
    tolerance: f64,
    most: usize,
    mut apply: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
) -> Result<Step> {
    let System { weight, kappa, balanced } = *system;
    let total = sum(weight.iter().copied());
    let center = |x: &mut [f64]| {
        if balanced {
            let mean = sum(x.iter().zip(weight).map(|(x, w)| x * w)) / total;
            x.iter_mut().for_each(|x| *x -= mean);
        }
    };
    let inner = |x: &[f64], y: &[f64]| sum(x.iter().zip(y).zip(weight).map(|((x, y), w)| x * y * w));
    let mut residual = r.to_vec();
    center(&mut residual);
    let mut direction = residual.clone();
    let mut delta = vec![0.0; r.len()];
    let mut image = vec![0.0; r.len()];
    let mut size = inner(&residual, &residual);
    let goal = size * tolerance * tolerance;
    let mut products = 0;
    while products < most && size > goal && size > 0.0 {
        apply(&direction, &mut image)?;
        products += 1;
        for ((o, d), w) in image.iter_mut().zip(&direction).zip(weight) {
            // A column without mass (underflow) has no say.
            *o = if *w > 0.0 { d - kappa * *o / w } else { *d };
        }
        let curvature = inner(&direction, &image);
        // Rounding can hide a curvature near 0; the step so far is a descent direction.
        if curvature <= 1e-14 * inner(&direction, &direction) {
            break;
        }
        let alpha = size / curvature;
        for (((x, r), d), o) in delta.iter_mut().zip(&mut residual).zip(&direction).zip(&image) {
            *x += alpha * d;
            *r -= alpha * o;
        }
        center(&mut residual);
        let next = inner(&residual, &residual);
        let beta = next / size;
        size = next;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + beta * *d);
    }
    if products == 0 {
        delta.copy_from_slice(&residual);
    }
    Ok(Step { delta, products })
}
