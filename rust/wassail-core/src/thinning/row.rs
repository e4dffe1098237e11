//! One row of kernel values at a time.

use crate::error::Result;
use crate::kernel::{Cloud, Kernel, Real};
use crate::numeric::lanes::LANES;

/// Values of a tile: they stay in the first-level cache.
pub(super) const TILE: usize = 32 * LANES;
/// Work of a chunk, in elementary steps, at least: handing it to another thread must pay.
const CHUNK: usize = 60_000;

/// Points of a chunk of a row of n values that take `work` steps each: a multiple of `LANES`.
pub(super) fn grain(n: usize, work: usize) -> usize {
    let chunks = (n.saturating_mul(work) / CHUNK).max(1);
    n.div_ceil(chunks).next_multiple_of(LANES)
}

/// Values k(x_i, ·) from point `start` on, a multiple of `LANES`, blockwise: `each` gets them and where they begin, counted
/// from `start`. `len` is a multiple of `LANES`; values past the last point mean nothing.
pub(super) fn walk_row(
    kernel: &dyn Kernel,
    cloud: &Cloud<f64>,
    i: usize,
    start: usize,
    len: usize,
    mut each: impl FnMut(usize, &[f64]),
) -> Result<()> {
    let mut tile = [0.0; TILE];
    for at in (0..len).step_by(TILE) {
        let some = (len - at).min(TILE);
        let first = (start + at) / LANES;
        let panels = cloud.panels(first..first + some / LANES);
        f64::tile(kernel, cloud.rows(i..i + 1), panels, &mut tile, TILE)?;
        each(at, &tile[..some]);
    }
    Ok(())
}
