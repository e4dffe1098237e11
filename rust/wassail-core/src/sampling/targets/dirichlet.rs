//! The Dirichlet law on R^{K−1}: y_i = log(θ_i / θ_K), θ = softmax(y, 0).

use crate::multiversion;
use crate::numeric::exp::exp_slice;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::lanes::sum;

/// Σ_{i<K} α_i y_i − α₀ log(1 + Σ_{i<K} e^{y_i}) with α₀ = Σ_{i≤K} α_i: the density of y, with its Jacobian.
pub struct Dirichlet {
    /// α, positive, K ≥ 2 of them.
    pub concentration: Vec<f64>,
    /// α₀.
    pub total: f64,
}

#[inline(always)]
fn sum_body<I: Isa>(values: &[f64]) -> f64 {
    sum::<I, 1>(
        [values],
        values.len(),
        #[inline(always)]
        |[value]| (1.0, value),
    )
}

multiversion! {
    fn sum_of(values: &[f64]) -> f64 => sum_body
}

#[inline(always)]
fn finish_body<I: Isa>(y: &[f64], alpha: &[f64], factor: f64, grad: &mut [f64]) -> f64 {
    for (g, a) in grad.iter_mut().zip(alpha) {
        *g = factor.fma::<I>(*g, *a);
    }
    sum::<I, 2>(
        [alpha, y],
        grad.len(),
        #[inline(always)]
        |[alpha, y]| (alpha, y),
    )
}

multiversion! {
    /// grad ← α + factor · grad; Σ α y.
    fn finish(y: &[f64], alpha: &[f64], factor: f64, grad: &mut [f64]) -> f64 => finish_body
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // the compiler vectorizes it at each level
fn shift_body<I: Isa>(y: &[f64], by: f64, out: &mut [f64]) {
    for (out, y) in out.iter_mut().zip(y) {
        *out = y - by;
    }
}

multiversion! {
    fn shift(y: &[f64], by: f64, out: &mut [f64]) => shift_body
}

impl LogDensity for Dirichlet {
    fn dim(&self) -> usize {
        self.concentration.len() - 1
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let max = x.iter().fold(0.0f64, |m, &v| if v > m { v } else { m });
        shift(x, max, grad);
        exp_slice(grad);
        let mass = (-max).exp() + sum_of(grad);
        let value = finish(x, &self.concentration, -self.total / mass, grad);
        Ok(value - self.total * (max + mass.ln()))
    }

    fn work(&self) -> usize {
        20 + 2 * self.dim()
    }
}
