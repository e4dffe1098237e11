//! Optimal transport.

pub mod annealing;
pub mod batch;
pub mod engine;
pub mod geometry;
pub mod krylov;
pub mod sinkhorn;
pub mod softmin;
pub mod stored;
pub mod sweep;
pub mod update;
