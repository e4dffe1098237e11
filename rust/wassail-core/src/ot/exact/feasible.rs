//! Whether forbidden arcs leave a plan: a maximum flow from sources to sinks along the finite arcs.
//!
//! Blocking flows on layered graphs (Dinitz 1970; for matchings Hopcroft and Karp 1973, doi:10.1137/0202019). Finite arcs are
//! one bit each, so that a layer is the union of rows of bits: a phase takes O(nm/64) steps beside those of the paths it finds.

use super::super::geometry::Geometry;
use super::super::sweep::{Weights, row_chunks};
use super::super::tiling::{blocks, for_each_tile, height};
use super::masses::{Mass, Masses};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::parallel::map_chunks;

/// Bits of a word.
const WORD: usize = 64;

/// The mass that only forbidden arcs could move from a to b. All weights are positive.
pub fn blocked(geometry: &dyn Geometry, weights: Weights<'_>, monitor: &dyn Monitor) -> Result<f64> {
    if geometry.is_column_major() {
        let swapped = Weights { a: weights.b, b: weights.a };
        return blocked(&*geometry.transposed(), swapped, monitor);
    }
    let masses = Masses::balanced(weights.a, weights.b);
    let mut network = Network::new(geometry, &masses, monitor)?;
    while let Some(mut layers) = network.layers(monitor)? {
        network.fill(&mut layers, monitor)?;
    }
    Ok(masses.weight(network.supply.iter().sum()))
}

/// Finite arcs, and the flow so far.
struct Network {
    /// Finite arcs of each row, a bit each.
    open: Vec<u64>,
    /// Words of a row.
    words: usize,
    supply: Vec<Mass>,
    demand: Vec<Mass>,
    /// Rows that send to each column, and how much.
    sent: Vec<Vec<(u32, Mass)>>,
}

/// The graph of shortest paths along which more can be sent.
struct Layers {
    /// Columns by their distance from rows with supply; those of the last layer have demand.
    columns: Vec<Vec<u64>>,
    /// Layer of each row.
    row: Vec<usize>,
    /// First word of each row that may hold a column of its layer.
    word: Vec<usize>,
    /// First entry of `sent` of each column that may lead on.
    back: Vec<usize>,
}

/// A row of a path and the column it goes on to.
#[derive(Clone, Copy)]
struct Step {
    row: usize,
    column: usize,
}

impl Network {
    fn new(geometry: &dyn Geometry, masses: &Masses, monitor: &dyn Monitor) -> Result<Self> {
        let (n, m) = geometry.shape();
        let words = m.div_ceil(WORD);
        geometry.prepare(false)?;
        let parts = map_chunks(row_chunks(n, m), monitor, |rows| {
            let mut open = try_zeroed(rows.len() * words)?;
            let mut scratch = Vec::new();
            for block in blocks(&rows, height(geometry)) {
                for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
                    for (r, i) in block.clone().enumerate() {
                        let row = &mut open[(i - rows.start) * words + cols.start / WORD..];
                        for (word, costs) in row.iter_mut().zip(costs.row(r).chunks(WORD)) {
                            *word = costs.iter().rev().fold(0, |bits, c| bits << 1 | u64::from(*c < f64::INFINITY));
                        }
                    }
                })?;
            }
            Ok(open)
        })?;
        let (supply, demand) = masses.values.split_at(masses.sources);
        let sent = vec![Vec::new(); m];
        Ok(Self { open: parts.concat(), words, supply: supply.to_vec(), demand: demand.to_vec(), sent })
    }

    /// Searches in breadth from the rows with supply; None if no column with demand is reached: then the flow is a maximum.
    fn layers(&mut self, monitor: &dyn Monitor) -> Result<Option<Layers>> {
        self.merge();
        let (n, m) = (self.supply.len(), self.demand.len());
        let mut row = vec![usize::MAX; n];
        let mut unseen = vec![u64::MAX; self.words];
        let mut columns: Vec<Vec<u64>> = Vec::new();
        let mut frontier: Vec<usize> = (0..n).filter(|i| self.supply[*i] > 0).collect();
        while !frontier.is_empty() {
            let mut found: Vec<u64> = try_zeroed(self.words)?;
            for &i in &frontier {
                monitor.check()?;
                row[i] = columns.len();
                for (f, open) in found.iter_mut().zip(self.row(i)) {
                    *f |= open;
                }
            }
            found.iter_mut().zip(&mut unseen).for_each(|(f, u)| {
                *f &= *u;
                *u &= !*f;
            });
            let wanting = self.wanting(&found);
            if let Some(last) = wanting {
                columns.push(last);
                return Ok(Some(Layers { columns, row, word: vec![0; n], back: vec![0; m] }));
            }
            frontier.clear();
            for j in bits(&found) {
                for &(i, _) in &self.sent[j] {
                    if row[i as usize] == usize::MAX {
                        row[i as usize] = columns.len() + 1;
                        frontier.push(i as usize);
                    }
                }
            }
            columns.push(found);
        }
        Ok(None)
    }

    /// The columns of a set that have demand left; None if there is none.
    fn wanting(&self, set: &[u64]) -> Option<Vec<u64>> {
        let mut some = vec![0; set.len()];
        for j in bits(set).filter(|j| self.demand[*j] > 0) {
            some[j / WORD] |= 1 << (j % WORD);
        }
        some.iter().any(|word| *word > 0).then_some(some)
    }

    fn row(&self, i: usize) -> &[u64] {
        &self.open[i * self.words..(i + 1) * self.words]
    }

    /// One entry for each row and column with flow.
    fn merge(&mut self) {
        for sent in &mut self.sent {
            sent.sort_unstable_by_key(|entry| entry.0);
            sent.dedup_by(|later, first| {
                let same = later.0 == first.0;
                if same {
                    first.1 += later.1;
                }
                same
            });
            sent.retain(|entry| entry.1 > 0);
        }
    }

    /// Sends along the layers until no path through all of them is left.
    fn fill(&mut self, layers: &mut Layers, monitor: &dyn Monitor) -> Result<()> {
        for root in 0..self.supply.len() {
            while self.supply[root] > 0
                && let Some(path) = self.path(root, layers, monitor)?
            {
                self.send(&path, layers);
            }
        }
        Ok(())
    }

    /// A path from a row with supply to a column with demand; what leads nowhere is taken out on the way.
    fn path(&self, root: usize, layers: &mut Layers, monitor: &dyn Monitor) -> Result<Option<Vec<Step>>> {
        let last = layers.columns.len() - 1;
        let mut path: Vec<Step> = Vec::new();
        let mut row = root;
        loop {
            monitor.check()?;
            let depth = path.len();
            if let Some(column) = self.advance(row, depth, layers) {
                path.push(Step { row, column });
                if depth == last {
                    return Ok(Some(path));
                }
            } else if depth == 0 {
                return Ok(None);
            } else {
                layers.back[path[depth - 1].column] += 1;
            }
            // On to a row that sends to the column, or back to the row before.
            let Some(&Step { row: before, column }) = path.last() else { return Ok(None) };
            let sent = &self.sent[column];
            let back = &mut layers.back[column];
            while *back < sent.len() && (sent[*back].1 == 0 || layers.row[sent[*back].0 as usize] != path.len()) {
                *back += 1;
            }
            if let Some(&(next, _)) = sent.get(*back) {
                row = next as usize;
            } else {
                layers.columns[path.len() - 1][column / WORD] &= !(1 << (column % WORD));
                path.pop();
                row = before;
            }
        }
    }

    /// The first column of this layer that the row may send to.
    fn advance(&self, row: usize, depth: usize, layers: &mut Layers) -> Option<usize> {
        let (open, word) = (self.row(row), &mut layers.word[row]);
        while *word < self.words {
            let both = open[*word] & layers.columns[depth][*word];
            if both > 0 {
                return Some(*word * WORD + both.trailing_zeros() as usize);
            }
            *word += 1;
        }
        None
    }

    /// Sends along a path as much as it carries.
    fn send(&mut self, path: &[Step], layers: &mut Layers) {
        let (Some(first), Some(last)) = (path.first(), path.last()) else { return };
        let taken = &path[..path.len() - 1];
        let least = self.supply[first.row].min(self.demand[last.column]);
        let amount = taken.iter().fold(least, |least, s| least.min(self.sent[s.column][layers.back[s.column]].1));
        for step in taken {
            self.sent[step.column][layers.back[step.column]].1 -= amount;
        }
        for step in path {
            self.sent[step.column].push((step.row as u32, amount));
        }
        self.supply[first.row] -= amount;
        self.demand[last.column] -= amount;
        if self.demand[last.column] == 0 {
            layers.columns[path.len() - 1][last.column / WORD] &= !(1 << (last.column % WORD));
        }
    }
}

/// The members of a set, ascending.
fn bits(set: &[u64]) -> impl Iterator<Item = usize> {
    set.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = (rest > 0).then(|| at * WORD + rest.trailing_zeros() as usize);
            rest &= rest.wrapping_sub(1);
            bit
        })
    })
}
