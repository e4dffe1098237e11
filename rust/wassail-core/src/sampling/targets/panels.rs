//! Dense designs in panels of rows, column by column within a panel: predictions and gradients are vertical sums, and a panel
//! that was read for the predictions is still in the cache for the gradient.

use super::link::ROWS;
use crate::error::Result;
use crate::multiversion;
use crate::numeric::aligned::Aligned;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;

/// Columns up to which a panel of `ROWS` rows stays in the second-level cache; wider designs have flat panels.
const NARROW: usize = 2048;
/// Rows of a flat panel.
const FLAT: usize = 16;
/// Partial sums of a gradient entry: a multiple of every register's elements.
pub const SUMS: usize = 8;
/// Chains that share the reading of a panel.
pub const CHAINS: usize = 4;

/// A matrix (n, p).
pub struct Panels {
    rows: usize,
    columns: usize,
    height: usize,
    /// (panels, p, height), padded with zero rows. Columns of a panel start with a cache line.
    data: Aligned<f64>,
}

impl Panels {
    /// Of a matrix row by row.
    pub fn new(full: &[f64], columns: usize) -> Result<Self> {
        let rows = full.len() / columns;
        let height = if columns > NARROW { FLAT } else { ROWS };
        let mut data = Aligned::zeroed(rows.div_ceil(height) * height * columns)?;
        for (panel, rows) in data.chunks_exact_mut(height * columns).zip(full.chunks(height * columns)) {
            for (r, row) in rows.chunks_exact(columns).enumerate() {
                row.iter().enumerate().for_each(|(j, v)| panel[j * height + r] = *v);
            }
        }
        Ok(Self { rows, columns, height, data })
    }

    /// n.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// p.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of a panel.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Number of panels.
    pub fn count(&self) -> usize {
        self.rows.div_ceil(self.height)
    }

    fn panel(&self, i: usize) -> &[f64] {
        let size = self.height * self.columns;
        &self.data[i * size..(i + 1) * size]
    }

    /// eta_c = o + X x_c for the rows of a panel and each chain c; `points` are (chains, p), at most `CHAINS` of them.
    pub fn predict(&self, i: usize, points: &[f64], offset: &[f64; ROWS], eta: &mut [[f64; ROWS]; CHAINS]) {
        predict(self.panel(i), self.height, points, self.columns, offset, eta);
    }

    /// sums_c += Xᵀ r_c, in `SUMS` parts for each column.
    pub fn gather(&self, i: usize, residuals: &[[f64; ROWS]; CHAINS], sums: &mut [f64]) {
        gather(self.panel(i), self.height, residuals, self.columns, sums);
    }
}

#[inline(always)]
fn predict_body<I: Isa>(
    panel: &[f64],
    height: usize,
    points: &[f64],
    p: usize,
    offset: &[f64; ROWS],
    eta: &mut [[f64; ROWS]; CHAINS],
) {
    let n = I::F64::N;
    let mut c = 0;
    let chains = points.len() / p;
    if n == 8 && height == ROWS {
        while c + 4 <= chains {
            predict_tile::<I, 4, 4>(panel, height, &points[c * p..], p, offset, &mut eta[c..]);
            c += 4;
        }
    }
    while c + 2 <= chains && height == ROWS {
        predict_tile::<I, 2, 4>(panel, height, &points[c * p..], p, offset, &mut eta[c..]);
        c += 2;
    }
    while c < chains {
        match (height / n).min(8) {
            8 => predict_tile::<I, 1, 8>(panel, height, &points[c * p..], p, offset, &mut eta[c..]),
            4 => predict_tile::<I, 1, 4>(panel, height, &points[c * p..], p, offset, &mut eta[c..]),
            _ => predict_tile::<I, 1, 2>(panel, height, &points[c * p..], p, offset, &mut eta[c..]),
        }
        c += 1;
    }
}

/// C chains at once, T registers of rows at once.
#[inline(always)]
fn predict_tile<I: Isa, const C: usize, const T: usize>(
    panel: &[f64],
    height: usize,
    points: &[f64],
    p: usize,
    offset: &[f64; ROWS],
    eta: &mut [[f64; ROWS]],
) {
    let n = I::F64::N;
    let mut x = [&points[..p]; C];
    for c in 1..C {
        x[c] = &points[c * p..(c + 1) * p];
    }
    for at in (0..height).step_by(n * T) {
        let mut acc = [[I::F64::splat(0.0); T]; C];
        for c in 0..C {
            for t in 0..T {
                acc[c][t] = I::F64::load(&offset[at + t * n..]);
            }
        }
        for (j, column) in panel.chunks_exact(height).enumerate() {
            let column = &column[at..at + n * T];
            for t in 0..T {
                let entry = I::F64::load(&column[t * n..]);
                for c in 0..C {
                    acc[c][t] = entry.fma(I::F64::splat(x[c][j]), acc[c][t]);
                }
            }
        }
        for c in 0..C {
            for t in 0..T {
                acc[c][t].store(&mut eta[c][at + t * n..]);
            }
        }
    }
}

#[inline(always)]
fn gather_body<I: Isa>(panel: &[f64], height: usize, residuals: &[[f64; ROWS]; CHAINS], p: usize, sums: &mut [f64]) {
    let n = I::F64::N;
    let chains = sums.len() / (p * SUMS);
    let mut c = 0;
    if n == 8 && height == ROWS {
        while c + 4 <= chains {
            gather_tile::<I, 4, 4>(panel, height, &residuals[c..], p, &mut sums[c * p * SUMS..]);
            c += 4;
        }
    }
    while c + 2 <= chains && height == ROWS {
        gather_tile::<I, 2, 4>(panel, height, &residuals[c..], p, &mut sums[c * p * SUMS..]);
        c += 2;
    }
    while c < chains {
        match (height / n).min(8) {
            8 => gather_tile::<I, 1, 8>(panel, height, &residuals[c..], p, &mut sums[c * p * SUMS..]),
            4 => gather_tile::<I, 1, 4>(panel, height, &residuals[c..], p, &mut sums[c * p * SUMS..]),
            _ => gather_tile::<I, 1, 2>(panel, height, &residuals[c..], p, &mut sums[c * p * SUMS..]),
        }
        c += 1;
    }
}

#[inline(always)]
fn gather_tile<I: Isa, const C: usize, const T: usize>(
    panel: &[f64],
    height: usize,
    residuals: &[[f64; ROWS]],
    p: usize,
    sums: &mut [f64],
) {
    let n = I::F64::N;
    for at in (0..height).step_by(n * T) {
        let mut r = [[I::F64::splat(0.0); T]; C];
        for c in 0..C {
            for t in 0..T {
                r[c][t] = I::F64::load(&residuals[c][at + t * n..]);
            }
        }
        for (j, column) in panel.chunks_exact(height).enumerate() {
            let column = &column[at..at + n * T];
            for c in 0..C {
                let place = &mut sums[(c * p + j) * SUMS..][..n];
                let mut sum = I::F64::load(place);
                for t in 0..T {
                    sum = I::F64::load(&column[t * n..]).fma(r[c][t], sum);
                }
                sum.store(place);
            }
        }
    }
}

multiversion! {
    fn predict(
        panel: &[f64], height: usize, points: &[f64], p: usize, offset: &[f64; ROWS], eta: &mut [[f64; ROWS]; CHAINS],
    ) => predict_body
}

multiversion! {
    fn gather(panel: &[f64], height: usize, residuals: &[[f64; ROWS]; CHAINS], p: usize, sums: &mut [f64]) => gather_body
}
