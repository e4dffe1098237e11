//! Sparse linear algebra of the solvers: bipartite weights and the Laplacian systems they define.

mod approximate;
mod bipartite;
mod conjugate;
mod laplacian;

pub use approximate::Factor;
pub use bipartite::Bipartite;
pub use conjugate::{Solution, conjugate, dot};
pub use laplacian::{Solved, System};
