//! Kernels of the distance alone: k(x, y) = φ(q), q = |u x − u y|², u the unit of the profile φ.

use super::distance::{error_f32, pack, squares, width};
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
    /// φ(0), which is the largest value.
    fn largest(&self) -> f64;
    /// Replaces q by φ(q).
    fn values<I: Isa, T: Scalar>(&self, q: &mut [T]);
    /// Replaces q by φ(q) and fills in φ′(q) and φ″(q), finite at 0 too.
    fn jets<I: Isa, T: Scalar>(&self, q: &mut [T], first: &mut [T], second: &mut [T]);
    /// Whether φ′ exists at 0, as Stein kernels need.
    fn is_smooth(&self) -> bool;
    /// Elementary steps (about 1 ns) of eight values.
    fn work(&self) -> usize;
    /// Largest |dφ/dr|, r = √q, over φ(0).
    fn slope(&self) -> f64;
    /// Largest error of φ in f32 over φ(0), for an exact q.
    fn error_f32(&self) -> f64;
    /// The unit of exp(−q ln 2), if this is it.
    fn gaussian(&self) -> Option<f64> {
        None
    }
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
    /// The unit of exp(−q ln 2), if this is it.
    fn gaussian(&self) -> Option<f64>;
}

/// The kernel of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Isotropic<P>(pub P);

impl<P: Profile> Kernel for Isotropic<P> {
    fn width(&self, d: usize) -> usize {
        width(d)
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        pack(point, self.0.unit(), features);
    }

    fn diagonal(&self, _: &[f64]) -> f64 {
        self.0.largest()
    }

    fn is_stationary(&self) -> bool {
        true
    }

    fn work(&self, d: usize) -> usize {
        1 + (d + self.0.work()) / 8
    }

    fn largest(&self, _: usize, _: &[f64]) -> f64 {
        self.0.largest()
    }

    fn error_f32(&self, d: usize) -> f64 {
        error_f32(d) + self.0.error_f32()
    }

    fn bound_f32(&self, d: usize, reach: &[f64]) -> f64 {
        // Each coordinate is rounded, on both sides.
        let coordinates = &reach[reach.len() - d..];
        let shift = f64::from(f32::EPSILON) * coordinates.iter().map(|r| r * r).sum::<f64>().sqrt();
        self.0.largest() * (self.error_f32(d) + self.0.slope() * shift)
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

    fn gaussian(&self) -> Option<f64> {
        self.0.gaussian()
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
            let out = &mut out[r * stride + p * LANES..];
            squares::<I, T, 4>(x, r, y.panel(p), out, stride);
            for i in 0..4 {
                profile.values::<I, T>(&mut out[i * stride..][..LANES]);
            }
            r += 4;
        }
        while r < x.len() {
            let out = &mut out[r * stride + p * LANES..][..LANES];
            squares::<I, T, 1>(x, r, y.panel(p), out, stride);
            profile.values::<I, T>(out);
            r += 1;
        }
    }
}
