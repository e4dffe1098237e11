//! Gaussians by their precision.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::share_sum;

/// N(m, diag(p)⁻¹).
pub struct DiagonalGaussian {
    /// m.
    pub mean: Vec<f64>,
    /// p, positive.
    pub precision: Vec<f64>,
}

#[inline(always)]
fn diagonal_body<I: Isa>(x: &[f64], mean: &[f64], precision: &[f64], grad: &mut [f64]) -> f64 {
    let n = grad.len();
    let (x, mean, precision) = (&x[..n], &mean[..n], &precision[..n]);
    for i in 0..n {
        grad[i] = precision[i] * (mean[i] - x[i]);
    }
    half_product::<I>(grad, x, mean)
}

/// ½ ⟨g, x − m⟩ in lanes.
#[inline(always)]
fn half_product<I: Isa>(grad: &[f64], x: &[f64], mean: &[f64]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let d = grad.len();
    let cut = d / LANES * LANES;
    for start in (0..cut).step_by(LANES) {
        for l in 0..LANES {
            let i = start + l;
            lanes[l] = grad[i].fma::<I>(x[i] - mean[i], lanes[l]);
        }
    }
    for i in cut..d {
        lanes[i - cut] = grad[i].fma::<I>(x[i] - mean[i], lanes[i - cut]);
    }
    0.5 * lanes.iter().sum::<f64>()
}

multiversion! {
    fn diagonal(x: &[f64], mean: &[f64], precision: &[f64], grad: &mut [f64]) -> f64 => diagonal_body
}

impl LogDensity for DiagonalGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        Ok(share_sum(grad, |start, grad| {
            let at = start..start + grad.len();
            diagonal(&x[at.clone()], &self.mean[at.clone()], &self.precision[at], grad)
        }))
    }

    fn work(&self) -> usize {
        1 + self.mean.len() / 4
    }
}

/// N(m, P⁻¹).
pub struct DenseGaussian {
    /// m.
    pub mean: Vec<f64>,
    /// P, symmetric positive definite, (d, d).
    pub precision: Vec<f64>,
}

#[inline(always)]
fn dense_body<I: Isa>(x: &[f64], mean: &[f64], precision: &[f64], grad: &mut [f64]) -> f64 {
    let d = grad.len();
    grad.fill(0.0);
    // Column by column: vertical sums need no reordering.
    for (j, column) in precision.chunks_exact(d).enumerate() {
        let by = mean[j] - x[j];
        for (g, p) in grad.iter_mut().zip(column) {
            *g = p.fma::<I>(by, *g);
        }
    }
    half_product::<I>(grad, x, mean)
}

multiversion! {
    fn dense(x: &[f64], mean: &[f64], precision: &[f64], grad: &mut [f64]) -> f64 => dense_body
}

impl LogDensity for DenseGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        Ok(dense(x, &self.mean, &self.precision, grad))
    }

    fn work(&self) -> usize {
        1 + self.mean.len() * self.mean.len() / 8
    }
}
