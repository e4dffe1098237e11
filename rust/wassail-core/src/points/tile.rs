//! Distance tiles: a register block of rows against one panel of columns at a time.

use super::metric::{Absolute, Finish, Largest, Metric, Power, Powered, Product, Root, Scaled, Square, Step};
use super::packed::Packed;
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
    run(&mut Task { packed, metric, rows, panels, out, stride });
}

multiversion! {
    fn run<T: Scalar>(task: &mut Task<'_, T>) => run_body
}

#[inline(always)]
fn run_body<I: Isa, T: Scalar>(task: &mut Task<'_, T>) {
    let half = T::from_f64(0.5);
    match task.metric {
        Metric::SqEuclidean => quadratic::<I, T>(task, T::ONE),
        Metric::Cosine => quadratic::<I, T>(task, half),
        Metric::Euclidean => sweep::<I, T, _>(task, Square, Root),
        Metric::Cityblock => sweep::<I, T, _>(task, Absolute, Scaled(T::ONE)),
        Metric::PNorm { p, power: q } if p.is_infinite() => sweep_power::<I, T, _>(task, Largest, q),
        Metric::PNorm { p: 1.0, power: q } => sweep_power::<I, T, _>(task, Absolute, q),
        Metric::PNorm { p: 2.0, power: q } => sweep_power::<I, T, _>(task, Square, q / 2.0),
        Metric::PNorm { p, power: q } => sweep_power::<I, T, _>(task, Power(T::from_f64(p)), q / p),
    }
}

#[inline(always)]
fn quadratic<I: Isa, T: Scalar>(task: &mut Task<'_, T>, factor: T) {
    if task.packed.norms.is_some() {
        sweep::<I, T, _>(task, Product, Scaled(factor));
    } else {
        sweep::<I, T, _>(task, Square, Scaled(factor));
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
    let mut lane = 0;
    while lane < LANES {
        let mut acc = [[T::Register::<I>::splat(T::ZERO); 2]; R];
        if let Some((rows, columns)) = &task.packed.norms {
            for r in 0..R {
                for u in 0..2 {
                    let column = T::Register::<I>::load(&columns[panel * LANES + lane + u * width..]);
                    acc[r][u] = column.add(T::Register::<I>::splat(rows[row + r]));
                }
            }
        }
        for k in 0..d {
            let y = &coordinates[k * LANES + lane..k * LANES + lane + 2 * width];
            let y = [T::Register::<I>::load(y), T::Register::<I>::load(&y[width..])];
            for r in 0..R {
                let xk = T::Register::<I>::splat(x[r][k]);
                for u in 0..2 {
                    acc[r][u] = step.step::<I>(acc[r][u], xk, y[u]);
                }
            }
        }
        for r in 0..R {
            let out = &mut task.out[out_row + r * task.stride + lane..][..2 * width];
            finish.finish::<I>(acc[r][0]).store(out);
            finish.finish::<I>(acc[r][1]).store(&mut out[width..]);
        }
        lane += 2 * width;
    }
}
