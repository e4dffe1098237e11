//! The smallest entries of a row, gathered while it streams by.

use std::cmp::Ordering;

/// Entries that are gathered before all but the smallest are dropped, as a multiple of those that stay.
const GATHERED: usize = 4;

/// An entry of a row.
#[derive(Clone, Copy)]
pub struct Kept {
    /// C_ij − g_j.
    pub z: f64,
    /// Place among equals.
    place: u32,
    /// Column.
    pub j: u32,
    /// C_ij.
    pub cost: f64,
}

/// The smallest entries so far. Where entries are equal, those after a column of the row's own come first: were it the
/// same column for all rows, equal costs would leave candidates in few columns.
#[derive(Default)]
pub struct Top {
    /// Smallest entry.
    pub minimum: f64,
    kept: Vec<Kept>,
    most: usize,
    /// Entries that count lie below this pair.
    limit: (f64, u32),
    first: u32,
    columns: u32,
}

impl Top {
    /// Begins row i of an (n, m) cost, of which at most `most` entries below `limit` are wanted.
    pub fn reset(&mut self, i: usize, (n, m): (usize, usize), most: usize, limit: f64) {
        self.minimum = f64::INFINITY;
        self.kept.clear();
        (self.most, self.limit) = (most, (limit, 0));
        self.first = (i as u64 * m as u64 / n as u64) as u32;
        self.columns = m as u32;
    }

    /// Entries above this do not count.
    pub fn limit(&self) -> f64 {
        self.limit.0
    }

    /// Whether an entry of this size may count.
    #[inline]
    pub fn wants(&self, z: f64) -> bool {
        z < self.limit.0 || (z == self.limit.0 && self.limit.1 > 0)
    }

    /// Takes an entry if it counts.
    #[inline]
    pub fn offer(&mut self, z: f64, j: u32, cost: f64) {
        let place = if j >= self.first { j - self.first } else { j + (self.columns - self.first) };
        if z < self.limit.0 || (z == self.limit.0 && place < self.limit.1) {
            self.kept.push(Kept { z, place, j, cost });
            if self.kept.len() >= GATHERED.saturating_mul(self.most) {
                self.reduce();
            }
        }
    }

    fn reduce(&mut self) {
        let (_, last, _) = self.kept.select_nth_unstable_by(self.most - 1, order);
        self.limit = (last.z, last.place);
        self.kept.truncate(self.most);
    }

    /// What is left, the smallest first.
    pub fn sorted(&mut self) -> &[Kept] {
        if self.kept.len() > self.most {
            self.reduce();
        }
        self.kept.sort_unstable_by(order);
        &self.kept
    }
}

fn order(p: &Kept, q: &Kept) -> Ordering {
    p.z.total_cmp(&q.z).then(p.place.cmp(&q.place))
}
