//! Tiles of pairwise distances between point sets.

pub mod metric;
pub mod packed;
pub mod tile;

pub use metric::Metric;
