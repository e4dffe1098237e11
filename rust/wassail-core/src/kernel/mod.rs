//! Reproducing kernels: values in tiles, whatever the kernel.
//!
//! A kernel says which features of a point it needs (`pack`), points are laid out once (`Cloud`), and tiles of values are made
//! of rows and panels of features. Kernels compose by taking their share of the features.

mod cloud;
mod composed;
mod distance;
mod fold;
mod gaussian;
mod gram;
mod inner;
mod manhattan;
mod margins;
mod matern;
mod mixture;
mod multiquadric;
mod orbit;
mod radial;
mod riesz;
mod signs;
mod sinc;
mod sobolev;
mod spline;
mod stein;
mod sums;
mod table;
mod tile;

pub use cloud::Cloud;
pub use composed::Composed;
pub use fold::{Fold, Folded};
pub use gaussian::Gaussian;
pub use gram::{center, gram, gram_in};
pub use inner::Inner;
pub use manhattan::Manhattan;
pub use margins::Margins;
pub use matern::Matern;
pub use mixture::Mixture;
pub use multiquadric::Multiquadric;
pub use orbit::Orbit;
pub use radial::{Isotropic, Profile, Radial};
pub use riesz::Riesz;
pub use signs::{Signs, sign_forms};
pub use sinc::Sinc;
pub use sobolev::Sobolev;
pub use spline::Spline;
pub use stein::{Metric, Stein};
pub use sums::{diagonal, row_sums, symmetric_sums, upper_sums};
pub use table::{Cross, Paired, Scaled, Table};
pub use tile::{Panels, Real, Rows};

use crate::error::{Error, Result};
use crate::numeric::lanes::LANES;
use margins::add_tile;

/// Largest k(x, x) that is worked with.
const LARGEST: f64 = 1e200;

/// A positive definite function k(x, y).
pub trait Kernel: Send + Sync {
    /// Features a packed point has, of points of dimension d.
    fn width(&self, d: usize) -> usize;
    /// Features of a point, formed in f64 and then rounded to the precision of the tiles.
    fn pack(&self, point: &[f64], features: &mut [f64]);
    /// k(x, x).
    fn diagonal(&self, point: &[f64]) -> f64;
    /// k(x, x), or why there is none.
    fn try_diagonal(&self, point: &[f64]) -> Result<f64> {
        Ok(self.diagonal(point))
    }
    /// Whether k(x + t, y + t) = k(x, y): such points are centered before they are packed.
    fn is_stationary(&self) -> bool;
    /// Leading coordinates of points of dimension d that are centered: none but those make a difference by their differences
    /// only. All of a stationary kernel's, the positions of a Stein kernel's.
    fn centered(&self, d: usize) -> usize {
        if self.is_stationary() { d } else { 0 }
    }
    /// Elementary steps (about 1 ns) of a value.
    fn work(&self, d: usize) -> usize;
    /// Largest error of a value in f32 relative to the largest value, for points whose features are rounded. Infinite where
    /// there is no bound.
    fn error_f32(&self, d: usize) -> f64;
    /// Largest |k(x, y)| of points whose features are at most `reach` in absolute value.
    fn largest(&self, d: usize, reach: &[f64]) -> f64 {
        let _ = (d, reach);
        f64::INFINITY
    }
    /// Largest error of a value in f32, the rounding of the features included, for points whose features are at most `reach`
    /// in absolute value. Infinite where there is no bound.
    fn bound_f32(&self, d: usize, reach: &[f64]) -> f64 {
        let _ = (d, reach);
        f64::INFINITY
    }
    /// Whether values are known before they are computed; not those of a user's function.
    fn is_total(&self) -> bool {
        true
    }
    /// Whether values at such a point are finite numbers.
    fn check(&self, point: &[f64]) -> Result<()> {
        // Sums over pairs and products of values stay in range too.
        if self.diagonal(point) <= LARGEST { Ok(()) } else { Err(Error::Overflow) }
    }
    /// Values of rows against panels, in f64: row r at `out[r * stride..]`, whole panels are written.
    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()>;
    /// The same in f32.
    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()>;
    /// Adds the values of rows against panels to sums of both; `spare` has room for them.
    fn fold_f64(
        &self,
        x: Rows<'_, f64>,
        y: Panels<'_, f64>,
        spare: &mut [f64],
        margins: &mut Margins<'_, f64>,
    ) -> Result<()> {
        let stride = y.len() * LANES;
        self.tile_f64(x, y, spare, stride)?;
        add_tile(spare, x.len(), stride, margins);
        Ok(())
    }
    /// The same in f32.
    fn fold_f32(
        &self,
        x: Rows<'_, f32>,
        y: Panels<'_, f32>,
        spare: &mut [f32],
        margins: &mut Margins<'_, f32>,
    ) -> Result<()> {
        let stride = y.len() * LANES;
        self.tile_f32(x, y, spare, stride)?;
        add_tile(spare, x.len(), stride, margins);
        Ok(())
    }
}
