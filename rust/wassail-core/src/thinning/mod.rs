//! Distribution compression: a few points whose averages are those of many.

mod far;
mod fold;
mod node;
mod pass;
mod recheck;
mod rule;
mod split;
mod swap;
mod thin;

pub use rule::Rule;
pub use split::{Split, split};
pub use swap::{Goal, Swap};
pub use thin::{Problem, Thinned, thin};
