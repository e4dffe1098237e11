//! Tiles of pairwise distances between point sets.

mod close;
mod coordinates;
pub mod given;
pub mod metric;
pub mod packed;
pub mod tile;

pub use coordinates::Coordinates;
pub use given::Points;
pub use metric::Metric;
