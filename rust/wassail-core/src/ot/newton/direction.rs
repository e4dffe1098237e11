//! Newton's direction on the semi-dual in g, from a sparse stand-in for the plan where that is cheaper, else matrix-free.
//!
//! At a pair with exact rows the Hessian of the semi-dual is −(1/ε) L, L = diag(Pᵀ1) − Pᵀ diag(P1)⁻¹ P: the Schur complement of
//! [[diag(P1), P], [Pᵀ, diag(Pᵀ1)]] (Tang et al. 2024, arXiv:2401.12253). The direction is ε (L + μ diag(Pᵀ1))⁻¹ (b − Pᵀ1), as far as the
//! error deserves, with the shift μ in proportion to the error (Tang and Qiu 2024, safe and sparse Newton).

use super::super::engine::Engine;
use super::super::sinkhorn::Run;
use super::super::sweep::{Linearization, Weights};
use super::damping::Damping;
use super::sparse::{Rule, thinned};
use crate::error::Result;
use crate::linalg::{Bipartite, Factor, Solution, System, conjugate};
use crate::monitor::Monitor;
use crate::parallel::sum;
use std::borrow::Cow;

/// Entries kept hold at least this share of their row or column, per square root of the error.
const SHARE: f64 = 1e-6;
const LEAST: f64 = 1e-14;
/// Largest share of a row that one drawn entry carries.
const GRAIN: f64 = 0.01;
/// The same two for the graph that is factored.
const FACTORED: f64 = 0.1;
/// A stand-in of at most this many entries a point is factored whole: where weak arcs carry what strong ones cannot, each counts.
const WHOLE: usize = 8;
/// The plan counts as sparse with up to this share of its entries: an entry of a product over all of them takes about this share of the
/// time of a sparse one.
const SPARSE: f64 = 0.1;
/// Error below which products over all entries, made in f32, may lose small flows between parts of the plan.
const FINE_BELOW: f64 = 1e-3;
/// Pairs up to which all entries may be kept in f64 where directions from products in f32 were of no use.
const COMPLETE: usize = 1 << 24;
/// Products with the diagonal as preconditioner before the factor is made, about what it costs.
const PLAIN: usize = 30;
/// A factor that needs more products than this is made anew.
const WORN: usize = 30;
/// Most products of one direction.
const MOST: usize = 500;
/// What of the residual that is allowed counts as imbalance of each column, by its weight.
const BALANCED: f64 = 0.3;
/// Moves, in units of ε, up to which the linear model is followed.
const FAR: f64 = 3.0;
/// Share of its column below which the mass of a stand-in's column is completed on the diagonal.
const LOST: f64 = 0.5;

/// What finds directions, and what it keeps between them.
pub struct Finder {
    factor: Option<Factor>,
    /// Share of the entries that the stand-in of this ε exceeded: as errors shrink it only grows.
    exceeded: f64,
    /// The last ε needed a factor: begin with one.
    hard: bool,
    /// Products over all entries in f32 were too coarse.
    complete: bool,
}

/// A direction.
pub struct Found {
    /// The move of g.
    pub delta: Vec<f64>,
    /// Kept entries as a share of all, 1 if matrix-free.
    pub density: f64,
    /// Products made.
    pub iterations: usize,
    /// Share of the dual's slope along the direction that the linear model expects at its end: what the shift keeps back.
    pub left: f64,
}

impl Finder {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self { factor: None, exceeded: 0.0, hard: false, complete: false }
    }

    /// Forgets what belongs to another ε.
    pub fn start_stage(&mut self) {
        self.factor = None;
        self.exceeded = 0.0;
    }

    /// No matrix-free direction helped: where the error is small, small flows were lost in f32, and all entries are to be kept.
    pub fn was_of_no_use(&mut self, run: &Run<'_>) {
        let Weights { a, b } = run.weights;
        self.complete = run.relative() <= FINE_BELOW && a.len().saturating_mul(b.len()) <= COMPLETE;
    }

    /// The sparse stand-in for the plan at the pair of the run, as fine as the error deserves; None if it is too large.
    pub fn linearize(
        &mut self,
        run: &Run<'_>,
        engine: &mut Engine<'_>,
        epsilon: f64,
        monitor: &dyn Monitor,
    ) -> Result<Option<Bipartite>> {
        let Weights { a, b } = run.weights;
        let at = Linearization { softmin: &run.softmin, g: &run.g, b, row_mass: a, epsilon };
        let most = if self.complete && run.relative() <= FINE_BELOW { 1.0 } else { SPARSE };
        if most <= self.exceeded {
            return Ok(None);
        }
        let rule = Rule {
            weights: run.weights,
            share: (SHARE * run.relative().sqrt()).max(LEAST),
            grain: GRAIN,
            most: (most * a.len().saturating_mul(b.len()) as f64) as usize,
        };
        let found = engine.sparse(&at, &rule, monitor)?;
        if found.is_none() {
            self.exceeded = most;
        }
        Ok(found)
    }

    /// The direction at the pair of the run, to an error of `goal` in the linear model.
    pub fn find(
        &mut self,
        run: &Run<'_>,
        sparse: Option<&Bipartite>,
        engine: &mut Engine<'_>,
        epsilon: f64,
        goal: f64,
        damping: &Damping,
        monitor: &dyn Monitor,
    ) -> Result<Found> {
        let Weights { a, b } = run.weights;
        let at = Linearization { softmin: &run.softmin, g: &run.g, b, row_mass: a, epsilon };
        let right = run.column_gradient();
        // Parts of the plan that are balanced have a share in the shift: what is left of the residual is not to move them far.
        let rest = BALANCED * goal / sum(b.iter().copied());
        let shift: Vec<f64> = right.iter().zip(b).map(|(r, b)| damping.shift * (r.abs() + rest * b)).collect();
        let density = sparse.map_or(1.0, |w| w.len() as f64 / a.len().saturating_mul(b.len()) as f64);
        let thin = Rule { weights: run.weights, share: FACTORED, grain: FACTORED, most: usize::MAX };
        let solution = if let Some(w) = sparse {
            let grounded = Grounded::new(w, b, &shift);
            let system = grounded.system();
            let mut buffer = vec![0.0; a.len()];
            let product = |y: &[f64], out: &mut [f64]| {
                system.schur(y, &mut buffer, out);
                Ok(())
            };
            let whole = w.len() <= WHOLE * (a.len() + b.len());
            let graph = || Ok(if whole { Cow::Borrowed(w) } else { Cow::Owned(thinned(w, &thin)) });
            self.solve(product, &right, &system.schur_diagonal(), goal, monitor, graph, &shift, b)?
        } else {
            let diagonal: Vec<f64> = run.mass.iter().zip(&shift).map(|(c, s)| c + s).collect();
            let shared = std::cell::RefCell::new(engine);
            let product = |y: &[f64], out: &mut [f64]| {
                shared.borrow_mut().product(&at, y, out, monitor)?;
                out.iter_mut().zip(y).zip(&diagonal).for_each(|((o, y), c)| *o = c * y - *o);
                Ok(())
            };
            let graph = || Ok(Cow::Owned(shared.borrow_mut().sparse(&at, &thin, monitor)?.unwrap_or_default()));
            self.solve(product, &right, &diagonal, goal, monitor, graph, &shift, b)?
        };
        let y = &solution.x;
        let left = sum(y.iter().zip(&shift).map(|(y, s)| s * y * y)) / sum(y.iter().zip(&right).map(|(y, r)| y * r));
        let delta = y.iter().map(|y| epsilon * tempered(*y)).collect();
        Ok(Found { delta, density, iterations: solution.iterations, left })
    }

    fn solve<'g>(
        &mut self,
        mut product: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
        right: &[f64],
        diagonal: &[f64],
        goal: f64,
        monitor: &dyn Monitor,
        graph: impl Fn() -> Result<Cow<'g, Bipartite>>,
        shift: &[f64],
        b: &[f64],
    ) -> Result<Solution> {
        let enough = |r: &[f64], _: f64| sum(r.iter().map(|r| r.abs())) <= goal;
        let mut start = Solution { x: vec![0.0; b.len()], iterations: 0, relative: 1.0, done: false };
        if self.factor.is_none() && !self.hard {
            let jacobi = |r: &[f64], z: &mut [f64]| {
                z.iter_mut().zip(r).zip(diagonal).for_each(|((z, r), d)| *z = r / d);
            };
            start = conjugate(&mut product, jacobi, right, start.x, PLAIN, enough, monitor)?;
            if start.done {
                return Ok(start);
            }
        }
        if self.factor.is_none() {
            let graph = graph()?;
            self.factor = Some(Grounded::new(&graph, b, shift).system().factor(monitor)?);
        }
        let Some(factor) = &self.factor else { return Ok(start) };
        let n = factor.size() - b.len();
        let mut whole = vec![0.0; factor.size()];
        let precondition = |r: &[f64], z: &mut [f64]| {
            whole[..n].fill(0.0);
            whole[n..].copy_from_slice(r);
            factor.solve(&mut whole);
            z.copy_from_slice(&whole[n..]);
        };
        let found = conjugate(&mut product, precondition, right, start.x, MOST, enough, monitor)?;
        self.hard = true;
        if found.iterations > WORN {
            self.factor = None;
        }
        Ok(Solution { iterations: start.iterations + found.iterations, ..found })
    }
}

/// A move in units of ε that grows by its logarithm beyond `FAR`. A part of the plan that hangs on an arc of mass w and lacks r ≫ w
/// is to move by ln(1 + r/w), where the linear model says r/w.
fn tempered(y: f64) -> f64 {
    if y.abs() > FAR { y.signum() * FAR * (1.0 + (y.abs() / FAR).ln()) } else { y }
}

/// A stand-in with the diagonals of its system.
struct Grounded<'a> {
    weights: &'a Bipartite,
    rows: Vec<f64>,
    cols: Vec<f64>,
}

impl<'a> Grounded<'a> {
    fn new(weights: &'a Bipartite, b: &[f64], shift: &[f64]) -> Self {
        let (rows, mut cols) = weights.sums();
        cols.iter_mut().zip(b).zip(shift).for_each(|((c, b), s)| *c = c.max(LOST * b) + s);
        Self { weights, rows, cols }
    }

    fn system(&self) -> System<'_> {
        System { weights: self.weights, rows: &self.rows, cols: &self.cols }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_moves_grow_by_their_logarithm() {
        assert_eq!([0.0, 2.5, -FAR].map(tempered), [0.0, 2.5, -FAR]);
        let far = tempered(FAR * 1f64.exp());
        assert!((far - 2.0 * FAR).abs() < 1e-12 && tempered(-1e300) > -FAR * 700.0);
    }
}
