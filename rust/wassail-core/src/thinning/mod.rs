//! Distribution compression: a few points whose averages are those of many.

mod cholesky;
mod far;
mod fold;
mod greedy;
pub mod halve;
mod herding;
mod low_rank;
mod node;
mod pass;
mod pick;
mod pull;
mod recheck;
mod row;
mod rule;
mod split;
mod support;
mod swap;
mod thin;

pub use cholesky::{Factor, rp_cholesky};
pub use herding::{Chosen, Selection, herd, select};
pub use low_rank::{Leaves, low_rank_split};
pub use rule::Rule;
pub use split::{Split, split};
pub use support::{Support, SupportTask, support_points};
pub use swap::{Goal, Swap};
pub use thin::{Problem, Thinned, thin};
