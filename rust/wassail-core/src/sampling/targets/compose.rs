//! Sums of log-densities, and log-densities in affine coordinates.

use super::one;
use super::scratch::lend;
use crate::numeric::lanes::{add_scaled, add_scaled4, dot4};
use crate::sampling::density::{DensityError, LogDensity};
use std::sync::Arc;

type Values = [Result<f64, DensityError>];

/// Σ_k log π_k.
pub struct Sum {
    /// At least one, of the same dimension.
    pub parts: Vec<Arc<dyn LogDensity>>,
}

/// The graver of two errors, or the sum.
fn add(a: Result<f64, DensityError>, b: Result<f64, DensityError>) -> Result<f64, DensityError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok(a + b),
        (Err(DensityError::Failed), _) | (_, Err(DensityError::Failed)) => Err(DensityError::Failed),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

impl LogDensity for Sum {
    fn dim(&self) -> usize {
        self.parts[0].dim()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        one(self, x, grad)
    }

    fn is_batched(&self) -> bool {
        self.parts.iter().any(|part| part.is_batched())
    }

    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut Values) {
        self.parts[0].batch(x, grad, out);
        let lent = lend(x.len(), |more| {
            let mut values = vec![Ok(0.0); out.len()];
            for part in &self.parts[1..] {
                part.batch(x, more, &mut values);
                add_scaled(more, 1.0, grad);
                out.iter_mut().zip(&values).for_each(|(out, value)| *out = add(*out, *value));
            }
        });
        if let Err(error) = lent {
            out.fill(Err(error));
        }
    }

    fn work(&self) -> usize {
        self.parts.iter().map(|part| part.work() + part.dim() / 4).sum()
    }
}

/// L of x = m + L z.
pub enum Factor {
    /// Its diagonal.
    Diagonal(Vec<f64>),
    /// All of it, (d, d).
    Dense(Vec<f64>),
}

impl Factor {
    /// out = m + L z.
    fn times(&self, z: &[f64], shift: &[f64], out: &mut [f64]) {
        match self {
            Self::Diagonal(scale) => {
                for (((out, z), s), m) in out.iter_mut().zip(z).zip(scale).zip(shift) {
                    *out = m + s * z;
                }
            }
            Self::Dense(full) => {
                let d = z.len();
                for ((out, rows), shift) in out.chunks_mut(4).zip(full.chunks(4 * d)).zip(shift.chunks(4)) {
                    let products = dot4(four(rows, d), z);
                    for ((out, m), p) in out.iter_mut().zip(shift).zip(products) {
                        *out = m + p;
                    }
                }
            }
        }
    }

    /// out = Lᵀ g.
    fn transposed(&self, g: &[f64], out: &mut [f64]) {
        match self {
            Self::Diagonal(scale) => {
                out.iter_mut().zip(g).zip(scale).for_each(|((out, g), s)| *out = s * g);
            }
            Self::Dense(full) => {
                let d = g.len();
                out.fill(0.0);
                for (g, rows) in g.chunks(4).zip(full.chunks(4 * d)) {
                    let mut weights = [0.0; 4];
                    weights[..g.len()].copy_from_slice(g);
                    add_scaled4(four(rows, d), weights, out);
                }
            }
        }
    }
}

/// Four rows; the first again where there are fewer.
fn four(rows: &[f64], d: usize) -> [&[f64]; 4] {
    let mut four = [&rows[..d]; 4];
    four.iter_mut().zip(rows.chunks_exact(d)).for_each(|(slot, row)| *slot = row);
    four
}

/// log π(m + L z).
pub struct Affine {
    /// log π.
    pub inner: Arc<dyn LogDensity>,
    /// m.
    pub shift: Vec<f64>,
    /// L.
    pub factor: Factor,
}

impl LogDensity for Affine {
    fn dim(&self) -> usize {
        self.shift.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        one(self, x, grad)
    }

    fn is_batched(&self) -> bool {
        self.inner.is_batched()
    }

    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut Values) {
        let d = self.dim();
        let lent = lend(2 * x.len(), |buffer| {
            let (points, forces) = buffer.split_at_mut(x.len());
            for (z, point) in x.chunks_exact(d).zip(points.chunks_exact_mut(d)) {
                self.factor.times(z, &self.shift, point);
            }
            self.inner.batch(points, forces, out);
            for (force, grad) in forces.chunks_exact(d).zip(grad.chunks_exact_mut(d)) {
                self.factor.transposed(force, grad);
            }
        });
        if let Err(error) = lent {
            out.fill(Err(error));
        }
    }

    fn work(&self) -> usize {
        let own = match self.factor {
            Factor::Diagonal(_) => self.dim(),
            Factor::Dense(_) => self.dim() * self.dim() / 4,
        };
        self.inner.work() + own
    }
}
