//! Distribution compression: a few points whose averages are those of many.

mod fold;
pub mod halve;
mod low_rank;
mod node;
mod split;
mod swap;
mod thin;

pub use low_rank::{Leaves, low_rank_split};
pub use split::{Rule, Split, split};
pub use swap::{Goal, Swap};
pub use thin::{Problem, Thinned, thin};
