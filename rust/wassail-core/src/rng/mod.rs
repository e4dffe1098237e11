//! Counter-based random numbers: a draw is a function of (key, purpose, chain, step, coordinate), on every machine and for any
//! number of threads.

mod normal;
mod philox;
mod stream;
mod uniform;

pub use normal::PAIRS;
pub use philox::philox4x32;
pub use stream::{Purpose, Stream};
pub use uniform::STEPS;
