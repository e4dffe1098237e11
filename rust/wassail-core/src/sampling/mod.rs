//! Samplers: transitions of chains that leave a density invariant, or nearly so, and what runs them.

mod adaptation;
mod block;
mod chains;
mod density;
mod storage;
pub mod targets;
mod transition;
mod vector;
mod warmup;

pub use block::Block;
pub use chains::{End, Run, run};
pub use density::{DensityError, LogDensity};
pub use storage::Draws;
pub use transition::{Info, Integrator, Kinetic, Mala, Step, Transition, Ula};
pub use warmup::Tuning;
