//! Symmetric systems [[diag(r), W], [Wᵀ, diag(c)]] (x, y) = (p, q) with r ≥ W1 and c ≥ Wᵀ1: Hessians of transport duals.
//!
//! With the sign of y flipped the matrix is a graph Laplacian plus a nonnegative diagonal. Conjugate gradients run on the Schur
//! complement of the rows first, scaled by its diagonal: cheap, and enough for most. If the graph is badly connected they go on with
//! the approximate factor.

use super::approximate::Factor;
use super::bipartite::Bipartite;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::sum;

/// The matrix.
#[derive(Clone, Copy)]
pub struct System<'a> {
    /// W.
    pub weights: &'a Bipartite,
    /// r, positive.
    pub rows: &'a [f64],
    /// c, positive.
    pub cols: &'a [f64],
}

/// An approximate solution.
#[derive(Clone, Debug)]
pub struct Solved {
    /// Row part.
    pub x: Vec<f64>,
    /// Column part.
    pub y: Vec<f64>,
    /// Products with the matrix.
    pub iterations: usize,
    /// Residual by the right-hand side, both in the norm of the scaled system.
    pub residual: f64,
}

/// Iterations with the diagonal alone: about what a factorization costs.
const PLAIN: usize = 60;

fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x.iter().zip(y).map(|(x, y)| x * y))
}

impl System<'_> {
    /// Solves to a relative residual, in at most `most` products.
    pub fn solve(&self, p: &[f64], q: &[f64], tolerance: f64, most: usize, monitor: &dyn Monitor) -> Result<Solved> {
        // Columns: (diag(c) − Wᵀ diag(r)⁻¹ W) y = q − Wᵀ (p / r).
        let (n, m) = (self.rows.len(), self.cols.len());
        let scaled: Vec<f64> = p.iter().zip(self.rows).map(|(p, r)| p / r).collect();
        let mut right = vec![0.0; m];
        self.weights.transposed_times(&scaled, &mut right);
        right.iter_mut().zip(q).for_each(|(s, q)| *s = q - *s);
        let mut buffer = vec![0.0; n];
        let schur = |y: &[f64], out: &mut [f64]| {
            self.weights.times(y, &mut buffer);
            buffer.iter_mut().zip(self.rows).for_each(|(b, r)| *b /= r);
            self.weights.transposed_times(&buffer, out);
            out.iter_mut().zip(y).zip(self.cols).for_each(|((o, y), c)| *o = c * y - *o);
        };
        let diagonal = self.schur_diagonal();
        let jacobi = |r: &[f64], z: &mut [f64]| {
            z.iter_mut().zip(r).zip(&diagonal).for_each(|((z, r), d)| *z = r / d);
        };
        let first = conjugate(schur, jacobi, &right, vec![0.0; m], tolerance, most.min(PLAIN), monitor)?;
        let y = first.solution;
        let mut x = vec![0.0; n];
        self.weights.times(&y, &mut x);
        x.iter_mut().zip(p).zip(self.rows).for_each(|((x, p), r)| *x = (p - *x) / r);
        let solved = Solved { x, y, iterations: first.iterations, residual: first.residual };
        if solved.residual <= tolerance || first.iterations >= most {
            return Ok(solved);
        }
        self.factored(p, q, solved, tolerance, most, monitor)
    }

    /// Goes on from `start` with the approximate factor; y has its sign flipped inside.
    fn factored(
        &self,
        p: &[f64],
        q: &[f64],
        start: Solved,
        tolerance: f64,
        most: usize,
        monitor: &dyn Monitor,
    ) -> Result<Solved> {
        let n = self.rows.len();
        let (row_sums, col_sums) = self.weights.sums();
        let diagonal = self.rows.iter().chain(self.cols);
        // An excess at the level of rounding is none: it would ground a component that floats.
        let excess = diagonal.zip(row_sums.iter().chain(&col_sums)).map(|(d, s)| {
            let excess = d - s;
            if excess > 1e-15 * d { excess } else { 0.0 }
        });
        let factor = Factor::new(self.weights, &excess.collect::<Vec<_>>());
        let matrix = |z: &[f64], out: &mut [f64]| {
            let ((x, y), (top, bottom)) = (z.split_at(n), out.split_at_mut(n));
            self.weights.times(y, top);
            self.weights.transposed_times(x, bottom);
            top.iter_mut().zip(x).zip(self.rows).for_each(|((o, x), r)| *o = r * x - *o);
            bottom.iter_mut().zip(y).zip(self.cols).for_each(|((o, y), c)| *o = c * y - *o);
        };
        let precondition = |r: &[f64], z: &mut [f64]| {
            z.copy_from_slice(r);
            factor.solve(z);
        };
        let right: Vec<f64> = p.iter().copied().chain(q.iter().map(|q| -q)).collect();
        let guess = start.x.into_iter().chain(start.y.into_iter().map(|y| -y)).collect();
        let left = most - start.iterations;
        let done = conjugate(matrix, precondition, &right, guess, tolerance, left, monitor)?;
        let (x, y) = done.solution.split_at(n);
        Ok(Solved {
            x: x.to_vec(),
            y: y.iter().map(|y| -y).collect(),
            iterations: start.iterations + done.iterations,
            residual: done.residual,
        })
    }

    /// Diagonal of the Schur complement, kept away from 0 where one row holds all of a column.
    fn schur_diagonal(&self) -> Vec<f64> {
        let mut diagonal = self.cols.to_vec();
        for (i, r) in self.rows.iter().enumerate() {
            let (index, weight) = self.weights.row(i);
            for (j, w) in index.iter().zip(weight) {
                diagonal[*j as usize] -= w * (w / r);
            }
        }
        diagonal.iter_mut().zip(self.cols).for_each(|(d, c)| *d = d.max(1e-12 * c));
        diagonal
    }
}

struct Run {
    solution: Vec<f64>,
    iterations: usize,
    residual: f64,
}

/// Preconditioned conjugate gradients from a guess; residuals in the norm of the preconditioner.
fn conjugate(
    mut matrix: impl FnMut(&[f64], &mut [f64]),
    precondition: impl Fn(&[f64], &mut [f64]),
    right: &[f64],
    guess: Vec<f64>,
    tolerance: f64,
    most: usize,
    monitor: &dyn Monitor,
) -> Result<Run> {
    let size = right.len();
    let (mut z, mut image) = (vec![0.0; size], vec![0.0; size]);
    precondition(right, &mut z);
    let scale = dot(right, &z);
    let mut solution = guess;
    matrix(&solution, &mut image);
    let mut residual: Vec<f64> = right.iter().zip(&image).map(|(b, o)| b - o).collect();
    precondition(&residual, &mut z);
    let mut direction = z.clone();
    let mut square = dot(&residual, &z);
    let goal = tolerance * tolerance * scale;
    let mut iterations = 0;
    while iterations < most && square > goal {
        monitor.check()?;
        matrix(&direction, &mut image);
        iterations += 1;
        let curvature = dot(&direction, &image);
        if curvature <= 0.0 || !curvature.is_finite() {
            break;
        }
        let alpha = square / curvature;
        solution.iter_mut().zip(&direction).for_each(|(x, d)| *x += alpha * d);
        residual.iter_mut().zip(&image).for_each(|(r, o)| *r -= alpha * o);
        precondition(&residual, &mut z);
        let next = dot(&residual, &z);
        let beta = next / square;
        square = next;
        direction.iter_mut().zip(&z).for_each(|(d, z)| *d = z + beta * *d);
    }
    let residual = if scale > 0.0 { (square.max(0.0) / scale).sqrt() } else { 0.0 };
    Ok(Run { solution, iterations, residual })
}
