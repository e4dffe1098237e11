//! Samplers: transitions of chains that leave a density invariant, or nearly so, and what runs them.

mod adaptation;
mod archive;
mod block;
mod chains;
mod density;
mod frame;
mod moments;
mod observed;
mod quantiles;
mod ranks;
mod storage;
pub mod targets;
mod tau;
mod transition;
mod vector;
mod velocity;
mod warmup;

pub use archive::Saved;
pub use block::Block;
pub use chains::{Chains, End, Run};
pub use density::{DensityError, LogDensity};
pub use moments::{Moments, Table};
pub use ranks::by_rank;
pub use storage::{Draws, Kept};
pub use transition::{Info, Integrator, Kinetic, Mala, Path, Persistent, Splitting, Step, Trajectory, Transition, Ula};
pub use velocity::Dynamics;
pub use warmup::{Goal, Length, LengthRule, Preconditioning, Tuning};
