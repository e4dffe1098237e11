//! The accelerated step: Newton's on the semi-dual, safeguarded.

use super::super::engine::Engine;
use super::super::krylov;
use super::super::sweep::Linearization;
use super::super::update::Update;
use super::updates::discounts;
use super::{LARGEST_MOVE, MOST_PRODUCTS, Run, SHORTENINGS, Status, TracePoint};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::numeric::exp::exp_slice;
use crate::parallel::sum;

impl Run<'_> {
    /// Replaces the plain step of g by the solution of the linearized fixed-point equation, shortened until the dual grows.
    pub(super) fn accelerate(
        &mut self,
        engine: &mut Engine<'_>,
        epsilon: f64,
        monitor: &dyn Monitor,
    ) -> Result<Option<Status>> {
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
    pub(in crate::ot) fn column_gradient(&self) -> Vec<f64> {
        let mut gradient = discounts(&self.g, self.options.rho.1);
        for ((s, b), c) in gradient.iter_mut().zip(self.weights.b).zip(&self.mass) {
            *s = *s * b - c;
        }
        gradient
    }

    /// The dual at (f, g), up to the constants of the problem.
    pub(super) fn dual_value(&self, epsilon: f64) -> f64 {
        let side = |w: &[f64], f: &[f64], rho: f64| {
            let term = |f: f64| if rho.is_finite() { -rho * (-f / rho).exp_m1() } else { f };
            sum(w.iter().zip(f).map(|(w, f)| w * term(*f)))
        };
        let (rho_a, rho_b) = self.options.rho;
        side(self.weights.a, &self.f, rho_a) + side(self.weights.b, &self.g, rho_b)
            - epsilon * sum(self.mass.iter().copied())
    }
}
