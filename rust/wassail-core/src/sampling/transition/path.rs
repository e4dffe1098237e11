//! What trajectories are made of.

use super::Step;
use crate::sampling::velocity::Dynamics;

/// How a step alternates between kicks of the velocity and drifts of the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitting {
    /// Half a kick, a drift, half a kick: one gradient.
    Leapfrog,
    /// Two drifts between three kicks, with the least error (McLachlan 1995, doi:10.1137/0916010): two gradients.
    MinimalNorm,
}

/// First kick of the minimal-norm splitting.
const LAMBDA: f64 = 0.193_183_327_503_783_57;

impl Splitting {
    /// Gradients of a step, which are also its drifts of equal length.
    pub fn stages(self) -> usize {
        match self {
            Self::Leapfrog => 1,
            Self::MinimalNorm => 2,
        }
    }

    /// Kick before drift `stage`, in steps; the last kick is as the first one.
    pub fn kick(self, stage: usize) -> f64 {
        match (self, stage) {
            (Self::Leapfrog, _) => 0.5,
            (Self::MinimalNorm, 0) => LAMBDA,
            (Self::MinimalNorm, _) => 1.0 - 2.0 * LAMBDA,
        }
    }
}

/// Dynamics, their integrator, and how fast velocities are forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// The law of motion.
    pub dynamics: Dynamics,
    /// Its integrator.
    pub splitting: Splitting,
    /// Rate at which velocities decay, a unit of time.
    pub friction: f64,
    /// The same, in the time of a mean trajectory.
    pub damping: f64,
}

impl Path {
    /// Decay of a velocity in a step h.
    pub fn decay(&self, step: Step<'_>, h: f64) -> f64 {
        self.friction * h + self.damping / step.steps.max(1.0)
    }
}
