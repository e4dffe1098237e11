//! Kernel herding and Stein thinning: greedy selection, with later passes that choose each point anew.

use super::greedy::Greedy;
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Cross, Kernel, center, diagonal, symmetric_sums};
use crate::monitor::{Monitor, Progress};
use crate::parallel::keep_awake;
use crate::points::Coordinates;

/// What is to be chosen.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    /// c of every point.
    pub constant: &'a [f64],
    /// s of every point; empty for zero.
    pub slope: &'a [f64],
    /// Points to choose.
    pub size: usize,
    /// Whether a point is chosen at most once.
    pub unique: bool,
    /// Temperature of each pass, 0 for the best point; the first pass chooses, later ones replace each choice in turn.
    pub temperatures: &'a [f64],
    /// Uniform numbers, `size` for every pass of positive temperature.
    pub uniforms: &'a [f64],
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Points in the order of choice.
    pub indices: Vec<usize>,
    /// Σ_ij k(x_i, x_j) / m² + 2 Σ_i s_i / m over the chosen: the squared discrepancy up to a constant.
    pub objective: f64,
}

/// Kernel herding: c = 0 and s_i = −Σ_j w_j k(x_i, x_j), whatever the task's own; points of weight 0 are not chosen.
pub fn herd(
    kernel: &dyn Kernel,
    points: Coordinates<'_>,
    d: usize,
    weights: &[f64],
    task: &Selection<'_>,
    monitor: &dyn Monitor,
) -> Result<Option<Chosen>> {
    let cloud = cloud(kernel, points, d)?;
    let mut slope = symmetric_sums(&Cross { kernel, x: &cloud, y: &cloud }, &[weights], monitor)?;
    let diagonal = diagonal(kernel, points, d, monitor)?;
    for ((s, w), k) in slope.iter_mut().zip(weights).zip(&diagonal) {
        *s = -(*s + w * k);
    }
    let mut constant = try_zeroed(weights.len())?;
    constant.iter_mut().zip(weights).filter(|(_, w)| **w == 0.0).for_each(|(c, _)| *c = f64::INFINITY);
    run(kernel, &cloud, d, &Selection { constant: &constant, slope: &slope, ..*task }, monitor)
}

/// Greedy selection by the task's c and s.
pub fn select(
    kernel: &dyn Kernel,
    points: Coordinates<'_>,
    d: usize,
    task: &Selection<'_>,
    monitor: &dyn Monitor,
) -> Result<Option<Chosen>> {
    run(kernel, &cloud(kernel, points, d)?, d, task, monitor)
}

fn cloud(kernel: &dyn Kernel, points: Coordinates<'_>, d: usize) -> Result<Cloud<f64>> {
    Cloud::new(kernel, points, d, &center(points, d)?, 0..points.len() / d)
}

/// Runs all passes and keeps the best one; `None` where no score is finite.
fn run(
    kernel: &dyn Kernel,
    cloud: &Cloud<f64>,
    d: usize,
    task: &Selection<'_>,
    monitor: &dyn Monitor,
) -> Result<Option<Chosen>> {
    let _awake = keep_awake();
    let greedy = Greedy::new(kernel, cloud, d, task.constant, task.slope)?;
    let mut run = Run { task, greedy, chosen: try_zeroed(task.size)?, uniforms: task.uniforms };
    let mut best: Option<Chosen> = None;
    for (pass, &temperature) in task.temperatures.iter().enumerate() {
        let Some(objective) = run.pass(pass, temperature, monitor)? else { return Ok(None) };
        if best.as_ref().is_none_or(|b| objective < b.objective) {
            best = Some(Chosen { indices: run.chosen.clone(), objective });
        }
    }
    Ok(best)
}

struct Run<'a> {
    task: &'a Selection<'a>,
    greedy: Greedy<'a>,
    chosen: Vec<usize>,
    uniforms: &'a [f64],
}

impl Run<'_> {
    /// Chooses every slot once; gives the objective.
    fn pass(&mut self, pass: usize, temperature: f64, monitor: &dyn Monitor) -> Result<Option<f64>> {
        let mut changes = Vec::with_capacity(2);
        for slot in 0..self.task.size {
            let mut t = slot + 1;
            if pass > 0 {
                let old = self.chosen[slot];
                changes.push((old, -1.0));
                self.greedy.allow(old, self.task.constant[old]);
                t = self.task.size;
            }
            let Some(new) = self.pick(&changes, t as f64, temperature, monitor)? else { return Ok(None) };
            self.chosen[slot] = new;
            if self.task.unique {
                self.greedy.forbid(new);
            }
            changes.clear();
            changes.push((new, 1.0));
            let n_iter = (pass * self.task.size).saturating_add(slot + 1);
            monitor.report(Progress { n_iter, ..Progress::default() });
        }
        self.greedy.update(&changes, monitor)?;
        Ok(Some(self.objective()))
    }

    fn pick(
        &mut self,
        changes: &[(usize, f64)],
        t: f64,
        temperature: f64,
        monitor: &dyn Monitor,
    ) -> Result<Option<usize>> {
        if temperature == 0.0 {
            return self.greedy.best(changes, t, monitor);
        }
        let (&uniform, rest) = self.uniforms.split_first().unwrap_or((&0.5, &[]));
        self.uniforms = rest;
        // Herding's criterion is the score over −t.
        self.greedy.draw(changes, t, temperature * t, uniform, monitor)
    }

    fn objective(&self) -> f64 {
        let m = self.chosen.len() as f64;
        let inner: f64 = self.chosen.iter().map(|&i| self.greedy.sum(i)).sum();
        let cross: f64 = self.chosen.iter().map(|&i| self.greedy.slope(i)).sum();
        inner / m / m + 2.0 * cross / m
    }
}
