//! What is counted of ladders: as it is, and as it was at the last draw that all of them had, as some run ahead of others.

use crate::sampling::storage::Ahead;

/// Counts of several ladders.
pub struct Books {
    /// Pairs of neighbors.
    pub rows: usize,
    /// Of each ladder: sums of the rejections between neighbors, round trips, and divergences.
    pub now: Vec<f64>,
    /// The same at the last draw that was handed out.
    pub shown: Vec<f64>,
    /// The same at each draw made since.
    pub marks: Ahead,
    /// Draws handed out.
    pub drawn: u64,
}

impl Books {
    /// Of so many ladders.
    pub fn new(chains: usize, rows: usize) -> Self {
        let now = vec![0.0; chains * (rows + 2)];
        Self { rows, shown: now.clone(), now, marks: Ahead::default(), drawn: 0 }
    }

    /// Numbers of a ladder.
    pub fn width(&self) -> usize {
        self.rows + 2
    }

    /// Counts that a swap was rejected with some probability.
    pub fn reject(&mut self, chain: usize, pair: usize, probability: f64) {
        self.now[chain * (self.rows + 2) + pair] += probability;
    }

    /// Counts a round trip.
    pub fn return_trip(&mut self, chain: usize) {
        self.now[chain * (self.rows + 2) + self.rows] += 1.0;
    }

    /// Counts divergences.
    pub fn diverge(&mut self, chain: usize, count: u64) {
        self.now[chain * (self.rows + 2) + self.rows + 1] += count as f64;
    }

    /// Forgets rejections, or everything.
    pub fn clear(&mut self, everything: bool) {
        let rows = self.rows;
        for ladder in self.now.chunks_exact_mut(rows + 2) {
            ladder[..if everything { rows + 2 } else { rows }].fill(0.0);
        }
    }

    /// A draw was made.
    pub fn mark(&mut self) {
        self.marks.rows.extend_from_slice(&self.now);
        self.marks.count += 1;
    }

    /// All ladders have draws up to this number.
    pub fn hand_out(&mut self, drawn: u64) {
        let (count, len) = ((drawn - self.drawn) as usize, self.now.len());
        if count > 0 {
            self.shown.copy_from_slice(&self.marks.rows[(count - 1) * len..count * len]);
            self.marks.rows.drain(..count * len);
            self.marks.count -= count;
            self.drawn = drawn;
        }
    }
}
