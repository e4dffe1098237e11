//! Gaussians by their precision: log π(x) = −½ (x − m)ᵀ P (x − m).

use super::csr::Csr;
use super::scratch::lend;
use super::symmetric::Symmetric;
use crate::multiversion;
use crate::numeric::aligned::Aligned;
use crate::numeric::isa::{Isa, Level, level};
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use crate::sampling::density::{DensityError, LogDensity, Terms};
use crate::sampling::lanes::{accumulate, make, sum};
use crate::sampling::vector::{Drift, drift_body, moved, reversal_body, reversed, share_sum};

/// N(m, diag(p)⁻¹).
pub struct DiagonalGaussian {
    /// m.
    pub mean: Aligned<f64>,
    /// p, positive.
    pub precision: Aligned<f64>,
}

#[inline(always)]
fn diagonal_body<I: Isa>(x: &[f64], mean: &[f64], precision: &[f64], grad: &mut [f64]) -> f64 {
    -0.5 * accumulate::<I, 3>(
        [x, mean, precision],
        grad,
        #[inline(always)]
        |_, [x, mean, precision]| {
            let off = mean - x;
            let g = precision * off;
            (g, g, off)
        },
    )
}

multiversion! {
    fn diagonal(x: &[f64], mean: &[f64], precision: &[f64], grad: &mut [f64]) -> f64 => diagonal_body
}

#[inline(always)]
fn stepped_body<I: Isa>(
    from: Drift<'_>,
    [mean, precision]: [&[f64]; 2],
    adjusted: bool,
    out: &mut [f64],
    grad: &mut [f64],
) -> [f64; 2] {
    // One loop takes more registers than older processors have.
    if I::F64::N < 8 {
        drift_body::<I>(from, out);
        let value = diagonal_body::<I>(out, mean, precision, grad);
        return [value, if adjusted { reversal_body::<I>(from, grad) } else { 0.0 }];
    }
    let roots = [2.0, 0.5].map(|factor: f64| (factor * from.h).sqrt());
    if !adjusted {
        let square = accumulate::<I, 5>(
            [from.x, from.scale, from.noise, mean, precision],
            out,
            #[inline(always)]
            |_, [x, scale, noise, mean, precision]| {
                let g = precision * (mean - x);
                let y = moved::<I>([x, g, scale, noise], from.h, roots[0]);
                let off = mean - y;
                (y, precision * off, off)
            },
        );
        return [-0.5 * square, 0.0];
    }
    let [square, ratio] = make::<I, 5>(
        [from.x, from.scale, from.noise, mean, precision],
        out,
        #[inline(always)]
        |[x, scale, noise, mean, precision]| {
            let g = precision * (mean - x);
            let y = moved::<I>([x, g, scale, noise], from.h, roots[0]);
            let off = mean - y;
            let new = precision * off;
            (y, [(new, off), reversed::<I>([g, new, scale, noise], roots[1])])
        },
    );
    [-0.5 * square, ratio]
}

multiversion! {
    /// Proposal, value there, and the ratio of the proposals. Gradients are read and written where `remakes` says no.
    fn stepped(from: Drift<'_>, law: [&[f64]; 2], adjusted: bool, out: &mut [f64], grad: &mut [f64]) -> [f64; 2] => stepped_body
}

impl LogDensity for DiagonalGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        Ok(share_sum(grad, |start, grad| self.part(start, &x[start..start + grad.len()], grad)))
    }

    fn terms(&self) -> Option<&dyn Terms> {
        Some(self)
    }

    fn work(&self) -> usize {
        1 + self.mean.len() / 4
    }
}

impl Terms for DiagonalGaussian {
    fn part(&self, start: usize, x: &[f64], grad: &mut [f64]) -> f64 {
        let at = start..start + grad.len();
        diagonal(x, &self.mean[at.clone()], &self.precision[at], grad)
    }

    fn remakes(&self) -> bool {
        level() == Level::Avx512
    }

    fn proposed(&self, start: usize, from: Drift<'_>, adjusted: bool, out: &mut [f64], grad: &mut [f64]) -> [f64; 2] {
        let at = start..start + grad.len();
        stepped(from, [&self.mean[at.clone()], &self.precision[at]], adjusted, out, grad)
    }
}

#[inline(always)]
fn half_product_body<I: Isa>(grad: &[f64], x: &[f64], mean: &[f64]) -> f64 {
    0.5 * sum::<I, 3>(
        [grad, x, mean],
        grad.len(),
        #[inline(always)]
        |[g, x, mean]| (g, x - mean),
    )
}

multiversion! {
    /// ½ ⟨g, x − m⟩.
    fn half_product(grad: &[f64], x: &[f64], mean: &[f64]) -> f64 => half_product_body
}

/// N(m, P⁻¹).
pub struct DenseGaussian {
    /// m.
    pub mean: Vec<f64>,
    /// P, positive definite.
    pub precision: Symmetric,
}

impl LogDensity for DenseGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let (d, padded) = (self.mean.len(), self.precision.padded());
        lend(2 * padded, |buffer| {
            let (off, force) = buffer.split_at_mut(padded);
            off.fill(0.0);
            for ((off, x), mean) in off.iter_mut().zip(x).zip(&self.mean) {
                *off = mean - x;
            }
            self.precision.times(off, force);
            grad.copy_from_slice(&force[..d]);
        })?;
        Ok(half_product(grad, x, &self.mean))
    }

    fn work(&self) -> usize {
        self.precision.work()
    }
}

/// N(m, P⁻¹) of a sparse P.
pub struct SparseGaussian {
    /// m.
    pub mean: Vec<f64>,
    /// P, positive definite, all entries of it.
    pub precision: Csr,
}

impl LogDensity for SparseGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        lend(self.mean.len(), |off| {
            for ((off, x), mean) in off.iter_mut().zip(x).zip(&self.mean) {
                *off = mean - x;
            }
            for (i, g) in grad.iter_mut().enumerate() {
                *g = self.precision.dot(i, off);
            }
        })?;
        Ok(half_product(grad, x, &self.mean))
    }

    fn work(&self) -> usize {
        1 + self.mean.len() + self.precision.len() / 2
    }
}

/// N(m, P⁻¹) of a P with few diagonals.
pub struct BandedGaussian {
    /// m.
    pub mean: Vec<f64>,
    /// P_{i+k,i} at (k, i), (bandwidth + 1, d), P positive definite; the last k entries of row k are not used.
    pub bands: Vec<f64>,
}

/// Coordinates whose offsets, forces and bands stay in the first-level cache for all bands.
const PIECE: usize = 512;

#[inline(always)]
fn banded_body<I: Isa>(off: &[f64], bands: &[f64], grad: &mut [f64]) {
    let d = grad.len();
    grad.fill(0.0);
    for start in (0..d).step_by(PIECE) {
        for (k, band) in bands.chunks_exact(d).enumerate() {
            let end = (start + PIECE).min(d - k);
            if start >= end {
                break;
            }
            let (band, here, there) = (&band[start..end], &off[start..end], &off[start + k..end + k]);
            add_products::<I>(&mut grad[start..end], band, there);
            if k > 0 {
                add_products::<I>(&mut grad[start + k..end + k], band, here);
            }
        }
    }
}

/// out += a ∘ b.
#[inline(always)]
fn add_products<I: Isa>(out: &mut [f64], a: &[f64], b: &[f64]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = a.fma::<I>(*b, *out);
    }
}

multiversion! {
    fn banded(off: &[f64], bands: &[f64], grad: &mut [f64]) => banded_body
}

impl LogDensity for BandedGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        lend(self.mean.len(), |off| {
            for ((off, x), mean) in off.iter_mut().zip(x).zip(&self.mean) {
                *off = mean - x;
            }
            banded(off, &self.bands, grad);
        })?;
        Ok(half_product(grad, x, &self.mean))
    }

    fn work(&self) -> usize {
        1 + self.mean.len() / 2 + self.bands.len() / 4
    }
}
