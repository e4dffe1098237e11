//! Moments and quantiles of draws as they come: memory that does not grow with their number.

use super::quantiles::Markers;
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::parallel::map_chunks;

/// Coordinates that one task takes.
const PIECE: usize = 2048;

/// What has been seen of every coordinate.
pub struct Moments {
    d: usize,
    chains: usize,
    count: u64,
    pieces: Vec<Piece>,
}

/// Some coordinates.
struct Piece {
    /// Now, at the last power of two of draws, and at the one before.
    seen: [Seen; 3],
    /// Sums of the batch under way, and of the first half of the longer one, (chains, width).
    sum: Vec<f64>,
    first: Vec<f64>,
    /// Batches, and those twice as long.
    batches: [Seen; 2],
    markers: Option<Markers>,
}

/// Means and sums of squared deviations: of draws, (chains, width), or of the means of batches of all chains, (width,).
struct Seen {
    mean: Vec<f64>,
    square: Vec<f64>,
}

/// How draws are cut: by their number alone, not by how many are still to come, so that runs may go on.
#[derive(Clone, Copy)]
pub struct Cuts {
    /// Draws of the first part of each chain, a third to two thirds of all (but of the first three).
    pub first: u64,
    /// Draws of a batch: the largest power of two up to √n.
    pub batch: u64,
    /// Batches of each chain. The draws before they became twice as long are in few of them, or in none.
    pub batches: u64,
}

impl Cuts {
    /// Of so many draws.
    pub fn of(count: u64) -> Self {
        let newer = 1 << count.max(1).ilog2();
        let first = if count >= newer + newer / 2 || count == 1 { newer } else { newer / 2 };
        let batch = batch(count);
        Self { first: first.min(count), batch, batches: (count - before(batch).min(count)) / batch }
    }
}

/// Draws of a batch after so many.
fn batch(count: u64) -> u64 {
    1 << (count.max(1).ilog2() / 2)
}

/// Draws before the first batch of some length: it is followed from when that of half of it came into use.
fn before(batch: u64) -> u64 {
    if batch < 4 { 0 } else { (batch / 2) * (batch / 2) }
}

/// The fields of a `Moments`, each (rows, d).
pub struct Table {
    /// Draws of each chain.
    pub count: u64,
    /// Mean, sum of squared deviations, and both after the first part: (chains, d).
    pub chains: [Vec<f64>; 4],
    /// Sums of squared deviations of the means of batches.
    pub batch_square: Vec<f64>,
    /// Quantiles, (number of them, d).
    pub quantiles: Vec<f64>,
}

impl Moments {
    /// Nothing seen yet.
    pub fn new(d: usize, chains: usize, probabilities: &[f64]) -> Result<Self> {
        let mut pieces = Vec::new();
        for start in (0..d).step_by(PIECE) {
            let width = PIECE.min(d - start);
            let rows = || Seen::new(chains * width);
            pieces.push(Piece {
                seen: [rows()?, rows()?, rows()?],
                sum: try_zeroed(chains * width)?,
                first: try_zeroed(chains * width)?,
                batches: [Seen::new(width)?, Seen::new(width)?],
                markers: if probabilities.is_empty() { None } else { Some(Markers::new(width, probabilities)?) },
            });
        }
        Ok(Self { d, chains, count: 0, pieces })
    }

    /// Number of coordinates and of chains.
    pub fn shape(&self) -> (usize, usize) {
        (self.chains, self.d)
    }

    /// Takes in draws (chains, n, d).
    pub fn update(&mut self, draws: &[f64], monitor: &dyn Monitor) -> Result<()> {
        let (d, chains) = (self.d, self.chains);
        let n = draws.len() / (d * chains);
        let count = self.count;
        let work = self.pieces.iter_mut().enumerate().collect();
        map_chunks(work, monitor, |(at, piece): (usize, &mut Piece)| {
            let width = piece.width();
            for row in 0..n {
                for chain in 0..chains {
                    let x = &draws[(chain * n + row) * d + at * PIECE..][..width];
                    piece.take(x, chain, count + row as u64 + 1);
                }
            }
            Ok(())
        })?;
        self.count += n as u64;
        Ok(())
    }

    /// How draws are cut now.
    pub fn cuts(&self) -> Cuts {
        Cuts::of(self.count)
    }

    /// What is known now.
    pub fn table(&self) -> Result<Table> {
        let gather = |rows: usize, of: &dyn Fn(&Piece) -> &[f64]| -> Result<Vec<f64>> {
            let mut out = try_zeroed(rows * self.d)?;
            for (at, piece) in self.pieces.iter().enumerate() {
                let width = piece.width();
                for (row, values) in of(piece).chunks_exact(width).enumerate() {
                    out[row * self.d + at * PIECE..][..width].copy_from_slice(values);
                }
            }
            Ok(out)
        };
        let mut quantiles = Vec::new();
        if let Some(rows) = self.pieces.first().and_then(|p| p.markers.as_ref()).map(Markers::quantiles) {
            quantiles = try_zeroed(rows * self.d)?;
            for (at, piece) in self.pieces.iter().enumerate() {
                let Some(markers) = &piece.markers else { continue };
                for row in 0..rows {
                    markers.quantile(row, &mut quantiles[row * self.d + at * PIECE..][..piece.width()]);
                }
            }
        }
        let part = if self.cuts().first.saturating_mul(2) > self.count { 1 } else { 2 };
        Ok(Table {
            count: self.count,
            chains: [
                gather(self.chains, &|p| &p.seen[0].mean)?,
                gather(self.chains, &|p| &p.seen[0].square)?,
                gather(self.chains, &|p| &p.seen[part].mean)?,
                gather(self.chains, &|p| &p.seen[part].square)?,
            ],
            batch_square: gather(1, &|p| &p.batches[0].square)?,
            quantiles,
        })
    }

    /// All numbers of the state, in a fixed order; `numbers` is read instead where `reads`.
    fn visit(&mut self, mut each: impl FnMut(&mut [f64])) {
        for p in &mut self.pieces {
            for seen in p.seen.iter_mut().chain(&mut p.batches) {
                each(&mut seen.mean);
                each(&mut seen.square);
            }
            each(&mut p.sum);
            each(&mut p.first);
            if let Some(markers) = &mut p.markers {
                markers.visit(&mut each);
            }
        }
    }

    /// Numbers of the state.
    fn size(&mut self) -> usize {
        let mut size = 0;
        self.visit(|part| size += part.len());
        size
    }

    /// The state as numbers.
    pub fn save(&mut self) -> Result<(Vec<f64>, u64)> {
        let mut out = try_zeroed(self.size())?;
        let mut at = 0;
        self.visit(|part| {
            out[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        });
        Ok((out, self.count))
    }

    /// Takes up a state; false where its size is another.
    pub fn load(&mut self, state: &[f64], count: u64) -> bool {
        if self.size() != state.len() {
            return false;
        }
        let mut rest = state;
        self.visit(|part| {
            let (mine, others) = rest.split_at(part.len());
            part.copy_from_slice(mine);
            rest = others;
        });
        self.count = count;
        true
    }
}

impl Seen {
    fn new(size: usize) -> Result<Self> {
        Ok(Self { mean: try_zeroed(size)?, square: try_zeroed(size)? })
    }
}

impl Piece {
    fn width(&self) -> usize {
        self.batches[0].mean.len()
    }

    /// Takes in draw number `count` (from 1) of a chain.
    fn take(&mut self, x: &[f64], chain: usize, count: u64) {
        let at = chain * x.len()..(chain + 1) * x.len();
        let [now, newer, older] = &mut self.seen;
        welford(x, 1.0, &mut now.mean[at.clone()], &mut now.square[at.clone()], count as f64);
        if count.is_power_of_two() {
            for (older, newer, now) in
                [(&mut older.mean, &mut newer.mean, &now.mean), (&mut older.square, &mut newer.square, &now.square)]
            {
                older[at.clone()].copy_from_slice(&newer[at.clone()]);
                newer[at.clone()].copy_from_slice(&now[at.clone()]);
            }
        }
        self.sum[at].iter_mut().zip(x).for_each(|(s, x)| *s += x);
        let length = batch(count - 1);
        if (count - before(length)).is_multiple_of(length) {
            self.end_batch(chain, count, length);
        }
        if let Some(markers) = &mut self.markers {
            markers.take(x);
        }
    }

    /// Takes in the batch of a chain that draw number `count` ended.
    fn end_batch(&mut self, chain: usize, count: u64, length: u64) {
        let (width, chains) = (self.width(), self.sum.len() / self.width());
        let at = chain * width..(chain + 1) * width;
        let (sum, first) = (&mut self.sum[at.clone()], &mut self.first[at]);
        let [short, long] = &mut self.batches;
        // Batches of all chains, in their order.
        let number = |length: u64| ((count - before(length)) / length - 1) as f64 * chains as f64 + (chain + 1) as f64;
        welford(sum, 1.0 / length as f64, &mut short.mean, &mut short.square, number(length));
        let twice = 2 * length;
        if (count - before(twice)).is_multiple_of(twice) {
            first.iter_mut().zip(&*sum).for_each(|(f, s)| *f += s);
            welford(first, 1.0 / twice as f64, &mut long.mean, &mut long.square, number(twice));
        } else {
            first.copy_from_slice(sum);
        }
        sum.fill(0.0);
        if chain + 1 == chains && batch(count) == twice {
            std::mem::swap(short, long);
            long.mean.fill(0.0);
            long.square.fill(0.0);
        }
    }
}

/// Takes in value number `count` (from 1), coordinate by coordinate.
fn welford(x: &[f64], by: f64, mean: &mut [f64], square: &mut [f64], count: f64) {
    let share = 1.0 / count;
    for ((x, m), s) in x.iter().zip(mean).zip(square) {
        let x = x * by;
        let off = x - *m;
        *m += off * share;
        *s += off * (x - *m);
    }
}
