//! Vectorized scalar functions and row kernels with run-time CPU dispatch.

pub mod aligned;
pub mod exp;
pub mod exp2;
pub mod isa;
pub mod lanes;
pub mod log;
pub mod probe;
pub mod root;
pub mod scalar;
pub mod simd;

pub use scalar::Scalar;
