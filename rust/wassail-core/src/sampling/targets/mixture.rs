//! Mixtures of Gaussians: log Σ_k exp(c_k − ½ (x − m_k)ᵀ P_k (x − m_k)).

use super::scratch::lend;
use super::symmetric::Symmetric;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::add_scaled;
use crate::numeric::scalar::Scalar;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::lanes::sum;

/// Turns logarithms into shares, and returns the logarithm of their sum.
fn shares(logs: &mut [f64]) -> f64 {
    let max = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        logs.fill(0.0);
        return max;
    }
    let mut total = 0.0;
    for log in logs.iter_mut() {
        *log = (*log - max).exp();
        total += *log;
    }
    logs.iter_mut().for_each(|share| *share /= total);
    max + total.ln()
}

/// Components with diagonal precisions.
pub struct DiagonalMixture {
    /// d.
    pub dim: usize,
    /// c, the logarithms of weights and normalizers.
    pub logs: Vec<f64>,
    /// m_k, (components, d).
    pub means: Vec<f64>,
    /// P_k, (components, d), positive.
    pub precisions: Vec<f64>,
}

#[inline(always)]
fn square_body<I: Isa>(x: &[f64], mean: &[f64], precision: &[f64]) -> f64 {
    sum::<I, 3>(
        [x, mean, precision],
        x.len(),
        #[inline(always)]
        |[x, mean, precision]| {
            let off = mean - x;
            (precision * off, off)
        },
    )
}

multiversion! {
    fn square(x: &[f64], mean: &[f64], precision: &[f64]) -> f64 => square_body
}

#[inline(always)]
fn pull_body<I: Isa>(x: &[f64], mean: &[f64], precision: &[f64], share: f64, grad: &mut [f64]) {
    let n = grad.len();
    let (x, mean, precision) = (&x[..n], &mean[..n], &precision[..n]);
    for i in 0..n {
        grad[i] = (share * precision[i]).fma::<I>(mean[i] - x[i], grad[i]);
    }
}

multiversion! {
    fn pull(x: &[f64], mean: &[f64], precision: &[f64], share: f64, grad: &mut [f64]) => pull_body
}

impl LogDensity for DiagonalMixture {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let parts = || self.means.chunks_exact(self.dim).zip(self.precisions.chunks_exact(self.dim));
        grad.fill(0.0);
        lend(self.logs.len(), |logs| {
            for ((log, constant), (mean, precision)) in logs.iter_mut().zip(&self.logs).zip(parts()) {
                *log = constant - 0.5 * square(x, mean, precision);
            }
            let value = shares(logs);
            for (&share, (mean, precision)) in logs.iter().zip(parts()).filter(|part| *part.0 > 0.0) {
                pull(x, mean, precision, share, grad);
            }
            value
        })
    }

    fn work(&self) -> usize {
        1 + self.logs.len() * (20 + self.dim / 3)
    }
}

/// Components with full precisions.
pub struct DenseMixture {
    /// c, the logarithms of weights and normalizers.
    pub logs: Vec<f64>,
    /// m_k, (components, d).
    pub means: Vec<f64>,
    /// P_k, positive definite.
    pub precisions: Vec<Symmetric>,
}

impl LogDensity for DenseMixture {
    fn dim(&self) -> usize {
        self.precisions[0].dim()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let (d, padded, k) = (self.dim(), self.precisions[0].padded(), self.logs.len());
        grad.fill(0.0);
        lend(k + padded * (k + 1), |buffer| {
            let (logs, buffer) = buffer.split_at_mut(k);
            let (off, forces) = buffer.split_at_mut(padded);
            off.fill(0.0);
            let parts = self.means.chunks_exact(d).zip(&self.precisions).zip(forces.chunks_exact_mut(padded));
            for (((mean, precision), force), (log, constant)) in parts.zip(logs.iter_mut().zip(&self.logs)) {
                for ((off, x), mean) in off.iter_mut().zip(x).zip(mean) {
                    *off = mean - x;
                }
                precision.times(off, force);
                *log = constant - 0.5 * dot(off, force);
            }
            let value = shares(logs);
            for (&share, force) in logs.iter().zip(forces.chunks_exact(padded)).filter(|part| *part.0 > 0.0) {
                add_scaled(&force[..d], share, grad);
            }
            value
        })
    }

    fn work(&self) -> usize {
        self.logs.len() * (20 + self.precisions[0].work() + self.dim() / 2)
    }
}

#[inline(always)]
fn dot_body<I: Isa>(x: &[f64], y: &[f64]) -> f64 {
    sum::<I, 2>(
        [x, y],
        x.len(),
        #[inline(always)]
        |[x, y]| (x, y),
    )
}

multiversion! {
    fn dot(x: &[f64], y: &[f64]) -> f64 => dot_body
}
