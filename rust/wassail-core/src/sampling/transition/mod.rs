//! One step of a block of chains.

mod kinetic;
mod langevin;

pub use kinetic::{Integrator, Kinetic};
pub use langevin::{Mala, Ula};

use super::block::Block;
use super::density::{DensityError, LogDensity};

/// What a step is made with.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// Key of the run.
    pub key: u64,
    /// Number of the step, warm-up included.
    pub number: u64,
    /// Step size of each chain.
    pub sizes: &'a [f64],
    /// Square roots of the diagonal preconditioner, (d,).
    pub scale: &'a [f64],
}

/// What a step did to a chain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Info {
    /// Acceptance probability, 1 where nothing is rejected.
    pub acceptance: f64,
    /// Whether the density could not be evaluated where the chain wanted to go.
    pub divergent: bool,
}

/// An algorithm.
pub trait Transition: Send + Sync {
    /// Gradients of a step.
    fn gradients(&self) -> usize {
        1
    }
    /// Makes a step; `info` has an entry for each chain. Fails where the density fails.
    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError>;
}
