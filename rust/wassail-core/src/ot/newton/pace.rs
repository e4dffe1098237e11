//! How far steps go, from what came of those before.

/// Mass that is to vanish shrinks by e at each of Newton's steps, which move it by ε: contractions near 1/e.
const STEADY: std::ops::Range<f64> = 0.3..0.45;
/// Such steps in a row before one is stretched, and how far it then goes, at first and at most.
const ENOUGH: usize = 2;
const STRETCHED: f64 = 3.0;
const LONGEST: f64 = 8.0;
/// Bounds and first value of the damping.
const DAMPING: (f64, f64) = (1e-3, 1.0);
const FIRST_DAMPING: f64 = 0.1;
/// Error below which a step should shrink it to less than this share: else the Hessian is not fine enough.
const FINE_BELOW: f64 = 1e-2;
const FINE_SHARE: f64 = 0.25;

/// State of the control.
pub struct Pace {
    /// Factor on the direction.
    pub stretch: f64,
    /// Shift of a column by its own imbalance: a column moves by at most its inverse, in units of ε.
    pub damping: f64,
    /// Smaller entries are kept by this factor.
    pub fineness: f64,
    steady: usize,
}

impl Pace {
    /// As a stage begins.
    pub fn new() -> Self {
        Self { stretch: 1.0, damping: FIRST_DAMPING, fineness: 1.0, steady: 0 }
    }

    /// A step went by `length` of the direction and took the error from `before` to `after`.
    pub fn observe(&mut self, length: f64, before: f64, after: f64) {
        let (whole, contraction) = (length == 1.0, after / before);
        // What went all the way was damped enough.
        let factor = if whole {
            0.25
        } else if length < 0.5 {
            4.0
        } else {
            1.0
        };
        self.damping = (self.damping * factor).clamp(DAMPING.0, DAMPING.1);
        if self.stretch > 1.0 {
            self.stretch = if whole && contraction < STEADY.start { (self.stretch + 1.0).min(LONGEST) } else { 1.0 };
            self.steady = 0;
            return;
        }
        self.steady = if whole && STEADY.contains(&contraction) { self.steady + 1 } else { 0 };
        if self.steady >= ENOUGH {
            self.stretch = STRETCHED;
        } else if before < FINE_BELOW && contraction > FINE_SHARE {
            self.fineness *= 0.01;
        }
    }
}
