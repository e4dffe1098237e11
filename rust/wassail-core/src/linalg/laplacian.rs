//! Symmetric systems [[diag(r), W], [Wᵀ, diag(c)]] (x, y) = (p, q) with r ≥ W1 and c ≥ Wᵀ1: Hessians of transport duals.
//!
//! With the sign of y flipped the matrix is a graph Laplacian plus a nonnegative diagonal. Conjugate gradients run on the Schur
//! complement of the columns first, scaled by its diagonal: cheap, and enough for most. If the graph is badly connected they go
//! on with the approximate factor.

use super::approximate::Factor;
use super::bipartite::Bipartite;
use super::conjugate::{Solution, conjugate};
use crate::error::Result;
use crate::monitor::Monitor;

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
/// An excess of the diagonal below this share of it is rounding: it would ground a component that floats.
const ROUNDING: f64 = 1e-15;

impl System<'_> {
    /// Solves to a relative residual, in at most `most` products.
    pub fn solve(&self, p: &[f64], q: &[f64], tolerance: f64, most: usize, monitor: &dyn Monitor) -> Result<Solved> {
        // Columns: (diag(c) − Wᵀ diag(r)⁻¹ W) y = q − Wᵀ (p / r).
        let mut right = vec![0.0; q.len()];
        let scaled: Vec<f64> = p.iter().zip(self.rows).map(|(p, r)| p / r).collect();
        self.weights.transposed_times(&scaled, &mut right);
        right.iter_mut().zip(q).for_each(|(s, q)| *s = q - *s);
        let mut buffer = vec![0.0; p.len()];
        let diagonal = self.schur_diagonal();
        let first = conjugate(
            |y, out| {
                self.schur(y, &mut buffer, out);
                Ok(())
            },
            |r, z| z.iter_mut().zip(r).zip(&diagonal).for_each(|((z, r), d)| *z = r / d),
            &right,
            vec![0.0; q.len()],
            most.min(PLAIN),
            |_, relative| relative <= tolerance,
            monitor,
        )?;
        let mut x = vec![0.0; p.len()];
        self.weights.times(&first.x, &mut x);
        x.iter_mut().zip(p).zip(self.rows).for_each(|((x, p), r)| *x = (p - *x) / r);
        let solved = Solved { x, y: first.x, iterations: first.iterations, residual: first.relative };
        if first.done || first.iterations >= most {
            return Ok(solved);
        }
        self.factored(p, q, &solved, tolerance, most, monitor)
    }

    /// out = (diag(c) − Wᵀ diag(r)⁻¹ W) y; `buffer` holds a value for each row.
    pub fn schur(&self, y: &[f64], buffer: &mut [f64], out: &mut [f64]) {
        self.weights.times(y, buffer);
        buffer.iter_mut().zip(self.rows).for_each(|(b, r)| *b /= r);
        self.weights.transposed_times(buffer, out);
        out.iter_mut().zip(y).zip(self.cols).for_each(|((o, y), c)| *o = c * y - *o);
    }

    /// The approximate factor of the matrix with the sign of y flipped.
    pub fn factor(&self, monitor: &dyn Monitor) -> Result<Factor> {
        let (row_sums, col_sums) = self.weights.sums();
        let diagonal = self.rows.iter().chain(self.cols);
        let excess = diagonal.zip(row_sums.iter().chain(&col_sums)).map(|(d, s)| {
            let excess = d - s;
            if excess > ROUNDING * d { excess } else { 0.0 }
        });
        Factor::new(self.weights, &excess.collect::<Vec<_>>(), monitor)
    }

    /// Goes on from `start` with the approximate factor; y has its sign flipped inside.
    fn factored(
        &self,
        p: &[f64],
        q: &[f64],
        start: &Solved,
        tolerance: f64,
        most: usize,
        monitor: &dyn Monitor,
    ) -> Result<Solved> {
        let n = self.rows.len();
        let factor = self.factor(monitor)?;
        let right: Vec<f64> = p.iter().copied().chain(q.iter().map(|q| -q)).collect();
        let guess = start.x.iter().copied().chain(start.y.iter().map(|y| -y)).collect();
        let Solution { x: z, iterations, relative, .. } = conjugate(
            |z, out| {
                self.laplacian(z, out);
                Ok(())
            },
            |r, z| {
                z.copy_from_slice(r);
                factor.solve(z);
            },
            &right,
            guess,
            most - start.iterations,
            |_, relative| relative <= tolerance,
            monitor,
        )?;
        let (x, y) = z.split_at(n);
        Ok(Solved {
            x: x.to_vec(),
            y: y.iter().map(|y| -y).collect(),
            iterations: start.iterations + iterations,
            residual: relative,
        })
    }

    /// out = [[diag(r), −W], [−Wᵀ, diag(c)]] z.
    fn laplacian(&self, z: &[f64], out: &mut [f64]) {
        let n = self.rows.len();
        let ((x, y), (top, bottom)) = (z.split_at(n), out.split_at_mut(n));
        self.weights.times(y, top);
        self.weights.transposed_times(x, bottom);
        top.iter_mut().zip(x).zip(self.rows).for_each(|((o, x), r)| *o = r * x - *o);
        bottom.iter_mut().zip(y).zip(self.cols).for_each(|((o, y), c)| *o = c * y - *o);
    }

    /// Diagonal of the Schur complement, kept away from 0 where one row holds all of a column.
    pub fn schur_diagonal(&self) -> Vec<f64> {
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
