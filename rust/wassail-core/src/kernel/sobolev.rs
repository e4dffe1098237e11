//! Π (1 + (−1)^(s+1) (2π)^(2s)/(2s)! B_2s({x_k − y_k})) − 1: periodic functions of mean zero with s derivatives.

use super::fold::Fold;
use super::sinc::round;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::f64::consts::PI;

/// Largest s.
pub const MOST: usize = 3;

/// The centered Sobolev kernel on a torus.
#[derive(Clone, Copy, Debug)]
pub struct Sobolev {
    unit: f64,
    /// One coordinate's factor in powers of |x − y| on [0, ½].
    factor: [f64; 2 * MOST + 1],
    degree: usize,
}

impl Sobolev {
    /// s in 1, 2, 3 and the period, positive and finite.
    pub fn new(smoothness: usize, period: f64) -> Self {
        let (bernoulli, scale): (&[f64], f64) = match smoothness {
            1 => (&[1.0 / 6.0, -1.0, 1.0], (2.0 * PI).powi(2) / 2.0),
            2 => (&[-1.0 / 30.0, 0.0, 1.0, -2.0, 1.0], -(2.0 * PI).powi(4) / 24.0),
            _ => (&[1.0 / 42.0, 0.0, -0.5, 0.0, 2.5, -3.0, 1.0], (2.0 * PI).powi(6) / 720.0),
        };
        let mut factor = [0.0; 2 * MOST + 1];
        factor.iter_mut().zip(bernoulli).for_each(|(f, b)| *f = scale * b);
        factor[0] += 1.0;
        Self { unit: 1.0 / period, factor, degree: bernoulli.len() - 1 }
    }
}

impl Fold for Sobolev {
    const STATIONARY: bool = true;

    fn unit(&self) -> f64 {
        self.unit
    }

    fn start<T: Scalar>(&self) -> T {
        T::ONE
    }

    #[inline(always)]
    fn step<I: Isa, T: Scalar>(&self, sum: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I> {
        let z = x.sub(y);
        let t = z.sub(round::<I, T>(z)).abs();
        let mut value = T::Register::<I>::splat(T::from_f64(self.factor[self.degree]));
        for &c in self.factor[..self.degree].iter().rev() {
            value = value.fma(t, T::Register::<I>::splat(T::from_f64(c)));
        }
        sum.mul(value)
    }

    #[inline(always)]
    fn finish<I: Isa, T: Scalar>(&self, sums: &mut [T], _: (T, &[T])) {
        for s in sums {
            *s = *s - T::ONE;
        }
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        self.factor[0].powi(i32::try_from(point.len()).unwrap_or(i32::MAX)) - 1.0
    }

    fn work(&self) -> usize {
        12
    }

    fn largest(&self, reach: &[f64]) -> f64 {
        self.diagonal(reach)
    }

    fn error_f32(&self, d: usize) -> f64 {
        // Errors are relative to the largest factor.
        16.0 * d as f64 * f64::from(f32::EPSILON) + f64::from(f32::EPSILON)
    }

    fn rounding_f32(&self, reach: &[f64]) -> f64 {
        // |d factor / dt| is at most 2π² for s = 1, and smaller then: B′_2s = 2s B_2s−1.
        20.0 / self.factor[0] * f64::from(f32::EPSILON) * reach.iter().sum::<f64>()
    }
}
