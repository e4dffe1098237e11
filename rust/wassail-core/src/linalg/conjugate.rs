//! Preconditioned conjugate gradients.

use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::sum;

/// Where a run of conjugate gradients ended.
#[derive(Clone, Debug)]
pub struct Solution {
    /// The approximate solution.
    pub x: Vec<f64>,
    /// Products with the matrix.
    pub iterations: usize,
    /// Residual by the right-hand side, both in the norm of the preconditioner.
    pub relative: f64,
    /// Whether `enough` was satisfied.
    pub done: bool,
}

/// Inner product in a fixed order of summation.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x.iter().zip(y).map(|(x, y)| x * y))
}

/// Solves A x = `right` for a positive semidefinite A from a guess. It ends when `enough(residual, relative)` holds, `relative` in
/// the norm of the preconditioner, after `most` products, or when rounding hides the curvature.
pub fn conjugate(
    mut matrix: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
    mut precondition: impl FnMut(&[f64], &mut [f64]),
    right: &[f64],
    guess: Vec<f64>,
    most: usize,
    enough: impl Fn(&[f64], f64) -> bool,
    monitor: &dyn Monitor,
) -> Result<Solution> {
    let size = right.len();
    let (mut z, mut image) = (vec![0.0; size], vec![0.0; size]);
    let (mut x, mut residual) = (guess, right.to_vec());
    precondition(right, &mut z);
    let scale = dot(right, &z);
    if x.iter().any(|x| *x != 0.0) {
        matrix(&x, &mut image)?;
        residual.iter_mut().zip(&image).for_each(|(r, o)| *r -= o);
        precondition(&residual, &mut z);
    }
    let mut direction = z.clone();
    let mut square = dot(&residual, &z);
    let relative = |square: f64| if scale > 0.0 { (square.max(0.0) / scale).sqrt() } else { 0.0 };
    let mut iterations = 0;
    let mut done = enough(&residual, relative(square));
    while iterations < most && !done && square > 0.0 {
        monitor.check()?;
        matrix(&direction, &mut image)?;
        iterations += 1;
        let curvature = dot(&direction, &image);
        if curvature.is_nan() || curvature <= 0.0 || curvature.is_infinite() {
            break;
        }
        let alpha = square / curvature;
        x.iter_mut().zip(&direction).for_each(|(x, d)| *x += alpha * d);
        residual.iter_mut().zip(&image).for_each(|(r, o)| *r -= alpha * o);
        precondition(&residual, &mut z);
        let next = dot(&residual, &z);
        let beta = next / square;
        square = next;
        done = enough(&residual, relative(square));
        direction.iter_mut().zip(&z).for_each(|(d, z)| *d = z + beta * *d);
    }
    Ok(Solution { x, iterations, relative: relative(square), done })
}
