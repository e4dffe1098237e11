//! Coordinates in which a density is rounder: x = m + S(I + U(Λ^½ − I)Uᵀ)z with a diagonal S and a few directions U.
//!
//! Such a frame makes E|∇log π(z) + z|² small: without U the best is S² = √(var x/var ∇log π), and in the span of centered
//! draws and gradients the best Λ is the geometric mean of the covariance of draws and the inverse covariance of gradients
//! (Seyboldt, Carlson and Carpenter 2026, arXiv:2603.18845). Both are exact on Gaussians.

use super::adaptation::is_gaussian;
use super::density::{DensityError, LogDensity};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use nalgebra::{DMatrix, DVector, Matrix, SymmetricEigen};

/// Most directions that are looked at, half of them from draws and half from gradients.
const DIRECTIONS: usize = 128;
/// Stretches of a direction within this factor of one are left alone.
const CUTOFF: f64 = 1.5;
/// Weight of the identity in both covariances, in draws.
const RIDGE: f64 = 1e-3;
/// A direction shorter than this after the others are taken out of it adds rounding errors only.
const DEPENDENT: f64 = 1e-6;

/// A frame of reference.
pub struct Frame {
    center: Vec<f64>,
    scale: Vec<f64>,
    /// Orthonormal rows, (k, d).
    directions: Vec<f64>,
    /// Λ^½.
    stretches: Vec<f64>,
}

/// Draws and their gradients, row by row in the natural coordinates.
#[derive(Default)]
pub struct Rows {
    /// Draws, (n, d).
    pub x: Vec<f64>,
    /// Gradients, (n, d).
    pub grad: Vec<f64>,
}

impl Frame {
    /// Fits a frame to draws, given S; `None` where no direction needs one. Where steps left the support, Λ is at most the
    /// covariance of draws, as for scales.
    pub fn fit(rows: &Rows, scale: &[f64], edged: bool, monitor: &dyn Monitor) -> Result<Option<Self>> {
        let d = scale.len();
        let n = rows.x.len() / d;
        if n < 8 || d < 2 {
            return Ok(None);
        }
        let center = mean(&rows.x, d);
        let inverse: Vec<f64> = scale.iter().map(|s| 1.0 / s).collect();
        let x = centered(&rows.x, &center, &inverse)?;
        let slope = mean(&rows.grad, d);
        let grad = centered(&rows.grad, &slope, scale)?;
        if !x.iter().chain(&grad).all(|v| v.abs() < 1e100) {
            return Ok(None);
        }
        let basis = basis(&x, &grad, d, monitor)?;
        let [x, grad] = [projected(&x, &basis, d, monitor)?, projected(&grad, &basis, d, monitor)?];
        let edge = if edged {
            let slope: Vec<f64> = slope.iter().zip(scale).map(|(g, s)| g * s).collect();
            Some(Edge::new(&x, &grad, projected(&slope, &basis, d, monitor)?))
        } else {
            None
        };
        let Some((stretches, turned)) = stretches(&covariance(&x), &covariance(&grad), edge.as_ref()) else {
            return Ok(None);
        };
        let mut frame = Self { center, scale: scale.to_vec(), directions: Vec::new(), stretches: Vec::new() };
        for (at, &stretch) in stretches.iter().enumerate() {
            if !(1.0 / CUTOFF..=CUTOFF).contains(&stretch) {
                let mut direction = try_zeroed(d)?;
                for (row, weight) in basis.chunks_exact(d).zip(turned.column(at).iter()) {
                    direction.iter_mut().zip(row).for_each(|(v, r)| *v += weight * r);
                }
                frame.directions.append(&mut direction);
                frame.stretches.push(stretch);
            }
        }
        Ok(if frame.stretches.is_empty() { None } else { Some(frame) })
    }

    /// The numbers of a frame, none without one.
    pub fn parts(frame: Option<&Self>) -> [Vec<f64>; 4] {
        frame.map_or_else(Default::default, |f| [&f.center, &f.scale, &f.directions, &f.stretches].map(Clone::clone))
    }

    /// The frame of such numbers, in d dimensions; an error where they are not those of one.
    pub fn from_parts(
        [center, scale, directions, stretches]: [Vec<f64>; 4],
        d: usize,
    ) -> std::result::Result<Option<Self>, ()> {
        let sizes = [center.len(), scale.len(), directions.len()];
        if stretches.is_empty() {
            return if sizes == [0; 3] { Ok(None) } else { Err(()) };
        }
        let fits = sizes == [d, d, d * stretches.len()] && scale.iter().chain(&stretches).all(|&s| s > 0.0);
        if fits { Ok(Some(Self { center, scale, directions, stretches })) } else { Err(()) }
    }

    /// Directions that are stretched.
    pub fn rank(&self) -> usize {
        self.stretches.len()
    }

    /// v ← (I + U(Λ^(±½) − I)Uᵀ)v.
    fn stretch(&self, v: &mut [f64], inverse: bool) {
        for (u, &s) in self.directions.chunks_exact(v.len()).zip(&self.stretches) {
            let along = super::vector::dot(u, v);
            super::vector::add(v, u, along * if inverse { 1.0 / s - 1.0 } else { s - 1.0 });
        }
    }

    /// x of z, in place.
    pub fn to_natural(&self, z: &mut [f64]) {
        self.stretch(z, false);
        for ((z, s), m) in z.iter_mut().zip(&self.scale).zip(&self.center) {
            *z = s * *z + m;
        }
    }

    /// z of x, in place.
    pub fn to_round(&self, x: &mut [f64]) {
        for ((x, s), m) in x.iter_mut().zip(&self.scale).zip(&self.center) {
            *x = (*x - m) / s;
        }
        self.stretch(x, true);
    }

    /// Gradient by z from that by x, in place.
    pub fn pull_back(&self, grad: &mut [f64]) {
        grad.iter_mut().zip(&self.scale).for_each(|(g, s)| *g *= s);
        self.stretch(grad, false);
    }

    /// Gradient by x from that by z, in place.
    pub fn push_forward(&self, grad: &mut [f64]) {
        self.stretch(grad, true);
        grad.iter_mut().zip(&self.scale).for_each(|(g, s)| *g /= s);
    }

    /// Root mean square deviation of rows of x, seen in this frame.
    pub fn deviation(&self, x: &[f64]) -> f64 {
        let d = self.scale.len();
        let mut rows = x.to_vec();
        rows.chunks_exact_mut(d).for_each(|row| self.to_round(row));
        let mean = mean(&rows, d);
        let squares: f64 =
            rows.chunks_exact(d).flat_map(|row| row.iter().zip(&mean)).map(|(v, m)| (v - m) * (v - m)).sum();
        (squares / rows.len().max(1) as f64).sqrt()
    }

    /// Evaluates a density at points z; `natural` gets the points x.
    pub fn batch(
        &self,
        density: &dyn LogDensity,
        z: &[f64],
        natural: &mut [f64],
        grad: &mut [f64],
        out: &mut [std::result::Result<f64, DensityError>],
    ) {
        let d = density.dim();
        natural.copy_from_slice(z);
        natural.chunks_exact_mut(d).for_each(|x| self.to_natural(x));
        density.batch(natural, grad, out);
        grad.chunks_exact_mut(d).for_each(|g| self.pull_back(g));
    }
}

fn mean(rows: &[f64], d: usize) -> Vec<f64> {
    let mut mean = vec![0.0; d];
    let n = (rows.len() / d) as f64;
    for row in rows.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / n);
    }
    mean
}

/// (v − m)·w row by row.
fn centered(rows: &[f64], mean: &[f64], weight: &[f64]) -> Result<Vec<f64>> {
    let mut out = try_zeroed(rows.len())?;
    for (out, row) in out.chunks_exact_mut(mean.len()).zip(rows.chunks_exact(mean.len())) {
        for i in 0..mean.len() {
            out[i] = (row[i] - mean[i]) * weight[i];
        }
    }
    Ok(out)
}

/// Orthonormal rows in the span of some draws and gradients, taken in turns (Gram and Schmidt, twice).
fn basis(x: &[f64], grad: &[f64], d: usize, monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let most = DIRECTIONS.min(d);
    let n = x.len() / d;
    let mut basis: Vec<f64> = Vec::new();
    let every = (n / DIRECTIONS).max(1);
    for at in (0..n).step_by(every) {
        for source in [x, grad] {
            monitor.check()?;
            let mut row = try_zeroed(d)?;
            row.copy_from_slice(&source[at * d..(at + 1) * d]);
            if basis.len() < most * d && orthonormal(&mut row, &basis) {
                basis.append(&mut row);
            }
        }
    }
    Ok(basis)
}

/// Takes the basis out of a row and normalizes it; false where nothing is left.
fn orthonormal(row: &mut [f64], basis: &[f64]) -> bool {
    for least in [DEPENDENT, 0.5] {
        let norm = super::vector::dot(row, row).sqrt();
        if norm == 0.0 {
            return false;
        }
        row.iter_mut().for_each(|v| *v /= norm);
        for other in basis.chunks_exact(row.len()) {
            let along = super::vector::dot(other, row);
            super::vector::add(row, other, -along);
        }
        if super::vector::dot(row, row).sqrt() < least {
            return false;
        }
    }
    let norm = super::vector::dot(row, row).sqrt();
    row.iter_mut().for_each(|v| *v /= norm);
    true
}

/// Rows in a basis, as columns.
fn projected(rows: &[f64], basis: &[f64], d: usize, monitor: &dyn Monitor) -> Result<DMatrix<f64>> {
    let (k, n) = (basis.len() / d, rows.len() / d);
    let mut projected = DMatrix::zeros(k, n);
    for (j, row) in rows.chunks_exact(d).enumerate() {
        monitor.check()?;
        for (i, direction) in basis.chunks_exact(d).enumerate() {
            projected[(i, j)] = super::vector::dot(direction, row);
        }
    }
    Ok(projected)
}

/// Covariance of centered columns, with a small ridge.
fn covariance(columns: &DMatrix<f64>) -> DMatrix<f64> {
    let n = columns.ncols() as f64;
    let mut covariance = columns * columns.transpose() / n;
    for i in 0..columns.nrows() {
        covariance[(i, i)] += RIDGE / n;
    }
    covariance
}

/// What tells whether gradients beside an edge can be trusted: covariances of draws and gradients, and the mean gradient.
struct Edge {
    cross: DMatrix<f64>,
    slope: DMatrix<f64>,
    /// In the variances of draws and gradients.
    ridge: f64,
}

impl Edge {
    /// Of centered columns, and the mean gradient in their basis.
    fn new(x: &DMatrix<f64>, grad: &DMatrix<f64>, slope: DMatrix<f64>) -> Self {
        let n = x.ncols() as f64;
        Self { cross: x * grad.transpose() / n, slope, ridge: RIDGE / n }
    }

    /// Whether gradients along C⁻ᵀw are those of a Gaussian, where draws along Cw have variance t and gradients one.
    fn is_smooth(&self, lower: &DMatrix<f64>, w: &DVector<f64>, t: f64) -> bool {
        let Some(dual) = lower.tr_solve_lower_triangular(w) else { return false };
        let along = lower * w;
        let variances = [t - self.ridge * along.norm_squared(), 1.0 - self.ridge * dual.norm_squared()];
        is_gaussian(variances, along.dot(&(&self.cross * &dual)), self.slope.column(0).dot(&dual))
    }
}

/// Λ^½ and its directions of the Λ with Λ G Λ = X: with G = CCᵀ and CᵀXC = WΘWᵀ it is C⁻ᵀ W Θ^½ Wᵀ C⁻¹.
/// An edge makes G less than X⁻¹, which it is at least elsewhere: X⁻¹ in its place is Θ instead of Θ^½ where that is below one,
/// but for gradients of a Gaussian.
fn stretches(x: &DMatrix<f64>, grad: &DMatrix<f64>, edge: Option<&Edge>) -> Option<(Vec<f64>, DMatrix<f64>)> {
    let lower = grad.clone().cholesky()?.unpack();
    let inner = lower.transpose() * x * &lower;
    let eigen = SymmetricEigen::try_new(symmetric(&inner), 1e-14, 10_000)?;
    let quarter = |(t, w): (f64, DVector<f64>)| {
        let ends = edge.is_some_and(|edge| t < 1.0 && !edge.is_smooth(&lower, &w, t));
        if ends { t.sqrt() } else { t.sqrt().sqrt() }
    };
    let directions = eigen.eigenvectors.column_iter().map(Matrix::into_owned);
    let roots: Vec<f64> = eigen.eigenvalues.iter().map(|t| t.max(0.0)).zip(directions).map(quarter).collect();
    let mut half = eigen.eigenvectors;
    for (mut column, q) in half.column_iter_mut().zip(&roots) {
        column *= *q;
    }
    let half = lower.transpose().solve_upper_triangular(&half)?;
    let mean = SymmetricEigen::try_new(symmetric(&(&half * half.transpose())), 1e-14, 10_000)?;
    let stretches: Vec<f64> = mean.eigenvalues.iter().map(|l| l.max(0.0).sqrt()).collect();
    stretches.iter().all(|s| s.is_finite() && *s > 0.0).then_some((stretches, mean.eigenvectors))
}

fn symmetric(a: &DMatrix<f64>) -> DMatrix<f64> {
    0.5 * (a + a.transpose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;
    use crate::rng::{Purpose, Stream};

    /// Rows of N(m, A⁻¹) with A = B Bᵀ + I, and their gradients.
    fn gaussian(d: usize, n: usize) -> (Rows, Vec<f64>) {
        let draws = Stream::new(5, 0, 0);
        let mut b = vec![0.0; d * d];
        draws.normals(Purpose::Start, 0, &mut b);
        let b = DMatrix::from_row_slice(d, d, &b);
        let precision = &b * b.transpose() + DMatrix::identity(d, d) * 0.01;
        let root = precision.clone().cholesky().map(|c| c.unpack().transpose());
        let mut rows = Rows::default();
        for i in 0..n {
            let mut z = vec![0.0; d];
            Stream::new(5, 1, i as u64).normals(Purpose::Noise, 0, &mut z);
            let x = root.as_ref().and_then(|r| r.solve_upper_triangular(&DMatrix::from_column_slice(d, 1, &z)));
            let x = x.unwrap_or_else(|| DMatrix::zeros(d, 1));
            rows.grad.extend((-&precision * &x).iter());
            rows.x.extend(x.iter().map(|v| v + 3.0));
        }
        (rows, precision.iter().copied().collect())
    }

    /// Draws and gradients of `D` coordinates, each made of a normal.
    fn of_normals<const D: usize>(make: impl Fn(f64) -> [f64; 2]) -> Rows {
        let mut rows = Rows::default();
        for i in 0..200 {
            let mut z = [0.0; D];
            Stream::new(5, 1, i).normals(Purpose::Noise, 0, &mut z);
            let made = z.map(&make);
            rows.x.extend(made.map(|[x, _]| x));
            rows.grad.extend(made.map(|[_, grad]| grad));
        }
        rows
    }

    #[test]
    fn a_gaussian_becomes_round_with_more_draws_than_dimensions() {
        let d = 20;
        let (rows, precision) = gaussian(d, 60);
        let frame = Frame::fit(&rows, &vec![0.7; d], false, &Silent).ok().flatten();
        let Some(frame) = frame else { panic!("no frame") };
        // LᵀAL is close to the identity but for what is within the cutoff.
        for i in 0..d {
            let mut unit = vec![0.0; d];
            unit[i] = 1.0;
            frame.stretch(&mut unit, false);
            let l: Vec<f64> = unit.iter().map(|v| 0.7 * v).collect();
            let mut grad: Vec<f64> = precision.chunks_exact(d).map(|row| super::super::vector::dot(row, &l)).collect();
            frame.pull_back(&mut grad);
            assert!((grad[i] - 1.0).abs() < 1.3 && grad[i] > 1.0 / 2.3, "{}", grad[i]);
        }
    }

    #[test]
    fn maps_undo_each_other() {
        let d = 30;
        let (rows, _) = gaussian(d, 12);
        let scale: Vec<f64> = (0..d).map(|i| 0.1 + i as f64).collect();
        let Some(frame) = Frame::fit(&rows, &scale, false, &Silent).ok().flatten() else { panic!("no frame") };
        assert!(frame.rank() > 0 && frame.rank() <= 24);
        let mut x: Vec<f64> = rows.x[..d].to_vec();
        frame.to_round(&mut x);
        frame.to_natural(&mut x);
        assert!(x.iter().zip(&rows.x).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + b.abs())));
        let mut grad: Vec<f64> = rows.grad[..d].to_vec();
        frame.pull_back(&mut grad);
        frame.push_forward(&mut grad);
        assert!(grad.iter().zip(&rows.grad).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + b.abs())));
    }

    #[test]
    fn beside_edges_directions_are_no_wider_than_draws() {
        let rows = of_normals::<2>(|z| [z, -1.0]);
        let fit = |edged| Frame::fit(&rows, &[1.0; 2], edged, &Silent).ok().flatten();
        // Gradients without variance: nothing but the ridge would tell how wide it is.
        assert!(fit(false).is_some_and(|frame| frame.stretches.iter().all(|&s| s > 10.0)));
        assert!(fit(true).is_none());
    }

    #[test]
    fn beside_edges_gradients_of_a_gaussian_tell_what_draws_have_not_seen() {
        let mut rows = of_normals::<3>(|z| [0.01 * z, -0.01 * z]);
        let fit = |rows: &Rows| Frame::fit(rows, &[1.0; 3], true, &Silent).ok().flatten();
        assert!(fit(&rows).is_none());
        // The same far out, as on the slope to an edge.
        rows.grad.iter_mut().for_each(|g| *g -= 1.0);
        assert!(fit(&rows).is_some_and(|frame| frame.stretches.iter().all(|&s| s < 0.02)));
    }

    #[test]
    fn bad_rows_give_none() {
        let d = 3;
        let flat = Rows { x: vec![1.0; 10 * d], grad: vec![0.0; 10 * d] };
        assert!(matches!(Frame::fit(&flat, &[1.0; 3], false, &Silent), Ok(None)));
        let huge = Rows { x: vec![f64::INFINITY; 10 * d], grad: vec![0.0; 10 * d] };
        assert!(matches!(Frame::fit(&huge, &[1.0; 3], false, &Silent), Ok(None)));
    }
}
