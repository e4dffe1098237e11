//! Sinkhorn's algorithm: annealed, over-relaxed, balanced or unbalanced, on any geometry.

use super::annealing::schedule;
use super::engine::Engine;
use super::geometry::Geometry;
use super::relaxation::Relaxation;
use super::softmin::{Columns, softmin_rows};
use super::sweep::{Pair, Weights};
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
    /// Fixed relaxation; None adapts.
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
    /// ω of the sweep.
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
/// f32 sweeps hand over once their error is below this: their own rounding is near.
const F32_FLOOR: f64 = 2e-7;
/// Sweeps without progress before f32 hands over or, at rounding level, f64 gives up.
const PATIENCE: usize = 60;

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
    error: f64,
    trace: Vec<TracePoint>,
    fresh: bool,
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
            error: f64::INFINITY,
            trace: Vec::new(),
            fresh: init.is_none(),
        })
    }

    fn run(mut self, monitor: &dyn Monitor) -> Result<Outcome> {
        let mut engine = Engine::new(self.geometry, self.weights)?;
        let stages = if self.fresh {
            schedule(self.geometry, self.options.epsilon, self.options.anneal)
        } else {
            vec![self.options.epsilon]
        };
        let mut status = None;
        for (k, &epsilon) in stages.iter().enumerate() {
            let last = k + 1 == stages.len();
            status = self.stage(&mut engine, epsilon, last, monitor)?;
            if status.is_some() {
                break;
            }
        }
        let status = status.unwrap_or(Status::MaxIter);
        Ok(Outcome { f: self.f, g: self.g, status, error: self.error, trace: self.trace })
    }

    /// Sweeps at one ε. `None` leaves an earlier stage for the next.
    fn stage(
        &mut self,
        engine: &mut Engine<'_>,
        epsilon: f64,
        last: bool,
        monitor: &dyn Monitor,
    ) -> Result<Option<Status>> {
        let mut relaxation = Relaxation::new(self.options.relaxation);
        let mut progress = Stall::new();
        for sweep in 0.. {
            if self.trace.len() >= self.options.max_iter {
                return Ok(Some(Status::MaxIter));
            }
            let omega = relaxation.omega();
            self.iterate(engine, epsilon, omega, sweep > 0, monitor)?;
            let relative = self.error / self.total;
            self.trace.push(TracePoint { error: self.error, epsilon, relaxation: omega });
            let converged = last && engine.is_exact() && relative <= self.options.tol;
            if monitor.report(Progress { n_iter: self.trace.len(), epsilon, error: self.error }) && !converged {
                return Ok(Some(Status::Stopped));
            }
            if converged {
                return Ok(Some(Status::Converged));
            }
            let stuck = progress.observe(relative);
            if !last && (relative <= STAGE_TOL || sweep >= STAGE_SWEEPS) {
                // With columns exact at this ε no column of the next stage underflows (power means).
                self.advance_columns(&Update { epsilon, omega: 1.0, rho: self.options.rho.1 }, monitor)?;
                return Ok(None);
            }
            if !engine.is_exact() && (relative <= F32_FLOOR.max(0.7 * self.options.tol) || (stuck && relative < 1e-2)) {
                engine.refine()?;
                progress = Stall::new();
            } else if stuck && relative <= self.rounding(epsilon) {
                return Ok(Some(Status::Stalled));
            }
            relaxation.observe(relative);
        }
        Ok(None)
    }

    /// Size of the error that rounding of the potentials alone makes.
    fn rounding(&self, epsilon: f64) -> f64 {
        let largest = self.f.iter().chain(&self.g).fold(0.0f64, |s, v| s.max(v.abs()));
        16.0 * f64::EPSILON * (1.0 + largest / epsilon)
    }

    /// g from the last sweep's column masses, then a sweep: f from g, and the error of (f, g).
    fn iterate(
        &mut self,
        engine: &mut Engine<'_>,
        epsilon: f64,
        omega: f64,
        advance_g: bool,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let rows = Update { epsilon, omega, rho: self.options.rho.0 };
        let columns = Update { epsilon, omega, rho: self.options.rho.1 };
        if advance_g {
            self.advance_columns(&columns, monitor)?;
        }
        let pair = Pair { f: &mut self.f, g: &self.g, softmin: &mut self.softmin, mass: &mut self.mass };
        engine.sweep(pair, &rows, monitor)?;
        if self.is_unbalanced() {
            self.translate(&rows);
        }
        self.error = self.marginal_error(epsilon);
        Ok(())
    }

    fn is_unbalanced(&self) -> bool {
        self.options.rho.0.is_finite() || self.options.rho.1.is_finite()
    }

    /// g ← (1 − ω) g + ω (τ S' + (τ − 1) μ) with S' the column softmins and μ the joint translation.
    fn advance_columns(&mut self, rule: &Update, monitor: &dyn Monitor) -> Result<()> {
        let b = self.weights.b;
        let mut softmin: Vec<f64> = self.mass.iter().zip(b).map(|(c, b)| c / b).collect();
        if softmin.iter().all(|&r| r > 1e-250 && r < 1e250) {
            ln_slice(&mut softmin);
            for (s, g) in softmin.iter_mut().zip(&self.g) {
                *s = g - rule.epsilon * *s;
            }
        } else {
            let columns = Columns { g: &self.f, b: self.weights.a, values: &[], width: 0 };
            softmin = softmin_rows(&*self.geometry.transposed(), columns, rule.epsilon, monitor)?.0;
        }
        let mut shift = 0.0;
        if self.is_unbalanced() {
            let own: Vec<f64> = softmin.iter().map(|s| rule.tau() * s).collect();
            let log_b = log_discounted_mass(b, &own, rule.rho);
            let log_a = log_discounted_mass(self.weights.a, &self.f, self.options.rho.0);
            shift = rule.omega * (rule.tau() - 1.0) * joint_translation(log_b, log_a, rule, self.options.rho.0);
        }
        for (g, s) in self.g.iter_mut().zip(&softmin) {
            *g = rule.relaxed(*g, *s) + shift;
        }
        Ok(())
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
}

impl Stall {
    fn new() -> Self {
        Self { best: f64::INFINITY, since: 0 }
    }

    fn observe(&mut self, error: f64) -> bool {
        self.since += 1;
        if error < 0.9 * self.best {
            self.best = error;
            self.since = 0;
        }
        self.since >= PATIENCE
    }
}
