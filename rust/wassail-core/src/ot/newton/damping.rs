//! How far steps may go, from what came of those before.

/// Bounds and first value of the damping.
const RANGE: (f64, f64) = (0.03, 4.0);
const FIRST: f64 = 0.25;
/// Factors on it after a step that did well, and after one that did not help.
const RELAXED: f64 = 0.25;
const RAISED: f64 = 6.0;
/// What of the error a step that did well leaves.
const WELL: f64 = 0.5;
/// The linear model is good where it misses the slope at the end of a step by at most this share of that at its start.
const CLOSE: f64 = 0.25;

/// Shift of a column by its own imbalance: by the maximum principle of Laplacians a column moves by at most the inverse, in
/// units of ε.
pub struct Damping {
    /// The shift by the imbalance.
    pub shift: f64,
    /// The last step failed: the next one that helps does not yet relax.
    wary: bool,
}

impl Damping {
    /// As a stage begins.
    pub fn new() -> Self {
        Self { shift: FIRST, wary: false }
    }

    /// A step helped: it left a share of the error, and the linear model missed a share of the slope at its end.
    pub fn moved(&mut self, error: f64, missed: f64) {
        if error < WELL || (missed < CLOSE && !self.wary) {
            self.shift = (RELAXED * self.shift).max(RANGE.0);
        }
        self.wary = false;
    }

    /// A step did not help: the next one goes less far.
    pub fn failed(&mut self) {
        self.shift = (RAISED * self.shift).min(RANGE.1);
        self.wary = true;
    }

    /// Whether no step can go less far.
    pub fn is_largest(&self) -> bool {
        self.shift >= RANGE.1
    }
}
