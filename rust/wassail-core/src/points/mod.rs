//! Tiles of pairwise distances between point sets.

mod close;
pub mod given;
pub mod metric;
pub mod packed;
pub mod tile;

pub use given::Points;
pub use metric::Metric;
