//! exp(−|x − y|² / (2ℓ²)).

use super::radial::Profile;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::f64::consts::{LN_2, LOG2_E};

/// φ(q) = 2^(−q).
#[derive(Clone, Copy, Debug)]
pub struct Gaussian {
    /// √(log₂ e / 2) / ℓ.
    unit: f64,
}

impl Gaussian {
    /// ℓ, positive and finite.
    pub fn new(lengthscale: f64) -> Self {
        Self { unit: (0.5 * LOG2_E).sqrt() / lengthscale }
    }
}

impl Profile for Gaussian {
    fn unit(&self) -> f64 {
        self.unit
    }

    fn largest(&self) -> f64 {
        1.0
    }

    #[inline(always)]
    fn values<I: Isa, T: Scalar>(&self, q: &mut [T]) {
        for q in q.chunks_exact_mut(T::Register::<I>::N) {
            self.value::<I, T, false>(T::Register::<I>::load(q)).store(q);
        }
    }

    #[inline(always)]
    fn value<I: Isa, T: Scalar, const NEAR: bool>(&self, q: T::Register<I>) -> T::Register<I> {
        T::exp2_minus::<I, NEAR>(q)
    }

    const SHORT: bool = true;

    #[inline(always)]
    fn jets<I: Isa, T: Scalar>(&self, q: &mut [T], first: &mut [T], second: &mut [T]) {
        self.values::<I, T>(q);
        let (once, twice) = (T::from_f64(-LN_2), T::from_f64(LN_2 * LN_2));
        for ((&v, a), b) in q.iter().zip(first).zip(second) {
            *a = once * v;
            *b = twice * v;
        }
    }

    fn is_smooth(&self) -> bool {
        true
    }

    fn work(&self) -> usize {
        8
    }

    fn slope(&self) -> f64 {
        (2.0 * LN_2 / std::f64::consts::E).sqrt()
    }

    fn error_f32(&self) -> f64 {
        2.0 * f64::from(f32::EPSILON)
    }

    fn gaussian(&self) -> Option<f64> {
        Some(self.unit)
    }
}
