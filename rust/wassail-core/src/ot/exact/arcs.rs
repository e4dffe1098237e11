//! The arcs that the simplex may use: a small part of all.

/// Reduced costs above this many units of rounding below zero are zero.
const UNITS: f64 = 32.0;

/// How far below zero rounding can take the reduced cost of a tight arc.
#[inline]
pub fn rounding(cost: f64, f: f64, g: f64) -> f64 {
    UNITS * f64::EPSILON * (cost.abs() + f.abs() + g.abs())
}

/// An arc of finite cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arc {
    /// Source.
    pub i: u32,
    /// Sink.
    pub j: u32,
    /// Cost.
    pub cost: f64,
}
