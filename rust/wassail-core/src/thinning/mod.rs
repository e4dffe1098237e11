//! Distribution compression.

mod greedy;
mod herding;
mod pick;
mod pull;
mod support;

pub use herding::{Chosen, Selection, herd, select};
pub use support::{Support, SupportTask, support_points};
