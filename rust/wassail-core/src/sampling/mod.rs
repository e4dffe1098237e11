//! Samplers: transitions of chains that leave a density invariant, or nearly so, and what runs them.

mod adaptation;
mod archive;
mod block;
mod chains;
mod density;
mod moments;
mod quantiles;
mod storage;
pub mod targets;
mod transition;
mod vector;
mod warmup;

pub use archive::Saved;
pub use block::Block;
pub use chains::{Chains, End, Run};
pub use density::{DensityError, LogDensity};
pub use moments::{Moments, Table};
pub use storage::{Draws, Kept};
pub use transition::{Info, Integrator, Kinetic, Mala, Step, Transition, Ula};
pub use warmup::Tuning;
