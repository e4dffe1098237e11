//! Points laid out for vector loads: columns in panels of `LANES` points, coordinate by coordinate.

use super::given::{Points, Side};
use super::metric::Metric;
use crate::error::{Result, try_zeroed};
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;

/// Above this dimension the quadratic costs are computed as |x|² + |y|² − 2⟨x, y⟩ on centered data: half the arithmetic.
/// Below it direct differences are exact to rounding.
const DIRECT_UP_TO: usize = 16;
/// Points of each side that the center is the median of.
const SAMPLE: usize = 128;

/// Row points and column panels of one precision.
#[derive(Debug)]
pub struct Packed<T> {
    /// Dimension.
    pub d: usize,
    /// Row points, (n, d), times −2 in product form.
    pub x: Vec<T>,
    /// Panels: coordinate k of point j at `[(j / LANES) * d * LANES + k * LANES + j % LANES]`.
    pub panels: Vec<T>,
    /// In product form only.
    pub centered: Option<Centered<T>>,
}

/// What the product form needs besides the coordinates.
#[derive(Debug)]
pub struct Centered<T> {
    /// Squared norms of rows and (padded) columns.
    pub norms: (Vec<T>, Vec<T>),
    /// A sum below this share of its two squared norms has cancelled.
    pub share: T,
    /// What cancelled pairs are recomputed from.
    pub given: (Side, Side),
}

impl<T: Scalar> Packed<T> {
    /// Packs points of either precision for the given metric.
    pub fn new(x: &Points, y: &Points, d: usize, metric: Metric) -> Result<Self> {
        let unit = metric == Metric::Cosine;
        let (x, y) = (Side::new(x, d, unit)?, Side::new(y, d, unit)?);
        let product = metric.is_quadratic() && d > DIRECT_UP_TO;
        let center = if product { median(&x, &y, d)? } else { try_zeroed(d)? };
        let factor = T::from_f64(if product { -2.0 } else { 1.0 });
        let (n, padded) = (x.count(), y.count().next_multiple_of(LANES));
        let mut packed = Self { d, x: try_zeroed(n * d)?, panels: try_zeroed(padded * d)?, centered: None };
        let mut norms = (try_zeroed(n)?, try_zeroed(padded)?);
        let mut point = try_zeroed(d)?;
        for i in 0..n {
            norms.0[i] = centered(&x, i, &center, &mut point);
            for (o, &v) in packed.x[i * d..(i + 1) * d].iter_mut().zip(&point) {
                *o = factor * T::from_f64(v);
            }
        }
        for j in 0..y.count() {
            norms.1[j] = centered(&y, j, &center, &mut point);
            let base = j / LANES * LANES * d + j % LANES;
            for (k, &v) in point.iter().enumerate() {
                packed.panels[base + k * LANES] = T::from_f64(v);
            }
        }
        packed.centered = product.then(|| Centered { norms, share: cancelled_share(d), given: (x, y) });
        Ok(packed)
    }
}

/// Reads point i minus the center. Returns its squared norm as stored, so that pairs at equal distance stay so.
fn centered<T: Scalar>(side: &Side, i: usize, center: &[f64], point: &mut [f64]) -> T {
    side.read(i, point);
    let mut square = 0.0;
    for (p, c) in point.iter_mut().zip(center) {
        *p -= c;
        square += T::from_f64(*p).to_f64().powi(2);
    }
    T::from_f64(square)
}

/// √d u^⅓ / 4. A sum of d products is off by about √d u (|x|² + |y|²), so what is kept has a relative error of about 4 u^⅔:
/// 1e-10 in f64, 1e-4 in f32, where it only shapes the first sweeps.
fn cancelled_share<T: Scalar>(d: usize) -> T {
    T::from_f64(0.25 * (d as f64).sqrt() * T::UNIT.cbrt())
}

/// Median of each coordinate over evenly spaced points of both sides. Unlike the mean it stays with the bulk of the points
/// when some are far away.
fn median(x: &Side, y: &Side, d: usize) -> Result<Vec<f64>> {
    let mut center = try_zeroed(d)?;
    let mut sample = Vec::with_capacity(2 * SAMPLE);
    for (k, c) in center.iter_mut().enumerate() {
        sample.clear();
        for side in [x, y] {
            let step = side.count().div_ceil(SAMPLE);
            sample.extend((0..side.count()).step_by(step.max(1)).map(|i| side.coordinate(i, k)));
        }
        let middle = sample.len() / 2;
        if middle > 0 {
            *c = *sample.select_nth_unstable_by(middle, f64::total_cmp).1;
        }
    }
    Ok(center)
}
