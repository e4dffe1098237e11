//! Randomly pivoted partial Cholesky factors of kernel matrices (Chen, Epperly, Tropp and Webber, arXiv:2207.06503, Alg. 1).

use super::row::{grain, walk_row};
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Kernel, center, diagonal};
use crate::monitor::Monitor;
use crate::numeric::lanes::{LANES, dot4};
use crate::parallel::{map_chunks, sum};
use crate::points::Coordinates;

/// Residuals below this part of their diagonal entry are rounding.
const NEGLIGIBLE: f64 = 1e-14;

/// K ≈ F Fᵀ.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// F, row-major (n, rank).
    pub factor: Vec<f64>,
    /// Points whose rows of K span it, in order.
    pub pivots: Vec<usize>,
}

/// A factor of K with a pivot for each uniform number, drawn with probability proportional to weight times residual diagonal.
/// Fewer where nothing is left to draw from.
pub fn rp_cholesky(
    kernel: &dyn Kernel,
    points: Coordinates<'_>,
    d: usize,
    weights: &[f64],
    uniforms: &[f64],
    monitor: &dyn Monitor,
) -> Result<Factor> {
    let n = weights.len();
    let cloud = Cloud::new(kernel, points, d, &center(points, d)?, 0..n)?;
    let whole = diagonal(kernel, points, d, monitor)?;
    let (mut residual, mut pivots, most) = (whole.clone(), Vec::new(), uniforms.len());
    let mut factor = try_zeroed(n.checked_mul(most).unwrap_or(usize::MAX / 16))?;
    let grain = grain(n, kernel.work(d) + most / 8);
    for &uniform in uniforms {
        let Some(pivot) = draw(&residual, weights, uniform) else { break };
        let at = pivots.len();
        let own = factor[pivot * most..][..at].to_vec();
        let root = residual[pivot].sqrt();
        let chunks = factor.chunks_mut(grain * most).zip(residual.chunks_mut(grain)).zip(whole.chunks(grain));
        map_chunks(chunks.enumerate().collect(), monitor, |(chunk, ((rows, residual), whole))| {
            let mut column = Column { rows, residual, whole, most, at, own: &own, root };
            let len = column.residual.len().next_multiple_of(LANES);
            walk_row(kernel, &cloud, pivot, chunk * grain, len, |start, values| column.fill(start, values))
        })?;
        residual[pivot] = 0.0;
        pivots.push(pivot);
    }
    Ok(Factor { factor: truncate(factor, most, pivots.len())?, pivots })
}

/// An index drawn with probability proportional to weight times residual, `None` where all are 0.
fn draw(residual: &[f64], weights: &[f64], uniform: f64) -> Option<usize> {
    let mass = |i: usize| weights[i] * residual[i];
    let total = sum((0..residual.len()).map(mass));
    let (mut below, mut last) = (0.0, None);
    for i in 0..residual.len() {
        if mass(i) > 0.0 {
            last = Some(i);
            below += mass(i);
            if below > uniform * total {
                break;
            }
        }
    }
    last.filter(|_| total.is_finite())
}

/// A part of the next column.
struct Column<'a> {
    rows: &'a mut [f64],
    residual: &'a mut [f64],
    whole: &'a [f64],
    most: usize,
    at: usize,
    own: &'a [f64],
    root: f64,
}

impl Column<'_> {
    fn fill(&mut self, start: usize, values: &[f64]) {
        let (at, most) = (self.at, self.most);
        let end = (start + values.len()).min(self.residual.len());
        for first in (start..end).step_by(4) {
            let row = |i: usize| &self.rows[(first + i).min(end - 1) * most..][..at];
            let known = dot4([row(0), row(1), row(2), row(3)], self.own);
            for (i, known) in (first..end.min(first + 4)).zip(known) {
                let entry = (values[i - start] - known) / self.root;
                self.rows[i * most + at] = entry;
                let left = self.residual[i] - entry * entry;
                self.residual[i] = if left > NEGLIGIBLE * self.whole[i] { left } else { 0.0 };
            }
        }
    }
}

/// Keeps the first columns.
fn truncate(factor: Vec<f64>, most: usize, rank: usize) -> Result<Vec<f64>> {
    if rank == most {
        return Ok(factor);
    }
    let mut kept = try_zeroed(factor.len() / most.max(1) * rank)?;
    if rank > 0 {
        for (to, from) in kept.chunks_mut(rank).zip(factor.chunks(most)) {
            to.copy_from_slice(&from[..rank]);
        }
    }
    Ok(kept)
}
