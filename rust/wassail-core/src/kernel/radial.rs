//! Kernels of the distance alone: k(x, y) = φ(q), q = |u x − u y|², u the unit of the profile φ.

use super::distance::squares;
use super::{Kernel, Panels, Rows};
use crate::error::Result;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;

/// One φ, on whole registers of squared distances. Infinite distances give the limit.
pub trait Profile: Copy + Send + Sync + 'static {
    /// u: features are coordinates times this.
    fn unit(&self) -> f64;
    /// Replaces q by φ(q).
    fn values<I: Isa, T: Scalar>(&self, q: &mut [T]);
    /// Replaces q by φ(q) and fills in φ′(q) and φ″(q), finite at 0 too.
    fn jets<I: Isa, T: Scalar>(&self, q: &mut [T], first: &mut [T], second: &mut [T]);
    /// Whether φ′ exists at 0, as Stein kernels need.
    fn is_smooth(&self) -> bool;
    /// Elementary steps (about 1 ns) of eight values.
    fn work(&self) -> usize;
    /// Largest error of a value in f32, over the largest value, for a q that is off by `share` of itself.
    fn error_f32(&self, share: f64) -> f64;
}

/// A radial kernel whose profile is not known.
pub trait Radial: Kernel {
    /// u: features are coordinates times this.
    fn unit(&self) -> f64;
    /// Replaces q by φ(q).
    fn values_f64(&self, q: &mut [f64]);
    /// Replaces q by φ(q).
    fn values_f32(&self, q: &mut [f32]);
    /// Replaces q by φ(q) and fills in φ′(q) and φ″(q), finite at 0 too.
    fn jets_f64(&self, q: &mut [f64], first: &mut [f64], second: &mut [f64]);
    /// The same in f32.
    fn jets_f32(&self, q: &mut [f32], first: &mut [f32], second: &mut [f32]);
    /// Whether φ′ exists at 0, as Stein kernels need.
    fn is_smooth(&self) -> bool;
}

/// The kernel of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Isotropic<P>(pub P);

impl<P: Profile> Kernel for Isotropic<P> {
    fn width(&self, d: usize) -> usize {
        d
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        let unit = self.0.unit();
        features.iter_mut().zip(point).for_each(|(f, p)| *f = p * unit);
    }

    fn diagonal(&self, _: &[f64]) -> f64 {
        let mut at_zero = [0.0; LANES];
        values(&self.0, &mut at_zero);
        at_zero[0]
    }

    fn is_stationary(&self) -> bool {
        true
    }

    fn work(&self, d: usize) -> usize {
        1 + (d + self.0.work()) / 8
    }

    fn error_f32(&self, d: usize) -> f64 {
        self.0.error_f32((d as f64 / 2.0 + 2.0) * f64::from(f32::EPSILON))
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        tile(&self.0, x, y, out, stride);
        Ok(())
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        tile(&self.0, x, y, out, stride);
        Ok(())
    }
}

impl<P: Profile> Radial for Isotropic<P> {
    fn unit(&self) -> f64 {
        self.0.unit()
    }

    fn values_f64(&self, q: &mut [f64]) {
        values(&self.0, q);
    }

    fn values_f32(&self, q: &mut [f32]) {
        values(&self.0, q);
    }

    fn jets_f64(&self, q: &mut [f64], first: &mut [f64], second: &mut [f64]) {
        jets(&self.0, q, first, second);
    }

    fn jets_f32(&self, q: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        jets(&self.0, q, first, second);
    }

    fn is_smooth(&self) -> bool {
        self.0.is_smooth()
    }
}

multiversion! {
    fn values<P: Profile, T: Scalar>(profile: &P, q: &mut [T]) => values_body
}

#[inline(always)]
fn values_body<I: Isa, P: Profile, T: Scalar>(profile: &P, q: &mut [T]) {
    profile.values::<I, T>(q);
}

multiversion! {
    fn jets<P: Profile, T: Scalar>(profile: &P, q: &mut [T], first: &mut [T], second: &mut [T]) => jets_body
}

#[inline(always)]
fn jets_body<I: Isa, P: Profile, T: Scalar>(profile: &P, q: &mut [T], first: &mut [T], second: &mut [T]) {
    profile.jets::<I, T>(q, first, second);
}

multiversion! {
    fn tile<P: Profile, T: Scalar>(profile: &P, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) => tile_body
}

#[inline(always)]
fn tile_body<I: Isa, P: Profile, T: Scalar>(
    profile: &P,
    x: Rows<'_, T>,
    y: Panels<'_, T>,
    out: &mut [T],
    stride: usize,
) {
    for p in 0..y.len() {
        let mut r = 0;
        while r + 4 <= x.len() {
            block::<I, P, T, 4>(profile, x, y.panel(p), r, &mut out[r * stride + p * LANES..], stride);
            r += 4;
        }
        while r < x.len() {
            block::<I, P, T, 1>(profile, x, y.panel(p), r, &mut out[r * stride + p * LANES..], stride);
            r += 1;
        }
    }
}

#[inline(always)]
fn block<I: Isa, P: Profile, T: Scalar, const R: usize>(
    profile: &P,
    x: Rows<'_, T>,
    panel: &[T],
    r: usize,
    out: &mut [T],
    stride: usize,
) {
    squares::<I, T, R>(x, r, panel, out, stride);
    for i in 0..R {
        profile.values::<I, T>(&mut out[i * stride..][..LANES]);
    }
}
