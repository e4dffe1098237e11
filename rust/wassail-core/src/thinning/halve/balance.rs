//! The random walk of kernel halving: each pair goes where it balances what is decided already.

use crate::thinning::node::threshold;

/// State of the self-balancing walk (Dwivedi and Mackey, Kernel Thinning, Alg. 1a).
pub struct Balance {
    /// σ²: the squared sub-Gaussian constant so far.
    sigma2: f64,
    /// 2 log(2 s / δ).
    log: f64,
}

impl Balance {
    /// A walk over s points that fails with probability at most δ.
    pub fn new(points: usize, delta: f64) -> Self {
        Self { sigma2: 0.0, log: 2.0 * (2.0 * points as f64 / delta).ln() }
    }

    /// Whether the first point of a pair joins the complement. b² is the squared norm of the difference of their
    /// kernels, α its inner product with the walk.
    pub fn first_leaves(&mut self, b2: f64, alpha: f64, uniform: f64) -> bool {
        uniform <= 0.5 * (1.0 - alpha / threshold(&mut self.sigma2, b2, self.log))
    }
}
