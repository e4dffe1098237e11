//! Densities that need no call out.

mod bounds;
mod compose;
mod csr;
mod dirichlet;
mod gaussian;
mod lattice;
mod link;
mod mixture;
mod panels;
mod penalty;
mod regression;
mod scratch;
mod shapes;
mod student;
mod symmetric;

pub use bounds::{Transformed, Truncated};
pub use compose::{Affine, Factor, Sum};
pub use csr::Csr;
pub use dirichlet::Dirichlet;
pub use gaussian::{BandedGaussian, DenseGaussian, DiagonalGaussian, SparseGaussian};
pub use lattice::Phi4;
pub use link::Family;
pub use mixture::{DenseMixture, DiagonalMixture};
pub use panels::Panels;
pub use penalty::ElasticNet;
pub use regression::{Design, Regression};
pub use shapes::{Funnel, Rosenbrock};
pub use student::{Student, StudentProduct};
pub use symmetric::Symmetric;

use super::density::{DensityError, LogDensity};

/// A batch of one.
fn one(density: &impl LogDensity, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
    let mut out = [Ok(0.0)];
    density.batch(x, grad, &mut out);
    out[0]
}
