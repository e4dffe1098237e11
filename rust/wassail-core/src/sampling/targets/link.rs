//! Log-likelihoods of linear predictors, with their derivatives.

use crate::multiversion;
use crate::numeric::exp::exp_v64;
use crate::numeric::isa::Isa;
use crate::numeric::log::ln_normal;
use crate::numeric::simd::Vector;

/// Observations that are predicted together.
pub const ROWS: usize = 64;

/// The law of an observation y given its linear predictor η, without terms that do not depend on η.
#[derive(Clone, Copy, Debug)]
pub enum Family {
    /// y η − log(1 + e^η).
    Logistic,
    /// y η − e^η.
    Poisson,
    /// −½ p (y − η)².
    Linear(f64),
}

impl Family {
    /// Replaces predictors by derivatives, and adds values to `sums`. The first `count` observations are real.
    pub fn apply(self, eta: &mut [f64; ROWS], y: &[f64; ROWS], count: usize, sums: &mut [f64; ROWS]) {
        match self {
            Self::Logistic => logistic(eta, y, count, sums),
            Self::Poisson => poisson(eta, y, count, sums),
            Self::Linear(precision) => linear(eta, y, count, precision, sums),
        }
    }

    /// Elementary steps of an observation.
    pub fn work(self) -> usize {
        match self {
            Self::Linear(_) => 1,
            Self::Logistic | Self::Poisson => 3,
        }
    }
}

/// Adds a value and puts down a derivative: zeros unless the observation is real.
#[inline(always)]
fn keep(is_real: bool, [value, slope]: [f64; 2], [sum, out]: [&mut f64; 2]) {
    *sum += if is_real { value } else { 0.0 };
    *out = if is_real { slope } else { 0.0 };
}

#[inline(always)]
fn exponentials<I: Isa>(from: &[f64; ROWS]) -> [f64; ROWS] {
    let mut out = [0.0; ROWS];
    for at in (0..ROWS).step_by(I::F64::N) {
        exp_v64(I::F64::load(&from[at..])).store(&mut out[at..]);
    }
    out
}

#[inline(always)]
fn logistic_body<I: Isa>(eta: &mut [f64; ROWS], y: &[f64; ROWS], count: usize, sums: &mut [f64; ROWS]) {
    let mut small = [0.0; ROWS];
    for l in 0..ROWS {
        small[l] = -eta[l].abs();
    }
    let small = exponentials::<I>(&small);
    for l in 0..ROWS {
        let (e, u) = (small[l], 1.0 + small[l]);
        let inverse = 1.0 / u;
        // log(1 + e) with the digits of e that 1 + e has lost.
        let log = ln_normal::<I>(u) + (e - (u - 1.0)) * inverse;
        let positive = eta[l] > 0.0;
        let above = if positive { eta[l] } else { 0.0 };
        // NaN stays NaN by the product.
        let value = (y[l] * eta[l] - above) - log;
        let slope = y[l] - inverse * if positive { 1.0 } else { e };
        keep(l < count, [value, slope], [&mut sums[l], &mut eta[l]]);
    }
}

multiversion! {
    fn logistic(eta: &mut [f64; ROWS], y: &[f64; ROWS], count: usize, sums: &mut [f64; ROWS]) => logistic_body
}

#[inline(always)]
fn poisson_body<I: Isa>(eta: &mut [f64; ROWS], y: &[f64; ROWS], count: usize, sums: &mut [f64; ROWS]) {
    let rates = exponentials::<I>(eta);
    for l in 0..ROWS {
        keep(l < count, [y[l] * eta[l] - rates[l], y[l] - rates[l]], [&mut sums[l], &mut eta[l]]);
    }
}

multiversion! {
    fn poisson(eta: &mut [f64; ROWS], y: &[f64; ROWS], count: usize, sums: &mut [f64; ROWS]) => poisson_body
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // the compiler vectorizes it at each level
fn linear_body<I: Isa>(eta: &mut [f64; ROWS], y: &[f64; ROWS], count: usize, precision: f64, sums: &mut [f64; ROWS]) {
    for l in 0..ROWS {
        let off = y[l] - eta[l];
        keep(l < count, [-0.5 * precision * off * off, precision * off], [&mut sums[l], &mut eta[l]]);
    }
}

multiversion! {
    fn linear(eta: &mut [f64; ROWS], y: &[f64; ROWS], count: usize, precision: f64, sums: &mut [f64; ROWS]) => linear_body
}
