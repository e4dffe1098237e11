//! Gradients of the transport cost in the row points: Σ_j P_ij ∇_x c(x_i, y_j).

use super::apply::transpose;
use super::geometry::{Geometry, PointCloud, Points, TILE};
use super::kernels::{Difference, Pull, Sign, pull4};
use super::plan::{Plan, PlanTile, Potentials};
use super::sweep::row_chunks;
use super::tiling::{ROWS, split};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::parallel::map_chunks;
use crate::points::Metric;

/// ∂c/∂x_k = weight(c) φ(x_k − y_k, |x − y|).
#[derive(Clone, Copy)]
enum Rule {
    /// φ = t, weight 2.
    Quadratic,
    /// φ = t on unit vectors, weight 1, then projected.
    Unit,
    /// φ = t/N, weight q N^(q − 1).
    Two(f64),
    /// φ = sign t.
    One(f64),
    /// φ = sign t at the largest coordinate.
    Largest(f64),
    /// φ = sign t (|t|/N)^(p − 1). N is recomputed there: for large p its rounding would be all.
    Order(f64, f64),
}

impl Rule {
    fn of(metric: Metric) -> Self {
        match metric {
            Metric::SqEuclidean => Self::Quadratic,
            Metric::Cosine => Self::Unit,
            Metric::Euclidean => Self::Two(1.0),
            Metric::Cityblock => Self::One(1.0),
            Metric::PNorm { p: 1.0, power } => Self::One(power),
            Metric::PNorm { p: 2.0, power } => Self::Two(power),
            Metric::PNorm { p, power } if p.is_infinite() => Self::Largest(power),
            Metric::PNorm { p, power } => Self::Order(p, power),
        }
    }

    /// P_ij q N^(q − 1), over N where φ is divided by it; 0 at coinciding points.
    fn weight(self, p: f64, cost: f64) -> f64 {
        let q = match self {
            Self::Quadratic => return 2.0 * p,
            Self::Unit => return p,
            Self::Two(q) | Self::One(q) | Self::Largest(q) | Self::Order(_, q) => q,
        };
        let norm = if q == 1.0 { cost } else { cost.powf(1.0 / q) };
        if !(p > 0.0 && norm > f64::MIN_POSITIVE && norm < f64::INFINITY) {
            return 0.0;
        }
        let weight = if q == 1.0 { p } else { p * q * cost / norm };
        if matches!(self, Self::Two(_)) { weight / norm } else { weight }
    }
}

/// (n, d), row-major. Coinciding points contribute 0, the subgradient of smallest norm. `None` for stored costs.
pub fn gradient(
    geometry: &dyn Geometry,
    potentials: Potentials<'_>,
    monitor: &dyn Monitor,
) -> Result<Option<Vec<f64>>> {
    let Some(cloud) = geometry.points() else { return Ok(None) };
    let plan = Plan::new(geometry, potentials)?;
    let sides = Sides::new(cloud)?;
    let (n, m) = geometry.shape();
    let mut out = try_zeroed(n * sides.d)?;
    let ranges = row_chunks(n, m);
    map_chunks(split(&mut out, &ranges, sides.d).collect(), monitor, |(rows, out)| {
        let mut weights = try_zeroed(ROWS * TILE)?;
        plan.walk(&rows, monitor, |tile| {
            let out = &mut out[(tile.rows.start - rows.start) * sides.d..][..tile.rows.len() * sides.d];
            sides.weigh(tile, &mut weights);
            sides.add(tile, &weights, out);
        })?;
        sides.finish(rows.start, out);
        Ok(())
    })?;
    Ok(Some(out))
}

/// Points in f64: rows as given, columns coordinate by coordinate.
struct Sides {
    rule: Rule,
    d: usize,
    m: usize,
    x: Vec<f64>,
    /// Norms of the rows, where they are divided by.
    lengths: Vec<f64>,
    y: Vec<f64>,
}

fn widened(points: &Points) -> Vec<f64> {
    match points {
        Points::F32(v) => v.iter().map(|v| f64::from(*v)).collect(),
        Points::F64(v) => v.to_vec(),
    }
}

/// Divides each point by its norm and returns the norms. Zero stays zero.
fn normalize(points: &mut [f64], d: usize) -> Vec<f64> {
    let normalized = |row: &mut [f64]| {
        let largest = row.iter().fold(0.0f64, |s, v| s.max(v.abs()));
        if largest == 0.0 {
            return 0.0;
        }
        let norm = largest * row.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt();
        row.iter_mut().for_each(|v| *v /= norm);
        norm
    };
    points.chunks_exact_mut(d).map(normalized).collect()
}

impl Sides {
    fn new(cloud: &PointCloud) -> Result<Self> {
        let (rule, d, m) = (Rule::of(cloud.metric()), cloud.dim(), cloud.shape().1);
        let (x, y) = cloud.sides();
        let (mut x, mut y, mut lengths) = (widened(x), widened(y), Vec::new());
        if matches!(rule, Rule::Unit) {
            lengths = normalize(&mut x, d);
            normalize(&mut y, d);
        }
        Ok(Self { rule, d, m, x, lengths, y: transpose(&y, m, d)? })
    }

    /// Weights of a tile, 0 in rows beyond its last.
    fn weigh(&self, tile: &PlanTile<'_>, weights: &mut [f64]) {
        for r in 0..tile.rows.len().next_multiple_of(4) {
            let weights = &mut weights[r * TILE..][..TILE];
            if r >= tile.rows.len() {
                weights.fill(0.0);
                continue;
            }
            let pairs = tile.plan(r).iter().zip(tile.costs(r));
            for (w, (p, c)) in weights.iter_mut().zip(pairs) {
                *w = self.rule.weight(*p, *c);
            }
        }
    }

    fn add(&self, tile: &PlanTile<'_>, weights: &[f64], out: &mut [f64]) {
        match self.rule {
            Rule::Quadratic | Rule::Unit | Rule::Two(_) => self.pull::<Difference>(tile, weights, out),
            Rule::One(_) => self.pull::<Sign>(tile, weights, out),
            Rule::Largest(_) => self.pairwise(tile, weights, out, |out, w, t| {
                let best = (0..t.len()).fold(0, |k, l| if t[l].abs() > t[k].abs() { l } else { k });
                out[best] += w * sign(t[best]);
            }),
            Rule::Order(p, _) => self.pairwise(tile, weights, out, |out, w, t| {
                let largest = t.iter().fold(0.0f64, |s, t| s.max(t.abs()));
                let sum: f64 = t.iter().map(|t| (t.abs() / largest).powf(p)).sum();
                let inner = sum.powf((1.0 - p) / p);
                for (o, t) in out.iter_mut().zip(t).filter(|(_, t)| **t != 0.0) {
                    *o += w * sign(*t) * (t.abs() / largest).powf(p - 1.0) * inner;
                }
            }),
        }
    }

    fn pull<K: Pull>(&self, tile: &PlanTile<'_>, weights: &[f64], out: &mut [f64]) {
        let len = tile.cols.len();
        for r in (0..tile.rows.len()).step_by(4) {
            let rows = tile.rows.start + r..tile.rows.end.min(tile.rows.start + r + 4);
            let w: [&[f64]; 4] = std::array::from_fn(|i| &weights[(r + i) * TILE..][..len]);
            for k in 0..self.d {
                let mut x = [0.0; 4];
                for (x, i) in x.iter_mut().zip(rows.clone()) {
                    *x = self.x[i * self.d + k];
                }
                let sums = pull4::<K>(w, x, &self.y[k * self.m..][tile.cols.clone()]);
                for (i, sum) in sums.iter().enumerate().take(rows.len()) {
                    out[(r + i) * self.d + k] += sum;
                }
            }
        }
    }

    /// Calls `add(row of out, weight, x − y)` for each pair with weight.
    fn pairwise(&self, tile: &PlanTile<'_>, weights: &[f64], out: &mut [f64], add: impl Fn(&mut [f64], f64, &[f64])) {
        let mut t = vec![0.0; self.d];
        for (r, out) in out.chunks_exact_mut(self.d).enumerate() {
            let x = &self.x[(tile.rows.start + r) * self.d..][..self.d];
            for (c, j) in tile.cols.clone().enumerate() {
                let at = r * TILE + c;
                if weights[at] > 0.0 {
                    for (k, t) in t.iter_mut().enumerate() {
                        *t = x[k] - self.y[k * self.m + j];
                    }
                    add(out, weights[at], &t);
                }
            }
        }
    }

    /// Cosine: only the part across x remains, over |x|; 0 at x = 0.
    fn finish(&self, start: usize, out: &mut [f64]) {
        if !matches!(self.rule, Rule::Unit) {
            return;
        }
        for (r, out) in out.chunks_exact_mut(self.d).enumerate() {
            let (unit, length) = (&self.x[(start + r) * self.d..][..self.d], self.lengths[start + r]);
            let along: f64 = unit.iter().zip(&*out).map(|(u, o)| u * o).sum();
            for (o, u) in out.iter_mut().zip(unit) {
                *o = if length > 0.0 { (*o - along * u) / length } else { 0.0 };
            }
        }
    }
}

fn sign(t: f64) -> f64 {
    if t == 0.0 { 0.0 } else { t.signum() }
}
