//! Small instances and naive loops that the core is compared with.
#![allow(dead_code)]

use std::sync::Arc;
use wassail_core::ot::geometry::{PointCloud, Points};
use wassail_core::ot::plan::Potentials;
use wassail_core::parallel::pool;
use wassail_core::points::Metric;

/// Deterministic numbers in (0, 1).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn take(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.draw()).collect()
    }

    /// Weights of sum 1.
    pub fn weights(&mut self, n: usize) -> Vec<f64> {
        let w: Vec<f64> = (0..n).map(|_| 0.1 + self.draw()).collect();
        let total: f64 = w.iter().sum();
        w.into_iter().map(|v| v / total).collect()
    }
}

/// Points in f64.
pub fn cloud(x: &[f64], y: &[f64], d: usize, metric: Metric) -> PointCloud {
    PointCloud::new(Points::F64(Arc::from(x)), Points::F64(Arc::from(y)), d, metric)
}

/// c(x, y) by the definition.
pub fn distance(x: &[f64], y: &[f64], metric: Metric) -> f64 {
    let t: Vec<f64> = x.iter().zip(y).map(|(x, y)| (x - y).abs()).collect();
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    match metric {
        Metric::SqEuclidean => norm(&t).powi(2),
        Metric::Euclidean => norm(&t),
        Metric::Cityblock => t.iter().sum(),
        Metric::Cosine => 1.0 - x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / (norm(x) * norm(y)),
        Metric::PNorm { p, power } if p.is_infinite() => t.iter().copied().fold(0.0, f64::max).powf(power),
        Metric::PNorm { p, power } => t.iter().map(|v| v.powf(p)).sum::<f64>().powf(power / p),
    }
}

/// All costs, row-major.
pub fn table(x: &[f64], y: &[f64], d: usize, metric: Metric) -> Vec<f64> {
    x.chunks(d).flat_map(|x| y.chunks(d).map(move |y| distance(x, y, metric))).collect()
}

/// P by the definition, row-major.
pub fn plan(cost: &[f64], p: Potentials<'_>) -> Vec<f64> {
    let m = p.g.len();
    (0..cost.len())
        .map(|at| {
            let (i, j) = (at / m, at % m);
            let mass = p.a[i] * p.b[j];
            if mass > 0.0 { mass * ((p.f[i] + p.g[j] - cost[at]) / p.epsilon).exp() } else { 0.0 }
        })
        .collect()
}

/// Row and column sums of a row-major matrix.
pub fn marginals(p: &[f64], m: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = p.chunks(m).map(|r| r.iter().sum()).collect();
    let cols = (0..m).map(|j| p.iter().skip(j).step_by(m).sum()).collect();
    (rows, cols)
}

/// Equal up to a relative and absolute tolerance.
#[track_caller]
pub fn assert_close(found: &[f64], wanted: &[f64], tol: f64) {
    assert_eq!(found.len(), wanted.len());
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!(f == w || (f - w).abs() <= tol * (1.0 + w.abs()), "entry {i}: {f} instead of {w}");
    }
}

/// What `work` gives in pools of several sizes.
pub fn on_pools<R: Send>(work: impl Fn() -> R + Sync) -> Vec<R> {
    [1, 2, 3, 5, 8].into_iter().map(|n| pool(n).expect("a pool").install(&work)).collect()
}

/// Metrics of every kind.
pub const METRICS: [Metric; 9] = [
    Metric::SqEuclidean,
    Metric::Euclidean,
    Metric::Cityblock,
    Metric::Cosine,
    Metric::PNorm { p: 1.0, power: 2.0 },
    Metric::PNorm { p: 2.0, power: 1.5 },
    Metric::PNorm { p: 3.0, power: 1.0 },
    Metric::PNorm { p: 1.5, power: 2.0 },
    Metric::PNorm { p: f64::INFINITY, power: 2.0 },
];
