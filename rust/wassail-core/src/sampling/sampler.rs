//! What runs have in common, of chains and of ladders: they are warmed up, drawn from, stopped, and go on from a state.

use super::archive::{Loaded, Saved};
use super::chains::End;
use super::storage::Draws;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Progress};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a ladder is like.
pub struct Rungs {
    /// β of the rungs.
    pub betas: Vec<f64>,
    /// Mean rejection of the swaps between rungs, since warm-up.
    pub rejections: Vec<f64>,
    /// Of each ladder, since warm-up.
    pub round_trips: Vec<u64>,
}

/// Several chains on their way; of ladders those at the top.
pub trait Sampler: Send {
    /// Goes on to the end of warm-up.
    fn prepare(&mut self, monitor: &dyn Monitor) -> Result<End>;

    /// The next `n` draws of every chain, after warm-up.
    fn draw(&mut self, n: usize, monitor: &dyn Monitor) -> Result<Draws>;

    /// The state, as it is.
    fn save(&mut self) -> Result<Saved>;

    /// Takes up a state of the same run.
    fn load(&mut self, saved: &Saved) -> Result<Loaded>;

    /// Has the density evaluated at the points of a state, before anything else.
    fn doubt(&mut self);

    /// Whether that is still to be done.
    fn is_doubted(&self) -> bool;

    /// The log-density of a chain in its state, and what was found instead.
    fn differing(&self, chain: usize) -> Option<(f64, f64)>;

    /// Divergences after warm-up of each chain.
    fn divergences(&self) -> Vec<u64>;

    /// The sum of divergences so far, also while the chains run.
    fn diverged(&self) -> Arc<AtomicU64>;

    /// Steps after warm-up that left the support, of each chain; of samplers with gradients only, others do not mind.
    fn outside(&self) -> Vec<u64>;

    /// Steps made here after warm-up along lines where the density does not end, by their number modulo d, which is the coordinate
    /// of samplers that take one after the other; empty for samplers with gradients.
    fn endless(&self) -> Vec<u64>;

    /// Step size of each chain.
    fn step_sizes(&self) -> Vec<f64>;

    /// Share of the steps that are shorter than that.
    fn shortened(&self) -> f64;

    /// Square roots of the diagonal preconditioner.
    fn scale(&self) -> &[f64];

    /// Steps that all chains have made.
    fn number(&self) -> u64;

    /// Most gradients that a chain took, warm-up included.
    fn n_gradients(&self) -> u64;

    /// Directions that the preconditioner stretches besides.
    fn rank(&self) -> usize;

    /// Mean steps of a trajectory, or until a velocity is forgotten.
    fn steps(&self) -> f64;

    /// Whether each chain is where the gradient is zero, if anything looks at gradients.
    fn is_flat(&self) -> Vec<bool>;

    /// Where the first chain is, for those who watch.
    fn progress(&self) -> Progress;

    /// Tells of a round that ended so for its blocks, and says how the run ended if it did: a failure comes before Ctrl-C.
    fn end_round(&self, ends: Result<Vec<End>>, monitor: &dyn Monitor) -> Result<End> {
        self.diverged().store(self.divergences().iter().sum(), Ordering::Relaxed);
        let ends = match ends {
            Err(Error::Interrupted) => return Ok(End::Interrupted),
            other => other?,
        };
        let ended = ends.into_iter().filter(|&e| e != End::Complete).min_by_key(|e| *e == End::Interrupted);
        Ok(match ended {
            Some(end) => end,
            None if monitor.report(self.progress()) => End::Interrupted,
            None => End::Complete,
        })
    }

    /// The ladder, if there is one.
    fn rungs(&self) -> Option<Rungs> {
        None
    }
}
