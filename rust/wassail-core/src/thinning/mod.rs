//! Distribution compression: a few points whose averages are those of many.

mod cholesky;
mod fold;
mod greedy;
mod herding;
mod node;
mod pick;
mod pull;
mod recheck;
mod row;
mod split;
mod support;
mod swap;
mod thin;

pub use cholesky::{Factor, rp_cholesky};
pub use herding::{Chosen, Selection, herd, select};
pub use split::{Rule, Split, split};
pub use support::{Support, SupportTask, support_points};
pub use swap::{Goal, Swap};
pub use thin::{Problem, Thinned, thin};
