//! Matérn kernels of half-integer order ν = p + ½, the exponential kernel among them (p = 0).
//!
//! With z = √(2ν) r/ℓ, M_p(z) = exp(−z) Σ_i c_i z^i, and dM_p/d(z²) = −M_{p−1} / (4ν − 4).

use super::LANES;
use super::radial::Profile;
use crate::numeric::isa::Isa;
use crate::numeric::root::rsqrt;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::f64::consts::{LN_2, LOG2_E};

/// Largest p.
pub const MOST: usize = 8;

/// φ(q) = 2^(−√q) Σ_i c_i (√q)^i, c_i z^i = c_i (r ln 2)^i.
#[derive(Clone, Copy, Debug)]
pub struct Matern {
    unit: f64,
    order: usize,
    /// c_i ln^i 2 of p, p − 1 and p − 2.
    polynomials: [[f64; MOST + 1]; 3],
}

impl Matern {
    /// ℓ positive and finite, p = ν − ½ at most `MOST`.
    pub fn new(lengthscale: f64, order: usize) -> Self {
        let order = order.min(MOST);
        let mut polynomials = [[0.0; MOST + 1]; 3];
        for (lower, polynomial) in polynomials.iter_mut().enumerate().take(order + 1) {
            *polynomial = coefficients(order - lower);
        }
        let nu = order as f64 + 0.5;
        Self { unit: (2.0 * nu).sqrt() * LOG2_E / lengthscale, order, polynomials }
    }

    /// −dM_p/d(z²) = factor · M_{p−1}, for p ≥ 1.
    fn factor(p: usize) -> f64 {
        1.0 / (4.0 * p as f64 - 2.0)
    }
}

/// p!/(2p)! Σ_i (p+i)!/(i!(p−i)!) (2z)^(p−i) in powers of r = z / ln 2.
fn coefficients(p: usize) -> [f64; MOST + 1] {
    let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
    let mut c = [0.0; MOST + 1];
    for i in 0..=p {
        let share = factorial(p + i) / (factorial(i) * factorial(p - i));
        c[p - i] = factorial(p) / factorial(2 * p) * share * (2.0 * LN_2).powi((p - i) as i32);
    }
    c
}

/// Σ_i c_i r^i for i up to p.
#[inline(always)]
fn polynomial<I: Isa, T: Scalar>(c: &[f64; MOST + 1], p: usize, r: T::Register<I>) -> T::Register<I> {
    let mut sum = T::Register::<I>::splat(T::from_f64(c[p]));
    for &c in c[..p].iter().rev() {
        sum = sum.fma(r, T::Register::<I>::splat(T::from_f64(c)));
    }
    sum
}

/// √q and 1/√q, 0 taken for the smallest normal number.
#[inline(always)]
fn roots<I: Isa, T: Scalar>(q: &[T]) -> (T::Register<I>, T::Register<I>) {
    let q = T::Register::<I>::load(q).max(T::Register::<I>::splat(T::LEAST)).min(T::Register::<I>::splat(T::MOST));
    let inverse = rsqrt(q);
    (q.mul(inverse), inverse)
}

impl Profile for Matern {
    fn unit(&self) -> f64 {
        self.unit
    }

    fn largest(&self) -> f64 {
        1.0
    }

    #[inline(always)]
    fn values<I: Isa, T: Scalar>(&self, q: &mut [T]) {
        for q in q.chunks_exact_mut(T::Register::<I>::N) {
            let (r, _) = roots::<I, T>(q);
            // Where 2^(−r) is as small as it gets, the polynomial must not blow it up.
            let r = r.min(T::Register::<I>::splat(T::from_f64(1022.0)));
            T::exp2_minus::<I, false>(r).mul(polynomial::<I, T>(&self.polynomials[0], self.order, r)).store(q);
        }
    }

    #[inline(always)]
    fn jets<I: Isa, T: Scalar>(&self, q: &mut [T], first: &mut [T], second: &mut [T]) {
        let (width, p) = (T::Register::<I>::N, self.order);
        // z² = q ln² 2.
        let square = LN_2 * LN_2;
        let once = T::Register::<I>::splat(T::from_f64(-square * Self::factor(p)));
        // M_0′ = −M_0 / (2z).
        let lower = if p > 1 { Self::factor(p - 1) * square } else { 0.5 * LN_2 };
        let twice = T::Register::<I>::splat(T::from_f64(square * Self::factor(p) * lower));
        for lane in (0..q.len() / width * width).step_by(width) {
            let (r, inverse) = roots::<I, T>(&q[lane..]);
            let r = r.min(T::Register::<I>::splat(T::from_f64(1022.0)));
            let e = T::exp2_minus::<I, false>(r);
            e.mul(polynomial::<I, T>(&self.polynomials[0], p, r)).store(&mut q[lane..]);
            e.mul(once).mul(polynomial::<I, T>(&self.polynomials[1], p.max(1) - 1, r)).store(&mut first[lane..]);
            let last = if p > 1 { polynomial::<I, T>(&self.polynomials[2], p - 2, r) } else { inverse };
            e.mul(twice).mul(last).store(&mut second[lane..]);
        }
    }

    fn is_smooth(&self) -> bool {
        self.order > 0
    }

    fn work(&self) -> usize {
        16 + LANES / 16 * self.order
    }

    fn slope(&self) -> f64 {
        if self.order == 0 { LN_2 } else { LN_2 / std::f64::consts::E }
    }

    fn error_f32(&self) -> f64 {
        // The root's 2 ulp turn r by as much: r |dφ/dr| ≤ 1.
        (8.0 + self.order as f64) * f64::from(f32::EPSILON)
    }
}
