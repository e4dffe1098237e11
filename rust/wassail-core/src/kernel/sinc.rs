//! Π sin(θ (x_k − y_k)) / (θ (x_k − y_k)).

use super::fold::Fold;
use crate::numeric::isa::Isa;
use crate::numeric::root::rsqrt;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::f64::consts::PI;

/// Terms of sin(πf)/(πf) in f², |f| ≤ ½: the next one is 1e-18.
const TERMS: usize = 11;

/// The sinc kernel: features are coordinates times θ/π.
#[derive(Clone, Copy, Debug)]
pub struct Sinc {
    unit: f64,
    series: [f64; TERMS],
}

impl Sinc {
    /// θ, positive and finite.
    pub fn new(theta: f64) -> Self {
        let mut series = [1.0; TERMS];
        for k in 1..TERMS {
            series[k] = -series[k - 1] * PI * PI / ((2 * k) as f64 * (2 * k + 1) as f64);
        }
        Self { unit: theta / PI, series }
    }
}

/// The whole number nearest to each element that is below 2^22 (f32) or 2^51 (f64).
#[inline(always)]
pub fn round<I: Isa, T: Scalar>(x: T::Register<I>) -> T::Register<I> {
    // 1.5 · 2^(mantissa bits).
    let magic = T::Register::<I>::splat(T::from_f64(3.0 / T::UNIT / 2.0));
    x.add(magic).sub(magic)
}

impl Fold for Sinc {
    const STATIONARY: bool = true;

    fn unit(&self) -> f64 {
        self.unit
    }

    fn start<T: Scalar>(&self) -> T {
        T::ONE
    }

    #[inline(always)]
    fn step<I: Isa, T: Scalar>(&self, sum: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I> {
        let (one, half) = (T::Register::<I>::splat(T::ONE), T::Register::<I>::splat(T::from_f64(0.5)));
        // Farther away the value is below the rounding of 1, and multiples of π have no digits.
        let most = T::Register::<I>::splat(T::from_f64(0.25 / T::UNIT));
        let z = x.sub(y).abs().min(most);
        let n = round::<I, T>(z);
        let f = z.sub(n);
        let odd = n.sub(round::<I, T>(n.mul(half)).mul(T::Register::<I>::splat(T::from_f64(2.0)))).abs();
        let sign = odd.fnma(T::Register::<I>::splat(T::from_f64(2.0)), one);
        let square = f.mul(f);
        let mut series = T::Register::<I>::splat(T::from_f64(self.series[TERMS - 1]));
        for &c in self.series[..TERMS - 1].iter().rev() {
            series = series.fma(square, T::Register::<I>::splat(T::from_f64(c)));
        }
        // sin(πz)/(πz) = ± f/z · sin(πf)/(πf).
        let inverse = rsqrt(z.mul(z).max(T::Register::<I>::splat(T::LEAST)));
        let share = z.select_ge(half, f.mul(inverse), one);
        sum.mul(sign.mul(share).mul(series))
    }

    #[inline(always)]
    fn finish<I: Isa, T: Scalar>(&self, _: &mut [T], _: (T, &[T])) {}

    fn diagonal(&self, _: &[f64]) -> f64 {
        1.0
    }

    fn work(&self) -> usize {
        24
    }

    fn largest(&self, _: &[f64]) -> f64 {
        1.0
    }

    fn error_f32(&self, d: usize) -> f64 {
        16.0 * d as f64 * f64::from(f32::EPSILON)
    }

    fn rounding_f32(&self, reach: &[f64]) -> f64 {
        // |d/dz sin(πz)/(πz)| ≤ 0.44 π.
        1.4 * f64::from(f32::EPSILON) * reach.iter().sum::<f64>()
    }
}
