//! How far steps may go, from what came of those before.

/// Bounds and first value of the damping.
const RANGE: (f64, f64) = (1e-4, 4.0);
const FIRST: f64 = 0.25;
/// Factors on it after a step that did well, and after one that did not help.
const RELAXED: f64 = 0.25;
const RAISED: f64 = 6.0;
/// What of the error a step that did well leaves.
const WELL: f64 = 0.5;

/// Shift of a column by its own imbalance: by the maximum principle of Laplacians a column moves by at most the inverse, in
/// units of ε.
pub struct Damping(pub f64);

impl Damping {
    /// As a stage begins.
    pub fn new() -> Self {
        Self(FIRST)
    }

    /// A step helped, and took the error from `before` to `after`.
    pub fn moved(&mut self, before: f64, after: f64) {
        if after < WELL * before {
            self.0 = (RELAXED * self.0).max(RANGE.0);
        }
    }

    /// A step did not help: the next one goes less far.
    pub fn failed(&mut self) {
        self.0 = (RAISED * self.0).min(RANGE.1);
    }
}
