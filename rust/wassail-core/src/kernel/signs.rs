//! Quadratic forms of many sign vectors with tables that are never stored: Σ_{i≠j} s_i s_j h(i, j).
//!
//! A product with signs needs no multiplications: for every few rows of the table all sums ±h ± h … are tabulated once, and
//! each sign vector then looks one of them up (the method of four Russians), which is several times faster than a matrix product
//! at the peak of the machine.

use super::Real;
use super::table::{ROWS, STRIDE, Scratch, Table};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::simd::Vector;
use crate::parallel::map_chunks;

/// Rows that are tabulated together.
const BITS: usize = 5;
/// Sums that they have.
const SUMS: usize = 1 << BITS;
/// Tables that a word of signs selects from.
const GROUPS: usize = 8;
/// Rows of a word.
const WORD: usize = BITS * GROUPS;
/// Tasks of a table: their sums are what is held beside the signs.
const TASKS: usize = 64;

/// Sign vectors, bit i of a vector telling whether s_i = +1.
pub struct Signs {
    n: usize,
    count: usize,
    /// `words[w * count + b]`: bits of vector b for rows w · WORD onwards.
    words: Vec<u64>,
}

impl Signs {
    /// Vectors of n signs, each in ⌈n/8⌉ bytes, the lowest bit first.
    pub fn new(bytes: &[u8], n: usize) -> Result<Self> {
        let stride = n.div_ceil(8);
        let count = bytes.len() / stride;
        let mut words = try_zeroed(n.div_ceil(WORD) * count)?;
        for (w, words) in words.chunks_mut(count).enumerate() {
            for (word, vector) in words.iter_mut().zip(bytes.chunks_exact(stride)) {
                let part = &vector[w * WORD / 8..stride.min((w + 1) * WORD / 8)];
                *word = part.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
            }
        }
        Ok(Self { n, count, words })
    }

    /// Number of vectors.
    pub fn count(&self) -> usize {
        self.count
    }

    fn word(&self, w: usize) -> &[u64] {
        &self.words[w * self.count..(w + 1) * self.count]
    }

    fn is_positive(&self, i: usize, b: usize) -> bool {
        self.word(i / WORD)[b] >> (i % WORD) & 1 == 1
    }
}

/// Σ_{i≠j} s_i s_j h(i, j) of a symmetric table for each vector.
pub fn sign_forms<T: Real>(table: &dyn Table<T>, signs: &Signs, monitor: &dyn Monitor) -> Result<Vec<f64>> {
    let panels = signs.n.div_ceil(LANES);
    let tasks = TASKS.min(panels);
    let parts = map_chunks((0..tasks).collect(), monitor, |task| {
        let mut work = Work::<T>::new(signs)?;
        for panel in (task..panels).step_by(tasks) {
            work.panel(table, panel, monitor)?;
        }
        Ok(work.forms)
    })?;
    let mut forms = try_zeroed(signs.count)?;
    for part in parts {
        forms.iter_mut().zip(part).for_each(|(f, p)| *f += 2.0 * p);
    }
    Ok(forms)
}

/// What a task holds: tables and accumulators for as many columns as a cache line pair holds values.
struct Work<'a, T> {
    signs: &'a Signs,
    scratch: Scratch<T>,
    /// WORD rows of a panel.
    rows: Vec<T>,
    /// `sums[(group * SUMS + pattern) * width..]`.
    sums: Vec<T>,
    /// Σ_{j<i} s_j h(j, i) for each vector and the columns i of a panel, half panels apart where `width` is half of one.
    products: Vec<T>,
    forms: Vec<f64>,
}

impl<'a, T: Real> Work<'a, T> {
    /// Columns that are worked on together.
    const WIDTH: usize = 128 / size_of::<T>();

    fn new(signs: &'a Signs) -> Result<Self> {
        Ok(Self {
            signs,
            scratch: Scratch::new()?,
            rows: try_zeroed(WORD * LANES)?,
            sums: try_zeroed(GROUPS * SUMS * Self::WIDTH)?,
            products: try_zeroed(signs.count * LANES)?,
            forms: try_zeroed(signs.count)?,
        })
    }

    /// Adds the pairs j < i with i in a panel.
    fn panel(&mut self, table: &dyn Table<T>, panel: usize, monitor: &dyn Monitor) -> Result<()> {
        let cols = panel * LANES..((panel + 1) * LANES).min(self.signs.n);
        self.products.fill(T::ZERO);
        for word in 0..cols.end.div_ceil(WORD) {
            monitor.check()?;
            self.fetch(table, word, panel)?;
            for (part, products) in self.products.chunks_mut(self.signs.count * Self::WIDTH).enumerate() {
                for group in 0..GROUPS {
                    let sums = &mut self.sums[group * SUMS * Self::WIDTH..(group + 1) * SUMS * Self::WIDTH];
                    tabulate(&self.rows[group * BITS * LANES + part * Self::WIDTH..], sums);
                }
                look_up(&self.sums, self.signs.word(word), products);
            }
        }
        let width = Self::WIDTH;
        for (b, form) in self.forms.iter_mut().enumerate() {
            for (lane, i) in cols.clone().enumerate() {
                let product = self.products[(lane / width * self.signs.count + b) * width + lane % width].to_f64();
                *form += if self.signs.is_positive(i, b) { product } else { -product };
            }
        }
        Ok(())
    }

    /// The values of a word's rows and a panel's columns, zero on and below the diagonal.
    fn fetch(&mut self, table: &dyn Table<T>, word: usize, panel: usize) -> Result<()> {
        let start = word * WORD;
        let end = (start + WORD).min(self.signs.n).min((panel + 1) * LANES);
        self.rows.fill(T::ZERO);
        for first in (start..end).step_by(ROWS) {
            let some = first..(first + ROWS).min(end);
            table.tile(some.clone(), panel..panel + 1, &mut self.scratch.tile, &mut self.scratch.spare)?;
            for (j, values) in some.zip(self.scratch.tile.chunks(STRIDE)) {
                let kept = (j + 1).saturating_sub(panel * LANES);
                self.rows[(j - start) * LANES..][kept..LANES].copy_from_slice(&values[kept..LANES]);
            }
        }
        Ok(())
    }
}

multiversion! {
    /// All signed sums of BITS rows that lie LANES apart; bit k of a pattern stands for +row k.
    fn tabulate<T: Real>(rows: &[T], sums: &mut [T]) => tabulate_body
}

#[inline(always)]
fn tabulate_body<I: Isa, T: Real>(rows: &[T], sums: &mut [T]) {
    let (width, step) = (128 / size_of::<T>(), T::Register::<I>::N);
    for lane in (0..width).step_by(step) {
        let mut first = T::Register::<I>::splat(T::ZERO);
        for k in 0..BITS {
            first = first.sub(T::Register::<I>::load(&rows[k * LANES + lane..]));
        }
        first.store(&mut sums[lane..]);
        for k in 0..BITS {
            let row = T::Register::<I>::load(&rows[k * LANES + lane..]);
            let twice = row.add(row);
            for pattern in 0..1 << k {
                let sum = T::Register::<I>::load(&sums[pattern * width + lane..]).add(twice);
                sum.store(&mut sums[(pattern + (1 << k)) * width + lane..]);
            }
        }
    }
}

multiversion! {
    /// products_b += Σ_group sums[group][bits of word b].
    fn look_up<T: Real>(sums: &[T], words: &[u64], products: &mut [T]) => look_up_body
}

#[inline(always)]
fn look_up_body<I: Isa, T: Real>(sums: &[T], words: &[u64], products: &mut [T]) {
    let (width, step) = (128 / size_of::<T>(), T::Register::<I>::N);
    for (&word, products) in words.iter().zip(products.chunks_exact_mut(width)) {
        let mut totals = [T::Register::<I>::splat(T::ZERO); 8];
        for (u, total) in totals.iter_mut().enumerate().take(width / step) {
            *total = T::Register::<I>::load(&products[u * step..]);
        }
        for group in 0..GROUPS {
            let pattern = (word >> (group * BITS)) as usize % SUMS;
            let found = &sums[(group * SUMS + pattern) * width..][..width];
            for (u, total) in totals.iter_mut().enumerate().take(width / step) {
                *total = total.add(T::Register::<I>::load(&found[u * step..]));
            }
        }
        for (u, total) in totals.iter().enumerate().take(width / step) {
            total.store(&mut products[u * step..]);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::table::Cross;
    use crate::kernel::{Cloud, Gaussian, Isotropic, Kernel};
    use crate::monitor::Silent;
    use crate::points::Coordinates;

    #[test]
    fn forms_are_those_of_the_table() {
        for n in [1usize, 2, 8, 31, 40, 41, 100, 333] {
            let points: Vec<f64> = (0..n).map(|i| (i * i % 97) as f64 / 50.0).collect();
            let (stride, count) = (n.div_ceil(8), 5);
            let bytes: Vec<u8> = (0..stride * count).map(|i| (i * 151 % 256) as u8).collect();
            let sign = |b: usize, i: usize| if bytes[b * stride + i / 8] >> (i % 8) & 1 == 1 { 1.0 } else { -1.0 };
            let expected = |b: usize, l: f64| -> f64 {
                let k = |i: usize, j: usize| (-(points[i] - points[j]).powi(2) / (2.0 * l * l)).exp();
                (0..n)
                    .flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)))
                    .map(|(i, j)| sign(b, i) * sign(b, j) * k(i, j))
                    .sum()
            };
            let signs = Signs::new(&bytes, n).unwrap();
            for l in [0.3, 2.0] {
                let (double, single) = (found::<f64>(l, &points, &signs), found::<f32>(l, &points, &signs));
                for b in 0..count {
                    let (expected, scale) = (expected(b, l), (n * n) as f64);
                    assert!((double[b] - expected).abs() < 1e-14 * scale);
                    assert!((single[b] - expected).abs() < 1e-6 * scale);
                }
            }
        }
    }

    fn found<T: Real>(lengthscale: f64, points: &[f64], signs: &Signs) -> Vec<f64> {
        let kernel: &dyn Kernel = &Isotropic(Gaussian::new(lengthscale));
        let x = &Cloud::<T>::new(kernel, Coordinates::Double(points), 1, &[1.0], 0..points.len()).unwrap();
        sign_forms(&Cross { kernel, x, y: x }, signs, &Silent).unwrap()
    }
}
