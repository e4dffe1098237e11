//! Vectorized scalar functions and row kernels with run-time CPU dispatch.

pub mod exp;
pub mod isa;
pub mod lanes;
pub mod log;
pub mod probe;
pub mod root;
pub mod scalar;
pub mod simd;

pub use scalar::Scalar;
