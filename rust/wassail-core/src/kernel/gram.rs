//! Tables of kernel values.

use super::{Cloud, Kernel, Real};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use crate::parallel::map_chunks;
use crate::points::Coordinates;

/// Rows of a tile, and panels: its values stay in the first-level cache.
const ROWS: usize = 8;
const PANELS: usize = 8;

/// k(x_i, y_j), row-major (n, m).
pub fn gram(
    kernel: &dyn Kernel,
    x: Coordinates<'_>,
    y: Coordinates<'_>,
    d: usize,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let (n, m) = (x.len() / d, y.len() / d);
    let center = center(y, d)?;
    let x = Cloud::<f64>::new(kernel, x, d, &center, 0..n)?;
    let y = Cloud::<f64>::new(kernel, y, d, &center, 0..m)?;
    let mut out = try_zeroed(n.checked_mul(m).unwrap_or(usize::MAX / 16))?;
    let chunks = out.chunks_mut(ROWS * m).enumerate().collect();
    map_chunks(chunks, monitor, |(chunk, out): (usize, &mut [f64])| {
        let rows = chunk * ROWS..chunk * ROWS + out.len() / m;
        let mut tile = try_zeroed(ROWS * PANELS * LANES)?;
        for start in (0..m).step_by(PANELS * LANES) {
            let end = (start + PANELS * LANES).min(m);
            let panels = y.panels(start / LANES..end.div_ceil(LANES));
            f64::tile(kernel, x.rows(rows.clone()), panels, &mut tile, PANELS * LANES)?;
            for (out, tile) in out.chunks_mut(m).zip(tile.chunks(PANELS * LANES)) {
                out[start..end].copy_from_slice(&tile[..end - start]);
            }
        }
        Ok(())
    })?;
    Ok(out)
}

/// The mean of some points, to center both sides by.
pub fn center(points: Coordinates<'_>, d: usize) -> Result<Vec<f64>> {
    let n = points.len() / d;
    let (mut sum, mut point) = (try_zeroed(d)?, try_zeroed(d)?);
    for i in 0..n {
        points.read(i * d, &mut point);
        sum.iter_mut().zip(&point).for_each(|(s, p)| *s += p / n as f64);
    }
    Ok(sum)
}
