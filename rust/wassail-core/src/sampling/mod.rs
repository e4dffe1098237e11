//! Samplers: transitions of chains that leave a density invariant, or nearly so, and what runs them.

mod adaptation;
mod block;
mod chains;
mod density;
mod frame;
mod observed;
mod storage;
pub mod targets;
mod tau;
mod transition;
mod vector;
mod velocity;
mod warmup;

pub use block::Block;
pub use chains::{End, Run, run};
pub use density::{DensityError, LogDensity};
pub use storage::Draws;
pub use transition::{Info, Integrator, Kinetic, Mala, Path, Persistent, Splitting, Step, Trajectory, Transition, Ula};
pub use velocity::Dynamics;
pub use warmup::{Goal, Length, LengthRule, Preconditioning, Tuning};
