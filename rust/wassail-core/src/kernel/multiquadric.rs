//! (c² + |x − y|²/ℓ²)^(−β).

use super::radial::Profile;
use crate::numeric::isa::Isa;
use crate::numeric::root::rsqrt;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Largest 2β of a product of inverse roots; larger ones, and those that are not whole, go by logarithm and exponential.
const MOST_ROOTS: f64 = 8.0;

/// φ(q) = a (1 + q)^(−β).
#[derive(Clone, Copy, Debug)]
pub struct Multiquadric {
    unit: f64,
    amplitude: f64,
    beta: f64,
}

impl Multiquadric {
    /// ℓ, c and β, positive and finite.
    pub fn new(lengthscale: f64, offset: f64, beta: f64) -> Self {
        // (c² + r²/ℓ²)^(−β) = c^(−2β) (1 + r²/(cℓ)²)^(−β).
        Self { unit: 1.0 / offset / lengthscale, amplitude: offset.powf(-2.0 * beta), beta }
    }

    /// (1 + |x − y|²/(2αℓ²))^(−α).
    pub fn rational(lengthscale: f64, alpha: f64) -> Self {
        Self { unit: 1.0 / (2.0 * alpha).sqrt() / lengthscale, amplitude: 1.0, beta: alpha }
    }

    /// (1 + q)^(−β) and 1/(1 + q) in place of q.
    #[inline(always)]
    fn powers<I: Isa, T: Scalar>(&self, q: &mut [T], inverse: &mut [T]) {
        let (one, most) = (T::Register::<I>::splat(T::ONE), T::Register::<I>::splat(T::MOST));
        let amplitude = T::Register::<I>::splat(T::from_f64(self.amplitude));
        let width = T::Register::<I>::N;
        let roots = 2.0 * self.beta;
        let whole = roots.fract() == 0.0 && roots <= MOST_ROOTS;
        for (q, inverse) in q.chunks_exact_mut(width).zip(inverse.chunks_exact_mut(width)) {
            let base = T::Register::<I>::load(q).add(one).min(most);
            let root = rsqrt(base);
            root.mul(root).store(inverse);
            if whole {
                let mut product = amplitude;
                for _ in 0..roots as usize {
                    product = product.mul(root);
                }
                product.store(q);
            } else {
                base.store(q);
            }
        }
        if !whole {
            self.general::<I, T>(q);
        }
    }

    /// base^(−β) by logarithm and exponential.
    #[inline(always)]
    fn general<I: Isa, T: Scalar>(&self, base: &mut [T]) {
        let beta = T::Register::<I>::splat(T::from_f64(-self.beta));
        let amplitude = T::Register::<I>::splat(T::from_f64(self.amplitude));
        for b in &mut *base {
            *b = b.ln::<I>();
        }
        for b in base.chunks_exact_mut(T::Register::<I>::N) {
            T::exp::<I>(T::Register::<I>::load(b).mul(beta)).mul(amplitude).store(b);
        }
    }
}

impl Profile for Multiquadric {
    fn unit(&self) -> f64 {
        self.unit
    }

    #[inline(always)]
    fn values<I: Isa, T: Scalar>(&self, q: &mut [T]) {
        let mut inverse = [T::ZERO; super::LANES];
        for q in q.chunks_exact_mut(super::LANES) {
            self.powers::<I, T>(q, &mut inverse);
        }
    }

    #[inline(always)]
    fn jets<I: Isa, T: Scalar>(&self, q: &mut [T], first: &mut [T], second: &mut [T]) {
        self.powers::<I, T>(q, first);
        let (once, twice) = (T::from_f64(-self.beta), T::from_f64(-self.beta - 1.0));
        for ((&v, a), b) in q.iter().zip(first).zip(second) {
            let inverse = *a;
            *a = once * v * inverse;
            *b = twice * *a * inverse;
        }
    }

    fn is_smooth(&self) -> bool {
        true
    }

    fn work(&self) -> usize {
        16
    }

    fn error_f32(&self, share: f64) -> f64 {
        // q φ′/φ is at most β; each factor of a product is off by 3 ulp, and β log(1 + q) by its rounding where φ is not small.
        let unit = f64::from(f32::EPSILON);
        share * self.beta + (8.0 * self.beta + 8.0) * unit
    }
}
