//! Sinkhorn's iteration or Newton's method, whichever gets there first: at middling ε nothing that is known beforehand tells. Sweeps
//! are tried; Newton goes on from where they are if they turn out to be many, and begins where the start is near.

use super::geometry::Geometry;
use super::newton::{self, SWEEP};
use super::sinkhorn::{self, Status, TracePoint};
use super::sweep::Weights;
use crate::error::Result;
use crate::monitor::{Monitor, Progress};
use crate::parallel::sum;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Sweeps before the first look at their rate, and those it is measured over.
const FIRST_LOOK: usize = 48;
const SPAN: usize = 15;
/// Sweeps that may be made in all, by those that their rate may promise: it may change.
const BEYOND: f64 = 1.2;
/// Marginal error, relative to the mass, from which Newton finds its way better by annealing of its own.
const FAR: f64 = 0.05;
/// The same of a start from which Newton has only a few steps left, however slow sweeps are.
const NEAR: f64 = 0.01;

/// What is asked for, and how long sweeps are tried.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What is asked for; `max_iter` counts both algorithms, `anneal` is for both.
    pub problem: newton::Options,
    /// Sweeps go on while their rate promises the end within this many; 0 begins with Newton.
    pub trial: usize,
}

/// Potentials and how they were reached.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The pair, and the kind of each sweep.
    pub solution: newton::Outcome,
    /// Marginal error that the trial left and its sweeps, if Newton took over; 0 sweeps where the start was near.
    pub trial: Option<(f64, usize)>,
}

/// Solves min_P ⟨C, P⟩ + ε KL(P | a⊗b) over P1 = a, Pᵀ1 = b. All weights are positive.
pub fn solve(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    init: Option<(&[f64], &[f64])>,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    if options.trial == 0 {
        let solution = newton::solve(geometry, weights, init, &options.problem, monitor)?;
        return Ok(Outcome { solution, trial: None });
    }
    let Some(start) = init else { return sweeps_first(geometry, weights, None, options, monitor) };
    let limit = NEAR * sum(weights.a.iter().copied());
    let look = Look { monitor, limit, error: OnceLock::new(), is_far: AtomicBool::new(false) };
    let solution = newton::solve(geometry, weights, Some(start), &options.problem, &look)?;
    if !look.is_far.into_inner() {
        return Ok(Outcome { solution, trial: look.error.into_inner().map(|error| (error, 0)) });
    }
    let seen = solution.pair.trace;
    let made = seen.len();
    let problem = newton::Options { max_iter: options.problem.max_iter - made, ..options.problem };
    let rest = Options { problem, ..*options };
    let Outcome { solution, trial } = sweeps_first(geometry, weights, init, &rest, &After { monitor, made })?;
    Ok(Outcome { solution: continued(seen, solution), trial: trial.map(|(error, count)| (error, count + made)) })
}

/// Sweeps, and Newton if they turn out to be many.
fn sweeps_first(
    geometry: &dyn Geometry,
    weights: Weights<'_>,
    init: Option<(&[f64], &[f64])>,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<Outcome> {
    let newton::Options { epsilon, tol, max_iter, anneal } = options.problem;
    let most = ((BEYOND * options.trial as f64) as usize).min(max_iter);
    let exact = (f64::INFINITY, f64::INFINITY);
    let plain = sinkhorn::Options { epsilon, tol, max_iter: most, rho: exact, anneal, relaxation: None };
    let mass = sum(weights.a.iter().copied());
    let asked = AtomicBool::new(false);
    let seen = Mutex::new(Vec::new());
    let watch = Watch { monitor, trial: options.trial, goal: tol * mass, asked: &asked, seen };
    let first = sinkhorn::solve(geometry, weights, init, &plain, &watch)?;
    let made = first.trace.len();
    let ended = !matches!(first.status, Status::MaxIter | Status::Stopped) || asked.into_inner();
    if ended || made >= max_iter {
        let steps = vec![SWEEP; made];
        return Ok(Outcome { solution: newton::Outcome { pair: first, steps }, trial: None });
    }
    let rest = newton::Options { max_iter: max_iter - made, ..options.problem };
    let from = if first.error <= FAR * mass { Some((first.f.as_slice(), first.g.as_slice())) } else { init };
    let solution = newton::solve(geometry, weights, from, &rest, &After { monitor, made })?;
    Ok(Outcome { solution: continued(first.trace, solution), trial: Some((first.error, made)) })
}

/// A run with the sweeps before it.
fn continued(mut trace: Vec<TracePoint>, mut run: newton::Outcome) -> newton::Outcome {
    run.steps.splice(0..0, std::iter::repeat_n(SWEEP, trace.len()));
    trace.append(&mut run.pair.trace);
    run.pair.trace = trace;
    run
}

/// Ends a run from a start that is not near, after its first sweep.
struct Look<'a> {
    monitor: &'a dyn Monitor,
    limit: f64,
    /// That of the first sweep.
    error: OnceLock<f64>,
    is_far: AtomicBool,
}

impl Monitor for Look<'_> {
    fn cancelled(&self) -> bool {
        self.monitor.cancelled()
    }
    fn report(&self, progress: Progress) -> bool {
        if self.monitor.report(progress) {
            return true;
        }
        let is_first = self.error.set(progress.error).is_ok();
        let is_far = is_first && (progress.error > self.limit || progress.error.is_nan());
        self.is_far.fetch_or(is_far, Ordering::Relaxed);
        is_far
    }
}

/// Ends a trial.
struct Watch<'a> {
    monitor: &'a dyn Monitor,
    trial: usize,
    goal: f64,
    /// Whether the caller asked for the end.
    asked: &'a AtomicBool,
    /// What was reported at the ε at hand.
    seen: Mutex<Vec<Progress>>,
}

impl Watch<'_> {
    /// Whether the rate of late does not promise the end in time.
    fn is_slow(&self, now: Progress) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.last().is_some_and(|last| last.epsilon > now.epsilon) {
            seen.clear();
        }
        seen.push(now);
        let before = seen.iter().rev().find(|past| past.n_iter + SPAN <= now.n_iter);
        let Some(before) = before.filter(|_| now.n_iter >= FIRST_LOOK) else { return false };
        let rate = (before.error / now.error).ln() / (now.n_iter - before.n_iter) as f64;
        let needed = (now.error / self.goal).ln() / rate;
        // Without progress the rate is 0, negative or NaN.
        !(rate > 0.0 && now.n_iter as f64 + needed <= self.trial as f64)
    }
}

impl Monitor for Watch<'_> {
    fn cancelled(&self) -> bool {
        self.monitor.cancelled()
    }
    fn report(&self, progress: Progress) -> bool {
        if self.monitor.report(progress) {
            self.asked.store(true, Ordering::Relaxed);
            return true;
        }
        self.is_slow(progress)
    }
}

/// Counts on from the sweeps of the trial.
struct After<'a> {
    monitor: &'a dyn Monitor,
    made: usize,
}

impl Monitor for After<'_> {
    fn cancelled(&self) -> bool {
        self.monitor.cancelled()
    }
    fn report(&self, progress: Progress) -> bool {
        self.monitor.report(Progress { n_iter: progress.n_iter + self.made, ..progress })
    }
}
