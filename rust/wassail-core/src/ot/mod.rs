//! Optimal transport.

pub mod annealing;
pub mod apply;
pub mod batch;
pub mod certificate;
pub mod columns;
pub mod engine;
pub mod entropic;
pub mod exact;
pub mod geometry;
pub mod gradient;
mod groups;
pub mod kernels;
pub mod krylov;
pub mod newton;
pub mod plan;
pub mod scan;
mod sets;
pub mod sinkhorn;
pub mod sliced;
pub mod softmin;
pub mod sparse;
pub mod sparsify;
pub mod stored;
pub mod sweep;
pub mod tiling;
pub mod update;
