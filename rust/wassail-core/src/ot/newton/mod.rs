//! Sinkhorn–Newton–Sparse: Sinkhorn sweeps until Newton's method takes hold, then Newton steps on a sparsified Hessian, at each ε of an
//! annealed path (Tang et al. 2024, arXiv:2401.12253, made safe: sparse by a tested error, shifted, inexact, with Sinkhorn to fall
//! back on).

mod damping;
mod direction;
mod kernels;
pub mod sparse;

use super::annealing::spread;
use super::batch::Quiet;
use super::engine::Engine;
use super::exact::{self, Amount, Pattern, Start};
use super::geometry::Geometry;
use super::sinkhorn::{self, Run, Stall, Status, Tried, is_better_transposed};
use super::sweep::Weights;
use crate::error::Result;
use crate::linalg::Bipartite;
use crate::monitor::Monitor;
use damping::Damping;
use direction::Finder;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Regularization ε of KL(P | a⊗b).
    pub epsilon: f64,
    /// Relative L1 error of both marginals to stop at.
    pub tol: f64,
    /// Most sweeps, those of Newton steps included.
    pub max_iter: usize,
    /// Ratio of successive ε; None chooses, 1 turns annealing off.
    pub anneal: Option<f64>,
}

/// What is recorded of a sweep beside the error it found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Whether it tried a Newton step.
    pub newton: bool,
    /// Entries of the Hessian that were used, as a share of all.
    pub density: f64,
    /// Iterations of conjugate gradients.
    pub iterations: usize,
    /// Share of the direction that was gone; 0 for a trial that was taken back.
    pub length: f64,
}

/// A plain sweep: all entries, the whole update.
pub(super) const SWEEP: Step = Step { newton: false, density: 1.0, iterations: 0, length: 1.0 };

/// Potentials and how they were reached.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The pair, and the error of each sweep.
    pub pair: sinkhorn::Outcome,
    /// The kind of each sweep.
    pub steps: Vec<Step>,
}

/// Error at which an earlier stage is left.
const STAGE_TOL: f64 = 0.02;
/// Newton steps after which an earlier stage is left anyway.
const STAGE_STEPS: usize = 12;
/// Sweeps before the first Newton step of a stage, and the error that needs no more of them.
const WARM_UP: usize = 4;
const NEWTON_BELOW: f64 = 0.3;
/// Sweeps that a Newton step is worth: with no more to go, they go on.
const NEARLY_DONE: f64 = 5.0;
/// Error from which steps are tried in f64, for they are to end below what f32 sees, and that from which their gradients are.
const NEAR: f64 = 5e-3;
const FINE: f64 = 1e-5;
/// Largest move of a step, in units of ε, after which the linear model is still good for one more.
const CHORD: f64 = 0.05;
/// Bounds of a length that the slope at the end of a step that went too far tells.
const SHORTER: (f64, f64) = (0.1, 0.6);
/// What of the error the first step of a warm start may leave before it leaps: more, and entries that held next to nothing are to open,
/// which takes the potentials many ε away.
const LEAP: f64 = 0.1;
/// ε by the mean cost below which the potentials of unregularized transport are near.
const LOW: f64 = 0.006;
/// Sweeps that must be left for what follows, whose first errors are larger.
const LEFT: usize = 50;
/// Pairs beyond which unregularized transport, on one core, is no short cut.
const LARGEST_LEAP: usize = 1 << 27;
/// Steps without progress before f32 hands over or, at rounding level, f64 gives up.
const PATIENCE: usize = 4;
/// Directions that are tried from one point.
const TRIALS: usize = 4;
/// Forcing term: residual of the linear system by the error, per square root of the error, and at most.
const FORCING: (f64, f64) = (1e-2, 1e-3);
/// The same of a step that is to be the last one, by the goal, and the residual by the goal up to which a step is: a few more products
/// save another.
const LAST: f64 = 0.2;
const NEAR_GOAL: f64 = 4.0;

/// Solves min_P ⟨C, P⟩ + ε KL(P | a⊗b) over P1 = a, Pᵀ1 = b. All weights are positive.
pub fn solve(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    init: Option<(&[f64], &[f64])>,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    if is_better_transposed(geometry) {
        let swapped = Weights { a: weights.b, b: weights.a };
        let out = Newton::new(&*geometry.transposed(), swapped, init.map(|(f, g)| (g, f)), options)?.run(monitor)?;
        let pair = sinkhorn::Outcome { f: out.pair.g, g: out.pair.f, ..out.pair };
        return Ok(Outcome { pair, ..out });
    }
    Newton::new(geometry, weights, init, options)?.run(monitor)
}

struct Newton<'a> {
    geometry: &'a dyn Geometry,
    run: Run<'a>,
    engine: Engine<'a>,
    finder: Finder,
    options: Options,
    steps: Vec<Step>,
    damping: Damping,
    /// The sparse stand-in of the last step, and how far that went in units of ε.
    model: Option<(Bipartite, f64)>,
    /// Whether this is a warm start that may leap still.
    leaps: bool,
}

impl<'a> Newton<'a> {
    fn new(
        geometry: &'a dyn Geometry,
        weights: Weights<'a>,
        init: Option<(&[f64], &[f64])>,
        options: &Options,
    ) -> Result<Self> {
        let Options { epsilon, tol, max_iter, anneal } = *options;
        let exact = (f64::INFINITY, f64::INFINITY);
        let plain = sinkhorn::Options { epsilon, tol, max_iter, rho: exact, anneal, relaxation: None };
        let run = Run::new(geometry, weights, init, &plain)?;
        let (n, m) = geometry.shape();
        let leaps = init.is_some() && n.saturating_mul(m) <= LARGEST_LEAP && epsilon < LOW * spread(geometry);
        let mut engine = Engine::new(geometry, weights, false)?;
        if init.is_some() {
            engine.open_near();
        }
        Ok(Self {
            geometry,
            run,
            engine,
            finder: Finder::new(),
            options: *options,
            steps: Vec::new(),
            damping: Damping::new(),
            model: None,
            leaps,
        })
    }

    fn run(mut self, monitor: &dyn Monitor) -> Result<Outcome> {
        let mut status = (self.options.max_iter == 0).then_some(Status::MaxIter);
        let mut stages = self.run.stages().chain(std::iter::once(self.options.epsilon)).peekable();
        let mut before: Option<(f64, Vec<f64>)> = None;
        while let Some(epsilon) = stages.next() {
            if status.is_some() {
                break;
            }
            self.finder.start_stage();
            self.damping = Damping::new();
            self.model = None;
            status = self.stage(epsilon, stages.peek().is_none(), monitor)?;
            if status.is_none() {
                // With columns exact at this ε, no column of the next stage underflows (power means).
                self.run.advance_columns(1.0);
                before = Some(self.extrapolate(before, epsilon, stages.peek().copied()));
            }
        }
        let status = status.unwrap_or(Status::MaxIter);
        let Self { run, mut engine, mut steps, .. } = self;
        let pair = if matches!(status, Status::MaxIter | Status::Stopped) {
            run.evaluated(&mut engine, status, monitor)?
        } else {
            run.into_outcome(status)
        };
        steps.resize(pair.trace.len(), SWEEP);
        Ok(Outcome { pair, steps })
    }

    /// Moves g on along the path of solutions: linear in ε from the last two stages. Returns this stage's point.
    fn extrapolate(&mut self, before: Option<(f64, Vec<f64>)>, epsilon: f64, next: Option<f64>) -> (f64, Vec<f64>) {
        let here = self.run.g.clone();
        if let (Some((old, g)), Some(next)) = (before, next) {
            let ratio = (next - epsilon) / (epsilon - old);
            self.run.g.iter_mut().zip(&g).for_each(|(g, old)| *g += ratio * (*g - old));
        }
        (epsilon, here)
    }

    fn stage(&mut self, epsilon: f64, last: bool, monitor: &dyn Monitor) -> Result<Option<Status>> {
        let (mut stall, mut sweeps, mut newton) = (Stall::new(PATIENCE), 1, 0);
        let mut plain_ratio = 1.0;
        let mut status = self.sweep(epsilon, monitor)?;
        if self.run.relative() > NEAR {
            self.engine.coarsen(); // A start that was taken to be near and is not.
        }
        while status.is_none() {
            let relative = self.run.relative();
            let goal = if last { self.run.aim(epsilon) } else { STAGE_TOL };
            if relative <= goal && (!last || self.engine.is_exact()) {
                return Ok(last.then_some(Status::Converged));
            }
            if !last && newton >= STAGE_STEPS {
                return Ok(None);
            }
            let stuck = last && stall.observe(relative);
            let floor = self.engine.floor(self.run.largest() / epsilon).max(0.7 * goal).max(FINE);
            if last && !self.engine.is_exact() && (relative <= floor || (stuck && relative < 1e-2)) {
                self.engine.refine();
                stall = Stall::new(PATIENCE);
                status = self.sweep(epsilon, monitor)?;
                continue;
            }
            if stuck && relative <= self.run.rounding(epsilon) {
                return Ok(Some(self.run.stuck()));
            }
            let needed = (relative / goal).ln() / -f64::ln(plain_ratio);
            let warming = relative > NEWTON_BELOW && sweeps < WARM_UP;
            if warming || (0.0..=NEARLY_DONE).contains(&needed) {
                self.run.advance_columns(1.0);
                status = self.sweep(epsilon, monitor)?;
                sweeps += 1;
                plain_ratio = self.run.relative() / relative;
            } else {
                status = self.step(epsilon, goal, last, monitor)?;
                newton += 1;
                plain_ratio = 1.0;
                let slow = self.run.relative() > (LEAP * relative).max(10.0 * goal);
                if status.is_none() && std::mem::take(&mut self.leaps) && slow {
                    let spare = self.options.max_iter.saturating_sub(self.run.trace.len());
                    if spare >= LEFT && self.leap(monitor)? {
                        (stall, sweeps) = (Stall::new(PATIENCE), 1);
                        status = self.sweep(epsilon, monitor)?;
                    }
                }
            }
        }
        Ok(status)
    }

    /// On to the potentials of unregularized transport: where the plan is nearly one of its vertices and the weights have changed, they
    /// tell which entries open.
    fn leap(&mut self, monitor: &dyn Monitor) -> Result<bool> {
        // A plan of no entries: the tree of the least reduced costs is mended, in fewer pivots than one made anew takes.
        let indptr = vec![0; self.run.f.len() + 1];
        let plan = Some(Pattern { indptr: &indptr, indices: &[] });
        let start = Start { f: &self.run.f, g: &self.run.g, plan };
        let found = exact::solve(self.geometry, self.run.weights, Amount::All, Some(start), &Quiet(monitor))?;
        let usable = found.blocked == 0.0 && found.g.iter().all(|g| g.is_finite());
        if usable {
            self.run.g = found.g;
            self.run.least.1 = f64::INFINITY;
            self.engine.coarsen();
            self.finder.start_stage();
            self.damping = Damping::new();
            self.model = None;
        }
        Ok(usable)
    }

    fn sweep(&mut self, epsilon: f64, monitor: &dyn Monitor) -> Result<Option<Status>> {
        let status = self.run.iterate(&mut self.engine, epsilon, 1.0, monitor)?;
        self.steps.resize(self.run.trace.len(), SWEEP);
        Ok(status)
    }

    /// A Newton step: shortened or damped more until it helps, else a plain sweep.
    fn step(&mut self, epsilon: f64, goal: f64, last: bool, monitor: &dyn Monitor) -> Result<Option<Status>> {
        let Self { run, engine, finder, damping, .. } = self;
        let before = run.relative();
        let mut forcing = (FORCING.0 * before.sqrt()).min(FORCING.1).max(LAST * goal / before);
        if engine.is_exact() && forcing * before <= NEAR_GOAL * goal {
            forcing = LAST * goal / before;
        }
        let residual = forcing * run.error;
        let start = run.saved();
        // While the linear model is good to less than what is left, it serves again.
        let again = self.model.take().filter(|model| model.1 * before <= goal);
        let sparse = match again {
            Some((sparse, _)) => Some(sparse),
            None => finder.linearize(run, engine, epsilon, monitor)?,
        };
        if last && before <= NEAR {
            engine.refine();
        }
        for _ in 0..TRIALS {
            let most_damped = damping.is_largest();
            let mut found = finder.find(run, sparse.as_ref(), engine, epsilon, residual, damping, monitor)?;
            let mut share = 1.0;
            let mut tried = run.try_along(&start, &found.delta, engine, epsilon, monitor)?;
            let iterations = std::mem::take(&mut found.iterations);
            self.steps.resize(
                run.trace.len(),
                Step { newton: true, density: found.density, iterations, length: tried.length() },
            );
            if let Tried::Failed(Some(left)) = tried
                && left < 0.0
            {
                share = (1.0 / (1.0 - left)).clamp(SHORTER.0, SHORTER.1);
                found.delta.iter_mut().for_each(|d| *d *= share);
                run.restore(&start);
                damping.failed();
                tried = run.try_along(&start, &found.delta, engine, epsilon, monitor)?;
                let length = share * tried.length();
                self.steps
                    .resize(run.trace.len(), Step { newton: true, density: found.density, iterations: 0, length });
            }
            match tried {
                Tried::Ended(status) => return Ok(Some(status)),
                Tried::Moved(length, left) => {
                    if share == 1.0 {
                        damping.moved(run.relative() / before, (left - found.left).abs());
                    }
                    let largest = found.delta.iter().fold(0.0f64, |s, d| s.max(d.abs()));
                    let moved = length * largest / epsilon;
                    if sparse.is_none() && before <= FINE && run.relative() > before {
                        finder.was_of_no_use(run);
                    }
                    self.model = sparse.filter(|_| moved <= CHORD).map(|sparse| (sparse, moved));
                    return Ok(None);
                }
                Tried::Failed(_) => {
                    run.restore(&start);
                    if share == 1.0 {
                        damping.failed();
                    }
                    if most_damped {
                        break;
                    }
                }
            }
        }
        if sparse.is_none() {
            finder.was_of_no_use(run);
        }
        self.run.advance_columns(1.0);
        self.sweep(epsilon, monitor)
    }
}
