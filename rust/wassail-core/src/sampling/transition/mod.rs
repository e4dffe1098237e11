//! One step of a block of chains.

mod barker;
mod decide;
mod kinetic;
mod langevin;
mod midpoint;
mod path;
mod persistent;
mod slice;
mod stochastic;
mod stretch;
mod trajectory;

pub use barker::Barker;
pub use kinetic::{Integrator, Kinetic};
pub use langevin::{Mala, Taming, Ula};
pub use midpoint::Midpoint;
pub use path::{Path, Splitting};
pub use persistent::Persistent;
pub use slice::{Directions, Slice};
pub use stochastic::{Decay, Scheme, Stochastic};
pub use stretch::Stretch;
pub use trajectory::Trajectory;

use super::block::Block;
use super::density::{DensityError, LogDensity};
use crate::monitor::Monitor;
use std::sync::Arc;

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
    /// Mean number of steps of a trajectory, or until a velocity is forgotten.
    pub steps: f64,
    /// Asked between the gradients of a long step, which fails when cancelled.
    pub monitor: &'a dyn Monitor,
}

/// What a step did to a chain.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Acceptance probability, 1 where nothing is rejected.
    pub acceptance: f64,
    /// Whether the density could not be evaluated where the chain wanted to go, or the integrator ran away.
    pub divergent: bool,
    /// Whether the chain wanted to go where the density is zero.
    pub outside: bool,
    /// Whether the density did not end along the line that was searched.
    pub endless: bool,
    /// Gradients taken.
    pub gradients: u32,
    /// Error of the energy, where there is one.
    pub energy: f64,
}

impl Default for Info {
    /// A step of one gradient that was taken.
    fn default() -> Self {
        Self { acceptance: 1.0, divergent: false, outside: false, endless: false, gradients: 1, energy: 0.0 }
    }
}

impl Info {
    /// A step that met a point without a value, after a change of the kinetic energy: where an integrator has run away a density
    /// overflows, which tells no edge.
    pub fn stopped(error: DensityError, gradients: u32, kinetic: f64) -> Self {
        let outside = error == DensityError::OutsideSupport && kinetic < RUNAWAY;
        Self { acceptance: 0.0, divergent: !outside, outside, endless: false, gradients, energy: f64::INFINITY }
    }

    /// Whether the step has already been given up.
    pub fn lost(&self) -> bool {
        self.acceptance == 0.0
    }
}

/// An error of the energy above which an integrator has run away (Stan's bound).
const RUNAWAY: f64 = 1000.0;

/// An algorithm.
pub trait Transition: Send + Sync {
    /// Gradients of a step, on average, with this mean number of steps of a trajectory.
    fn gradients(&self, steps: f64) -> f64 {
        let _ = steps;
        1.0
    }
    /// Most steps that a trajectory, or the memory of a velocity, may have.
    fn longest(&self) -> f64 {
        f64::INFINITY
    }
    /// Makes normals velocities to start with.
    fn equilibrate(&self, v: &mut [f64]) {
        let _ = v;
    }
    /// Whether sizes of steps may be mixed where warm-up finds that one does not suit all places: of transitions that are exact for
    /// any size, and whose errors of the energy are large only where steps are too long.
    fn mixes_sizes(&self) -> bool {
        false
    }
    /// Whether it looks at gradients.
    fn uses_gradients(&self) -> bool {
        true
    }
    /// Whether chains look at each other, so that all of them are one block.
    fn couples_chains(&self) -> bool {
        false
    }
    /// What warm-up runs to find the step size: itself where it knows how wrong its steps are.
    fn tuned(&self) -> Arc<dyn Transition> {
        Arc::new(Mala)
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
