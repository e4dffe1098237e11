//! Distribution compression: a few points whose averages are those of many.

mod fold;
mod node;
mod split;
mod swap;
mod thin;

pub use split::{Rule, Split, split};
pub use swap::{Goal, Swap};
pub use thin::{Problem, Thinned, thin};
