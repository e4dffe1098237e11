//! Samplers: transitions of chains that leave a density invariant, or nearly so, and what runs them.

mod adaptation;
mod archive;
mod block;
mod chains;
mod density;
mod minibatch;
mod moments;
mod quantiles;
mod storage;
pub mod targets;
mod tempering;
mod transition;
mod values;
mod vector;
mod warmup;

pub use archive::Saved;
pub use block::Block;
pub use chains::{Chains, End, Run};
pub use density::{DensityError, LogDensity};
pub use minibatch::choose;
pub use moments::{Moments, Table};
pub use storage::{Draws, Kept};
pub use tempering::{Reference, Tempered, Tempering, temper};
pub use transition::{
    Barker, Decay, Directions, Dynamics, Info, Integrator, Kinetic, Mala, Midpoint, Slice, Step, Stochastic, Stretch,
    Taming, Transition, Ula,
};
pub use values::Values;
pub use warmup::Tuning;
