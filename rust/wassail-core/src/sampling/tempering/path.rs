//! Densities between a reference and a target: log π_β = (1 − β) log π_0 + β log π_1, a β for each row of a block.

use crate::error::{Result, try_zeroed};
use crate::monitor::{Monitor, Silent};
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::values::evaluate;
use crate::sampling::vector::all_finite;
use std::sync::{Arc, Mutex, PoisonError};

type Value = std::result::Result<f64, DensityError>;

/// Both densities at some points.
#[derive(Clone)]
pub struct Parts {
    /// Where, (rows, d).
    pub x: Vec<f64>,
    /// Reference and target.
    pub logp: [Vec<f64>; 2],
    /// Their gradients.
    pub grad: [Vec<f64>; 2],
    /// Why the target has no value.
    errors: Vec<Option<DensityError>>,
}

impl Parts {
    /// Of rows without values.
    pub fn new(rows: usize, d: usize) -> Result<Self> {
        let pair = |n: usize| Ok([try_zeroed(n)?, try_zeroed(n)?]);
        Ok(Self { x: try_zeroed(rows * d)?, logp: pair(rows)?, grad: pair(rows * d)?, errors: vec![None; rows] })
    }

    /// Evaluates both at x; false, with parts that are not to be used, where the monitor ended it.
    pub fn evaluate(&mut self, ends: &[Arc<dyn LogDensity>; 2], x: &[f64], monitor: &dyn Monitor) -> bool {
        let d = ends[0].dim();
        let rows = x.len() / d;
        self.x[..x.len()].copy_from_slice(x);
        let mut out: [Vec<Value>; 2] = [vec![Ok(0.0); rows], vec![Ok(0.0); rows]];
        for ((end, out), grad) in ends.iter().zip(&mut out).zip(&mut self.grad) {
            if !evaluate(&**end, x, &mut grad[..x.len()], out, monitor) {
                return false;
            }
        }
        for i in 0..rows {
            let at = i * d..(i + 1) * d;
            self.errors[i] = out[0][i].and(out[1][i]).err();
            for ((logp, out), grad) in self.logp.iter_mut().zip(&out).zip(&self.grad) {
                logp[i] = out[i].unwrap_or(f64::NEG_INFINITY);
                if self.errors[i].is_none() && (!logp[i].is_finite() || !all_finite(&grad[at.clone()])) {
                    let outside = logp[i] == f64::NEG_INFINITY;
                    self.errors[i] =
                        Some(if outside { DensityError::OutsideSupport } else { DensityError::Recoverable });
                }
            }
        }
        true
    }

    /// log π_1 − log π_0 of a row; −∞ where either cannot be evaluated: no such point ever moves towards the target.
    pub fn ratio(&self, i: usize) -> f64 {
        if self.errors[i].is_some() { f64::NEG_INFINITY } else { self.logp[1][i] - self.logp[0][i] }
    }

    /// log π_1 of a row.
    pub fn value(&self, i: usize) -> Value {
        self.errors[i].map_or(Ok(self.logp[1][i]), Err)
    }

    /// The first of some rows that a density failed for, for good.
    pub fn failed(&self, rows: usize) -> Option<usize> {
        self.errors[..rows].iter().position(|e| *e == Some(DensityError::Failed))
    }

    /// log π_β of a row, and its gradient.
    pub fn mix(&self, i: usize, beta: f64, grad: &mut [f64]) -> Value {
        if let Some(error) = self.errors[i] {
            return Err(error);
        }
        let at = i * grad.len()..(i + 1) * grad.len();
        for ((g, a), b) in grad.iter_mut().zip(&self.grad[0][at.clone()]).zip(&self.grad[1][at]) {
            *g = (1.0 - beta) * a + beta * b;
        }
        Ok((1.0 - beta) * self.logp[0][i] + beta * self.logp[1][i])
    }

    /// Takes over row j of others as row i.
    pub fn copy(&mut self, i: usize, from: &Self, j: usize, d: usize) {
        let (to, at) = (i * d..(i + 1) * d, j * d..(j + 1) * d);
        self.x[to.clone()].copy_from_slice(&from.x[at.clone()]);
        self.errors[i] = from.errors[j];
        for k in 0..2 {
            self.logp[k][i] = from.logp[k][j];
            self.grad[k][to.clone()].copy_from_slice(&from.grad[k][at.clone()]);
        }
    }

    /// Exchanges two rows.
    pub fn swap(&mut self, i: usize, j: usize, d: usize) {
        let swap = |values: &mut [f64]| {
            for k in 0..d {
                values.swap(i * d + k, j * d + k);
            }
        };
        swap(&mut self.x);
        self.grad.iter_mut().for_each(|g| swap(g));
        self.logp.iter_mut().for_each(|l| l.swap(i, j));
        self.errors.swap(i, j);
    }
}

/// The densities of a block's rows, which remember what they saw last: that is what an accepted proposal is made of.
pub struct Path {
    /// Reference and target.
    pub ends: [Arc<dyn LogDensity>; 2],
    /// Of each row.
    pub betas: Vec<f64>,
    seen: Mutex<Parts>,
}

impl Path {
    /// Densities of as many rows as there are βs.
    pub fn new(ends: [Arc<dyn LogDensity>; 2], betas: Vec<f64>) -> Result<Self> {
        let seen = Mutex::new(Parts::new(betas.len(), ends[0].dim())?);
        Ok(Self { ends, betas, seen })
    }

    /// Updates the parts of those rows that stand where they were last seen; others stand where they did.
    pub fn keep(&self, x: &[f64], now: &mut Parts) {
        let d = self.dim();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (i, x) in x.chunks_exact(d).enumerate() {
            if x == &seen.x[i * d..(i + 1) * d] {
                now.copy(i, &seen, i, d);
            }
        }
    }
}

impl LogDensity for Path {
    fn dim(&self) -> usize {
        self.ends[1].dim()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Value {
        let mut out = [Ok(0.0)];
        self.batch(x, grad, &mut out);
        out[0]
    }

    fn is_batched(&self) -> bool {
        true
    }

    /// Of all rows of the block, in their order.
    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut [Value]) {
        self.watched(x, grad, out, &Silent);
    }

    fn watched(&self, x: &[f64], grad: &mut [f64], out: &mut [Value], monitor: &dyn Monitor) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.evaluate(&self.ends, x, monitor) {
            return false;
        }
        for (i, (out, grad)) in out.iter_mut().zip(grad.chunks_exact_mut(self.dim())).enumerate() {
            *out = seen.mix(i, self.betas[i], grad);
        }
        true
    }

    fn work(&self) -> usize {
        self.ends[0].work() + self.ends[1].work()
    }
}
