//! Where draws go.

use super::chains::{End, Member, Run};
use crate::error::{Result, try_zeroed};

/// What a run gave.
pub struct Draws {
    /// Why it ended.
    pub end: End,
    /// Draws that every chain has.
    pub count: usize,
    /// (chains, n_samples, d).
    pub draws: Vec<f64>,
    /// (chains, n_samples).
    pub logp: Vec<f64>,
    /// Mean acceptance since the last draw, (chains, n_samples).
    pub acceptance: Vec<f64>,
    /// Divergences after warm-up of each chain.
    pub divergences: Vec<u64>,
    /// Step size of each chain.
    pub step_sizes: Vec<f64>,
    /// Square roots of the diagonal preconditioner.
    pub scale: Vec<f64>,
    /// Gradients of each chain, warm-up included.
    pub n_gradients: u64,
}

/// Where a block's draws go.
pub(super) struct Slots<'s> {
    pub(super) draws: &'s mut [f64],
    pub(super) logp: &'s mut [f64],
    pub(super) acceptance: &'s mut [f64],
}

impl Draws {
    /// Room for all draws.
    pub(super) fn new(run: &Run<'_>, chains: usize) -> Result<Self> {
        Ok(Self {
            end: End::Complete,
            count: 0,
            draws: try_zeroed(run.start.len() * run.n_samples)?,
            logp: try_zeroed(chains * run.n_samples)?,
            acceptance: try_zeroed(chains * run.n_samples)?,
            divergences: vec![0; chains],
            step_sizes: vec![run.step_size; chains],
            scale: run.scale.clone(),
            n_gradients: 0,
        })
    }
}

/// Each block's part of the storage, from draw `done` of those not yet counted on.
pub(super) fn split<'s>(out: &'s mut Draws, members: &[Member], run: &Run<'_>, done: usize) -> Vec<Option<Slots<'s>>> {
    let (n, d) = (run.n_samples, run.density.dim());
    let from = out.count + done;
    let (mut draws, mut logp, mut acceptance) = (&mut out.draws[..], &mut out.logp[..], &mut out.acceptance[..]);
    let mut slots = Vec::new();
    for member in members {
        let count = member.block.count();
        let (mine, rest) = draws.split_at_mut(count * n * d);
        draws = rest;
        let (mine_logp, rest) = logp.split_at_mut(count * n);
        logp = rest;
        let (mine_acceptance, rest) = acceptance.split_at_mut(count * n);
        acceptance = rest;
        slots.push(Some(Slots {
            draws: &mut mine[from * d..],
            logp: &mut mine_logp[from..],
            acceptance: &mut mine_acceptance[from..],
        }));
    }
    slots
}

impl Member {
    pub(super) fn store(&self, slots: &mut Slots<'_>, run: &Run<'_>, at: usize) {
        let (n, d) = (run.n_samples, run.density.dim());
        for i in 0..self.info.len() {
            slots.draws[(i * n + at) * d..][..d].copy_from_slice(&self.block.x[i * d..(i + 1) * d]);
            slots.logp[i * n + at] = self.block.logp[i];
            slots.acceptance[i * n + at] = self.acceptance[i];
        }
    }
}
