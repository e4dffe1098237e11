//! exp(−|x − y|₁ / ℓ): the product over coordinates of the exponential kernel.

use super::fold::Fold;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::f64::consts::{LN_2, LOG2_E};

/// 2^(−Σ|x_k − y_k|).
#[derive(Clone, Copy, Debug)]
pub struct Manhattan {
    unit: f64,
}

impl Manhattan {
    /// ℓ, positive and finite.
    pub fn new(lengthscale: f64) -> Self {
        Self { unit: LOG2_E / lengthscale }
    }
}

impl Fold for Manhattan {
    const STATIONARY: bool = true;

    fn unit(&self) -> f64 {
        self.unit
    }

    fn start<T: Scalar>(&self) -> T {
        T::ZERO
    }

    #[inline(always)]
    fn step<I: Isa, T: Scalar>(&self, sum: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I> {
        sum.add(x.sub(y).abs())
    }

    #[inline(always)]
    fn finish<I: Isa, T: Scalar>(&self, sums: &mut [T], _: (T, &[T])) {
        for s in sums.chunks_exact_mut(T::Register::<I>::N) {
            T::exp2_minus::<I, false>(T::Register::<I>::load(s)).store(s);
        }
    }

    fn diagonal(&self, _: &[f64]) -> f64 {
        1.0
    }

    fn work(&self) -> usize {
        2
    }

    fn largest(&self, _: &[f64]) -> f64 {
        1.0
    }

    fn error_f32(&self, d: usize) -> f64 {
        // s 2^(−s) ln 2 ≤ 1/e.
        (0.25 * d as f64 + 3.0) * f64::from(f32::EPSILON)
    }

    fn rounding_f32(&self, reach: &[f64]) -> f64 {
        LN_2 * f64::from(f32::EPSILON) * reach.iter().sum::<f64>()
    }
}
