//! One sweep and what follows from it: the other side's update, translations, the marginal error.

use super::super::engine::Engine;
use super::super::softmin::{Columns, softmin_rows};
use super::super::sweep::{Pair, Weights};
use super::super::update::{Update, best_translation, joint_translation, log_discounted_mass};
use super::{Run, Status, TracePoint};
use crate::error::Result;
use crate::monitor::{Monitor, Progress};
use crate::numeric::exp::exp_slice;
use crate::numeric::log::ln_slice;
use crate::parallel::sum;

impl Run<'_> {
    /// Error as a share of the mass that is to move; not finite where that is no positive float64.
    pub(in crate::ot) fn relative(&self) -> f64 {
        let share = self.error / self.moving;
        if share.is_nan() { f64::INFINITY } else { share }
    }

    /// Size of the error that rounding of the potentials alone makes.
    pub(in crate::ot) fn rounding(&self, epsilon: f64) -> f64 {
        16.0 * f64::EPSILON * (1.0 + self.largest() / epsilon)
    }

    /// The error to stop at: below the tolerance by what other roundings of the same exponents may add to it, at most by half.
    pub(in crate::ot) fn aim(&self, epsilon: f64) -> f64 {
        let tol = self.options.tol;
        (tol - self.rounding(epsilon) / 8.0).max(0.5 * tol)
    }

    /// How a run ends that makes no progress.
    pub(in crate::ot) fn stuck(&self) -> Status {
        if self.relative() <= self.options.tol { Status::Converged } else { Status::Stalled }
    }

    /// Largest potential.
    pub(in crate::ot) fn largest(&self) -> f64 {
        self.f.iter().chain(&self.g).fold(0.0f64, |s, v| s.max(v.abs()))
    }

    /// A sweep: f from g, the error of (f, g), and what g is to become.
    pub(in crate::ot) fn iterate(
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
        self.measure(epsilon);
        self.trace.push(TracePoint { error: self.error, epsilon, relaxation: omega });
        self.column_update(&Update { epsilon, omega, rho: self.options.rho.1 }, monitor)?;
        let stop = monitor.report(Progress { n_iter: self.trace.len(), epsilon, error: self.error });
        Ok(stop.then_some(Status::Stopped))
    }

    pub(super) fn is_unbalanced(&self) -> bool {
        self.options.rho.0.is_finite() || self.options.rho.1.is_finite()
    }

    /// Column softmins S' at f, completed to the update τ S' + (τ − 1) μ with the joint translation μ.
    pub(super) fn column_update(&mut self, rule: &Update, monitor: &dyn Monitor) -> Result<()> {
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
    pub(in crate::ot) fn advance_columns(&mut self, omega: f64) {
        for (g, t) in self.g.iter_mut().zip(&self.target) {
            *g += omega * (t - *g);
        }
    }

    /// Completes an unbalanced row update by its translation, then moves to the best translation of the pair.
    pub(super) fn translate(&mut self, rule: &Update) {
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

    /// The error ‖P1 − a e^{−f/ρ_a}‖₁ + ‖Pᵀ1 − b e^{−g/ρ_b}‖₁ at (f, g), and the mass of what the sums are compared to:
    /// beside the weights as given, the error of a plan that destroys most of them would always be small.
    pub(super) fn measure(&mut self, epsilon: f64) {
        let Weights { a, b } = self.weights;
        let mut rows: Vec<f64> = self.f.iter().zip(&self.softmin).map(|(f, s)| (f - s) / epsilon).collect();
        exp_slice(&mut rows);
        let (row_discounts, column_discounts) =
            (discounts(&self.f, self.options.rho.0), discounts(&self.g, self.options.rho.1));
        let row_error = sum(rows.iter().zip(&row_discounts).zip(a).map(|((r, d), a)| a * (r - d).abs()));
        let column_error = sum(self.mass.iter().zip(&column_discounts).zip(b).map(|((c, d), b)| (c - b * d).abs()));
        let error = row_error + column_error;
        self.error = if error.is_nan() { f64::INFINITY } else { error };
        if self.is_unbalanced() {
            let left = |w: &[f64], d: &[f64]| sum(w.iter().zip(d).map(|(w, d)| w * d));
            self.moving = left(a, &row_discounts).max(left(b, &column_discounts));
        }
    }
}

/// exp(−f/ρ), 1 where the marginal is exact.
pub(super) fn discounts(f: &[f64], rho: f64) -> Vec<f64> {
    let mut d: Vec<f64> = f.iter().map(|f| -f / rho).collect();
    if rho.is_finite() {
        exp_slice(&mut d);
    } else {
        d.fill(1.0);
    }
    d
}
