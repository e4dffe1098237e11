//! Π B(γ (x_k − y_k)) / B(0), B the B-spline of odd degree 2β + 1: the indicator of [−½, ½] convolved 2β + 2 times.

use super::fold::Fold;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Largest β: sums of truncated powers cancel more and more.
pub const MOST: usize = 3;

/// The B-spline kernel.
#[derive(Clone, Copy, Debug)]
pub struct Spline {
    unit: f64,
    /// β + 1, beyond which values are 0.
    half: usize,
    /// Weights of ((half − |t|) − k)₊^(2β+1).
    weights: [f64; MOST + 1],
}

impl Spline {
    /// β at most `MOST`, γ positive and finite.
    pub fn new(order: usize, scale: f64) -> Self {
        let half = order.min(MOST) + 1;
        let mut weights = [0.0; MOST + 1];
        let mut binomial = 1.0;
        for (k, w) in weights.iter_mut().enumerate().take(half) {
            *w = if k % 2 == 0 { binomial } else { -binomial };
            binomial *= (2 * half - k) as f64 / (k + 1) as f64;
        }
        let power = 2 * half as i32 - 1;
        let center: f64 = weights.iter().enumerate().take(half).map(|(k, w)| w * ((half - k) as f64).powi(power)).sum();
        weights.iter_mut().for_each(|w| *w /= center);
        Self { unit: scale, half, weights }
    }
}

impl Fold for Spline {
    const STATIONARY: bool = true;

    fn unit(&self) -> f64 {
        self.unit
    }

    fn start<T: Scalar>(&self) -> T {
        T::ONE
    }

    #[inline(always)]
    fn step<I: Isa, T: Scalar>(&self, sum: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I> {
        let zero = T::Register::<I>::splat(T::ZERO);
        let t = T::Register::<I>::splat(T::from_f64(self.half as f64)).sub(x.sub(y).abs());
        let mut value = zero;
        for (k, &w) in self.weights.iter().enumerate().take(self.half) {
            let base = t.sub(T::Register::<I>::splat(T::from_f64(k as f64))).max(zero);
            let square = base.mul(base);
            let mut power = base;
            for _ in 1..self.half {
                power = power.mul(square);
            }
            value = power.fma(T::Register::<I>::splat(T::from_f64(w)), value);
        }
        sum.mul(value)
    }

    #[inline(always)]
    fn finish<I: Isa, T: Scalar>(&self, _: &mut [T], _: (T, &[T])) {}

    fn diagonal(&self, _: &[f64]) -> f64 {
        1.0
    }

    fn work(&self) -> usize {
        4 + 4 * self.half
    }

    fn largest(&self, _: &[f64]) -> f64 {
        1.0
    }

    fn error_f32(&self, d: usize) -> f64 {
        let most = self.weights.iter().enumerate().take(self.half);
        let sizes = most.map(|(k, w)| w.abs() * ((self.half - k) as f64).powi(2 * self.half as i32 - 1)).sum::<f64>();
        sizes * (2 * self.half + 2) as f64 * d as f64 * f64::from(f32::EPSILON)
    }

    fn rounding_f32(&self, reach: &[f64]) -> f64 {
        // |B′| ≤ 1 ≤ 2 B(0).
        2.0 * f64::from(f32::EPSILON) * reach.iter().sum::<f64>()
    }
}
