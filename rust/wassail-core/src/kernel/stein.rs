//! Langevin Stein kernels of a radial base.
//!
//! A point is x followed by its score s = ∇ log p(x). With k(x, y) = φ(|A (x − y)|²), L = AᵀA and δ = x − y,
//! k₀(x, y) = ∇ₓ·∇ᵧ k + s_x·∇ᵧ k + s_y·∇ₓ k + k s_x·s_y
//!          = −4 φ″ |L δ|² − 2 φ′ (tr L + (s_x − s_y)·L δ) + φ s_x·s_y.

use super::radial::Radial;
use super::{Kernel, LARGEST, Panels, Real, Rows};
use crate::error::{Error, Result};
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::ops::Range;
use std::sync::Arc;

/// Pairs of a row and a panel in a block.
const SLOTS: usize = 4;
/// Largest distance from the center, in units of the base, that is worked with.
const FARTHEST: f64 = 1e50;

/// What distances are measured by.
#[derive(Clone, Debug)]
pub enum Metric {
    /// L = λ I.
    Scalar(f64),
    /// A and L, row-major (d, d).
    Matrix(Vec<f64>, Vec<f64>),
}

/// The Stein kernel of a smooth radial kernel.
pub struct Stein {
    base: Arc<dyn Radial>,
    metric: Metric,
    /// φ(0) and φ′(0).
    at_zero: (f64, f64),
}

impl Stein {
    /// The base is smooth. L is that of the points, to which the base's unit is added.
    pub fn new(base: Arc<dyn Radial>, metric: Metric) -> Self {
        let unit = base.unit();
        let metric = match metric {
            Metric::Scalar(l) => Metric::Scalar(l * unit * unit),
            Metric::Matrix(mut a, mut l) => {
                a.iter_mut().for_each(|a| *a *= unit);
                l.iter_mut().for_each(|l| *l *= unit * unit);
                Metric::Matrix(a, l)
            }
        };
        let mut jets = [[0.0; LANES]; 3];
        let [value, first, second] = &mut jets;
        base.jets_f64(value, first, second);
        Self { at_zero: (value[0], first[0]), base, metric }
    }

    fn trace(&self, d: usize) -> f64 {
        match &self.metric {
            Metric::Scalar(l) => l * d as f64,
            Metric::Matrix(_, l) => l.iter().step_by(d + 1).sum(),
        }
    }

    /// Features per point in units of its dimension: A x, L x and s, or √λ x and √λ s for a scalar.
    fn parts(&self) -> usize {
        match self.metric {
            Metric::Scalar(_) => 2,
            Metric::Matrix(..) => 3,
        }
    }

    fn tile<T: Real>(&self, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) {
        let d = x.width() / self.parts();
        let scalar = if let Metric::Scalar(l) = self.metric { Some(l) } else { None };
        let task = Task { d, scalar, trace: self.trace(d) };
        let (pairs, mut block) = (x.len() * y.len(), Block::<T>::default());
        for start in (0..pairs).step_by(SLOTS) {
            let slots = SLOTS.min(pairs - start);
            let used = slots * LANES;
            sums(&task, x, y, start..start + slots, &mut block);
            T::jets(&*self.base, &mut block.q[..used], &mut block.first[..used], &mut block.second[..used]);
            for (slot, pair) in (start..start + slots).enumerate() {
                let (p, r) = (pair / x.len(), pair % x.len());
                finish(&task, &block, slot * LANES, &mut out[r * stride + p * LANES..][..LANES]);
            }
        }
    }
}

impl Kernel for Stein {
    fn width(&self, d: usize) -> usize {
        d / 2 * self.parts()
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        let (x, s) = point.split_at(point.len() / 2);
        match &self.metric {
            Metric::Scalar(l) => {
                let root = l.sqrt();
                features.iter_mut().zip(point).for_each(|(f, p)| *f = p * root);
            }
            Metric::Matrix(a, l) => {
                let d = x.len();
                for (f, row) in features.iter_mut().zip(a.chunks_exact(d).chain(l.chunks_exact(d))) {
                    *f = row.iter().zip(x).map(|(a, x)| a * x).sum();
                }
                features[2 * d..].copy_from_slice(s);
            }
        }
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        let d = point.len() / 2;
        let square: f64 = point[d..].iter().map(|s| s * s).sum();
        self.at_zero.0 * square - 2.0 * self.at_zero.1 * self.trace(d)
    }

    fn check(&self, point: &[f64]) -> Result<()> {
        // Squares of distances times scores stay finite, however small φ is there.
        let longest = match &self.metric {
            Metric::Scalar(l) => *l,
            Metric::Matrix(a, _) => a.iter().map(|a| a * a).sum(),
        };
        let longest = longest.sqrt();
        let near = point[..point.len() / 2].iter().all(|x| x.abs() * longest <= FARTHEST);
        if near && self.diagonal(point) <= LARGEST { Ok(()) } else { Err(Error::Overflow) }
    }

    fn is_stationary(&self) -> bool {
        false
    }

    fn centered(&self, d: usize) -> usize {
        d / 2
    }

    fn work(&self, d: usize) -> usize {
        2 + self.base.work(d) + d / 2
    }

    fn error_f32(&self, _: usize) -> f64 {
        // Scores may be of any size.
        f64::INFINITY
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride);
        Ok(())
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride);
        Ok(())
    }
}

/// Sums over coordinates for some pairs of a row and a panel.
struct Block<T> {
    /// |A δ|², then φ.
    q: [T; SLOTS * LANES],
    first: [T; SLOTS * LANES],
    second: [T; SLOTS * LANES],
    /// |L δ|².
    stretched: [T; SLOTS * LANES],
    /// (s_x − s_y)·L δ.
    cross: [T; SLOTS * LANES],
    /// s_x·s_y.
    product: [T; SLOTS * LANES],
}

impl<T: Scalar> Default for Block<T> {
    fn default() -> Self {
        let zeros = [T::ZERO; SLOTS * LANES];
        Self { q: zeros, first: zeros, second: zeros, stretched: zeros, cross: zeros, product: zeros }
    }
}

#[derive(Clone, Copy)]
struct Task {
    d: usize,
    /// λ, if the metric is one.
    scalar: Option<f64>,
    trace: f64,
}

multiversion! {
    fn sums<T: Scalar>(task: &Task, x: Rows<'_, T>, y: Panels<'_, T>, pairs: Range<usize>, block: &mut Block<T>) => sums_body
}

#[inline(always)]
fn sums_body<I: Isa, T: Scalar>(
    task: &Task,
    x: Rows<'_, T>,
    y: Panels<'_, T>,
    pairs: Range<usize>,
    block: &mut Block<T>,
) {
    for (slot, pair) in pairs.enumerate() {
        let (row, panel) = (x.row(pair % x.len()), y.panel(pair / x.len()));
        if task.scalar.is_some() {
            accumulate::<I, T, false>(task, row, panel, slot * LANES, block);
        } else {
            accumulate::<I, T, true>(task, row, panel, slot * LANES, block);
        }
    }
}

/// One row and one panel, two registers wide at a time.
#[inline(always)]
fn accumulate<I: Isa, T: Scalar, const MATRIX: bool>(
    task: &Task,
    row: &[T],
    panel: &[T],
    slot: usize,
    block: &mut Block<T>,
) {
    let (d, width) = (task.d, T::Register::<I>::N);
    let l = task.scalar.unwrap_or(1.0);
    let (scale, inverse) = (T::Register::<I>::splat(T::from_f64(l)), T::Register::<I>::splat(T::from_f64(1.0 / l)));
    // A x, L x and s; without a matrix the second is not read.
    let scores = if MATRIX { 2 * d } else { d };
    let own = row[..d].iter().zip(&row[d..2 * d]).zip(&row[scores..scores + d]);
    let parts = |from: usize| panel[from * LANES..(from + d) * LANES].chunks_exact(LANES);
    for lane in (0..LANES).step_by(2 * width) {
        let mut acc = [[T::Register::<I>::splat(T::ZERO); 4]; 2];
        let others = parts(0).zip(parts(d)).zip(parts(scores));
        for (((&x, &l), &sx), ((y, m), sy)) in own.clone().zip(others) {
            // Over indices: that is unrolled into registers in every build.
            for u in 0..2 {
                let at = lane + u * width;
                let delta = T::Register::<I>::splat(x).sub(T::Register::<I>::load(&y[at..]));
                acc[u][0] = delta.fma(delta, acc[u][0]);
                let mut turned = delta;
                if MATRIX {
                    turned = T::Register::<I>::splat(l).sub(T::Register::<I>::load(&m[at..]));
                    acc[u][1] = turned.fma(turned, acc[u][1]);
                }
                let (sx, sy) = (T::Register::<I>::splat(sx), T::Register::<I>::load(&sy[at..]));
                acc[u][2] = sx.sub(sy).fma(turned, acc[u][2]);
                acc[u][3] = sx.fma(sy, acc[u][3]);
            }
        }
        for u in 0..2 {
            let at = slot + lane + u * width;
            if !MATRIX {
                acc[u][1] = acc[u][0].mul(scale);
                acc[u][3] = acc[u][3].mul(inverse);
            }
            acc[u][0].store(&mut block.q[at..]);
            acc[u][1].store(&mut block.stretched[at..]);
            acc[u][2].store(&mut block.cross[at..]);
            acc[u][3].store(&mut block.product[at..]);
        }
    }
}

multiversion! {
    /// Values of one pair.
    fn finish<T: Scalar>(task: &Task, block: &Block<T>, slot: usize, out: &mut [T]) => finish_body
}

#[inline(always)]
fn finish_body<I: Isa, T: Scalar>(task: &Task, block: &Block<T>, slot: usize, out: &mut [T]) {
    let trace = T::Register::<I>::splat(T::from_f64(task.trace));
    let minus_two = T::Register::<I>::splat(T::from_f64(-2.0));
    let minus_four = T::Register::<I>::splat(T::from_f64(-4.0));
    let width = T::Register::<I>::N;
    for (i, out) in (slot..).step_by(width).zip(out.chunks_exact_mut(width)) {
        let (value, first) = (T::Register::<I>::load(&block.q[i..]), T::Register::<I>::load(&block.first[i..]));
        let (second, stretched) =
            (T::Register::<I>::load(&block.second[i..]), T::Register::<I>::load(&block.stretched[i..]));
        let (cross, product) = (T::Register::<I>::load(&block.cross[i..]), T::Register::<I>::load(&block.product[i..]));
        let outer = minus_four.mul(second).mul(stretched);
        let inner = minus_two.mul(first).mul(trace.add(cross));
        value.fma(product, inner.add(outer)).store(out);
    }
}
