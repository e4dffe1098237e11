//! Densities that need no call out.

mod gaussian;

pub use gaussian::{DenseGaussian, DiagonalGaussian};
