//! The core of wassail: optimal transport and distribution compression on all cores, without Python.

#![deny(unsafe_code)]

pub mod error;
pub mod kernel;
pub mod linalg;
pub mod memory;
pub mod monitor;
pub mod numeric;
pub mod ot;
pub mod parallel;
pub mod points;
pub mod probe;
pub mod rng;
pub mod sampling;
pub mod thinning;
