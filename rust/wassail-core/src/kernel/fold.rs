//! Kernels that are a function of a sum or a product over coordinates.

use super::{Kernel, Panels, Rows};
use crate::error::Result;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// What is done with each coordinate and with the outcome.
pub trait Fold: Clone + Send + Sync + 'static {
    /// Whether it sees differences of coordinates only.
    const STATIONARY: bool;
    /// Features are coordinates times this.
    fn unit(&self) -> f64;
    /// The empty sum or product.
    fn start<T: Scalar>(&self) -> T;
    /// Takes in one coordinate of both points.
    fn step<I: Isa, T: Scalar>(&self, sum: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I>;
    /// Replaces outcomes by values. `ends` are the extra features of row and columns.
    fn finish<I: Isa, T: Scalar>(&self, sums: &mut [T], ends: (T, &[T]));
    /// The extra feature of a point whose coordinates have been packed.
    fn end(&self, features: &[f64]) -> f64 {
        let _ = features;
        0.0
    }
    /// Whether there is one.
    const ENDS: bool = false;
    /// k(x, x).
    fn diagonal(&self, point: &[f64]) -> f64;
    /// Elementary steps (about 1 ns) of eight coordinates.
    fn work(&self) -> usize;
    /// Largest |k| where features are at most `reach` in absolute value.
    fn largest(&self, reach: &[f64]) -> f64;
    /// Largest error in f32 relative to that.
    fn error_f32(&self, d: usize) -> f64;
    /// Largest change of a value relative to that, when features of both points are rounded.
    fn rounding_f32(&self, reach: &[f64]) -> f64;
}

/// Values up to this size do not leave the range of f32 on their way.
const LARGEST_F32: f64 = 1e30;

/// The kernel of a fold.
#[derive(Clone, Copy, Debug)]
pub struct Folded<F>(pub F);

impl<F: Fold> Kernel for Folded<F> {
    fn width(&self, d: usize) -> usize {
        d + usize::from(F::ENDS)
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        let (coordinates, end) = features.split_at_mut(point.len());
        let unit = self.0.unit();
        coordinates.iter_mut().zip(point).for_each(|(f, p)| *f = p * unit);
        if let [end] = end {
            *end = self.0.end(coordinates);
        }
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        self.0.diagonal(point)
    }

    fn is_stationary(&self) -> bool {
        F::STATIONARY
    }

    fn work(&self, d: usize) -> usize {
        2 + d * self.0.work() / 8
    }

    fn largest(&self, _: usize, reach: &[f64]) -> f64 {
        self.0.largest(reach)
    }

    fn error_f32(&self, d: usize) -> f64 {
        self.0.error_f32(d)
    }

    fn bound_f32(&self, d: usize, reach: &[f64]) -> f64 {
        let largest = self.0.largest(reach);
        if largest > LARGEST_F32 {
            return f64::INFINITY;
        }
        largest * (self.0.error_f32(d) + self.0.rounding_f32(reach))
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        tile(&self.0, x, y, out, stride);
        Ok(())
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        tile(&self.0, x, y, out, stride);
        Ok(())
    }
}

multiversion! {
    fn tile<F: Fold, T: Scalar>(fold: &F, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) => tile_body
}

#[inline(always)]
fn tile_body<I: Isa, F: Fold, T: Scalar>(fold: &F, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) {
    let d = x.width() - usize::from(F::ENDS);
    for p in 0..y.len() {
        let panel = y.panel(p);
        let mut r = 0;
        while r < x.len() {
            let some = if r + 4 <= x.len() { 4 } else { 1 };
            let out = &mut out[r * stride + p * LANES..];
            if some == 4 {
                sums::<I, F, T, 4>(fold, x, r, d, panel, out, stride);
            } else {
                sums::<I, F, T, 1>(fold, x, r, d, panel, out, stride);
            }
            for i in 0..some {
                let ends = if F::ENDS { (x.row(r + i)[d], &panel[d * LANES..]) } else { (T::ZERO, panel) };
                fold.finish::<I, T>(&mut out[i * stride..][..LANES], ends);
            }
            r += some;
        }
    }
}

#[inline(always)]
fn sums<I: Isa, F: Fold, T: Scalar, const R: usize>(
    fold: &F,
    x: Rows<'_, T>,
    r: usize,
    d: usize,
    panel: &[T],
    out: &mut [T],
    stride: usize,
) {
    let width = T::Register::<I>::N;
    let rows: [&[T]; R] = std::array::from_fn(|i| x.row(r + i));
    let mut lane = 0;
    while lane < LANES {
        let mut sums = [[T::Register::<I>::splat(fold.start()); 2]; R];
        for k in 0..d {
            let column = &panel[k * LANES + lane..][..2 * width];
            let y = [T::Register::<I>::load(column), T::Register::<I>::load(&column[width..])];
            for i in 0..R {
                let at = T::Register::<I>::splat(rows[i][k]);
                for u in 0..2 {
                    sums[i][u] = fold.step::<I, T>(sums[i][u], at, y[u]);
                }
            }
        }
        for i in 0..R {
            let out = &mut out[i * stride + lane..][..2 * width];
            sums[i][0].store(out);
            sums[i][1].store(&mut out[width..]);
        }
        lane += 2 * width;
    }
}
