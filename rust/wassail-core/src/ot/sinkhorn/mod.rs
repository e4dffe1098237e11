//! Sinkhorn's algorithm: annealed, relaxed, balanced or unbalanced, on any geometry.

mod accelerate;
mod trial;
mod updates;

pub(in crate::ot) use trial::Tried;

use super::annealing::schedule;
use super::engine::Engine;
use super::geometry::Geometry;
use super::sweep::{Pair, Weights};
use super::update::Update;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::sum;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Regularization ε of KL(P | a⊗b).
    pub epsilon: f64,
    /// L1 error of both marginals to stop at, relative to the mass; with ρ to what is left of it.
    pub tol: f64,
    /// Most sweeps over all stages.
    pub max_iter: usize,
    /// Marginal weights (ρ_a, ρ_b), inf where exact.
    pub rho: (f64, f64),
    /// Ratio of successive ε; None chooses, 1 turns annealing off.
    pub anneal: Option<f64>,
    /// Fixed over-relaxation ω; None solves for the step by conjugate gradients.
    pub relaxation: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The error is below the tolerance, measured in f64.
    Converged,
    /// `max_iter` sweeps were made.
    MaxIter,
    /// The callback stopped it.
    Stopped,
    /// The error is at the level of rounding and no longer shrinks.
    Stalled,
}

/// One sweep's record.
#[derive(Clone, Copy, Debug)]
pub struct TracePoint {
    /// L1 error of both marginals.
    pub error: f64,
    /// ε of the stage.
    pub epsilon: f64,
    /// ω of the sweep; 0 for a product of the conjugate gradients.
    pub relaxation: f64,
}

/// Potentials and how they were reached.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Row potential.
    pub f: Vec<f64>,
    /// Column potential.
    pub g: Vec<f64>,
    /// How the run ended.
    pub status: Status,
    /// L1 error of both marginals of (f, g).
    pub error: f64,
    /// One entry per sweep.
    pub trace: Vec<TracePoint>,
}

/// Errors of earlier stages need only be this small.
const STAGE_TOL: f64 = 0.05;
/// Sweeps after which an earlier stage is left anyway.
const STAGE_SWEEPS: usize = 30;
/// Steps without progress before f32 hands over or, at rounding level, f64 gives up.
const PATIENCE: usize = 4;
/// The same for plain and relaxed sweeps, which may oscillate.
const PATIENCE_RELAXED: usize = 100;
/// Steps without progress after which f32 hands over, however large the error is.
const LASTING: usize = 32;
/// Errors above this share of the mass are not yet worth a linearization.
const LINEAR_BELOW: f64 = 0.3;
/// A plain iteration that needs no more than this many further sweeps goes on.
const NEARLY_DONE: f64 = 3.0;
/// First and largest bound on the move of g in one accelerated step, in units of ε.
const FIRST_MOVE: f64 = 4.0;
const LARGEST_MOVE: f64 = 1000.0;
/// Most products of one accelerated step.
const MOST_PRODUCTS: usize = 1000;
/// Shortenings of an accelerated step before a plain one is made.
const SHORTENINGS: usize = 4;

/// Solves min_P ⟨C, P⟩ + ε KL(P | a⊗b) + ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b). All weights are positive.
pub fn solve(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    init: Option<(&[f64], &[f64])>,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    if is_better_transposed(geometry) {
        let swapped = Weights { a: weights.b, b: weights.a };
        let rho = (options.rho.1, options.rho.0);
        let init = init.map(|(f, g)| (g, f));
        let out = Run::new(&*geometry.transposed(), swapped, init, &Options { rho, ..*options })?.run(monitor)?;
        return Ok(Outcome { f: out.g, g: out.f, ..out });
    }
    Run::new(geometry, weights, init, options)?.run(monitor)
}

/// Rows are to be contiguous in memory, and the shorter side is the one that is kept in cache.
pub(in crate::ot) fn is_better_transposed(geometry: &dyn Geometry) -> bool {
    let (n, m) = geometry.shape();
    geometry.is_column_major() || (!geometry.is_stored() && m > n)
}

/// The state between sweeps: (f, g) is the pair whose error was measured last.
pub(in crate::ot) struct Run<'a> {
    geometry: &'a dyn Geometry,
    pub(in crate::ot) weights: Weights<'a>,
    options: Options,
    total: f64,
    /// Mass that errors are compared with: `total`, or what ρ leaves of it at (f, g).
    moving: f64,
    pub(in crate::ot) f: Vec<f64>,
    pub(in crate::ot) g: Vec<f64>,
    /// Row softmins at g.
    pub(in crate::ot) softmin: Vec<f64>,
    /// Column masses of the plan at (f, g).
    pub(in crate::ot) mass: Vec<f64>,
    /// What g is updated to.
    target: Vec<f64>,
    pub(in crate::ot) error: f64,
    /// The ε of the last step that was tried, and the least error that one there started from.
    pub(in crate::ot) least: (f64, f64),
    pub(in crate::ot) trace: Vec<TracePoint>,
    fresh: bool,
    /// Whether pairs are moved to their best translation (unbalanced problems, outside the linearized phase).
    translating: bool,
    /// Bound on an accelerated move of g, in units of ε.
    radius: f64,
}

impl<'a> Run<'a> {
    pub(in crate::ot) fn new(
        geometry: &'a dyn Geometry,
        weights: Weights<'a>,
        init: Option<(&[f64], &[f64])>,
        options: &Options,
    ) -> Result<Self> {
        let (n, m) = geometry.shape();
        let (f, g) = init.map_or_else(|| (vec![0.0; n], vec![0.0; m]), |(f, g)| (f.to_vec(), g.to_vec()));
        let total = sum(weights.a.iter().copied()).max(sum(weights.b.iter().copied()));
        geometry.prepare(false)?;
        Ok(Self {
            geometry,
            weights,
            options: *options,
            total,
            moving: total,
            softmin: f.clone(),
            f,
            g,
            mass: vec![0.0; m],
            target: vec![0.0; m],
            error: f64::INFINITY,
            least: (0.0, f64::INFINITY),
            trace: Vec::new(),
            fresh: init.is_none(),
            radius: FIRST_MOVE,
            translating: options.rho.0.is_finite() || options.rho.1.is_finite(),
        })
    }

    /// The ε of the stages before the last.
    pub(in crate::ot) fn stages(&self) -> impl Iterator<Item = f64> + use<> {
        let anneal = if self.fresh { self.options.anneal } else { Some(1.0) };
        schedule(self.geometry, self.options.epsilon, anneal)
    }

    fn run(mut self, monitor: &dyn Monitor) -> Result<Outcome> {
        let mut engine = Engine::new(self.geometry, self.weights, self.options.relaxation.is_some())?;
        if self.options.max_iter == 0 {
            return self.evaluated(&mut engine, Status::MaxIter, monitor);
        }
        let mut status = None;
        for epsilon in self.stages() {
            status = self.stage(&mut engine, epsilon, monitor)?;
            if status.is_some() {
                break;
            }
        }
        let status = match status {
            Some(status) => status,
            None => self.finish(&mut engine, self.options.epsilon, monitor)?,
        };
        if matches!(status, Status::MaxIter | Status::Stopped) {
            return self.evaluated(&mut engine, status, monitor);
        }
        Ok(self.into_outcome(status))
    }

    /// The pair as it is.
    pub(in crate::ot) fn into_outcome(self, status: Status) -> Outcome {
        Outcome { f: self.f, g: self.g, status, error: self.error, trace: self.trace }
    }

    /// Closes a run that ended early, perhaps in an earlier stage, in f32, or on a trial: f becomes the update of g at the ε
    /// asked for (with `max_iter` 0 it stays), and the error of that pair is measured in f64.
    pub(in crate::ot) fn evaluated(
        mut self,
        engine: &mut Engine<'_>,
        status: Status,
        monitor: &dyn Monitor,
    ) -> Result<Outcome> {
        let epsilon = self.options.epsilon;
        engine.refine();
        let omega = if self.options.max_iter == 0 { 0.0 } else { 1.0 };
        let rows = Update { epsilon, omega, rho: self.options.rho.0 };
        let pair = Pair { f: &mut self.f, g: &self.g, softmin: &mut self.softmin, mass: &mut self.mass };
        engine.sweep(pair, &rows, monitor)?;
        if self.is_unbalanced() && omega > 0.0 {
            self.translate(&rows);
        }
        self.measure(epsilon);
        let status = if self.relative() <= self.options.tol { Status::Converged } else { status };
        Ok(self.into_outcome(status))
    }

    /// Plain sweeps at an earlier ε, until the error is small enough to go on.
    fn stage(&mut self, engine: &mut Engine<'_>, epsilon: f64, monitor: &dyn Monitor) -> Result<Option<Status>> {
        for _ in 0..STAGE_SWEEPS {
            if let Some(status) = self.iterate(engine, epsilon, 1.0, monitor)? {
                return Ok(Some(status));
            }
            // Left with columns exact at this ε, no column of the next stage underflows (power means).
            self.advance_columns(1.0);
            if self.relative() <= STAGE_TOL {
                break;
            }
        }
        Ok(None)
    }

    /// Sweeps at the ε asked for, to the end.
    fn finish(&mut self, engine: &mut Engine<'_>, epsilon: f64, monitor: &dyn Monitor) -> Result<Status> {
        let relaxed = self.options.relaxation.is_some();
        let patience = if relaxed { PATIENCE_RELAXED } else { PATIENCE };
        let omega = self.options.relaxation.unwrap_or(1.0);
        let (mut stall, mut previous) = (Stall::new(patience), f64::INFINITY);
        let mut status = self.iterate(engine, epsilon, omega, monitor)?;
        while status.is_none() {
            let relative = self.relative();
            let needed = (relative / self.options.tol).ln() / (previous / relative).ln();
            let plain = relaxed || relative > LINEAR_BELOW || (0.0..=NEARLY_DONE).contains(&needed);
            let stuck = stall.observe(relative);
            previous = relative;
            if engine.is_exact() && relative <= self.aim(epsilon) {
                return Ok(Status::Converged);
            }
            if !engine.is_exact()
                && (relative <= engine.floor(self.largest() / epsilon).max(0.7 * self.options.tol)
                    || (stuck && (relative < 1e-2 || stall.is_lasting())))
            {
                engine.refine();
                (stall, previous) = (Stall::new(patience), f64::INFINITY);
                status = self.iterate(engine, epsilon, omega, monitor)?;
            } else if stuck && (relative <= self.rounding(epsilon) || self.moving == 0.0) {
                return Ok(self.stuck());
            } else if plain {
                self.advance_columns(omega);
                status = self.iterate(engine, epsilon, omega, monitor)?;
            } else {
                status = self.accelerate(engine, epsilon, monitor)?;
            }
        }
        Ok(status.unwrap_or(Status::MaxIter))
    }
}

/// Notices that an error has stopped shrinking.
pub(in crate::ot) struct Stall {
    best: f64,
    since: usize,
    patience: usize,
}

impl Stall {
    pub(in crate::ot) fn new(patience: usize) -> Self {
        Self { best: f64::INFINITY, since: 0, patience }
    }

    /// Whether it stopped so long ago that no plateau explains it.
    fn is_lasting(&self) -> bool {
        self.since >= LASTING
    }

    pub(in crate::ot) fn observe(&mut self, error: f64) -> bool {
        self.since += 1;
        if error < 0.9 * self.best {
            self.best = error;
            self.since = 0;
        }
        self.since >= self.patience
    }
}
