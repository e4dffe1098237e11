//! exp(−|x − y|² / (2ℓ²)).

use super::{Kernel, Panels, Rows};
use crate::error::Result;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// The Gaussian kernel.
#[derive(Clone, Copy, Debug)]
pub struct Gaussian {
    /// 1 / (√2 ℓ): features are coordinates in this unit.
    scale: f64,
}

impl Gaussian {
    /// ℓ, positive and finite.
    pub fn new(lengthscale: f64) -> Self {
        Self { scale: std::f64::consts::FRAC_1_SQRT_2 / lengthscale }
    }
}

impl Kernel for Gaussian {
    fn width(&self, d: usize) -> usize {
        d
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        features.iter_mut().zip(point).for_each(|(f, p)| *f = p * self.scale);
    }

    fn diagonal(&self, _: &[f64]) -> f64 {
        1.0
    }

    fn is_stationary(&self) -> bool {
        true
    }

    fn work(&self, d: usize) -> usize {
        1 + d / 8
    }

    fn error_f32(&self, d: usize) -> f64 {
        (d as f64 + 8.0) * f64::from(f32::EPSILON)
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        tile(x, y, out, stride);
        Ok(())
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        tile(x, y, out, stride);
        Ok(())
    }
}

multiversion! {
    fn tile<T: Scalar>(x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) => tile_body
}

#[inline(always)]
fn tile_body<I: Isa, T: Scalar>(x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) {
    for p in 0..y.len() {
        let mut r = 0;
        while r + 4 <= x.len() {
            block::<I, T, 4>(x, y.panel(p), r, &mut out[r * stride + p * LANES..], stride);
            r += 4;
        }
        while r < x.len() {
            block::<I, T, 1>(x, y.panel(p), r, &mut out[r * stride + p * LANES..], stride);
            r += 1;
        }
    }
}

/// R rows against one panel, two registers wide at a time.
#[inline(always)]
fn block<I: Isa, T: Scalar, const R: usize>(x: Rows<'_, T>, panel: &[T], r: usize, out: &mut [T], stride: usize) {
    let width = T::Register::<I>::N;
    let zero = T::Register::<I>::splat(T::ZERO);
    let mut rows: [&[T]; R] = [&[]; R];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = x.row(r + i);
    }
    let mut lane = 0;
    while lane < LANES {
        let mut sums = [[zero; 2]; R];
        for (k, column) in panel.chunks_exact(LANES).enumerate() {
            let y = [T::Register::<I>::load(&column[lane..]), T::Register::<I>::load(&column[lane + width..])];
            for (row, sum) in rows.iter().zip(&mut sums) {
                let at = T::Register::<I>::splat(row[k]);
                for u in 0..2 {
                    let t = y[u].sub(at);
                    // Negated, so that the sum is the exponent.
                    sum[u] = t.fnma(t, sum[u]);
                }
            }
        }
        for (i, sum) in sums.iter().enumerate() {
            let out = &mut out[i * stride + lane..][..2 * width];
            T::exp::<I>(sum[0]).store(out);
            T::exp::<I>(sum[1]).store(&mut out[width..]);
        }
        lane += 2 * width;
    }
}
