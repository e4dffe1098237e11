//! Non-reversible parallel tempering (Syed, Bouchard-Côté, Deligiannidis and Doucet, JRSS B 84 (2022), arXiv 1905.02939): chains
//! on a ladder of densities from a reference that can be drawn from exactly up to the target, swapped by even and odd pairs.

mod books;
mod group;
mod ladder;
mod ladders;
mod path;
mod scan;
mod state;

use super::density::LogDensity;
use super::storage::Kept;
use super::transition::Transition;
pub use ladders::Ladders;
use std::sync::Arc;

/// A Gaussian whose draws are m + F z.
pub struct Reference {
    /// Its density.
    pub density: Arc<dyn LogDensity>,
    /// m.
    pub mean: Vec<f64>,
    /// F, (d,) for a diagonal or (d, d).
    pub factor: Vec<f64>,
}

/// How ladders are run.
pub struct Tempering {
    /// The density at the top.
    pub target: Arc<dyn LogDensity>,
    /// The one at the bottom.
    pub reference: Reference,
    /// What moves every rung, adjusted and without velocities.
    pub transition: Arc<dyn Transition>,
    /// Key of all random words.
    pub key: u64,
    /// Ladders.
    pub chains: usize,
    /// Rungs of a ladder, both ends among them.
    pub rungs: usize,
    /// Steps of the kernel between swaps.
    pub steps: usize,
    /// Scans before the first draw.
    pub n_warmup: usize,
    /// Scans per draw.
    pub thin: usize,
    /// Step size, or where the search for it starts.
    pub step_size: f64,
    /// Acceptance it is adapted to, if it is.
    pub acceptance: Option<f64>,
    /// Square roots of the diagonal preconditioner.
    pub scale: Vec<f64>,
    /// What is kept of a draw.
    pub kept: Kept,
}
