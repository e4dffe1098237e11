//! Distances to a power, with the usual ones spelled out.

/// t^p and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    /// p, at least 1.
    pub order: f64,
}

impl Power {
    /// t^p for t ≥ 0.
    #[inline]
    pub fn of(self, t: f64) -> f64 {
        match self.order {
            1.0 => t,
            2.0 => t * t,
            p => t.powf(p),
        }
    }

    /// sign(t) |t|^(p − 1), 0 at 0.
    #[inline]
    pub fn slope(self, t: f64) -> f64 {
        match self.order {
            2.0 => t,
            _ if t == 0.0 => 0.0,
            1.0 => t.signum(),
            p => t.signum() * t.abs().powf(p - 1.0),
        }
    }

    /// t^(1/p).
    #[inline]
    pub fn root(self, t: f64) -> f64 {
        match self.order {
            1.0 => t,
            2.0 => t.sqrt(),
            p => t.powf(1.0 / p),
        }
    }
}
