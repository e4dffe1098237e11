//! Samplers: transitions of chains that leave a density invariant, or nearly so, and what runs them.

mod adaptation;
mod archive;
mod block;
mod chains;
mod density;
mod frame;
mod lanes;
mod minibatch;
mod mixed;
mod moments;
mod noise;
mod observed;
mod pace;
mod quantiles;
mod ranks;
mod sampler;
mod storage;
pub mod targets;
mod tau;
mod tempering;
mod transition;
mod values;
mod vector;
mod velocity;
mod warmup;

pub use archive::{Loaded, Saved};
pub use block::Block;
pub use chains::{Chains, End, Run};
pub use density::{DensityError, LogDensity, Terms};
pub use minibatch::choose;
pub use moments::{Moments, Table};
pub use ranks::by_rank;
pub use sampler::{Rungs, Sampler};
pub use storage::{Draws, Kept};
pub use tempering::{Ladders, Reference, Tempering};
pub use transition::{
    Barker, Decay, Directions, Info, Integrator, Kinetic, Mala, Midpoint, Path, Persistent, Scheme, Slice, Splitting,
    Step, Stochastic, Stretch, Taming, Trajectory, Transition, Ula,
};
pub use values::Values;
pub use velocity::Dynamics;
pub use warmup::{Goal, Length, LengthRule, Preconditioning, Tuning};
