//! exp(−|x − y|² / (2ℓ²)).

use super::radial::Profile;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// φ(q) = exp(−q).
#[derive(Clone, Copy, Debug)]
pub struct Gaussian {
    /// 1 / (√2 ℓ).
    unit: f64,
}

impl Gaussian {
    /// ℓ, positive and finite.
    pub fn new(lengthscale: f64) -> Self {
        Self { unit: std::f64::consts::FRAC_1_SQRT_2 / lengthscale }
    }
}

impl Profile for Gaussian {
    fn unit(&self) -> f64 {
        self.unit
    }

    #[inline(always)]
    fn values<I: Isa, T: Scalar>(&self, q: &mut [T]) {
        let zero = T::Register::<I>::splat(T::ZERO);
        for q in q.chunks_exact_mut(T::Register::<I>::N) {
            T::exp::<I>(zero.sub(T::Register::<I>::load(q))).store(q);
        }
    }

    #[inline(always)]
    fn jets<I: Isa, T: Scalar>(&self, q: &mut [T], first: &mut [T], second: &mut [T]) {
        self.values::<I, T>(q);
        for ((&v, a), b) in q.iter().zip(first).zip(second) {
            *a = -v;
            *b = v;
        }
    }

    fn is_smooth(&self) -> bool {
        true
    }

    fn work(&self) -> usize {
        8
    }

    fn error_f32(&self, share: f64) -> f64 {
        // q exp(−q) ≤ 1/e, and 2 ulp of the exponential.
        share * (-1.0f64).exp() + 2.0 * f64::from(f32::EPSILON)
    }
}
