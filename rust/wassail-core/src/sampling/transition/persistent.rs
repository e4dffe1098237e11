//! Single steps with velocities that last: generalized Hamiltonian Monte Carlo (Horowitz 1991,
//! doi:10.1016/0370-2693(91)90812-5) and microcanonical Langevin Monte Carlo (arXiv:2212.08549).

use super::decide::settle;
use super::{Info, Path, RUNAWAY, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::vector::push;
use std::sync::Arc;

/// Velocities partly renewed, then one step.
#[derive(Clone, Copy)]
pub struct Persistent {
    /// What is followed, and how.
    pub path: Path,
    /// Whether the step may be rejected, which turns the chain back.
    pub adjusted: bool,
}

impl Transition for Persistent {
    fn gradients(&self, _: f64) -> f64 {
        self.path.splitting.stages() as f64
    }

    fn equilibrate(&self, v: &mut [f64]) {
        self.path.dynamics.equilibrate(v);
    }

    fn tuned(&self) -> Arc<dyn Transition> {
        Arc::new(*self)
    }

    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        info.fill(Info { gradients: 0, ..Info::default() });
        self.start(block, step, d);
        let Path { dynamics, splitting, .. } = self.path;
        for stage in 0..splitting.stages() {
            for (i, info) in info.iter_mut().enumerate().filter(|(_, info)| !info.lost()) {
                let (at, h) = (i * d..(i + 1) * d, step.sizes[i]);
                let (v, grad) = (&mut block.v[at.clone()], &block.proposal_grad[at.clone()]);
                info.energy += dynamics.kick(v, grad, step.scale, splitting.kick(stage) * h);
                push(&mut block.proposal[at.clone()], &block.v[at], step.scale, h / splitting.stages() as f64);
            }
            block.evaluate(density, step.monitor)?;
            for (i, info) in info.iter_mut().enumerate().filter(|(_, info)| !info.lost()) {
                info.gradients += 1;
                if let Err(error) = block.proposal_logp[i] {
                    *info = Info::stopped(error, info.gradients, info.energy);
                    info.divergent |= !self.adjusted;
                    block.retract(i, d);
                    self.turn_back(block, step, i, d);
                }
            }
        }
        for (i, info) in info.iter_mut().enumerate().filter(|(_, info)| !info.lost()) {
            let (at, h) = (i * d..(i + 1) * d, step.sizes[i]);
            let (v, grad) = (&mut block.v[at.clone()], &block.proposal_grad[at]);
            info.energy += dynamics.kick(v, grad, step.scale, splitting.kick(0) * h);
            let Ok(logp) = block.proposal_logp[i] else { continue };
            if !self.adjusted {
                info.energy -= logp - block.logp[i];
                // A chain that is thrown out by a step far too long would not find back.
                if info.energy.abs() < RUNAWAY + d as f64 {
                    block.accept(i, d, logp);
                } else {
                    *info = Info::stopped(DensityError::Recoverable, info.gradients, info.energy);
                    self.turn_back(block, step, i, d);
                }
            } else if !settle(block, step, d, i, logp, RUNAWAY, info) {
                self.turn_back(block, step, i, d);
            }
        }
        Ok(())
    }
}

impl Persistent {
    /// Keeps velocities and renews them; puts proposals where the chains are.
    fn start(&self, block: &mut Block, step: Step<'_>, d: usize) {
        block.proposal.copy_from_slice(&block.x);
        block.proposal_grad.copy_from_slice(&block.grad);
        block.keep_velocities();
        (0..block.count()).for_each(|i| self.renew(block, step, i, d));
    }

    fn renew(&self, block: &mut Block, step: Step<'_>, i: usize, d: usize) {
        let draws = Stream::new(step.key, block.first + i as u32, step.number);
        let decay = self.path.decay(step, step.sizes[i]);
        self.path.dynamics.refresh(&mut block.v[i * d..(i + 1) * d], &draws, Purpose::Noise, decay);
    }

    /// Gives chain i its renewed velocity, reversed. Made again from the one that was kept: few steps need it.
    fn turn_back(&self, block: &mut Block, step: Step<'_>, i: usize, d: usize) {
        let at = i * d..(i + 1) * d;
        block.v[at.clone()].copy_from_slice(&block.noise[at.clone()]);
        self.renew(block, step, i, d);
        block.v[at].iter_mut().for_each(|v| *v = -*v);
    }
}
