//! Underdamped Langevin, dx = v dt, dv = ∇log π(x) dt − γ v dt + √(2γ) dW, by splitting.
//!
//! A moves x by v, B kicks v by the force, O is the exact Ornstein-Uhlenbeck step of v, and U the exact free motion of (x, v).
//! Each scheme is a palindrome around its one gradient.

use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::{PART, PIECE, copy, push, refresh, share};

/// Order of the parts of a step. All have the same continuous limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrator {
    /// Exact velocities, positions 1/(1 − h²a/4) too wide on a Gaussian of precision a.
    Obabo,
    /// Exact positions on Gaussians.
    Baoab,
    /// Exact positions on Gaussians.
    Aboba,
    /// Strong order 2.
    Ubu,
}

/// The kinetic Langevin algorithm.
pub struct Kinetic {
    /// γ, positive and finite.
    pub friction: f64,
    /// Order of the parts.
    pub integrator: Integrator,
}

/// One chain in motion.
struct Motion<'a> {
    x: &'a mut [f64],
    v: &'a mut [f64],
    scale: &'a [f64],
    draws: Stream,
}

impl Motion<'_> {
    fn drift(&mut self, h: f64) {
        push(self.x, self.v, self.scale, h);
    }

    fn kick(&mut self, grad: &[f64], h: f64) {
        push(self.v, grad, self.scale, h);
    }

    fn refresh(&mut self, friction: f64, h: f64, purpose: Purpose) {
        let (n, draws) = (self.v.len(), self.draws);
        share(n, self.v.chunks_mut(PART).enumerate(), |(part, v)| {
            let mut noise = [0.0; PIECE];
            for (at, v) in v.chunks_mut(PIECE).enumerate() {
                draws.normals(purpose, part * PART + at * PIECE, &mut noise[..v.len()]);
                refresh(v, &noise, (-friction * h).exp());
            }
        });
    }

    /// Exact solution of the free motion over a time h (two correlated normals a coordinate).
    fn free(&mut self, friction: f64, h: f64, purposes: [Purpose; 2]) {
        let free = Free::new(friction, h);
        let (n, draws, scale) = (self.v.len(), self.draws, self.scale);
        let parts = self.x.chunks_mut(PART).zip(self.v.chunks_mut(PART)).enumerate();
        share(n, parts, |(part, (x, v))| {
            let (mut z, mut w) = ([0.0; PIECE], [0.0; PIECE]);
            for (at, (x, v)) in x.chunks_mut(PIECE).zip(v.chunks_mut(PIECE)).enumerate() {
                let start = part * PART + at * PIECE;
                draws.normals(purposes[0], start, &mut z[..v.len()]);
                draws.normals(purposes[1], start, &mut w[..v.len()]);
                for i in 0..v.len() {
                    let s = scale[start + i];
                    x[i] += s * (free.reach * v[i] + free.x_z * z[i] + free.x_w * w[i]);
                    v[i] = free.keep * v[i] + free.v_z * z[i];
                }
            }
        });
    }
}

/// x += s (reach v + x_z z + x_w w), v ← keep v + v_z z.
struct Free {
    keep: f64,
    reach: f64,
    v_z: f64,
    x_z: f64,
    x_w: f64,
}

impl Free {
    /// Covariance of (x, v) − its mean: Σ_vv = 1 − c², Σ_xv = (1 − c)²/γ, Σ_xx = (2/γ)(h − 2(1 − c)/γ + (1 − c²)/(2γ)).
    fn new(friction: f64, h: f64) -> Self {
        let t = friction * h;
        let loss = -(-t).exp_m1();
        let v_z = (-(-2.0 * t).exp_m1()).sqrt();
        let x_z = loss * loss / (friction * v_z);
        // t − 2 tanh(t/2), which cancels for small t.
        let rest = if t < 0.1 {
            t.powi(3) * (1.0 / 12.0 - t * t * (1.0 / 120.0 - t * t * (17.0 / 20_160.0)))
        } else {
            t - 2.0 * loss / (2.0 - loss)
        };
        Self { keep: 1.0 - loss, reach: loss / friction, v_z, x_z, x_w: (2.0 * rest).sqrt() / friction }
    }
}

impl Kinetic {
    /// What comes before the gradient.
    fn before(&self, chain: &mut Motion<'_>, grad: &[f64], h: f64) {
        match self.integrator {
            Integrator::Obabo => {
                chain.refresh(self.friction, 0.5 * h, Purpose::Noise);
                chain.kick(grad, 0.5 * h);
                chain.drift(h);
            }
            Integrator::Baoab => {
                chain.kick(grad, 0.5 * h);
                chain.drift(0.5 * h);
                chain.refresh(self.friction, h, Purpose::Noise);
                chain.drift(0.5 * h);
            }
            Integrator::Aboba => chain.drift(0.5 * h),
            Integrator::Ubu => chain.free(self.friction, 0.5 * h, [Purpose::Noise, Purpose::Partner]),
        }
    }

    /// What comes after it.
    fn after(&self, chain: &mut Motion<'_>, grad: &[f64], h: f64) {
        match self.integrator {
            Integrator::Obabo => {
                chain.kick(grad, 0.5 * h);
                chain.refresh(self.friction, 0.5 * h, Purpose::Partner);
            }
            Integrator::Baoab => chain.kick(grad, 0.5 * h),
            Integrator::Aboba => {
                chain.kick(grad, 0.5 * h);
                chain.refresh(self.friction, h, Purpose::Noise);
                chain.kick(grad, 0.5 * h);
                chain.drift(0.5 * h);
            }
            Integrator::Ubu => {
                chain.kick(grad, h);
                chain.free(self.friction, 0.5 * h, [Purpose::SecondNoise, Purpose::SecondPartner]);
            }
        }
    }
}

impl Transition for Kinetic {
    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        copy(&mut block.proposal, &block.x);
        block.keep_velocities();
        for i in 0..block.count() {
            let at = i * d..(i + 1) * d;
            let draws = Stream::new(step.key, block.first + i as u32, step.number);
            let (x, v) = (&mut block.proposal[at.clone()], &mut block.v[at.clone()]);
            self.before(&mut Motion { x, v, scale: step.scale, draws }, &block.grad[at], step.sizes[i]);
        }
        block.evaluate(density, step.monitor)?;
        for (i, info) in info.iter_mut().enumerate() {
            let at = i * d..(i + 1) * d;
            match block.proposal_logp[i] {
                Ok(logp) => {
                    let draws = Stream::new(step.key, block.first + i as u32, step.number);
                    let (x, v) = (&mut block.proposal[at.clone()], &mut block.v[at.clone()]);
                    self.after(&mut Motion { x, v, scale: step.scale, draws }, &block.proposal_grad[at], step.sizes[i]);
                    block.accept(i, d, logp);
                    *info = Info::default();
                }
                // Back to where it came from, and the other way.
                Err(error) => {
                    block.turn_back(i, d);
                    *info = Info { divergent: true, ..Info::stopped(error, 1, 0.0) };
                }
            }
        }
        Ok(())
    }
}
