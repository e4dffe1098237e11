//! Where a run starts, and the way to the γ asked for.

use super::base::Base;
use super::dual::{Dual, Problem};
use super::newton::{Log, Newton};
use super::row::Rule;
use super::{Init, Known, Options, Outcome, Status, proximal, vertex};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::ot::annealing::spread;
use crate::ot::batch::Quiet;
use crate::ot::geometry::Geometry;
use crate::ot::scan::c_transform_rows;
use crate::ot::sinkhorn;
use crate::ot::sweep::Weights;
use crate::parallel::sum;
use std::cell::LazyCell;

/// Relative error at which a stage of larger γ is left, and the steps after which it is left anyway.
const STAGE_ERROR: f64 = 0.1;
const STAGE_STEPS: usize = 12;
/// Ratio of successive γ.
const RATIO: f64 = 0.2;
/// The first γ has rows spread over this share of the range of the cost.
const FIRST_WIDTH: f64 = 0.03;
/// Rows of fewer entries than this, were masses spread evenly, are those of unregularized transport or nearly.
const FEW: f64 = 0.5;

/// Relative error up to which given potentials are near.
const NEAR: f64 = 0.2;
/// Steps that are few beside unregularized transport.
const QUICK: usize = 6;

/// What unregularized transport gives.
pub enum Linear<'a> {
    /// The answer.
    Solved(Box<Outcome>),
    /// Where to start.
    Start(Box<Newton<'a>>),
}

/// What is to be solved.
pub struct Task<'a> {
    problem: Problem<'a>,
    options: &'a Options,
    k: usize,
    /// Largest L1 error.
    pub goal: f64,
    /// Range of the cost, once asked for.
    spread: LazyCell<f64, Box<dyn Fn() -> f64 + 'a>>,
}

impl<'a> Task<'a> {
    /// A limit that no row can exceed is none.
    pub fn new(geometry: &'a dyn Geometry, weights: Weights<'a>, options: &'a Options) -> Self {
        let problem = Problem { geometry, a: weights.a, b: weights.b };
        let k = options.max_nonzeros.filter(|k| *k < weights.b.len()).unwrap_or(usize::MAX);
        let goal = options.tol * sum(weights.a.iter().copied());
        Self { problem, options, k, goal, spread: LazyCell::new(Box::new(move || spread(geometry))) }
    }

    fn weights(&self) -> Weights<'a> {
        Weights { a: self.problem.a, b: self.problem.b }
    }

    fn newton(&self, g: Vec<f64>, gamma: f64, zeta: f64, monitor: &dyn Monitor) -> Result<Newton<'a>> {
        Newton::new(Dual::new(self.problem, Rule { k: self.k, gamma, zeta }), g, monitor)
    }

    /// Width of the keys that share the mass of a row, if they are spread evenly.
    fn width(&self, gamma: f64) -> f64 {
        let Problem { a, b, .. } = self.problem;
        let mass = gamma * sum(a.iter().copied()) / a.len() as f64;
        let even = (2.0 * mass * *self.spread / b.len() as f64).sqrt();
        even.max(if self.k < usize::MAX { mass / self.k as f64 } else { 0.0 })
    }

    /// Whether the regularization does not act, or hardly: one entry of a row has its mass whatever γ is.
    pub fn is_nearly_linear(&self) -> bool {
        let few = || self.problem.b.len() as f64 * self.width(self.options.gamma) < FEW * *self.spread;
        self.k == 1 || few() && self.spread.is_finite()
    }

    /// A few steps from another run, if they are enough; only where the regularization hardly acts is there a better start.
    pub fn quick(&self, init: Init<'_>, log: &mut Log<'_>) -> Result<Option<(Newton<'a>, Status)>> {
        if self.k < usize::MAX || init.plans.is_none() || !self.is_nearly_linear() {
            return Ok(None);
        }
        let mut newton = self.nearby(init, log.monitor)?;
        let near = newton.error() <= NEAR * self.goal / self.options.tol;
        let ended = if near { newton.minimize(self.goal, QUICK, log)? } else { None };
        Ok(ended.filter(|status| *status != Status::Stalled).map(|status| (newton, status)))
    }

    /// From another run, or where that is far by way of larger γ too.
    pub fn given(&self, init: Init<'_>, log: &mut Log<'_>) -> Result<(Newton<'a>, Option<Status>)> {
        let newton = self.nearby(init, log.monitor)?;
        if newton.error() <= NEAR * self.goal / self.options.tol {
            return Ok((newton, None));
        }
        self.smooth(Some(init.g), log)
    }

    fn nearby(&self, init: Init<'_>, monitor: &dyn Monitor) -> Result<Newton<'a>> {
        let Some(Known { relaxed, .. }) = init.plans else {
            return self.newton(init.g.to_vec(), self.options.gamma, 0.0, monitor);
        };
        let zeta = if self.k < usize::MAX { proximal::WARM } else { 0.0 };
        let rule = Rule { k: self.k, gamma: self.options.gamma, zeta };
        let mut dual = Dual::near(self.problem, rule, Base { f: init.f.to_vec(), g: init.g.to_vec() }, relaxed);
        if zeta > 0.0 {
            dual.center(relaxed);
        }
        Newton::at_base(dual, monitor)
    }

    /// From unregularized transport, for which another run is a start: its plan is the answer or the proximal center.
    pub fn linear(&self, init: Option<Init<'_>>, monitor: &dyn Monitor) -> Result<Linear<'a>> {
        let geometry = self.problem.geometry;
        let known = match init {
            Some(init) => Some((c_transform_rows(geometry, init.g, monitor)?, init)),
            None => None,
        };
        let start = known.as_ref().map(|(f, init)| (f.as_slice(), init.g, init.plans.map(|known| known.plan)));
        let attempt = |start| -> Result<_> {
            let found = vertex::transport(geometry, self.weights(), start, &Quiet(monitor))?;
            let outcome = vertex::outcome(&self.problem, &found, self.k, self.options, monitor)?;
            Ok((found, outcome))
        };
        let (mut found, mut outcome) = attempt(start)?;
        if outcome.is_none() && self.k == 1 && start.is_some() {
            // Where costs tie, a row of a plan from a start may be shared though one from nothing has none that is.
            (found, outcome) = attempt(None)?;
        }
        if let Some(outcome) = outcome {
            return Ok(Linear::Solved(Box::new(outcome)));
        }
        let mut newton = self.newton(found.g, self.options.gamma, proximal::FIRST, monitor)?;
        newton.dual.center(&found.plan);
        newton.refresh(monitor)?;
        Ok(Linear::Start(Box::new(newton)))
    }

    /// By way of larger γ, from given column potentials at the least at which these are near, or from an entropic plan. Some status if the
    /// run ended there.
    pub fn smooth(&self, g: Option<&[f64]>, log: &mut Log<'_>) -> Result<(Newton<'a>, Option<Status>)> {
        let ladder = self.ladder();
        let (mut newton, first) = match g.map(|g| self.joined(g, &ladder, log.monitor)).transpose()?.flatten() {
            Some(start) => start,
            None => (self.first(self.blurred(ladder[0], log.monitor)?, ladder[0], log.monitor)?, 0),
        };
        for &gamma in &ladder[first..ladder.len() - 1] {
            newton.dual.rule.gamma = gamma;
            newton.refresh(log.monitor)?;
            let status = newton.minimize(STAGE_ERROR * self.goal / self.options.tol, STAGE_STEPS, log)?;
            if let Some(Status::MaxIter | Status::Stopped) = status {
                newton.dual.rule.gamma = self.options.gamma;
                return Ok((newton, status));
            }
        }
        newton.dual.rule.gamma = self.options.gamma;
        newton.refresh(log.monitor)?;
        Ok((newton, None))
    }

    /// The last stage at which these potentials are near, if there is one.
    fn joined(&self, g: &[f64], ladder: &[f64], monitor: &dyn Monitor) -> Result<Option<(Newton<'a>, usize)>> {
        for stage in (0..ladder.len() - 1).rev() {
            let newton = self.first(g.to_vec(), ladder[stage], monitor)?;
            if newton.error() <= NEAR * self.goal / self.options.tol {
                return Ok(Some((newton, stage)));
            }
        }
        Ok(None)
    }

    fn first(&self, g: Vec<f64>, gamma: f64, monitor: &dyn Monitor) -> Result<Newton<'a>> {
        self.newton(g, gamma, if self.k < usize::MAX { proximal::FIRST } else { 0.0 }, monitor)
    }

    /// Decreasing γ, the last the one asked for.
    fn ladder(&self) -> Vec<f64> {
        let mut stages = vec![self.options.gamma];
        while stages.len() < 60 && self.width(stages[stages.len() - 1] / RATIO) < FIRST_WIDTH * *self.spread {
            stages.push(stages[stages.len() - 1] / RATIO);
        }
        stages.reverse();
        stages
    }

    /// Column potentials of an entropic plan about as wide as the first stage's.
    fn blurred(&self, gamma: f64, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let (spread, b) = (*self.spread, self.problem.b);
        if !(spread > 0.0 && spread.is_finite()) {
            return Ok(vec![0.0; b.len()]);
        }
        let epsilon = (self.width(gamma) / 3.0).clamp(0.002 * spread, 0.1 * spread);
        let options = sinkhorn::Options {
            epsilon,
            tol: 0.05,
            max_iter: 200,
            rho: (f64::INFINITY, f64::INFINITY),
            anneal: None,
            relaxation: None,
        };
        let done = sinkhorn::solve(self.problem.geometry, self.weights(), None, &options, &Quiet(monitor))?;
        Ok(done.g.iter().zip(b).map(|(g, b)| g + epsilon * b.ln()).collect())
    }

    /// Solves from there.
    pub fn settle(&self, newton: &mut Newton<'a>, log: &mut Log<'_>) -> Result<Status> {
        if self.k == usize::MAX && newton.dual.rule.zeta == 0.0 {
            return Ok(newton.minimize(self.goal, usize::MAX, log)?.unwrap_or(Status::MaxIter));
        }
        proximal::solve(newton, self.options.tol, self.goal, log)
    }
}
