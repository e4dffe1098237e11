//! The state of some chains that move together.

use super::density::{DensityError, LogDensity, Terms};
use super::frame::Frame;
use super::noise::{Errand, Noise};
use super::transition::Transition;
use super::vector::{all_finite, copy, dot, share_sum};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::rng::{Purpose, Stream};
use std::ops::Range;
use std::sync::Arc;

/// Whether the square of a point overflows: the density is then −inf because it was computed there, which tells no edge.
pub fn overflows(point: &[f64]) -> bool {
    !dot(point, point).is_finite()
}

/// A value, or what it says about the point.
fn judged(value: f64, x: &[f64], finite: impl FnOnce() -> bool) -> std::result::Result<f64, DensityError> {
    if value == f64::NEG_INFINITY {
        Err(if overflows(x) { DensityError::Recoverable } else { DensityError::OutsideSupport })
    } else if value.is_finite() && finite() {
        Ok(value)
    } else {
        Err(DensityError::Recoverable)
    }
}

/// What a step has overwritten though it has not evaluated everything yet; the values from before are in `noise`.
#[derive(Default)]
struct Undo {
    velocities: bool,
    /// Chains that moved, with their log-densities before.
    moved: Vec<(usize, f64)>,
}

/// Chains `first..first + count`, their arrays row by row.
pub struct Block {
    /// Number of the first chain.
    pub first: u32,
    /// Positions, (count, d).
    pub x: Aligned<f64>,
    /// Gradients at the positions.
    pub grad: Aligned<f64>,
    /// Whether steps went on without them.
    is_bare: bool,
    /// Log-densities at the positions.
    pub logp: Vec<f64>,
    /// Velocities, for kinetic transitions.
    pub v: Aligned<f64>,
    /// Proposed positions and their gradients.
    pub proposal: Aligned<f64>,
    /// Gradients there.
    pub proposal_grad: Aligned<f64>,
    /// Log-densities there.
    pub proposal_logp: Vec<std::result::Result<f64, DensityError>>,
    /// Noise of the step, where it is needed twice, or what the step came from: see `undo`.
    pub noise: Aligned<f64>,
    /// What to undo where a step fails half-way.
    undo: Undo,
    /// Noise of the next steps, where there is one chain.
    pub ahead: Noise,
    /// Noise of the next step, where there are many and their density is a call.
    pub errand: Errand,
    /// Coordinates that all positions and gradients are in, where they are not the natural ones.
    frame: Option<Arc<Frame>>,
    /// Proposed positions in natural coordinates, where there is a frame.
    natural: Vec<f64>,
}

impl Block {
    /// Chains at given positions, without values yet.
    pub fn new(first: u32, x: &[f64], d: usize) -> Result<Self> {
        let size = x.len();
        Ok(Self {
            first,
            x: Aligned::of(x)?,
            grad: Aligned::zeroed(size)?,
            is_bare: false,
            logp: try_zeroed(size / d)?,
            v: Aligned::zeroed(size)?,
            proposal: Aligned::zeroed(size)?,
            proposal_grad: Aligned::zeroed(size)?,
            proposal_logp: vec![Ok(0.0); size / d],
            noise: Aligned::zeroed(size)?,
            undo: Undo { velocities: false, moved: Vec::with_capacity(size / d) },
            ahead: Noise::new(size)?,
            errand: Errand::default(),
            frame: None,
            natural: Vec::new(),
        })
    }

    /// Number of chains.
    pub fn count(&self) -> usize {
        self.logp.len()
    }

    /// Evaluates the density at the proposals. A point, value or gradient that is not finite counts as recoverable, −inf as outside;
    /// where the density fails for one chain, or the monitor ends it, none has moved yet.
    pub fn evaluate(
        &mut self,
        density: &dyn LogDensity,
        monitor: &dyn Monitor,
    ) -> std::result::Result<(), DensityError> {
        self.evaluate_rows(density, 0..self.count(), monitor)
    }

    /// The same for some of them.
    pub fn evaluate_rows(
        &mut self,
        density: &dyn LogDensity,
        rows: Range<usize>,
        monitor: &dyn Monitor,
    ) -> std::result::Result<(), DensityError> {
        let d = density.dim();
        let (at, outs) = (rows.start * d..rows.end * d, &mut self.proposal_logp[rows]);
        let (mut points, grads) = (&self.proposal[at.clone()], &mut self.proposal_grad[at.clone()]);
        let done = match &self.frame {
            Some(frame) => {
                frame.batch(density, points, &mut self.natural[at.clone()], grads, outs);
                points = &self.natural[at];
                true
            }
            None => density.watched(points, grads, outs, monitor),
        };
        if !done {
            outs.fill(Err(DensityError::Recoverable));
            return Err(DensityError::Recoverable);
        }
        let is_known = self.frame.is_none() && density.terms().is_some();
        for ((out, grad), x) in outs.iter_mut().zip(grads.chunks_exact(d)).zip(points.chunks_exact(d)) {
            *out = out.and_then(|value| judged(value, x, || is_known || (all_finite(grad) && all_finite(x))));
        }
        if outs.contains(&Err(DensityError::Failed)) { Err(DensityError::Failed) } else { Ok(()) }
    }

    /// Estimates gradients where the chains are, in the place of proposals.
    pub fn estimate(&mut self, density: &dyn LogDensity, draws: &[Stream]) -> std::result::Result<(), DensityError> {
        density.estimate(&self.x, draws, &mut self.proposal_grad, &mut self.proposal_logp);
        if self.has_failed() { Err(DensityError::Failed) } else { Ok(()) }
    }

    /// The density as a sum over coordinates, where one chain moves in natural coordinates.
    pub fn terms<'d>(&self, density: &'d dyn LogDensity) -> Option<&'d dyn Terms> {
        if self.count() == 1 && self.frame.is_none() { density.terms() } else { None }
    }

    /// Says what the terms at the proposal of the one chain sum up to.
    pub fn assess(&mut self, value: f64) {
        self.proposal_logp[0] = judged(value, &self.proposal, || true);
    }

    /// Says that the gradient is left behind when the one chain moves.
    pub fn neglect(&mut self) {
        self.is_bare = true;
    }

    /// Makes the gradient where the one chain is, if steps went on without it.
    pub fn refresh(&mut self, density: &dyn LogDensity) {
        if !std::mem::take(&mut self.is_bare) {
            return;
        }
        if let Some(terms) = self.terms(density) {
            let x = &self.x;
            share_sum(&mut self.grad, |start, grad| terms.part(start, &x[start..start + grad.len()], grad));
        }
    }

    /// Changes the coordinates of where the chains are.
    pub fn reframe(&mut self, frame: Option<&Arc<Frame>>) -> Result<()> {
        let d = self.x.len() / self.count();
        let points = self.x.chunks_exact_mut(d).zip(self.grad.chunks_exact_mut(d));
        for (x, grad) in points {
            if let Some(old) = &self.frame {
                old.to_natural(x);
                old.push_forward(grad);
            }
            if let Some(new) = frame {
                new.to_round(x);
                new.pull_back(grad);
            }
        }
        self.assume(frame)
    }

    /// Makes positions and gradients in natural coordinates, in the place of proposals.
    pub fn show(&mut self) {
        let Some(frame) = &self.frame else { return };
        let d = self.x.len() / self.logp.len();
        self.natural.copy_from_slice(&self.x);
        self.proposal_grad.copy_from_slice(&self.grad);
        self.natural.chunks_exact_mut(d).for_each(|x| frame.to_natural(x));
        self.proposal_grad.chunks_exact_mut(d).for_each(|g| frame.push_forward(g));
    }

    /// What was made of chain i.
    pub fn shown(&self, i: usize, d: usize) -> (&[f64], &[f64]) {
        let at = i * d..(i + 1) * d;
        if self.frame.is_some() {
            (&self.natural[at.clone()], &self.proposal_grad[at])
        } else {
            (&self.x[at.clone()], &self.grad[at])
        }
    }

    /// Whether the density has failed for one of the chains.
    pub fn has_failed(&self) -> bool {
        self.proposal_logp.contains(&Err(DensityError::Failed))
    }

    /// Says what coordinates the chains already are in.
    pub fn assume(&mut self, frame: Option<&Arc<Frame>>) -> Result<()> {
        self.frame = frame.cloned();
        self.natural = try_zeroed(if frame.is_some() { self.x.len() } else { 0 })?;
        Ok(())
    }

    /// Where chain i is, in natural coordinates.
    pub fn position(&self, i: usize, out: &mut [f64]) {
        out.copy_from_slice(&self.x[i * out.len()..][..out.len()]);
        if let Some(frame) = &self.frame {
            frame.to_natural(out);
        }
    }

    /// The gradient of chain i in natural coordinates.
    pub fn gradient(&self, i: usize, out: &mut [f64]) {
        out.copy_from_slice(&self.grad[i * out.len()..][..out.len()]);
        if let Some(frame) = &self.frame {
            frame.push_forward(out);
        }
    }

    /// Velocities in equilibrium.
    pub fn draw_velocities(&mut self, key: u64, d: usize, transition: &dyn Transition) {
        for (i, v) in self.v.chunks_exact_mut(d).enumerate() {
            Stream::new(key, self.first + i as u32, 0).normals(Purpose::Start, 0, v);
            transition.equilibrate(v);
        }
    }

    /// Puts the proposal of chain i back to where the chain is.
    pub fn retract(&mut self, i: usize, d: usize) {
        let at = i * d..(i + 1) * d;
        self.proposal[at.clone()].copy_from_slice(&self.x[at]);
    }

    /// Keeps the velocities that a step comes with, for a way back.
    pub fn keep_velocities(&mut self) {
        copy(&mut self.noise, &self.v);
        self.undo.velocities = true;
    }

    /// Keeps where chain i is, before it moves while others still wait for their values.
    pub fn keep_position(&mut self, i: usize) {
        let d = self.x.len() / self.count();
        let at = i * d..(i + 1) * d;
        self.noise[at.clone()].copy_from_slice(&self.x[at]);
        self.undo.moved.push((i, self.logp[i]));
    }

    /// Ends a step.
    pub fn commit(&mut self) {
        self.undo.velocities = false;
        self.undo.moved.clear();
    }

    /// Ends a step that failed or was interrupted: everything is as it was, so that it can be made again.
    pub fn roll_back(&mut self) {
        let d = self.x.len() / self.count();
        for &(i, logp) in &self.undo.moved {
            self.x[i * d..(i + 1) * d].copy_from_slice(&self.noise[i * d..(i + 1) * d]);
            self.logp[i] = logp;
        }
        if self.undo.velocities {
            copy(&mut self.v, &self.noise);
        }
        self.commit();
    }

    /// Gives chain i the velocity that was kept, reversed.
    pub fn turn_back(&mut self, i: usize, d: usize) {
        let at = i * d..(i + 1) * d;
        for (v, old) in self.v[at.clone()].iter_mut().zip(&self.noise[at]) {
            *v = -old;
        }
    }

    /// The uniform number that decides about a step of a chain.
    pub fn decision(&mut self, key: u64, chain: u32, step: u64) -> f64 {
        if self.count() == 1 {
            self.ahead.decision(key, chain, step)
        } else {
            Stream::new(key, chain, step).uniform(Purpose::Accept, 0)
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
