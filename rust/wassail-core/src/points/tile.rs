//! Distance tiles: a register block of rows against one panel of columns at a time.

use super::close::recompute;
use super::metric::{
    Absolute, Finish, Largest, Metric, Powered, Product, RelativePower, RelativeSquare, Rescaled, Root, Scaled, Square,
    Step,
};
use super::packed::{Centered, Packed};
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use std::ops::Range;

/// Where a tile goes: row r at `out[r * stride..]`, whole panels are written.
struct Task<'a, T> {
    packed: &'a Packed<T>,
    metric: Metric,
    rows: Range<usize>,
    panels: Range<usize>,
    out: &'a mut [T],
    stride: usize,
    /// Whether the product form cancelled somewhere: entries are −1 or so there.
    cancelled: bool,
}

/// Costs of `rows` against the columns from `cols.start` (a multiple of `LANES`) up to the panel that holds `cols.end − 1`.
pub fn fill<T: Scalar>(
    packed: &Packed<T>,
    metric: Metric,
    rows: Range<usize>,
    cols: Range<usize>,
    out: &mut [T],
    stride: usize,
) {
    let panels = cols.start / LANES..cols.end.div_ceil(LANES);
    let mut task = Task { packed, metric, rows: rows.clone(), panels, out, stride, cancelled: false };
    run(&mut task);
    if task.cancelled
        && let Some(centered) = &packed.centered
    {
        recompute(centered, half_if_cosine(metric), rows, cols, out, stride);
    }
}

multiversion! {
    fn run<T: Scalar>(task: &mut Task<'_, T>) => run_body
}

#[inline(always)]
fn run_body<I: Isa, T: Scalar>(task: &mut Task<'_, T>) {
    match task.metric {
        Metric::SqEuclidean | Metric::Cosine => quadratic::<I, T>(task),
        Metric::Euclidean => sweep::<I, T, _>(task, Square, Root),
        Metric::Cityblock => sweep::<I, T, _>(task, Absolute, Scaled(T::ONE)),
        Metric::PNorm { p: 1.0, power: q } => sweep_power::<I, T, _>(task, Absolute, q),
        Metric::PNorm { p: 2.0, power: 2.0 } => sweep::<I, T, _>(task, Square, Scaled(T::ONE)),
        Metric::PNorm { p: 2.0, power: q } => sweep::<I, T, _>(task, RelativeSquare, rescaled(2.0, q)),
        // d^(1/p) rounds to 1 there, while rounding errors to the power p leave the range of floats.
        Metric::PNorm { p, power: q } if p * T::UNIT > 64.0 => sweep_power::<I, T, _>(task, Largest, q),
        Metric::PNorm { p, power: q } => sweep::<I, T, _>(task, RelativePower(T::from_f64(p)), rescaled(p, q)),
    }
}

fn half_if_cosine(metric: Metric) -> f64 {
    if metric == Metric::Cosine { 0.5 } else { 1.0 }
}

fn rescaled<T: Scalar>(p: f64, power: f64) -> Rescaled<T> {
    Rescaled { power: T::from_f64(power), inner: T::from_f64(power / p) }
}

#[inline(always)]
fn quadratic<I: Isa, T: Scalar>(task: &mut Task<'_, T>) {
    let finish = Scaled(T::from_f64(half_if_cosine(task.metric)));
    if task.packed.centered.is_some() {
        sweep::<I, T, _>(task, Product, finish);
    } else {
        sweep::<I, T, _>(task, Square, finish);
    }
}

#[inline(always)]
fn sweep_power<I: Isa, T: Scalar, S: Step<T>>(task: &mut Task<'_, T>, step: S, exponent: f64) {
    if exponent == 1.0 {
        sweep::<I, T, S>(task, step, Scaled(T::ONE));
    } else {
        sweep::<I, T, S>(task, step, Powered(T::from_f64(exponent)));
    }
}

#[inline(always)]
fn sweep<I: Isa, T: Scalar, S: Step<T>>(task: &mut Task<'_, T>, step: S, finish: impl Finish<T>) {
    for panel in task.panels.clone() {
        let mut row = task.rows.start;
        while row + 4 <= task.rows.end {
            block::<I, T, S, 4>(task, panel, row, step, finish);
            row += 4;
        }
        while row < task.rows.end {
            block::<I, T, S, 1>(task, panel, row, step, finish);
            row += 1;
        }
    }
}

/// Sums of R rows and two registers of columns, from which the compiler makes registers.
type Sums<I, T, const R: usize> = [[<T as Scalar>::Register<I>; 2]; R];

/// R rows against one panel, two registers wide at a time: 8 sums stay in registers on every level.
#[inline(always)]
fn block<I: Isa, T: Scalar, S: Step<T>, const R: usize>(
    task: &mut Task<'_, T>,
    panel: usize,
    row: usize,
    step: S,
    finish: impl Finish<T>,
) {
    let d = task.packed.d;
    let width = T::Register::<I>::N;
    let coordinates = &task.packed.panels[panel * d * LANES..(panel + 1) * d * LANES];
    let x: [&[T]; R] = std::array::from_fn(|r| &task.packed.x[(row + r) * d..(row + r + 1) * d]);
    let out_row = (row - task.rows.start) * task.stride + (panel - task.panels.start) * LANES;
    let zero = T::Register::<I>::splat(T::ZERO);
    let mut lane = 0;
    while lane < LANES {
        let (mut acc, mut largest, mut inverse) = ([[zero; 2]; R], [[zero; 2]; R], [[zero; 2]; R]);
        if let Some(centered) = &task.packed.centered {
            acc = square_norms::<I, T, R>(centered, row, panel * LANES + lane);
        }
        if S::RELATIVE {
            accumulate::<I, T, Largest, R>(&mut largest, x, &coordinates[lane..], Largest, &inverse);
            inverses::<I, T, R>(&mut largest, &mut inverse);
        }
        accumulate::<I, T, S, R>(&mut acc, x, &coordinates[lane..], step, &inverse);
        if let Some(centered) = &task.packed.centered {
            task.cancelled |= mark::<I, T, R>(&mut acc, centered, row, panel * LANES + lane);
        }
        for r in 0..R {
            let out = &mut task.out[out_row + r * task.stride + lane..][..2 * width];
            finish.finish::<I>(acc[r][0], largest[r][0]).store(out);
            finish.finish::<I>(acc[r][1], largest[r][1]).store(&mut out[width..]);
        }
        lane += 2 * width;
    }
}

#[inline(always)]
fn accumulate<I: Isa, T: Scalar, S: Step<T>, const R: usize>(
    acc: &mut Sums<I, T, R>,
    x: [&[T]; R],
    panel: &[T],
    step: S,
    inverse: &Sums<I, T, R>,
) {
    let width = T::Register::<I>::N;
    for k in 0..x[0].len() {
        let y = &panel[k * LANES..k * LANES + 2 * width];
        let y = [T::Register::<I>::load(y), T::Register::<I>::load(&y[width..])];
        for r in 0..R {
            let xk = T::Register::<I>::splat(x[r][k]);
            for u in 0..2 {
                acc[r][u] = step.step::<I>(acc[r][u], xk, y[u], inverse[r][u]);
            }
        }
    }
}

/// |x|² + |y|².
#[inline(always)]
fn square_norms<I: Isa, T: Scalar, const R: usize>(centered: &Centered<T>, row: usize, column: usize) -> Sums<I, T, R> {
    let mut sums = [[T::Register::<I>::splat(T::ZERO); 2]; R];
    for (r, sums) in sums.iter_mut().enumerate() {
        for (u, sum) in sums.iter_mut().enumerate() {
            let y = T::Register::<I>::load(&centered.norms.1[column + u * T::Register::<I>::N..]);
            *sum = y.add(T::Register::<I>::splat(centered.norms.0[row + r]));
        }
    }
    sums
}

/// Makes sums that have cancelled −1, and says whether there are any. NaN, from norms that overflow, is one of them.
#[inline(always)]
fn mark<I: Isa, T: Scalar, const R: usize>(
    acc: &mut Sums<I, T, R>,
    centered: &Centered<T>,
    row: usize,
    column: usize,
) -> bool {
    let (zero, share) = (T::Register::<I>::splat(T::ZERO), T::Register::<I>::splat(centered.share));
    let norms = square_norms::<I, T, R>(centered, row, column);
    // Not a minimum, which loses NaN; bit by bit, as a chain of selections would wait for each one.
    let mut clear = true;
    for r in 0..R {
        for u in 0..2 {
            clear &= share.fnma(norms[r][u], acc[r][u]).all_ge(zero);
        }
    }
    if clear {
        return false;
    }
    for r in 0..R {
        for u in 0..2 {
            let limit = share.mul(norms[r][u]);
            acc[r][u] = acc[r][u].select_ge(limit, acc[r][u], T::Register::<I>::splat(-T::ONE));
        }
    }
    true
}

/// Inverses of the largest differences, which are kept where they have one.
#[inline(always)]
fn inverses<I: Isa, T: Scalar, const R: usize>(largest: &mut Sums<I, T, R>, inverse: &mut Sums<I, T, R>) {
    let mut lanes = [T::ZERO; LANES];
    for r in 0..R {
        for u in 0..2 {
            largest[r][u] = largest[r][u].max(T::Register::<I>::splat(T::LEAST)).min(T::Register::<I>::splat(T::MOST));
            largest[r][u].store(&mut lanes);
            for v in &mut lanes[..T::Register::<I>::N] {
                *v = T::ONE / *v;
            }
            inverse[r][u] = T::Register::<I>::load(&lanes);
        }
    }
}
