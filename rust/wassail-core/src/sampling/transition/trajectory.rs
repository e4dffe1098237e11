//! Trajectories that end in one acceptance: Hamiltonian Monte Carlo, MALT (Riou-Durand and Vogrinc 2022, arXiv:2202.13230) and
//! the Metropolis-adjusted microcanonical sampler (Robnik, Cohn-Gordon and Seljak 2025, arXiv:2503.01707).

use super::decide::settle;
use super::{Info, Path, RUNAWAY, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::push;
use crate::sampling::velocity::Dynamics;
use std::sync::Arc;

/// Most steps of a trajectory.
const LONGEST: usize = 1024;

/// Fresh velocities, some steps, one acceptance.
#[derive(Clone, Copy)]
pub struct Trajectory {
    /// What is followed, and how.
    pub path: Path,
    /// Spread j of the number of steps, uniform on n(1 ∓ j) around its mean n.
    pub jitter: f64,
}

impl Trajectory {
    /// Steps of this trajectory: the same for all chains, so that blocks stay together.
    fn steps(&self, step: Step<'_>) -> usize {
        let mean = step.steps.clamp(1.0, LONGEST as f64);
        let width = (2.0 * self.jitter * mean - 1.0).max(1.0);
        let u = Stream::new(step.key, u32::MAX, step.number).uniform(Purpose::Time, 0);
        ((mean + (u - 0.5) * width).round() as usize).clamp(1, LONGEST)
    }
}

impl Transition for Trajectory {
    fn gradients(&self, steps: f64) -> f64 {
        self.path.splitting.stages() as f64 * steps.clamp(1.0, LONGEST as f64)
    }

    fn longest(&self) -> f64 {
        LONGEST as f64
    }

    fn tuned(&self) -> Arc<dyn Transition> {
        Arc::new(*self)
    }

    fn mixes_sizes(&self) -> bool {
        true
    }

    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        start(block, self.path.dynamics, step, d);
        info.fill(Info { gradients: 0, ..Info::default() });
        let stages = self.path.splitting.stages();
        let total = self.steps(step) * stages;
        for stage in 0..total {
            if step.monitor.cancelled() {
                return Err(DensityError::Recoverable);
            }
            for (i, info) in info.iter_mut().enumerate().filter(|(_, info)| !info.lost()) {
                info.energy += self.before(block, d, step, i, stage);
            }
            block.evaluate(density, step.monitor)?;
            for (i, info) in info.iter_mut().enumerate().filter(|(_, info)| !info.lost()) {
                info.gradients += 1;
                if let Err(error) = block.proposal_logp[i] {
                    *info = Info::stopped(error, info.gradients, info.energy);
                    block.retract(i, d);
                }
            }
            if info.iter().all(Info::lost) {
                return Ok(());
            }
        }
        for (i, info) in info.iter_mut().enumerate().filter(|(_, info)| !info.lost()) {
            let at = i * d..(i + 1) * d;
            let h = self.path.splitting.kick(0) * step.sizes[i];
            let (v, grad) = (&mut block.v[at.clone()], &block.proposal_grad[at]);
            info.energy += self.path.dynamics.kick(v, grad, step.scale, h);
            if let Ok(logp) = block.proposal_logp[i] {
                settle(block, step, d, i, logp, RUNAWAY, info);
            }
        }
        Ok(())
    }
}

/// Puts proposals where the chains are, with fresh velocities.
fn start(block: &mut Block, dynamics: Dynamics, step: Step<'_>, d: usize) {
    block.proposal.copy_from_slice(&block.x);
    block.proposal_grad.copy_from_slice(&block.grad);
    for (i, v) in block.v.chunks_exact_mut(d).enumerate() {
        Stream::new(step.key, block.first + i as u32, step.number).normals(Purpose::Noise, 0, v);
        dynamics.equilibrate(v);
    }
}

impl Trajectory {
    /// What comes before the gradient of a stage of chain i: the kick that ends the stage before and the one that begins this
    /// one are one, unless velocities are renewed between them. Returns the change of kinetic energy.
    fn before(&self, block: &mut Block, d: usize, step: Step<'_>, i: usize, stage: usize) -> f64 {
        let Path { dynamics, splitting, .. } = self.path;
        let (at, h) = (i * d..(i + 1) * d, step.sizes[i]);
        let (v, grad) = (&mut block.v[at.clone()], &block.proposal_grad[at.clone()]);
        let within = stage % splitting.stages();
        let edge = splitting.kick(0) * h;
        let decay = self.path.decay(step, h);
        let change = if within > 0 {
            dynamics.kick(v, grad, step.scale, splitting.kick(within) * h)
        } else if stage == 0 {
            dynamics.kick(v, grad, step.scale, edge)
        } else if decay == 0.0 {
            dynamics.kick(v, grad, step.scale, 2.0 * edge)
        } else {
            let first = dynamics.kick(v, grad, step.scale, edge);
            // Steps along trajectories have numbers of their own.
            let along = step.number * LONGEST as u64 + (stage / splitting.stages()) as u64;
            let draws = Stream::new(step.key, block.first + i as u32, along);
            dynamics.refresh(v, &draws, Purpose::Path, decay);
            first + dynamics.kick(v, grad, step.scale, edge)
        };
        push(&mut block.proposal[at.clone()], &block.v[at], step.scale, h / splitting.stages() as f64);
        change
    }
}
