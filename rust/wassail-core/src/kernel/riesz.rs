//! |x − c|^β + |y − c|^β − |x − y|^β, 0 < β < 2: the kernel whose squared discrepancy is the energy distance.

use super::fold::Fold;
use crate::numeric::isa::Isa;
use crate::numeric::root::rsqrt;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Coordinates whose squared distances stay finite.
const FARTHEST: f64 = 1e150;

/// Induced by a power of the distance, with the origin for c.
#[derive(Clone, Copy, Debug)]
pub struct Riesz {
    exponent: f64,
}

impl Riesz {
    /// β, in (0, 2).
    pub fn new(exponent: f64) -> Self {
        Self { exponent }
    }

    fn norm(self, features: &[f64]) -> f64 {
        let largest = features.iter().fold(0.0, |m: f64, f| m.max(f.abs()));
        if largest == 0.0 {
            return 0.0;
        }
        // Distances are squared on the way to their power.
        if largest > FARTHEST {
            return f64::INFINITY;
        }
        let square: f64 = features.iter().map(|f| (f / largest).powi(2)).sum();
        (largest * square.sqrt()).powf(self.exponent)
    }
}

impl Fold for Riesz {
    const STATIONARY: bool = false;
    const ENDS: bool = true;

    fn unit(&self) -> f64 {
        1.0
    }

    fn start<T: Scalar>(&self) -> T {
        T::ZERO
    }

    #[inline(always)]
    fn step<I: Isa, T: Scalar>(&self, sum: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I> {
        let t = x.sub(y);
        t.fma(t, sum)
    }

    #[inline(always)]
    fn finish<I: Isa, T: Scalar>(&self, sums: &mut [T], ends: (T, &[T])) {
        let width = T::Register::<I>::N;
        let (zero, least) = (T::Register::<I>::splat(T::ZERO), T::Register::<I>::splat(T::LEAST));
        if self.exponent != 1.0 {
            let half = T::from_f64(0.5 * self.exponent);
            for s in &mut *sums {
                *s = half * s.max(T::LEAST).ln::<I>();
            }
        }
        let row = T::Register::<I>::splat(ends.0);
        for (s, y) in sums.chunks_exact_mut(width).zip(ends.1.chunks_exact(width)) {
            let given = T::Register::<I>::load(s);
            let power = if self.exponent == 1.0 {
                let q = given.max(least);
                given.select_ge(least, q.mul(rsqrt(q)), zero)
            } else {
                T::exp::<I>(given)
            };
            T::Register::<I>::load(y).add(row).sub(power).store(s);
        }
    }

    fn end(&self, features: &[f64]) -> f64 {
        self.norm(features)
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        2.0 * self.norm(point)
    }

    fn work(&self) -> usize {
        2
    }

    fn largest(&self, reach: &[f64]) -> f64 {
        2.0 * self.norm(&reach[..reach.len() - 1])
    }

    fn error_f32(&self, d: usize) -> f64 {
        // |x − y| is at most twice the largest norm; a logarithm is off by its rounding, which the exponential makes relative.
        (0.5 * d as f64 + 100.0) * f64::from(f32::EPSILON)
    }

    fn rounding_f32(&self, reach: &[f64]) -> f64 {
        // |s^β − t^β| ≤ max(1, β) |s − t|^min(1, β) max^(β − min), for the three distances.
        let norm: f64 = reach[..reach.len() - 1].iter().map(|r| r * r).sum::<f64>().sqrt();
        if norm == 0.0 { 0.0 } else { 4.0 * f64::from(f32::EPSILON).powf(self.exponent.min(1.0)) }
    }
}
