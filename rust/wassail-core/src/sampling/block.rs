//! The state of some chains that move together.

use super::density::{DensityError, LogDensity};
use super::vector::all_finite;
use crate::error::{Result, try_zeroed};
use crate::rng::{Purpose, Stream};
use std::ops::Range;

/// Chains `first..first + count`, their arrays row by row.
#[derive(Clone)]
pub struct Block {
    /// Number of the first chain.
    pub first: u32,
    /// Positions, (count, d).
    pub x: Vec<f64>,
    /// Gradients at the positions.
    pub grad: Vec<f64>,
    /// Log-densities at the positions.
    pub logp: Vec<f64>,
    /// Velocities, for kinetic transitions.
    pub v: Vec<f64>,
    /// Proposed positions and their gradients.
    pub proposal: Vec<f64>,
    /// Gradients there.
    pub proposal_grad: Vec<f64>,
    /// Log-densities there.
    pub proposal_logp: Vec<std::result::Result<f64, DensityError>>,
    /// Noise of the step, where it is needed twice.
    pub noise: Vec<f64>,
}

impl Block {
    /// Chains at given positions, without values yet.
    pub fn new(first: u32, x: &[f64], d: usize) -> Result<Self> {
        let size = x.len();
        let mut positions = try_zeroed(size)?;
        positions.copy_from_slice(x);
        Ok(Self {
            first,
            x: positions,
            grad: try_zeroed(size)?,
            logp: try_zeroed(size / d)?,
            v: try_zeroed(size)?,
            proposal: try_zeroed(size)?,
            proposal_grad: try_zeroed(size)?,
            proposal_logp: vec![Ok(0.0); size / d],
            noise: try_zeroed(size)?,
        })
    }

    /// Number of chains.
    pub fn count(&self) -> usize {
        self.logp.len()
    }

    /// Evaluates the density at the proposals. A value or gradient that is not finite counts as recoverable, −inf as outside.
    pub fn evaluate(&mut self, density: &dyn LogDensity) {
        self.evaluate_rows(density, 0..self.count());
    }

    /// The same for some of them.
    pub fn evaluate_rows(&mut self, density: &dyn LogDensity, rows: Range<usize>) {
        let d = density.dim();
        let (at, outs) = (rows.start * d..rows.end * d, &mut self.proposal_logp[rows]);
        let grads = &mut self.proposal_grad[at.clone()];
        density.batch(&self.proposal[at], grads, outs);
        for (out, grad) in outs.iter_mut().zip(grads.chunks_exact(d)) {
            *out = match *out {
                Ok(f64::NEG_INFINITY) => Err(DensityError::OutsideSupport),
                Ok(value) if !value.is_finite() || !all_finite(grad) => Err(DensityError::Recoverable),
                kept => kept,
            };
        }
    }

    /// Velocities in equilibrium.
    pub fn draw_velocities(&mut self, key: u64, d: usize) {
        for (i, v) in self.v.chunks_exact_mut(d).enumerate() {
            Stream::new(key, self.first + i as u32, 0).normals(Purpose::Start, 0, v);
        }
    }

    /// Moves chain i to its proposal, which has a value.
    pub fn accept(&mut self, i: usize, d: usize, logp: f64) {
        let at = i * d..(i + 1) * d;
        if self.count() == 1 {
            std::mem::swap(&mut self.x, &mut self.proposal);
            std::mem::swap(&mut self.grad, &mut self.proposal_grad);
        } else {
            self.x[at.clone()].copy_from_slice(&self.proposal[at.clone()]);
            self.grad[at.clone()].copy_from_slice(&self.proposal_grad[at]);
        }
        self.logp[i] = logp;
    }
}
