//! Transport between two projections: distance, derivatives and potentials, read off the monotone coupling.

use super::Problem;
use super::couple::Masses;
use super::order::{Sorter, index};
use super::power::Power;
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::ot::kernels::summarize;
use crate::parallel::sum;

/// One sorted side.
#[derive(Default)]
struct Side {
    /// Points in order of position.
    points: Vec<u32>,
    /// Their positions.
    at: Vec<f64>,
    /// Ranks of the points of positive weight; all of them when weights are equal.
    atoms: Vec<u32>,
    /// Their weights.
    weights: Vec<f64>,
}

impl Side {
    fn load(&mut self, values: &[f64], weights: &[f64], sorter: &mut Sorter, monitor: &dyn Monitor) -> Result<()> {
        if self.at.len() != values.len() {
            self.points = try_zeroed(values.len())?;
            self.at = try_zeroed(values.len())?;
        }
        let keys = sorter.sort(values, monitor)?;
        for ((point, at), &key) in self.points.iter_mut().zip(&mut self.at).zip(keys) {
            *point = index(key) as u32;
            *at = values[index(key)];
        }
        self.atoms.clear();
        self.weights.clear();
        if !weights.is_empty() {
            let positive = self.points.iter().enumerate().filter(|(_, i)| weights[**i as usize] > 0.0);
            self.atoms.extend(positive.map(|(rank, _)| rank as u32));
            self.weights.extend(self.atoms.iter().map(|r| weights[self.points[*r as usize] as usize]));
        }
        Ok(())
    }

    /// Rank of an atom among all points.
    #[inline]
    fn rank(&self, atom: usize) -> usize {
        if self.atoms.is_empty() { atom } else { self.atoms[atom] as usize }
    }

    fn point(&self, rank: usize) -> usize {
        self.points[rank] as usize
    }

    /// Values by rank, in the order of the points.
    fn by_point(&self, values: &[f64]) -> Result<Vec<f64>> {
        let mut out = try_zeroed(values.len())?;
        for (&point, &value) in self.points.iter().zip(values) {
            out[point as usize] = value;
        }
        Ok(out)
    }
}

/// Buffers for one projection, kept between calls.
#[derive(Default)]
pub struct Line {
    x: Side,
    y: Side,
    sorter: Sorter,
    mass: Vec<f64>,
    gap: Vec<f64>,
}

impl Line {
    /// Sorts both sides.
    pub fn load(&mut self, problem: &Problem<'_>, x: &[f64], y: &[f64], monitor: &dyn Monitor) -> Result<()> {
        self.x.load(x, problem.x.weights, &mut self.sorter, monitor)?;
        self.y.load(y, problem.y.weights, &mut self.sorter, monitor)
    }

    fn masses(&self, problem: &Problem<'_>) -> Masses<'_> {
        let (total, slack) = (problem.total, problem.slack);
        if self.x.atoms.is_empty() {
            Masses::Equal(self.x.at.len(), self.y.at.len())
        } else {
            Masses::Given { a: &self.x.weights, b: &self.y.weights, total, slack }
        }
    }

    /// W_p between the sides.
    pub fn distance(&mut self, problem: &Problem<'_>, monitor: &dyn Monitor) -> Result<f64> {
        let (mut mass, mut gap) = (std::mem::take(&mut self.mass), std::mem::take(&mut self.gap));
        mass.clear();
        gap.clear();
        let (x, y) = (&self.x, &self.y);
        let one_to_one = x.atoms.is_empty() && x.at.len() == y.at.len();
        if one_to_one {
            gap.extend(x.at.iter().zip(&y.at).map(|(x, y)| (x - y).abs()));
        } else {
            self.masses(problem).couple(monitor, |i, j, m| {
                mass.push(m);
                gap.push((x.at[x.rank(i)] - y.at[y.rank(j)]).abs());
            })?;
        }
        let share = if one_to_one { problem.total / x.at.len() as f64 } else { 1.0 };
        let distance = norm(&mass, &gap, share, problem.power);
        (self.mass, self.gap) = (mass, gap);
        Ok(distance)
    }

    /// d W_p / d position of each point, where `value` takes the place of W_p in P_ij (|d_ij| / W_p)^(p − 1) sign d_ij.
    pub fn derivative(
        &self,
        problem: &Problem<'_>,
        value: f64,
        out_x: &mut [f64],
        out_y: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        out_x.fill(0.0);
        out_y.fill(0.0);
        if value == 0.0 {
            return Ok(());
        }
        let (x, y) = (&self.x, &self.y);
        self.masses(problem).couple(monitor, |i, j, m| {
            let (i, j) = (x.rank(i), y.rank(j));
            let pull = m * problem.power.slope((x.at[i] - y.at[j]) / value);
            out_x[x.point(i)] += pull;
            out_y[y.point(j)] -= pull;
        })
    }

    /// Optimal potentials of the cost `value`/p (|d| / `value`)^p. A point of weight zero has the largest one that the
    /// points of positive weight allow: the derivative of giving mass to it.
    pub fn potentials(&self, problem: &Problem<'_>, value: f64, monitor: &dyn Monitor) -> Result<(Vec<f64>, Vec<f64>)> {
        let (x, y, power) = (&self.x, &self.y, problem.power);
        let (n, m) = (x.at.len(), y.at.len());
        if value == 0.0 {
            return Ok((try_zeroed(n)?, try_zeroed(m)?));
        }
        let cost = |i: usize, j: usize| value / power.order * power.of(((x.at[i] - y.at[j]) / value).abs());
        let mut walk = Staircase { cost, f: try_zeroed(n)?, g: try_zeroed(m)?, cell: None };
        self.masses(problem).couple(monitor, |i, j, _| walk.visit(x.rank(i), y.rank(j)))?;
        walk.finish();
        Ok((x.by_point(&walk.f)?, y.by_point(&walk.g)?))
    }
}

/// Potentials along a chain of cells (i, j), each right of or below the one before: f_i + g_j = c_ij on all of them is
/// optimal for a Monge cost. Where both coordinates move, the corner may be turned either way: the mean is taken. What
/// has no mass in between gets the largest potential that the cells beside it allow.
struct Staircase<C> {
    cost: C,
    f: Vec<f64>,
    g: Vec<f64>,
    cell: Option<(usize, usize)>,
}

impl<C: Fn(usize, usize) -> f64> Staircase<C> {
    fn visit(&mut self, i: usize, j: usize) {
        let (cost, f, g) = (&self.cost, &mut self.f, &mut self.g);
        let Some((i0, j0)) = self.cell.replace((i, j)) else {
            (f[i], g[j]) = (0.5 * cost(i, j), 0.5 * cost(i, j));
            (0..i).for_each(|r| f[r] = cost(r, j) - g[j]);
            (0..j).for_each(|s| g[s] = cost(i, s) - f[i]);
            return;
        };
        let (f0, g0) = (f[i0], g[j0]);
        if i > i0 {
            f[i] = 0.5 * ((cost(i, j0) - g0) + (cost(i, j) - cost(i0, j) + f0));
        }
        if j > j0 {
            g[j] = 0.5 * ((cost(i0, j) - f0) + (cost(i, j) - cost(i, j0) + g0));
        }
        (i0 + 1..i).for_each(|r| f[r] = (cost(r, j0) - g0).min(cost(r, j) - g[j]));
        (j0 + 1..j).for_each(|s| g[s] = (cost(i0, s) - f0).min(cost(i, s) - f[i]));
    }

    fn finish(&mut self) {
        let (cost, f, g) = (&self.cost, &mut self.f, &mut self.g);
        if let Some((i, j)) = self.cell {
            (i + 1..f.len()).for_each(|r| f[r] = cost(r, j) - g[j]);
            (j + 1..g.len()).for_each(|s| g[s] = cost(i, s) - f[i]);
        }
    }
}

/// (Σ_k share · mass_k · gap_k^p)^(1/p); no masses are all one.
fn norm(mass: &[f64], gap: &[f64], share: f64, power: Power) -> f64 {
    let scale = summarize(gap).max;
    if scale <= 0.0 {
        return 0.0;
    }
    let total = if mass.is_empty() {
        sum(gap.iter().map(|g| power.of(g / scale)))
    } else {
        sum(gap.iter().zip(mass).map(|(g, m)| m * power.of(g / scale)))
    };
    scale * power.root(share * total)
}
