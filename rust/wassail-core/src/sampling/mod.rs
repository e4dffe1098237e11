//! Samplers: transitions of chains that leave a density invariant, or nearly so, and what runs them.

mod adaptation;
mod block;
mod chains;
mod density;
pub mod targets;
mod transition;
mod vector;

pub use block::Block;
pub use chains::{Draws, End, Run, Tuning, run};
pub use density::{DensityError, LogDensity};
pub use transition::{Info, Integrator, Kinetic, Mala, Step, Transition, Ula};
