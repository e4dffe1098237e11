//! Points as given, and how they are read: in f64, on the unit sphere for cosines.

use crate::error::{Result, try_zeroed};
use crate::numeric::scalar::Scalar;
use std::sync::Arc;

/// Row-major points of either precision.
#[derive(Clone, Debug)]
pub enum Points {
    /// Single precision.
    F32(Arc<[f32]>),
    /// Double precision.
    F64(Arc<[f64]>),
}

/// The points of one side of a cost.
#[derive(Debug)]
pub struct Side {
    /// As given.
    pub points: Points,
    /// What each point is multiplied by, if it is.
    pub factors: Option<Vec<f64>>,
    d: usize,
}

impl Side {
    /// Points of dimension d, divided by their norms when `unit`. Zero stays zero.
    pub fn new(points: &Points, d: usize, unit: bool) -> Result<Self> {
        let mut side = Self { points: points.clone(), factors: None, d };
        if unit {
            let mut factors = try_zeroed(side.count())?;
            let mut point = try_zeroed(d)?;
            for (i, factor) in factors.iter_mut().enumerate() {
                side.read(i, &mut point);
                *factor = inverse_norm(&point);
            }
            side.factors = Some(factors);
        }
        Ok(side)
    }

    /// Dimension.
    pub fn dim(&self) -> usize {
        self.d
    }

    /// Number of points.
    pub fn count(&self) -> usize {
        let coordinates = match &self.points {
            Points::F32(v) => v.len(),
            Points::F64(v) => v.len(),
        };
        coordinates / self.d
    }

    /// Point i in f64.
    pub fn read(&self, i: usize, out: &mut [f64]) {
        let factor = self.factors.as_ref().map_or(1.0, |f| f[i]);
        let at = i * self.d..(i + 1) * self.d;
        match &self.points {
            Points::F32(v) => widen(&v[at], factor, out),
            Points::F64(v) => widen(&v[at], factor, out),
        }
    }

    /// Coordinate k of point i.
    pub fn coordinate(&self, i: usize, k: usize) -> f64 {
        let factor = self.factors.as_ref().map_or(1.0, |f| f[i]);
        let at = i * self.d + k;
        factor
            * match &self.points {
                Points::F32(v) => f64::from(v[at]),
                Points::F64(v) => v[at],
            }
    }
}

fn widen<S: Scalar>(row: &[S], factor: f64, out: &mut [f64]) {
    for (o, v) in out.iter_mut().zip(row) {
        *o = v.to_f64() * factor;
    }
}

fn inverse_norm(point: &[f64]) -> f64 {
    let largest = point.iter().fold(0.0f64, |s, v| s.max(v.abs()));
    if largest == 0.0 {
        return 1.0;
    }
    // Divided by the largest entry first: squares must not overflow.
    1.0 / (largest * point.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt())
}
