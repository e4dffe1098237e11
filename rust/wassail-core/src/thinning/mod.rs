//! Distribution compression: a few points whose averages are those of many.

mod far;
mod fold;
pub mod halve;
mod low_rank;
mod node;
mod pass;
mod recheck;
mod rule;
mod split;
mod swap;
mod thin;

pub use low_rank::{Leaves, low_rank_split};
pub use rule::Rule;
pub use split::{Split, split};
pub use swap::{Goal, Swap};
pub use thin::{Problem, Thinned, thin};
