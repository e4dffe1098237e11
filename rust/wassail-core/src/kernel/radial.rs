//! Kernels of the distance alone: k(x, y) = φ(q), q = |u x − u y|², u the unit of the profile φ.

use super::distance::{block, error_f32, is_tall, longest, pack, squares, width};
use super::margins::{ALL, MARKED, Margins, NONE, add_tile};
use super::{Kernel, Panels, Rows};
use crate::error::Result;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// One φ, on whole registers of squared distances. Infinite distances give the limit.
pub trait Profile: Copy + Send + Sync + 'static {
    /// u: features are coordinates times this.
    fn unit(&self) -> f64;
    /// φ(0), which is the largest value.
    fn largest(&self) -> f64;
    /// Replaces q by φ(q).
    fn values<I: Isa, T: Scalar>(&self, q: &mut [T]);
    /// φ(q) of one register, where that is done faster than `values`; `NEAR` says that q is at most `T::NEAR`.
    fn value<I: Isa, T: Scalar, const NEAR: bool>(&self, q: T::Register<I>) -> T::Register<I> {
        q
    }
    /// Whether there is `value`.
    const SHORT: bool = false;
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
        let shift = f64::from(f32::EPSILON) * longest(d, reach);
        self.0.largest() * (self.error_f32(d) + self.0.slope() * shift)
    }

    fn fold_f64(
        &self,
        x: Rows<'_, f64>,
        y: Panels<'_, f64>,
        spare: &mut [f64],
        margins: &mut Margins<'_, f64>,
    ) -> Result<()> {
        fold(&self.0, x, y, spare, margins);
        Ok(())
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        tile(&self.0, x, y, out, stride);
        Ok(())
    }

    fn fold_f32(
        &self,
        x: Rows<'_, f32>,
        y: Panels<'_, f32>,
        spare: &mut [f32],
        margins: &mut Margins<'_, f32>,
    ) -> Result<()> {
        fold(&self.0, x, y, spare, margins);
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
    if P::SHORT && near(x, y) {
        tile_rows::<I, P, T, true>(profile, x, y, out, stride);
    } else {
        tile_rows::<I, P, T, false>(profile, x, y, out, stride);
    }
}

/// Whether squared distances are at most `T::NEAR`.
fn near<T: Scalar>(x: Rows<'_, T>, y: Panels<'_, T>) -> bool {
    2.0 * (x.extent() + y.extent()) <= T::NEAR
}

#[inline(always)]
fn tile_rows<I: Isa, P: Profile, T: Scalar, const NEAR: bool>(
    profile: &P,
    x: Rows<'_, T>,
    y: Panels<'_, T>,
    out: &mut [T],
    stride: usize,
) {
    for p in 0..y.len() {
        let mut r = 0;
        while r < x.len() {
            let out = &mut out[r * stride + p * LANES..];
            r += match x.len() - r {
                8.. if is_tall::<I, T>() => strip::<I, P, T, NEAR, 8>(profile, x, r, y.panel(p), out, stride),
                4.. => strip::<I, P, T, NEAR, 4>(profile, x, r, y.panel(p), out, stride),
                _ => strip::<I, P, T, NEAR, 1>(profile, x, r, y.panel(p), out, stride),
            };
        }
    }
}

/// R rows against one panel; returns R.
#[inline(always)]
fn strip<I: Isa, P: Profile, T: Scalar, const NEAR: bool, const R: usize>(
    profile: &P,
    x: Rows<'_, T>,
    r: usize,
    panel: &[T],
    out: &mut [T],
    stride: usize,
) -> usize {
    let width = T::Register::<I>::N;
    if P::SHORT {
        for lane in (0..LANES).step_by(2 * width) {
            let q = block::<I, T, R>(x, r, panel, lane);
            for i in 0..R {
                let out = &mut out[i * stride + lane..][..2 * width];
                profile.value::<I, T, NEAR>(q[i][0]).store(out);
                profile.value::<I, T, NEAR>(q[i][1]).store(&mut out[width..]);
            }
        }
    } else {
        squares::<I, T, R>(x, r, panel, out, stride);
        for i in 0..R {
            profile.values::<I, T>(&mut out[i * stride..][..LANES]);
        }
    }
    R
}

fn fold<P: Profile, T: Scalar>(
    profile: &P,
    x: Rows<'_, T>,
    y: Panels<'_, T>,
    spare: &mut [T],
    margins: &mut Margins<'_, T>,
) {
    if P::SHORT {
        sum(profile, x, y, margins);
    } else {
        let stride = y.len() * LANES;
        tile(profile, x, y, spare, stride);
        add_tile(spare, x.len(), stride, margins);
    }
}

multiversion! {
    fn sum<P: Profile, T: Scalar>(profile: &P, x: Rows<'_, T>, y: Panels<'_, T>, margins: &mut Margins<'_, T>) => sum_body
}

/// Values stay in registers.
#[inline(always)]
fn sum_body<I: Isa, P: Profile, T: Scalar>(
    profile: &P,
    x: Rows<'_, T>,
    y: Panels<'_, T>,
    margins: &mut Margins<'_, T>,
) {
    if near(x, y) {
        sum_wanted::<I, P, T, true>(profile, x, y, margins);
    } else {
        sum_wanted::<I, P, T, false>(profile, x, y, margins);
    }
}

#[inline(always)]
fn sum_wanted<I: Isa, P: Profile, T: Scalar, const NEAR: bool>(
    profile: &P,
    x: Rows<'_, T>,
    y: Panels<'_, T>,
    margins: &mut Margins<'_, T>,
) {
    match margins.wanted() {
        NONE => sum_rows::<I, P, T, NEAR, NONE>(profile, x, y, margins),
        ALL => sum_rows::<I, P, T, NEAR, ALL>(profile, x, y, margins),
        _ => sum_rows::<I, P, T, NEAR, MARKED>(profile, x, y, margins),
    }
}

#[inline(always)]
fn sum_rows<I: Isa, P: Profile, T: Scalar, const NEAR: bool, const COLUMNS: u8>(
    profile: &P,
    x: Rows<'_, T>,
    y: Panels<'_, T>,
    margins: &mut Margins<'_, T>,
) {
    for p in 0..y.len() {
        let mut r = 0;
        while r < x.len() {
            r += match x.len() - r {
                8.. if is_tall::<I, T>() => {
                    sum_strip::<I, P, T, NEAR, COLUMNS, 8>(profile, x, r, y.panel(p), p, margins)
                }
                4.. => sum_strip::<I, P, T, NEAR, COLUMNS, 4>(profile, x, r, y.panel(p), p, margins),
                _ => sum_strip::<I, P, T, NEAR, COLUMNS, 1>(profile, x, r, y.panel(p), p, margins),
            };
        }
    }
}

/// R rows against panel p; returns R.
#[inline(always)]
fn sum_strip<I: Isa, P: Profile, T: Scalar, const NEAR: bool, const COLUMNS: u8, const R: usize>(
    profile: &P,
    x: Rows<'_, T>,
    r: usize,
    panel: &[T],
    p: usize,
    margins: &mut Margins<'_, T>,
) -> usize {
    for lane in (0..LANES).step_by(2 * T::Register::<I>::N) {
        let q = block::<I, T, R>(x, r, panel, lane);
        let c = p * LANES + lane;
        let mut strip = margins.open::<I>(c);
        for i in 0..R {
            let values = [profile.value::<I, T, NEAR>(q[i][0]), profile.value::<I, T, NEAR>(q[i][1])];
            margins.add::<I, COLUMNS>(&mut strip, r + i, c, values);
        }
        margins.close::<I, COLUMNS>(&strip, c);
    }
    R
}
