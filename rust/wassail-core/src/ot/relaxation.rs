//! Choice of the over-relaxation ω while the iteration runs.
//!
//! Near the solution Sinkhorn is a Gauss–Seidel method whose error shrinks by λ² a sweep. With relaxation ω the observed
//! contraction μ satisfies (μ + ω − 1)² = ω² λ² μ (Young), so λ² follows from a measured μ, and the best ω is 2 / (1 + √(1 − λ²))
//! (Thibault, Chizat, Dossal, Papadakis 2021; Lehmann et al. 2022). ω starts at 1 and grows only on measured contractions.

/// Sweeps over which a contraction is measured.
const WINDOW: usize = 4;
/// Errors above this are not yet the linear regime.
const LINEAR_BELOW: f64 = 0.5;

/// State of the choice.
#[derive(Clone, Debug)]
pub struct Relaxation {
    omega: f64,
    fixed: bool,
    ceiling: f64,
    errors: Vec<f64>,
    best: f64,
    wait: usize,
}

impl Relaxation {
    /// A fixed ω, or one that adapts.
    pub fn new(fixed: Option<f64>) -> Self {
        Self {
            omega: fixed.unwrap_or(1.0),
            fixed: fixed.is_some(),
            ceiling: 1.995,
            errors: Vec::new(),
            best: f64::INFINITY,
            wait: 0,
        }
    }

    /// ω of the next sweep.
    pub fn omega(&self) -> f64 {
        self.omega
    }

    /// A new ε: what was measured no longer holds.
    pub fn restart(&mut self) {
        if !self.fixed {
            *self = Self::new(None);
        }
    }

    /// Takes in the error (relative to the mass) of the sweep just made.
    pub fn observe(&mut self, error: f64) {
        if self.fixed {
            return;
        }
        self.errors.push(error);
        if error > 20.0 * self.best && self.omega > 1.0 {
            self.retreat();
            return;
        }
        self.best = self.best.min(error);
        self.wait = self.wait.saturating_sub(1);
        if self.wait > 0 || error > LINEAR_BELOW {
            return;
        }
        if let Some(mu) = self.settled() {
            self.raise(mu);
        }
    }

    /// The contraction per sweep, once two successive windows agree on it.
    fn settled(&self) -> Option<f64> {
        let k = self.errors.len();
        if k <= 2 * WINDOW {
            return None;
        }
        let rate = |end: usize| (self.errors[end] / self.errors[end - WINDOW]).powf(1.0 / WINDOW as f64);
        let (now, before) = (rate(k - 1), rate(k - 1 - WINDOW));
        // Compared as convergence speeds: 0.99 and 0.98 differ by a factor of two.
        let agree = (now - before).abs() < 0.25 * (1.0 - now);
        (now < 1.0 && agree).then_some(now)
    }

    fn raise(&mut self, mu: f64) {
        // Below ω − 1 the eigenvalues are complex: ω is past its best already.
        if mu <= (self.omega - 1.0) * 1.02 {
            return;
        }
        let squared = (mu + self.omega - 1.0).powi(2) / (self.omega * self.omega * mu);
        let best = 2.0 / (1.0 + (1.0 - squared.min(0.999_999)).sqrt());
        let omega = best.min(self.ceiling);
        if omega > self.omega + 0.002 {
            self.omega = omega;
            self.errors.clear();
            // The transient of a relaxed iteration lasts about as long as its memory.
            self.wait = (2.0 / (2.0 - omega)) as usize;
        }
    }

    fn retreat(&mut self) {
        self.ceiling = 1.0 + 0.8 * (self.omega - 1.0);
        self.omega = 1.0;
        self.errors.clear();
        self.best = f64::INFINITY;
        self.wait = 0;
    }
}
