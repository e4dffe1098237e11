//! Densities in a box: cut off at its walls, or stretched over the whole space.

use super::one;
use super::scratch::lend;
use crate::sampling::density::{DensityError, LogDensity};
use std::sync::Arc;

type Values = [Result<f64, DensityError>];

/// A density that is zero outside of a box.
pub struct Truncated {
    /// The density inside.
    pub inner: Arc<dyn LogDensity>,
    /// Lower bounds, −inf for none.
    pub lower: Vec<f64>,
    /// Upper bounds, inf for none.
    pub upper: Vec<f64>,
}

impl LogDensity for Truncated {
    fn dim(&self) -> usize {
        self.lower.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        one(self, x, grad)
    }

    fn is_batched(&self) -> bool {
        self.inner.is_batched()
    }

    /// Points outside are evaluated at the nearest point of the box, and not used: the number of points stays what it is.
    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut Values) {
        let walls = || self.lower.iter().zip(&self.upper).cycle();
        let lent = lend(x.len(), |inside| {
            for ((inside, x), (lower, upper)) in inside.iter_mut().zip(x).zip(walls()) {
                *inside = x.max(*lower).min(*upper);
            }
            self.inner.batch(inside, grad, out);
            for ((out, x), inside) in
                out.iter_mut().zip(x.chunks_exact(self.dim())).zip(inside.chunks_exact(self.dim()))
            {
                if *out != Err(DensityError::Failed) && x != inside {
                    *out = Err(DensityError::OutsideSupport);
                }
            }
        });
        if let Err(error) = lent {
            out.fill(Err(error));
        }
    }

    fn work(&self) -> usize {
        self.inner.work() + self.dim()
    }
}

/// How a coordinate y of the whole line gives x.
#[derive(Clone, Copy)]
enum Stretch {
    /// x = y.
    Free,
    /// x = a + e^y.
    Above(f64),
    /// x = b − e^y.
    Below(f64),
    /// x = a + (b − a) / (1 + e^{−y}).
    Between(f64, f64),
}

/// x, dx/dy, log |dx/dy| without constants, and its derivative.
struct Stretched {
    x: f64,
    slope: f64,
    log: f64,
    pull: f64,
}

impl Stretch {
    fn at(self, y: f64) -> Stretched {
        match self {
            Self::Free => Stretched { x: y, slope: 1.0, log: 0.0, pull: 0.0 },
            Self::Above(a) => Stretched { x: a + y.exp(), slope: y.exp(), log: y, pull: 1.0 },
            Self::Below(b) => Stretched { x: b - y.exp(), slope: -y.exp(), log: y, pull: 1.0 },
            Self::Between(a, b) => {
                let small = (-y.abs()).exp();
                let share = small / (1.0 + small);
                // Measured from the nearer wall, where x would lose its last digits otherwise.
                let x = if y < 0.0 { a + (b - a) * share } else { b - (b - a) * share };
                let sign = if y < 0.0 { 1.0 } else { -1.0 };
                let slope = (b - a) * share / (1.0 + small);
                Stretched { x, slope, log: -y.abs() - 2.0 * small.ln_1p(), pull: sign * (1.0 - 2.0 * share) }
            }
        }
    }
}

/// A density in a box, in coordinates of the whole space, with the Jacobian of the transformation.
pub struct Transformed {
    inner: Arc<dyn LogDensity>,
    stretch: Vec<Stretch>,
}

impl Transformed {
    /// Bounds may be infinite.
    pub fn new(inner: Arc<dyn LogDensity>, lower: &[f64], upper: &[f64]) -> Self {
        let stretch = lower.iter().zip(upper).map(|(&a, &b)| match (a.is_finite(), b.is_finite()) {
            (true, true) => Stretch::Between(a, b),
            (true, false) => Stretch::Above(a),
            (false, true) => Stretch::Below(b),
            (false, false) => Stretch::Free,
        });
        Self { inner, stretch: stretch.collect() }
    }

    /// Replaces y by x.
    fn constrain(&self, points: &mut [f64]) {
        for (y, stretch) in points.iter_mut().zip(self.stretch.iter().cycle()) {
            *y = stretch.at(*y).x;
        }
    }
}

impl LogDensity for Transformed {
    fn dim(&self) -> usize {
        self.stretch.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        one(self, x, grad)
    }

    fn is_batched(&self) -> bool {
        self.inner.is_batched()
    }

    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut Values) {
        let d = self.dim();
        let lent = lend(x.len(), |points| {
            points.copy_from_slice(x);
            self.constrain(points);
            self.inner.batch(points, grad, out);
            for ((y, grad), out) in x.chunks_exact(d).zip(grad.chunks_exact_mut(d)).zip(out.iter_mut()) {
                let mut log = 0.0;
                for ((&y, g), stretch) in y.iter().zip(grad).zip(&self.stretch) {
                    let at = stretch.at(y);
                    log += at.log;
                    *g = *g * at.slope + at.pull;
                }
                *out = out.map(|value| value + log);
            }
        });
        if let Err(error) = lent {
            out.fill(Err(error));
        }
    }

    fn work(&self) -> usize {
        self.inner.work() + 20 * self.dim()
    }
}
