//! Distribution compression.

mod cholesky;
mod greedy;
mod herding;
mod pick;
mod pull;
mod row;
mod support;

pub use cholesky::{Factor, rp_cholesky};
pub use herding::{Chosen, Selection, herd, select};
pub use support::{Support, SupportTask, support_points};
