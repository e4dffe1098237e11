//! Points laid out for vector loads: columns in panels of `LANES` points, coordinate by coordinate.

use super::metric::Metric;
use crate::error::{Result, try_zeroed};
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;

/// Above this dimension the quadratic costs are computed as |x|² + |y|² − 2⟨x, y⟩ on centered data: half the arithmetic.
/// Below it direct differences are exact to rounding.
const DIRECT_UP_TO: usize = 16;

/// Row points and column panels of one precision.
#[derive(Debug)]
pub struct Packed<T> {
    /// Dimension.
    pub d: usize,
    /// Row points, (n, d), times −2 in product form.
    pub x: Vec<T>,
    /// Panels: coordinate k of point j at `[(j / LANES) * d * LANES + k * LANES + j % LANES]`.
    pub panels: Vec<T>,
    /// Squared norms of rows and (padded) columns, in product form only.
    pub norms: Option<(Vec<T>, Vec<T>)>,
}

/// Row-major points.
#[derive(Clone, Copy)]
pub struct Rows<'a, S> {
    /// (n, d).
    pub data: &'a [S],
    /// Dimension.
    pub d: usize,
}

impl<S: Scalar> Rows<'_, S> {
    fn len(&self) -> usize {
        self.data.len() / self.d
    }

    /// Point i minus the center, divided by its norm when `unit`.
    fn point(&self, i: usize, center: &[f64], unit: bool, out: &mut [f64]) {
        let row = &self.data[i * self.d..(i + 1) * self.d];
        let largest = row.iter().fold(0.0f64, |s, v| s.max(v.to_f64().abs()));
        let scale = if unit && largest > 0.0 {
            // Divided by the largest entry first: squares must not overflow.
            largest * row.iter().map(|v| (v.to_f64() / largest).powi(2)).sum::<f64>().sqrt()
        } else {
            1.0
        };
        for ((o, v), c) in out.iter_mut().zip(row).zip(center) {
            *o = v.to_f64() / scale - c;
        }
    }
}

impl<T: Scalar> Packed<T> {
    /// Packs points of either precision for the given metric.
    pub fn new<S: Scalar>(x: Rows<'_, S>, y: Rows<'_, S>, metric: Metric) -> Result<Self> {
        let d = x.d;
        let unit = metric == Metric::Cosine;
        let product = metric.is_quadratic() && d > DIRECT_UP_TO;
        let zero = vec![0.0; d];
        let center = if product { mean(y, unit)? } else { zero };
        let (n, m) = (x.len(), y.len());
        let mut packed =
            Packed { d, x: try_zeroed(n * d)?, panels: try_zeroed(m.div_ceil(LANES) * LANES * d)?, norms: None };
        let mut point = vec![0.0; d];
        let mut norms = (
            try_zeroed(if product { n } else { 0 })?,
            try_zeroed(if product { m.div_ceil(LANES) * LANES } else { 0 })?,
        );
        let factor = if product { -2.0 } else { 1.0 };
        for i in 0..n {
            x.point(i, &center, unit, &mut point);
            for (o, &v) in packed.x[i * d..(i + 1) * d].iter_mut().zip(&point) {
                *o = T::from_f64(factor * T::from_f64(v).to_f64());
            }
            if product {
                norms.0[i] = square_norm(&point);
            }
        }
        for j in 0..m {
            y.point(j, &center, unit, &mut point);
            let base = j / LANES * LANES * d + j % LANES;
            for (k, &v) in point.iter().enumerate() {
                packed.panels[base + k * LANES] = T::from_f64(v);
            }
            if product {
                norms.1[j] = square_norm(&point);
            }
        }
        packed.norms = product.then_some(norms);
        Ok(packed)
    }
}

/// Norm of the point as stored, so that equal points have distance 0 up to summation order.
fn square_norm<T: Scalar>(point: &[f64]) -> T {
    T::from_f64(point.iter().map(|&v| T::from_f64(v).to_f64().powi(2)).sum())
}

fn mean<S: Scalar>(y: Rows<'_, S>, unit: bool) -> Result<Vec<f64>> {
    let mut center = try_zeroed::<f64>(y.d)?;
    let zero = vec![0.0; y.d];
    let mut point = vec![0.0; y.d];
    for j in 0..y.len() {
        y.point(j, &zero, unit, &mut point);
        for (c, p) in center.iter_mut().zip(&point) {
            *c += p / y.len() as f64;
        }
    }
    Ok(center)
}
