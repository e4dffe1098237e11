//! Moves that are tried, and taken back where they do not help.

use super::super::engine::Engine;
use super::{LARGEST_MOVE, Run, Status};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::sum;

/// What of the least error at this ε a step may leave without a look at the dual.
const SHRUNK: f64 = 0.9;
/// Share of the slope that may remain, with the other sign, where the dual is too flat to be compared in f64.
const OVERSHOT: f64 = 0.5;

/// A pair to return to, with what is known of it.
pub(in crate::ot) struct Saved {
    f: Vec<f64>,
    g: Vec<f64>,
    softmin: Vec<f64>,
    mass: Vec<f64>,
    target: Vec<f64>,
    error: f64,
}

/// What came of a trial.
pub(in crate::ot) enum Tried {
    /// It helped: g moved by this share of the direction, and this share of the slope is left.
    Moved(f64, f64),
    /// It did not, with this share of the slope left, if it was tried at all; the run is at the trial still.
    Failed(Option<f64>),
    /// The run ended.
    Ended(Status),
}

impl Tried {
    /// The share of the direction that g moved by.
    pub(in crate::ot) fn length(&self) -> f64 {
        if let Self::Moved(length, _) = self { *length } else { 0.0 }
    }
}

impl Run<'_> {
    /// The pair at hand.
    pub(in crate::ot) fn saved(&self) -> Saved {
        Saved {
            f: self.f.clone(),
            g: self.g.clone(),
            softmin: self.softmin.clone(),
            mass: self.mass.clone(),
            target: self.target.clone(),
            error: self.error,
        }
    }

    /// Back to a pair.
    pub(in crate::ot) fn restore(&mut self, saved: &Saved) {
        self.f.copy_from_slice(&saved.f);
        self.g.copy_from_slice(&saved.g);
        self.softmin.copy_from_slice(&saved.softmin);
        self.mass.copy_from_slice(&saved.mass);
        self.target.copy_from_slice(&saved.target);
        self.error = saved.error;
    }

    /// Moves g from `start` along `delta`. It helped if the error is a new least one, or the dual grew: as its value says or, where its
    /// values differ by rounding only, as the slope at the end does (the dual is concave). An error below that of the start only is not
    /// enough: a step along which the dual fell and one that undoes it would follow each other for ever.
    pub(in crate::ot) fn try_along(
        &mut self,
        start: &Saved,
        delta: &[f64],
        engine: &mut Engine<'_>,
        epsilon: f64,
        monitor: &dyn Monitor,
    ) -> Result<Tried> {
        let slope_along = |gradient: &[f64]| sum(delta.iter().zip(gradient).map(|(d, s)| d * s));
        let value = self.dual_value(epsilon);
        let slope = slope_along(&self.column_gradient());
        let largest = delta.iter().fold(0.0f64, |s, d| s.max(d.abs()));
        if !(slope > 0.0 && slope.is_finite() && largest.is_finite()) {
            return Ok(Tried::Failed(None));
        }
        if self.least.0 != epsilon {
            self.least = (epsilon, f64::INFINITY);
        }
        self.least.1 = self.least.1.min(start.error);
        let length = (LARGEST_MOVE * epsilon / largest).min(1.0);
        self.g.iter_mut().zip(delta).for_each(|(g, d)| *g += length * d);
        if let Some(status) = self.iterate(engine, epsilon, 1.0, monitor)? {
            // A run that ends on a trial keeps the better pair.
            if status == Status::MaxIter || self.error > start.error {
                self.restore(start);
            }
            return Ok(Tried::Ended(status));
        }
        let needed = 1e-4 * length * slope;
        let left = slope_along(&self.column_gradient()) / slope;
        let grown = if needed > f64::EPSILON * self.total * self.largest() {
            self.dual_value(epsilon) >= value + needed
        } else {
            left >= -OVERSHOT
        };
        let helped = self.error.is_finite() && (grown || self.error < SHRUNK * self.least.1);
        Ok(if helped { Tried::Moved(length, left) } else { Tried::Failed(Some(left)) })
    }
}
