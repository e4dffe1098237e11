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
    /// Draws of each chain after which the first half ends.
    half: u64,
    /// Draws of a batch.
    batch: u64,
    count: u64,
    pieces: Vec<Piece>,
}

/// Some coordinates.
struct Piece {
    /// Means and sums of squared deviations of each chain, and what they were after the first half; (chains, width).
    mean: Vec<f64>,
    square: Vec<f64>,
    half_mean: Vec<f64>,
    half_square: Vec<f64>,
    /// Sums of the batch under way.
    sum: Vec<f64>,
    /// Mean and sum of squared deviations of the means of batches, of all chains together.
    batch_mean: Vec<f64>,
    batch_square: Vec<f64>,
    markers: Option<Markers>,
}

/// The fields of a `Moments`, each (rows, d).
pub struct Table {
    /// Draws of each chain.
    pub count: u64,
    /// Mean, sum of squared deviations, and both after the first half: (chains, d).
    pub chains: [Vec<f64>; 4],
    /// Sums of squared deviations of the means of batches.
    pub batch_square: Vec<f64>,
    /// Quantiles, (number of them, d).
    pub quantiles: Vec<f64>,
}

impl Moments {
    /// Nothing seen yet.
    pub fn new(d: usize, chains: usize, half: u64, batch: u64, probabilities: &[f64]) -> Result<Self> {
        let mut pieces = Vec::new();
        for start in (0..d).step_by(PIECE) {
            let width = PIECE.min(d - start);
            let each = || try_zeroed::<f64>(chains * width);
            pieces.push(Piece {
                mean: each()?,
                square: each()?,
                half_mean: each()?,
                half_square: each()?,
                sum: each()?,
                batch_mean: try_zeroed(width)?,
                batch_square: try_zeroed(width)?,
                markers: if probabilities.is_empty() { None } else { Some(Markers::new(width, probabilities)?) },
            });
        }
        Ok(Self { d, chains, half, batch: batch.max(1), count: 0, pieces })
    }

    /// Number of coordinates and of chains.
    pub fn shape(&self) -> (usize, usize) {
        (self.chains, self.d)
    }

    /// Takes in draws (chains, n, d).
    pub fn update(&mut self, draws: &[f64], monitor: &dyn Monitor) -> Result<()> {
        let (d, chains) = (self.d, self.chains);
        let n = draws.len() / (d * chains);
        let (half, batch, count) = (self.half, self.batch, self.count);
        let work = self.pieces.iter_mut().enumerate().collect();
        map_chunks(work, monitor, |(at, piece): (usize, &mut Piece)| {
            let width = piece.batch_mean.len();
            for row in 0..n {
                for chain in 0..chains {
                    let x = &draws[(chain * n + row) * d + at * PIECE..][..width];
                    piece.take(x, chain, count + row as u64 + 1, half, batch);
                }
            }
            Ok(())
        })?;
        self.count += n as u64;
        Ok(())
    }

    /// What is known now.
    pub fn table(&self) -> Result<Table> {
        let gather = |rows: usize, of: &dyn Fn(&Piece) -> &[f64]| -> Result<Vec<f64>> {
            let mut out = try_zeroed(rows * self.d)?;
            for (at, piece) in self.pieces.iter().enumerate() {
                let width = piece.batch_mean.len();
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
                    markers.quantile(row, &mut quantiles[row * self.d + at * PIECE..][..piece.batch_mean.len()]);
                }
            }
        }
        Ok(Table {
            count: self.count,
            chains: [
                gather(self.chains, &|p| &p.mean)?,
                gather(self.chains, &|p| &p.square)?,
                gather(self.chains, &|p| &p.half_mean)?,
                gather(self.chains, &|p| &p.half_square)?,
            ],
            batch_square: gather(1, &|p| &p.batch_square)?,
            quantiles,
        })
    }

    /// All numbers of the state, in a fixed order; `numbers` is read instead where `reads`.
    fn visit(&mut self, mut each: impl FnMut(&mut [f64])) {
        for p in &mut self.pieces {
            let parts = [
                &mut p.mean,
                &mut p.square,
                &mut p.half_mean,
                &mut p.half_square,
                &mut p.sum,
                &mut p.batch_mean,
                &mut p.batch_square,
            ];
            parts.into_iter().for_each(|part| each(part));
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

impl Piece {
    /// Takes in draw number `count` (from 1) of a chain.
    fn take(&mut self, x: &[f64], chain: usize, count: u64, half: u64, batch: u64) {
        let at = chain * x.len()..(chain + 1) * x.len();
        let (mean, square, sum) = (&mut self.mean[at.clone()], &mut self.square[at.clone()], &mut self.sum[at.clone()]);
        welford(x, 1.0, mean, square, count as f64);
        sum.iter_mut().zip(x).for_each(|(s, x)| *s += x);
        if count.is_multiple_of(batch) {
            // Batches of all chains, in their order.
            let done = (count / batch - 1) * (self.mean.len() / x.len()) as u64 + chain as u64 + 1;
            welford(sum, 1.0 / batch as f64, &mut self.batch_mean, &mut self.batch_square, done as f64);
            sum.fill(0.0);
        }
        if count == half {
            self.half_mean[at.clone()].copy_from_slice(&self.mean[at.clone()]);
            self.half_square[at.clone()].copy_from_slice(&self.square[at]);
        }
        if let Some(markers) = &mut self.markers {
            markers.take(x);
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
