//! Sinkhorn's algorithm: annealed, relaxed, balanced or unbalanced, on any geometry.

use super::annealing::schedule;
use super::engine::Engine;
use super::geometry::Geometry;
use super::krylov;
use super::softmin::{Columns, softmin_rows};
use super::sweep::{Linearization, Pair, Weights};
use super::update::{Update, best_translation, joint_translation, log_discounted_mass};
use crate::error::Result;
use crate::monitor::{Monitor, Progress};
use crate::numeric::exp::exp_slice;
use crate::numeric::log::ln_slice;
use crate::parallel::sum;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Regularization ε of KL(P | a⊗b).
    pub epsilon: f64,
    /// Relative L1 error of both marginals to stop at.
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
    let (n, m) = geometry.shape();
    // Rows are contiguous in memory, and the shorter side is the one that is kept in cache.
    if geometry.is_column_major() || (!geometry.is_stored() && m > n) {
        let swapped = Weights { a: weights.b, b: weights.a };
        let rho = (options.rho.1, options.rho.0);
        let init = init.map(|(f, g)| (g, f));
        let out = Run::new(&*geometry.transposed(), swapped, init, &Options { rho, ..*options })?.run(monitor)?;
        return Ok(Outcome { f: out.g, g: out.f, ..out });
    }
    Run::new(geometry, weights, init, options)?.run(monitor)
}

/// The state between sweeps: (f, g) is the pair whose error was measured last.
struct Run<'a> {
    geometry: &'a dyn Geometry,
    weights: Weights<'a>,
    options: Options,
    total: f64,
    f: Vec<f64>,
    g: Vec<f64>,
    /// Row softmins at g.
    softmin: Vec<f64>,
    /// Column masses of the plan at (f, g).
    mass: Vec<f64>,
    /// What g is updated to.
    target: Vec<f64>,
    error: f64,
    trace: Vec<TracePoint>,
    fresh: bool,
    /// Whether pairs are moved to their best translation (unbalanced problems, outside the linearized phase).
    translating: bool,
    /// Bound on an accelerated move of g, in units of ε.
    radius: f64,
}

impl<'a> Run<'a> {
    fn new(
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
            softmin: f.clone(),
            f,
            g,
            mass: vec![0.0; m],
            target: vec![0.0; m],
            error: f64::INFINITY,
            trace: Vec::new(),
            fresh: init.is_none(),
            radius: FIRST_MOVE,
            translating: options.rho.0.is_finite() || options.rho.1.is_finite(),
        })
    }

    fn run(mut self, monitor: &dyn Monitor) -> Result<Outcome> {
        let mut engine = Engine::new(self.geometry, self.weights, self.options.relaxation.is_some())?;
        if self.options.max_iter == 0 {
            return self.evaluated(&mut engine, Status::MaxIter, monitor);
        }
        let mut stages = if self.fresh {
            schedule(self.geometry, self.options.epsilon, self.options.anneal)
        } else {
            vec![self.options.epsilon]
        };
        let last = stages.pop().unwrap_or(self.options.epsilon);
        let mut status = None;
        for epsilon in stages {
            status = self.stage(&mut engine, epsilon, monitor)?;
            if status.is_some() {
                break;
            }
        }
        let status = match status {
            Some(status) => status,
            None => self.finish(&mut engine, last, monitor)?,
        };
        if matches!(status, Status::MaxIter | Status::Stopped) {
            return self.evaluated(&mut engine, status, monitor);
        }
        Ok(Outcome { f: self.f, g: self.g, status, error: self.error, trace: self.trace })
    }

    /// Closes a run that ended early, perhaps in an earlier stage, in f32, or on a trial: f becomes the update of g at the ε
    /// asked for (with `max_iter` 0 it stays), and the error of that pair is measured in f64.
    fn evaluated(mut self, engine: &mut Engine<'_>, status: Status, monitor: &dyn Monitor) -> Result<Outcome> {
        let epsilon = self.options.epsilon;
        engine.refine();
        let omega = if self.options.max_iter == 0 { 0.0 } else { 1.0 };
        let rows = Update { epsilon, omega, rho: self.options.rho.0 };
        let pair = Pair { f: &mut self.f, g: &self.g, softmin: &mut self.softmin, mass: &mut self.mass };
        engine.sweep(pair, &rows, monitor)?;
        if self.is_unbalanced() && omega > 0.0 {
            self.translate(&rows);
        }
        self.error = self.marginal_error(epsilon);
        let status = if self.relative() <= self.options.tol { Status::Converged } else { status };
        Ok(Outcome { f: self.f, g: self.g, status, error: self.error, trace: self.trace })
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
            let plain = relaxed || relative > LINEAR_BELOW || (needed >= 0.0 && needed <= NEARLY_DONE);
            let stuck = stall.observe(relative);
            previous = relative;
            if engine.is_exact() && relative <= self.options.tol {
                return Ok(Status::Converged);
            }
            if !engine.is_exact()
                && (relative <= engine.floor(self.largest() / epsilon).max(0.7 * self.options.tol)
                    || (stuck && relative < 1e-2))
            {
                engine.refine();
                (stall, previous) = (Stall::new(patience), f64::INFINITY);
                status = self.iterate(engine, epsilon, omega, monitor)?;
            } else if stuck && relative <= self.rounding(epsilon) {
                return Ok(Status::Stalled);
            } else if plain {
                self.advance_columns(omega);
                status = self.iterate(engine, epsilon, omega, monitor)?;
            } else {
                status = self.accelerate(engine, epsilon, monitor)?;
            }
        }
        Ok(status.unwrap_or(Status::MaxIter))
    }

    /// Replaces the plain step of g by the solution of the linearized fixed-point equation, shortened until the dual grows.
    fn accelerate(&mut self, engine: &mut Engine<'_>, epsilon: f64, monitor: &dyn Monitor) -> Result<Option<Status>> {
        if self.translating {
            // The linearization is that of the map without translation.
            self.translating = false;
            if let Some(status) = self.iterate(engine, epsilon, 1.0, monitor)? {
                return Ok(Some(status));
            }
        }
        let (start_f, start, target) = (self.f.clone(), self.g.clone(), self.target.clone());
        let (error, value) = (self.error, self.dual_value(epsilon));
        let delta = self.linear_step(engine, epsilon, monitor)?;
        let gradient = self.column_gradient();
        let slope = sum(delta.iter().zip(&gradient).map(|(d, s)| d * s));
        let largest = delta.iter().fold(0.0f64, |s, d| s.max(d.abs()));
        if !slope.is_finite() || !largest.is_finite() || largest == 0.0 {
            self.advance_columns(1.0);
            return self.iterate(engine, epsilon, 1.0, monitor);
        }
        let mut length = (self.radius * epsilon / largest).min(1.0);
        let clipped = length < 1.0;
        for shortening in 0..SHORTENINGS {
            for ((g, start), d) in self.g.iter_mut().zip(&start).zip(&delta) {
                *g = start + length * d;
            }
            if let Some(status) = self.iterate(engine, epsilon, 1.0, monitor)? {
                // A run that ends on a trial keeps the better pair.
                if status == Status::MaxIter || self.error > error {
                    (self.f, self.g) = (start_f, start);
                }
                return Ok(Some(status));
            }
            let grown = self.dual_value(epsilon) >= value + 1e-4 * length * slope;
            if (grown && self.error.is_finite()) || self.error < 0.9 * error {
                let factor = if shortening > 0 {
                    0.5
                } else if clipped {
                    3.0
                } else {
                    1.0
                };
                self.radius = (self.radius * factor).clamp(1.0, LARGEST_MOVE);
                return Ok(None);
            }
            length *= 0.25;
        }
        self.g.copy_from_slice(&target);
        self.iterate(engine, epsilon, 1.0, monitor)
    }

    /// (I − κS)⁻¹ (target − g), as far as the error at hand deserves.
    fn linear_step(&mut self, engine: &mut Engine<'_>, epsilon: f64, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let step: Vec<f64> = self.target.iter().zip(&self.g).map(|(t, g)| t - g).collect();
        let relative = self.relative();
        let tolerance = (0.5 * relative.sqrt()).min(0.3).max(0.2 * self.options.tol / relative);
        let left = self.options.max_iter.saturating_sub(self.trace.len() + 1);
        let most = ((20.0 / relative.sqrt()) as usize).clamp(20, MOST_PRODUCTS).min(left);
        let (rho_a, rho_b) = self.options.rho;
        let tau = |rho| Update { epsilon, omega: 1.0, rho }.tau();
        let mut row_mass: Vec<f64> = self.f.iter().zip(&self.softmin).map(|(f, s)| (f - s) / epsilon).collect();
        exp_slice(&mut row_mass);
        row_mass.iter_mut().zip(self.weights.a).for_each(|(r, a)| *r *= a);
        let at = Linearization { softmin: &self.softmin, g: &self.g, b: self.weights.b, row_mass: &row_mass, epsilon };
        let system =
            krylov::System { weight: &self.mass, kappa: tau(rho_a) * tau(rho_b), balanced: !self.is_unbalanced() };
        let solved = krylov::solve(&system, &step, tolerance, most, |x, out| engine.product(&at, x, out, monitor))?;
        let point = TracePoint { error: self.error, epsilon, relaxation: 0.0 };
        self.trace.extend(std::iter::repeat_n(point, solved.products));
        Ok(solved.delta)
    }

    /// Gradient of the semi-dual in g: b e^{−g/ρ_b} − Pᵀ1.
    fn column_gradient(&self) -> Vec<f64> {
        let mut gradient = discounts(&self.g, self.options.rho.1);
        for ((s, b), c) in gradient.iter_mut().zip(self.weights.b).zip(&self.mass) {
            *s = *s * b - c;
        }
        gradient
    }

    /// The dual at (f, g), up to the constants of the problem.
    fn dual_value(&self, epsilon: f64) -> f64 {
        let side = |w: &[f64], f: &[f64], rho: f64| {
            let term = |f: f64| if rho.is_finite() { -rho * (-f / rho).exp_m1() } else { f };
            sum(w.iter().zip(f).map(|(w, f)| w * term(*f)))
        };
        let (rho_a, rho_b) = self.options.rho;
        side(self.weights.a, &self.f, rho_a) + side(self.weights.b, &self.g, rho_b)
            - epsilon * sum(self.mass.iter().copied())
    }

    /// Error as a share of the mass.
    fn relative(&self) -> f64 {
        self.error / self.total
    }

    /// Size of the error that rounding of the potentials alone makes.
    fn rounding(&self, epsilon: f64) -> f64 {
        16.0 * f64::EPSILON * (1.0 + self.largest() / epsilon)
    }

    /// Largest potential.
    fn largest(&self) -> f64 {
        self.f.iter().chain(&self.g).fold(0.0f64, |s, v| s.max(v.abs()))
    }

    /// A sweep: f from g, the error of (f, g), and what g is to become.
    fn iterate(
        &mut self,
        engine: &mut Engine<'_>,
        epsilon: f64,
        omega: f64,
        monitor: &dyn Monitor,
    ) -> Result<Option<Status>> {
        if self.trace.len() >= self.options.max_iter {
            return Ok(Some(Status::MaxIter));
        }
        let rows = Update { epsilon, omega, rho: self.options.rho.0 };
        let pair = Pair { f: &mut self.f, g: &self.g, softmin: &mut self.softmin, mass: &mut self.mass };
        engine.sweep(pair, &rows, monitor)?;
        if self.translating {
            self.translate(&rows);
        }
        self.error = self.marginal_error(epsilon);
        self.trace.push(TracePoint { error: self.error, epsilon, relaxation: omega });
        self.column_update(&Update { epsilon, omega, rho: self.options.rho.1 }, monitor)?;
        let stop = monitor.report(Progress { n_iter: self.trace.len(), epsilon, error: self.error });
        Ok(stop.then_some(Status::Stopped))
    }

    fn is_unbalanced(&self) -> bool {
        self.options.rho.0.is_finite() || self.options.rho.1.is_finite()
    }

    /// Column softmins S' at f, completed to the update τ S' + (τ − 1) μ with the joint translation μ.
    fn column_update(&mut self, rule: &Update, monitor: &dyn Monitor) -> Result<()> {
        let b = self.weights.b;
        let translating = self.translating;
        let target = &mut self.target;
        for ((t, c), b) in target.iter_mut().zip(&self.mass).zip(b) {
            *t = c / b;
        }
        if target.iter().all(|&r| r > 1e-250 && r < 1e250) {
            ln_slice(target);
            for (t, g) in target.iter_mut().zip(&self.g) {
                *t = g - rule.epsilon * *t;
            }
        } else {
            let columns = Columns { g: &self.f, b: self.weights.a, values: &[], width: 0 };
            *target = softmin_rows(&*self.geometry.transposed(), columns, rule.epsilon, monitor)?.0;
        }
        let tau = rule.tau();
        target.iter_mut().for_each(|t| *t *= tau);
        if translating {
            let log_b = log_discounted_mass(b, target, rule.rho);
            let log_a = log_discounted_mass(self.weights.a, &self.f, self.options.rho.0);
            let shift = (tau - 1.0) * joint_translation(log_b, log_a, rule, self.options.rho.0);
            target.iter_mut().for_each(|t| *t += shift);
        }
        Ok(())
    }

    /// g ← (1 − ω) g + ω times the update.
    fn advance_columns(&mut self, omega: f64) {
        for (g, t) in self.g.iter_mut().zip(&self.target) {
            *g += omega * (t - *g);
        }
    }

    /// Completes an unbalanced row update by its translation, then moves to the best translation of the pair.
    fn translate(&mut self, rule: &Update) {
        let (rho_a, rho_b) = self.options.rho;
        let own: Vec<f64> = self.softmin.iter().map(|s| rule.tau() * s).collect();
        let log_b = log_discounted_mass(self.weights.b, &self.g, rho_b);
        let joint = joint_translation(log_discounted_mass(self.weights.a, &own, rho_a), log_b, rule, rho_b);
        let shift = rule.omega * (rule.tau() - 1.0) * joint;
        let factor = (shift / rule.epsilon).exp();
        self.f.iter_mut().for_each(|f| *f += shift);
        self.mass.iter_mut().for_each(|c| *c *= factor);
        let log_a = log_discounted_mass(self.weights.a, &self.f, rho_a);
        let best = best_translation(log_a, log_b, rho_a, rho_b);
        self.f.iter_mut().chain(&mut self.softmin).for_each(|f| *f += best);
        self.g.iter_mut().for_each(|g| *g -= best);
    }

    /// ‖P1 − a e^{−f/ρ_a}‖₁ + ‖Pᵀ1 − b e^{−g/ρ_b}‖₁ at (f, g).
    fn marginal_error(&self, epsilon: f64) -> f64 {
        let Weights { a, b } = self.weights;
        let mut rows: Vec<f64> = self.f.iter().zip(&self.softmin).map(|(f, s)| (f - s) / epsilon).collect();
        exp_slice(&mut rows);
        let row_error =
            sum(rows.iter().zip(discounts(&self.f, self.options.rho.0)).zip(a).map(|((r, d), a)| a * (r - d).abs()));
        let column_error = sum(self
            .mass
            .iter()
            .zip(discounts(&self.g, self.options.rho.1))
            .zip(b)
            .map(|((c, d), b)| (c - b * d).abs()));
        let error = row_error + column_error;
        if error.is_nan() { f64::INFINITY } else { error }
    }
}

/// exp(−f/ρ), 1 where the marginal is exact.
fn discounts(f: &[f64], rho: f64) -> Vec<f64> {
    let mut d: Vec<f64> = f.iter().map(|f| -f / rho).collect();
    if rho.is_finite() {
        exp_slice(&mut d);
    } else {
        d.fill(1.0);
    }
    d
}

/// Notices that an error has stopped shrinking.
struct Stall {
    best: f64,
    since: usize,
    patience: usize,
}

impl Stall {
    fn new(patience: usize) -> Self {
        Self { best: f64::INFINITY, since: 0, patience }
    }

    fn observe(&mut self, error: f64) -> bool {
        self.since += 1;
        if error < 0.9 * self.best {
            self.best = error;
            self.since = 0;
        }
        self.since >= self.patience
    }
}
