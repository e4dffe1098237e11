//! The φ⁴ field on a periodic lattice in two dimensions.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::lanes::accumulate;

/// log π(φ) = −Σ_x [ Σ_μ (φ_{x+μ} − φ_x)² + m² φ_x² + λ φ_x⁴ ], the action of Albergo, Kanwar, Shanahan (2019), eq. (7).
pub struct Phi4 {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// m², of any sign.
    pub mass: f64,
    /// λ, positive.
    pub coupling: f64,
}

/// A row of sites with its neighbors: the rows above and below.
#[derive(Clone, Copy)]
struct Row<'a> {
    here: &'a [f64],
    above: &'a [f64],
    below: &'a [f64],
}

#[inline(always)]
fn site<I: Isa>(phi: f64, neighbors: f64, mass: f64, coupling: f64) -> (f64, f64, f64) {
    // Σ (φ_{x+μ} − φ_x)² summed over x is φ_x (4 φ_x − neighbors) summed over x.
    let bend = 4.0 * phi - neighbors;
    let potential = coupling * phi * phi;
    let pull = phi.fma::<I>(2.0f64.fma::<I>(potential, mass), bend);
    (-2.0 * pull, -phi, phi.fma::<I>(mass + potential, bend))
}

#[inline(always)]
fn row_body<I: Isa>(row: Row<'_>, mass: f64, coupling: f64, grad: &mut [f64]) -> f64 {
    let n = grad.len();
    let (here, above, below) = (&row.here[..n], &row.above[..n], &row.below[..n]);
    let mut value = 0.0;
    if n > 2 {
        let inner = n - 2;
        let (left, middle, right) = (&here[..inner], &here[1..=inner], &here[2..]);
        let (above, below) = (&above[1..=inner], &below[1..=inner]);
        value = accumulate::<I, 5>(
            [middle, left, right, above, below],
            &mut grad[1..=inner],
            #[inline(always)]
            |_, [phi, left, right, above, below]| site::<I>(phi, (left + right) + (above + below), mass, coupling),
        );
    }
    let ends = if n > 1 { &[0, n - 1][..] } else { &[0] };
    for &i in ends {
        let across = here[if i == 0 { n - 1 } else { i - 1 }] + here[(i + 1) % n];
        let (g, a, b) = site::<I>(here[i], across + (above[i] + below[i]), mass, coupling);
        grad[i] = g;
        value += a * b;
    }
    value
}

multiversion! {
    fn row(row: Row<'_>, mass: f64, coupling: f64, grad: &mut [f64]) -> f64 => row_body
}

impl LogDensity for Phi4 {
    fn dim(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let (rows, columns) = self.shape;
        let at = |r: usize| &x[r * columns..(r + 1) * columns];
        let mut value = 0.0;
        for (r, grad) in grad.chunks_exact_mut(columns).enumerate() {
            let near = Row { here: at(r), above: at((r + rows - 1) % rows), below: at((r + 1) % rows) };
            value += row(near, self.mass, self.coupling, grad);
        }
        Ok(value)
    }

    fn work(&self) -> usize {
        1 + self.dim()
    }
}
