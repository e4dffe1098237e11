//! The random walk of kernel halving: each pair goes where it balances what is decided already.

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
        // Roots before the product: squares of extreme kernels must not leave the range.
        let threshold = (self.sigma2.sqrt() * (b2 * self.log).sqrt()).max(b2);
        if self.sigma2 == 0.0 {
            self.sigma2 = b2;
        } else if threshold > 0.0 {
            let share = 1.0 + (b2 / threshold - 2.0) * (self.sigma2 / threshold);
            self.sigma2 += b2 * share.max(0.0);
        }
        let lean = if threshold > 0.0 { alpha / threshold } else { 0.0 };
        uniform <= 0.5 * (1.0 - lean)
    }
}
