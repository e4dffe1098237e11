//! Semismooth Newton steps on the semi-dual, which is convex, once differentiable and piecewise quadratic.

use super::dual::Dual;
use super::system::Hessian;
use super::{Status, parts};
use crate::error::Result;
use crate::monitor::{Monitor, Progress};
use crate::parallel::sum;

/// One step's record.
#[derive(Clone, Copy, Debug)]
pub struct TracePoint {
    /// L1 error of the marginals where the step started.
    pub error: f64,
    /// γ of the stage.
    pub gamma: f64,
    /// ζ, the strength of the proximal term by γ.
    pub smoothing: f64,
    /// Edges of the Hessian's graph.
    pub edges: usize,
    /// Products of the conjugate gradients.
    pub products: usize,
    /// Length of the step taken.
    pub step: f64,
}

/// What all stages of a run share.
pub struct Log<'m> {
    /// Steps so far.
    pub trace: Vec<TracePoint>,
    /// Most steps.
    pub max_iter: usize,
    /// The caller.
    pub monitor: &'m dyn Monitor,
}

/// Column potentials on the way to a minimum of ψ.
#[derive(Clone)]
pub struct Newton<'a> {
    /// ψ and its plan at `g`.
    pub dual: Dual<'a>,
    /// Column potentials, as offsets.
    pub g: Vec<f64>,
    /// Damping by the mean diagonal and the error.
    damping: f64,
    value: f64,
}

/// A slope that has shrunk to this share, on either side, is good enough.
const SLOPE: f64 = 0.2;
/// Share of the error that rounding of the offsets may have.
const NOISE: f64 = 1e-3;
/// Relative error from which parts of the plan are balanced, and the share of it that is left before they are again.
const BALANCED: f64 = 0.01;
const AGAIN: f64 = 0.1;
/// Least damping after a change of centers.
const RENEWED: f64 = 1.0;
/// Steps tried before one that only falls will do.
const FINE: usize = 12;
/// Shortenings before a direction is given up.
const SHORTENINGS: usize = 25;
/// Steps that may pass without the error falling, at the level of rounding and above.
const PATIENCE: usize = 30;
const LONG_PATIENCE: usize = 100;
/// Directions in a row, more and more damped, along which nothing falls.
const STUCK: usize = 8;
/// Relative error below which no further progress means rounding.
const ROUNDING: f64 = 1e-7;

fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x.iter().zip(y).map(|(x, y)| x * y))
}

impl<'a> Newton<'a> {
    /// Evaluates at g.
    pub fn new(mut dual: Dual<'a>, mut g: Vec<f64>, monitor: &dyn Monitor) -> Result<Self> {
        dual.evaluate(&g, monitor)?;
        dual.rebase(&mut g, monitor)?;
        let value = dual.evaluate(&g, monitor)?;
        Ok(Self { dual, g, damping: 0.1, value })
    }

    /// Evaluates at the base of this dual.
    pub fn at_base(dual: Dual<'a>, monitor: &dyn Monitor) -> Result<Self> {
        let g = vec![0.0; dual.problem.b.len()];
        let mut newton = Self { dual, g, damping: 0.1, value: 0.0 };
        newton.refresh(monitor)?;
        Ok(newton)
    }

    /// Evaluates anew after a change of rule or centers.
    pub fn refresh(&mut self, monitor: &dyn Monitor) -> Result<()> {
        self.value = self.dual.evaluate(&self.g, monitor)?;
        Ok(())
    }

    /// Evaluates at these column potentials.
    pub fn move_to(&mut self, g: &[f64], monitor: &dyn Monitor) -> Result<()> {
        let now = self.dual.columns();
        self.g.iter_mut().zip(g.iter().zip(now)).for_each(|(offset, (g, now))| *offset += g - now);
        self.refresh(monitor)
    }

    /// Fits anew after a change of centers, where the last damping was right for other kinks.
    pub fn recenter(&mut self, zeta: f64, monitor: &dyn Monitor) -> Result<()> {
        self.dual.recenter();
        self.dual.rule.zeta = zeta;
        self.damping = self.damping.max(RENEWED);
        self.refresh(monitor)
    }

    /// ψ at g.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// L1 error of the columns; rows are exact.
    pub fn error(&self) -> f64 {
        sum(self.dual.missing().iter().map(|q| q.abs()))
    }

    /// Steps until the error is at most `goal`, and at most `most` of them: then the status is None.
    pub fn minimize(&mut self, goal: f64, most: usize, log: &mut Log<'_>) -> Result<Option<Status>> {
        let total = sum(self.dual.problem.b.iter().copied());
        let (mut best, mut since, mut stuck) = (f64::INFINITY, 0, 0);
        let mut next = BALANCED * total;
        for _ in 0..most {
            let mut error = self.error();
            if error <= goal {
                self.sharpen_offsets(goal, log.monitor)?;
                error = self.error();
            }
            if error <= goal {
                return Ok(Some(Status::Converged));
            }
            if error <= next {
                parts::balance(self, goal, log.monitor)?;
                (next, error) = (AGAIN * error, self.error());
            }
            if !error.is_finite() {
                return Ok(Some(Status::Stalled));
            }
            since = if error < 0.9 * best { 0 } else { since + 1 };
            best = best.min(error);
            if since >= LONG_PATIENCE || since >= PATIENCE && best <= ROUNDING * total {
                return Ok(Some(Status::Stalled));
            }
            if log.trace.len() >= log.max_iter {
                return Ok(Some(Status::MaxIter));
            }
            let step = self.step(error / total, error, log)?;
            stuck = if step > 0.0 { 0 } else { stuck + 1 };
            if stuck >= STUCK {
                return Ok(Some(Status::Stalled));
            }
            let progress = Progress { n_iter: log.trace.len(), epsilon: self.dual.rule.gamma, error: self.error() };
            if log.monitor.report(progress) {
                return Ok(Some(Status::Stopped));
            }
        }
        Ok(if self.error() <= goal { Some(Status::Converged) } else { None })
    }

    /// Moves the base where rounding of the offsets is no small share of the error.
    fn sharpen_offsets(&mut self, error: f64, monitor: &dyn Monitor) -> Result<()> {
        if self.dual.noise() > NOISE * error {
            self.dual.rebase(&mut self.g, monitor)?;
            self.refresh(monitor)?;
        }
        Ok(())
    }

    fn step(&mut self, relative: f64, error: f64, log: &mut Log<'_>) -> Result<f64> {
        self.sharpen_offsets(error, log.monitor)?;
        let q = self.dual.missing();
        let gamma = self.dual.rule.gamma;
        let mut hessian = Hessian::new(&self.dual);
        let shift = self.damping * hessian.scale() * relative.min(1.0);
        let scaled: Vec<f64> = q.iter().map(|q| gamma * q).collect();
        let tolerance = relative.sqrt().clamp(1e-6, 0.05);
        let (mut d, products) = hessian.solve(&scaled, shift, tolerance, log.monitor)?;
        let descends = dot(&d, &q) > 0.0;
        if !descends {
            d = scaled.iter().map(|q| q / hessian.scale()).collect();
        }
        let step = self.search(&d, dot(&d, &q), log.monitor)?;
        self.damping *= match step {
            1.0.. => 0.25,
            0.3.. => 1.0,
            _ => 4.0,
        };
        self.damping = self.damping.clamp(1e-6, 1e6);
        let (smoothing, edges) = (self.dual.rule.zeta, hessian.len());
        log.trace.push(TracePoint { error, gamma, smoothing, edges, products, step });
        Ok(step)
    }

    /// Moves along d to where the slope has shrunk, or has not changed its sign by a full step; returns the step, 0 if there is
    /// none. ψ is convex: its slope alone tells where a minimum lies, and a fall too small to be seen in the values still is one.
    fn search(&mut self, d: &[f64], slope: f64, monitor: &dyn Monitor) -> Result<f64> {
        let start = self.g.clone();
        let size = sum(start.iter().zip(self.dual.problem.b).map(|(g, b)| g.abs() * b));
        let slack = 1e-14 * (size + self.value.abs());
        let (mut low, mut high) = ((0.0, slope), (f64::INFINITY, 0.0));
        let mut alpha = 1.0;
        for shortening in 0..SHORTENINGS {
            monitor.check()?;
            for ((g, s), d) in self.g.iter_mut().zip(&start).zip(d) {
                *g = s + alpha * d;
            }
            let value = self.dual.evaluate(&self.g, monitor)?;
            let left = dot(d, &self.dual.missing());
            let near = left.abs() <= SLOPE * slope && (left >= 0.0 || value <= self.value + slack);
            if near || left >= 0.0 && (alpha == 1.0 || shortening >= FINE) {
                self.value = value;
                return Ok(alpha);
            }
            if left >= 0.0 {
                low = (alpha, left);
            } else {
                high = (alpha, left);
            }
            // The root of the slope, by its secant, away from the ends.
            let width = high.0 - low.0;
            let secant = low.1 / (low.1 - high.1);
            alpha = low.0 + width * secant.clamp(0.1, 0.5);
        }
        self.g = start;
        self.refresh(monitor)?;
        Ok(0.0)
    }
}
