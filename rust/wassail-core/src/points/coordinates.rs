//! Borrowed points of either precision.

use crate::numeric::scalar::Scalar;

/// Row-major points of either precision.
#[derive(Clone, Copy)]
pub enum Coordinates<'a> {
    /// Single precision.
    Single(&'a [f32]),
    /// Double precision.
    Double(&'a [f64]),
}

impl Coordinates<'_> {
    /// Number of coordinates of all points.
    pub fn len(&self) -> usize {
        match self {
            Coordinates::Single(p) => p.len(),
            Coordinates::Double(p) => p.len(),
        }
    }

    /// Coordinates `start..start + out.len()` in f64.
    pub fn read(&self, start: usize, out: &mut [f64]) {
        match self {
            Coordinates::Single(p) => widen(&p[start..start + out.len()], out),
            Coordinates::Double(p) => widen(&p[start..start + out.len()], out),
        }
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn widen<S: Scalar>(from: &[S], out: &mut [f64]) {
    for (o, v) in out.iter_mut().zip(from) {
        *o = v.to_f64();
    }
}
