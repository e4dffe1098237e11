//! (γ x·y + c)^p.

use super::fold::Fold;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// The polynomial kernel; linear for p = 1.
#[derive(Clone, Copy, Debug)]
pub struct Inner {
    /// √γ.
    unit: f64,
    offset: f64,
    degree: usize,
}

impl Inner {
    /// γ > 0, c ≥ 0, p ≥ 1.
    pub fn new(scale: f64, offset: f64, degree: usize) -> Self {
        Self { unit: scale.sqrt(), offset, degree }
    }

    fn power(&self, product: f64) -> f64 {
        (product + self.offset).powi(i32::try_from(self.degree).unwrap_or(i32::MAX))
    }
}

impl Fold for Inner {
    const STATIONARY: bool = false;

    fn unit(&self) -> f64 {
        self.unit
    }

    fn start<T: Scalar>(&self) -> T {
        T::from_f64(self.offset)
    }

    #[inline(always)]
    fn step<I: Isa, T: Scalar>(&self, sum: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I> {
        x.fma(y, sum)
    }

    #[inline(always)]
    fn finish<I: Isa, T: Scalar>(&self, sums: &mut [T], _: (T, &[T])) {
        for s in sums.chunks_exact_mut(T::Register::<I>::N) {
            let base = T::Register::<I>::load(s);
            let mut power = base;
            for _ in 1..self.degree {
                power = power.mul(base);
            }
            power.store(s);
        }
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        self.power(point.iter().map(|p| (p * self.unit).powi(2)).sum())
    }

    fn work(&self) -> usize {
        1 + self.degree / 8
    }

    fn largest(&self, reach: &[f64]) -> f64 {
        self.power(reach.iter().map(|r| r * r).sum())
    }

    fn error_f32(&self, d: usize) -> f64 {
        self.degree as f64 * (0.5 * d as f64 + 2.0) * f64::from(f32::EPSILON)
    }

    fn rounding_f32(&self, _: &[f64]) -> f64 {
        // Both factors of every product are off by half a unit.
        self.degree as f64 * 1.1 * f64::from(f32::EPSILON)
    }
}
