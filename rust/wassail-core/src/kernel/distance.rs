//! Squared distances of rows and panels of features.

use super::Rows;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Writes |x_r − y|² of R rows from row r on against a panel, row by row at `out[i * stride..]`.
#[inline(always)]
pub fn squares<I: Isa, T: Scalar, const R: usize>(x: Rows<'_, T>, r: usize, panel: &[T], out: &mut [T], stride: usize) {
    let width = T::Register::<I>::N;
    let zero = T::Register::<I>::splat(T::ZERO);
    let mut rows: [&[T]; R] = [&[]; R];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = x.row(r + i);
    }
    let mut lane = 0;
    while lane < LANES {
        let mut sums = [[zero; 2]; R];
        for (k, column) in panel.chunks_exact(LANES).enumerate() {
            let y = [T::Register::<I>::load(&column[lane..]), T::Register::<I>::load(&column[lane + width..])];
            for (row, sum) in rows.iter().zip(&mut sums) {
                let at = T::Register::<I>::splat(row[k]);
                for u in 0..2 {
                    let t = y[u].sub(at);
                    sum[u] = t.fma(t, sum[u]);
                }
            }
        }
        for (i, sum) in sums.iter().enumerate() {
            let out = &mut out[i * stride + lane..][..2 * width];
            sum[0].store(out);
            sum[1].store(&mut out[width..]);
        }
        lane += 2 * width;
    }
}
