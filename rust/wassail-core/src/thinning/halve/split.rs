//! Kernel halving: pairs are decided in turn, a panel of points at a time.
//!
//! Once a panel is decided its kernel values with all later points are formed, once, and added to what those points need
//! to be decided: nothing is ever read back, so memory is O(s) unless the values are wanted as a table.

use super::Options;
use super::balance::Balance;
use super::lanes::{Columns, accumulate};
use super::table::Table;
use crate::error::{Result, try_zeroed};
use crate::kernel::Cloud;
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use crate::parallel::map_chunks;

/// Columns of a tile, and its rows: it stays in the first-level cache.
const COLUMNS: usize = 8 * LANES;
const ROWS: usize = 8;

/// The two halves, and what refining one of them needs.
pub struct Split {
    /// The chosen half: of each pair one.
    pub chosen: Vec<usize>,
    /// The other ones.
    pub rest: Vec<usize>,
    /// Σ_j k(x_i, x_j).
    pub totals: Vec<f64>,
    /// k(x_i, x_i).
    pub diagonal: Vec<f64>,
    /// Squared norm of the difference between the halves.
    pub distance: f64,
    /// The same between the points of odd and of even places.
    pub regular: f64,
}

struct Walk<'a> {
    options: &'a Options<'a>,
    cloud: &'a Cloud<f64>,
    balance: Balance,
    /// Of each pair +1 if its first point is in the rest, −1 if it is chosen.
    signs: Vec<f64>,
    sums: Columns<Vec<f64>>,
    diagonal: Vec<f64>,
    distance: f64,
    regular: f64,
}

/// Halves an even number of points.
pub fn split(
    options: &Options<'_>,
    cloud: &Cloud<f64>,
    delta: f64,
    uniforms: &[f64],
    mut table: Option<&mut Table>,
    monitor: &dyn Monitor,
) -> Result<Split> {
    let (s, padded) = (cloud.len(), cloud.len().next_multiple_of(LANES));
    let mut walk = Walk {
        options,
        cloud,
        balance: Balance::new(s, delta),
        signs: try_zeroed(s / 2)?,
        sums: Columns { signed: try_zeroed(padded)?, regular: try_zeroed(padded)?, total: try_zeroed(padded)? },
        diagonal: try_zeroed(s)?,
        distance: 0.0,
        regular: 0.0,
    };
    let (mut square, mut scratch) = (vec![0.0; LANES * LANES], try_zeroed(ROWS * COLUMNS)?);
    for panel in 0..padded / LANES {
        monitor.check()?;
        let count = LANES.min(s - panel * LANES);
        walk.panel(panel, count, &mut square)?;
        walk.decide(panel, count, &square, uniforms);
        if let Some(table) = table.as_deref_mut() {
            for (row, values) in square.chunks(LANES).take(count).enumerate() {
                table.from(panel * LANES + row, panel * LANES)[..LANES].copy_from_slice(values);
            }
        }
        walk.spread(panel, &mut scratch, table.as_deref_mut(), monitor)?;
    }
    let first = walk.signs.iter().enumerate().map(|(i, &sign)| 2 * i + usize::from(sign > 0.0));
    let chosen: Vec<usize> = first.collect();
    let rest = chosen.iter().map(|c| c ^ 1).collect();
    let (totals, diagonal) = (walk.sums.total, walk.diagonal);
    Ok(Split { chosen, rest, totals, diagonal, distance: walk.distance, regular: walk.regular })
}

impl Walk<'_> {
    /// Values of a panel's points with themselves.
    fn panel(&self, panel: usize, count: usize, square: &mut [f64]) -> Result<()> {
        let start = panel * LANES;
        let (rows, panels) = (self.cloud.rows(start..start + count), self.cloud.panels(panel..panel + 1));
        self.options.kernel.tile_f64(rows, panels, square, LANES)
    }

    /// Decides the pairs of a panel in turn.
    fn decide(&mut self, panel: usize, count: usize, square: &[f64], uniforms: &[f64]) {
        let start = panel * LANES;
        let Columns { signed, regular, total } = &mut self.sums;
        let (signed, regular) = (&mut signed[start..start + count], &mut regular[start..start + count]);
        for p in (0..count).step_by(2) {
            let (first, second) = (&square[p * LANES..], &square[(p + 1) * LANES..]);
            // Rounding may leave it negative.
            let b2 = (first[p] - 2.0 * first[p + 1] + second[p + 1]).max(0.0);
            let alpha = signed[p] - signed[p + 1];
            let pair = (start + p) / 2;
            let sign = if self.balance.first_leaves(b2, alpha, uniforms[pair]) { 1.0 } else { -1.0 };
            self.signs[pair] = sign;
            self.distance += b2 + 2.0 * sign * alpha;
            self.regular += b2 + 2.0 * (regular[p] - regular[p + 1]);
            for x in p + 2..count {
                let difference = first[x] - second[x];
                signed[x] += sign * difference;
                regular[x] += difference;
            }
        }
        for (p, row) in square.chunks(LANES).take(count).enumerate() {
            self.diagonal[start + p] = row[p];
            total[start..start + count].iter_mut().zip(row).for_each(|(t, v)| *t += v);
        }
    }

    /// Adds the values of a decided panel to the sums of all later points, and leaves them in the table if there is one.
    fn spread(&mut self, panel: usize, scratch: &mut [f64], table: Option<&mut Table>, monitor: &dyn Monitor) -> Result<()> {
        let (start, later) = (panel * LANES, (panel + 1) * LANES);
        let Some(signs) = self.signs.get(start / 2..later / 2) else { return Ok(()) };
        let (before, ahead) = self.sums.split(later);
        let strip = Strip { options: self.options, cloud: self.cloud, start, signs };
        let chunks = ahead.chunks(COLUMNS).enumerate().map(|(chunk, columns)| (later + chunk * COLUMNS, columns));
        let parts = match table {
            Some(table) => {
                let stride = table.stride();
                chunks.map(|(from, columns)| strip.sweep(from, columns, table.from(start, from), stride, stride)).collect()
            }
            None if self.options.wide => map_chunks(chunks.collect(), monitor, |(from, columns)| {
                strip.sweep(from, columns, &mut try_zeroed(ROWS * COLUMNS)?, COLUMNS, 0)
            }),
            None => chunks.map(|(from, columns)| strip.sweep(from, columns, scratch, COLUMNS, 0)).collect(),
        };
        for part in parts? {
            before.total[start..].iter_mut().zip(&part).for_each(|(t, v)| *t += v);
        }
        Ok(())
    }
}

/// A decided panel against later points.
struct Strip<'a> {
    options: &'a Options<'a>,
    cloud: &'a Cloud<f64>,
    start: usize,
    signs: &'a [f64],
}

impl Strip<'_> {
    /// Columns from `from` on; returns the sums of the rows. Each `ROWS` rows go `step` rows' worth further in `out`.
    fn sweep(
        &self,
        from: usize,
        mut columns: Columns<&mut [f64]>,
        out: &mut [f64],
        stride: usize,
        step: usize,
    ) -> Result<[f64; LANES]> {
        let width = columns.total.len();
        let panels = self.cloud.panels(from / LANES..(from + width) / LANES);
        let mut totals = [0.0; LANES];
        for (r, totals) in totals.chunks_mut(ROWS).enumerate() {
            let out = &mut out[r * ROWS * step..];
            let rows = self.start + r * ROWS;
            self.options.kernel.tile_f64(self.cloud.rows(rows..rows + ROWS), panels, out, stride)?;
            // Lanes past the last point must not count.
            for row in out.chunks_mut(stride).take(ROWS) {
                row[(self.cloud.len() - from).min(width)..width].fill(0.0);
            }
            accumulate(out, stride, &self.signs[r * ROWS / 2..][..ROWS / 2], &mut columns, totals);
        }
        Ok(totals)
    }
}
