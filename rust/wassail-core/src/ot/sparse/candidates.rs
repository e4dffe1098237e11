//! The entries of each row that can carry mass: those with the largest keys g_j − C_ij, with a bound on all others.
//!
//! The bound makes the lists exact: a row whose cutoff falls below what an entry left out could have risen to since is gathered
//! anew from the cost. Between, nothing of size n·m is read.

use super::base::{Base, reduce};
use super::history::History;
use super::row::{Entry, Level, descending};
use crate::error::{Error, Result};
use crate::memory;
use crate::monitor::Monitor;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::ot::geometry::{Geometry, TILE};
use crate::ot::tiling::{for_each_tile, height};
use crate::parallel::map_chunks;
use std::cmp::Ordering;

/// A row and its candidates.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Candidates, ordered as the level says.
    pub entries: Vec<Entry>,
    /// Their costs.
    pub costs: Vec<f64>,
    /// Solution at the last potentials.
    pub level: Level,
    /// No entry left out had a larger key when gathered; −inf if none was left out, NaN before.
    pub floor: f64,
    /// Number of the potentials it was gathered at.
    pub stamp: usize,
    /// Candidates to gather.
    want: usize,
    /// Keys below need not be looked at the first time; −inf if nothing is known.
    hint: f64,
}

impl Row {
    /// A row without candidates yet.
    pub fn new(want: usize) -> Self {
        Self { floor: f64::NAN, want, hint: f64::NEG_INFINITY, ..Self::default() }
    }

    /// Entries whose keys reach this are likely to be all that count.
    pub fn expect(&mut self, hint: f64) {
        self.hint = hint;
    }

    /// Whether it was gathered at potentials of this number already.
    fn is_of(&self, stamp: usize) -> bool {
        self.stamp == stamp && !self.floor.is_nan()
    }

    /// Largest key that an entry left out may have by now, as an offset to the base potential of the row.
    pub fn bound(&self, history: &History, base: f64) -> f64 {
        if self.floor.is_finite() { (self.floor + base) + history.rise(self.stamp) } else { self.floor }
    }

    /// Whether no entry left out can have mass. Where the level has left the range of numbers, no other list would bring it back.
    pub fn is_complete(&self, history: &History, base: f64) -> bool {
        let cutoff = self.level.tau - self.level.f;
        let open = self.floor.is_nan() || (self.entries.is_empty() && self.floor.is_finite());
        !open && self.bound(history, base).partial_cmp(&cutoff) != Some(Ordering::Greater)
    }

    /// Gives the entry of a column this center.
    pub fn center(&mut self, j: u32, center: f64, cost: impl FnOnce() -> f64) {
        if let Some(entry) = self.entries.iter_mut().find(|e| e.j == j) {
            entry.center = center;
            return;
        }
        let cost = cost();
        if cost.is_finite() {
            let place = self.costs.len() as u32;
            self.entries.push(Entry { key: f64::NEG_INFINITY, reduced: cost, center, j, place });
            self.costs.push(cost);
        }
    }

    /// Whether no other entry than those here may ever have mass.
    pub fn is_closed(&self) -> bool {
        self.floor == f64::NEG_INFINITY
    }

    /// Keeps the entries of these columns, and no other ever, if it has one of them.
    pub fn keep(&mut self, columns: &[i64]) {
        let known = |e: &Entry| columns.contains(&i64::from(e.j));
        if self.entries.iter().any(known) {
            self.entries.retain(known);
            self.floor = f64::NEG_INFINITY;
        }
    }

    /// Keeps the k entries of largest mass, and no other ever.
    pub fn fix(&mut self, k: usize) {
        self.entries.truncate(k);
        self.floor = f64::NEG_INFINITY;
    }
}

/// Gathers the candidates of some rows, in ascending order, at the potentials of number `stamp`.
pub fn gather<'r>(
    geometry: &dyn Geometry,
    rows: impl Iterator<Item = (usize, &'r mut Row)>,
    base: &Base,
    g: &[f64],
    stamp: usize,
    monitor: &dyn Monitor,
) -> Result<()> {
    let mut blocks: Vec<(usize, Vec<&mut Row>)> = Vec::new();
    let most = height(geometry);
    let mut size = 0;
    for (i, row) in rows {
        // A list that was right for this very g is too short.
        let enough = row.level.full + row.level.split;
        let short = row.is_of(stamp) && row.entries.len() >= row.want;
        row.want = if short { 4 * row.want } else { row.want.max(2 * enough) };
        row.want = row.want.min(g.len());
        size += row.want * size_of::<Entry>();
        match blocks.last_mut() {
            Some((start, block)) if *start + block.len() == i && block.len() < most => block.push(row),
            _ => blocks.push((i, vec![row])),
        }
    }
    if size as u64 > memory::available() / 2 {
        return Err(Error::OutOfMemory(size));
    }
    map_chunks(blocks, monitor, |(start, block)| gather_block(geometry, start, block, base, g, stamp, monitor))?;
    Ok(())
}

fn gather_block(
    geometry: &dyn Geometry,
    start: usize,
    block: Vec<&mut Row>,
    base: &Base,
    g: &[f64],
    stamp: usize,
    monitor: &dyn Monitor,
) -> Result<()> {
    let mut found: Vec<Largest> = block.iter().map(|row| Largest::new(row, g)).collect();
    let (mut scratch, mut hits) = (Vec::new(), Vec::with_capacity(TILE));
    for_each_tile(geometry, &(start..start + block.len()), &mut scratch, monitor, |cols, costs| {
        for (r, found) in found.iter_mut().enumerate() {
            found.offer(costs.row(r), &g[cols.clone()], cols.start, &mut hits);
        }
    })?;
    for (i, (row, found)) in block.into_iter().zip(found).enumerate() {
        found.replace(row, stamp);
        reduce(row, base.f[start + i], &base.g);
    }
    Ok(())
}

/// The largest keys of a row so far.
struct Largest {
    entries: Vec<Entry>,
    /// Smaller keys are passed over.
    cutoff: f64,
    want: usize,
}

impl Largest {
    /// The last candidates, if there were as many, show what the smallest of the largest is at least. Where all are wanted, none is
    /// left out: candidates that are there as centers alone would otherwise leave the smallest out again and again.
    fn new(row: &Row, g: &[f64]) -> Self {
        let keys = row.entries.iter().map(|e| g[e.j as usize] - row.costs[e.place as usize]);
        let enough = row.entries.len() >= row.want;
        let cutoff = match enough {
            _ if row.want == g.len() => f64::NEG_INFINITY,
            true => keys.fold(f64::INFINITY, f64::min),
            false if row.floor.is_nan() => row.hint,
            false => f64::NEG_INFINITY,
        };
        let room = if cutoff == f64::NEG_INFINITY { row.want + TILE } else { row.entries.len() };
        Self { entries: Vec::with_capacity(room), cutoff, want: row.want }
    }

    fn offer(&mut self, costs: &[f64], g: &[f64], first: usize, hits: &mut Vec<u32>) {
        hits.clear();
        above(costs, g, self.cutoff, hits);
        self.entries.extend(hits.iter().map(|&h| {
            let (cost, g) = (costs[h as usize], g[h as usize]);
            Entry { key: g - cost, reduced: cost, center: 0.0, j: first as u32 + h, place: 0 }
        }));
        if self.entries.len() >= self.want + TILE {
            self.trim();
        }
    }

    fn trim(&mut self) {
        if self.entries.len() > self.want {
            self.entries.select_nth_unstable_by(self.want - 1, descending);
            self.entries.truncate(self.want);
            self.cutoff = self.entries[self.want - 1].key;
        }
    }

    /// Gives the row its new candidates; those of the proximal center stay.
    fn replace(mut self, row: &mut Row, stamp: usize) {
        self.trim();
        if row.entries.iter().any(|e| e.center > 0.0) {
            self.take_centers(row);
        }
        self.entries.sort_unstable_by(descending);
        self.entries.iter_mut().zip(0..).for_each(|(e, place)| e.place = place);
        row.costs = self.entries.iter().map(|e| e.reduced).collect();
        row.entries = self.entries;
        (row.floor, row.stamp) = (self.cutoff, stamp);
    }

    fn take_centers(&mut self, row: &Row) {
        self.entries.sort_unstable_by_key(|e| e.j);
        let chosen = self.entries.len();
        for old in row.entries.iter().filter(|e| e.center > 0.0) {
            match self.entries[..chosen].binary_search_by_key(&old.j, |e| e.j) {
                Ok(at) => self.entries[at].center = old.center,
                Err(_) => self.entries.push(Entry { reduced: row.costs[old.place as usize], ..*old }),
            }
        }
    }
}

/// Entries looked at together.
const GROUP: usize = 32;

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // chosen by `multiversion!`, the loops are the compiler's to vectorize
fn above_body<I: Isa>(costs: &[f64], g: &[f64], cutoff: f64, hits: &mut Vec<u32>) {
    let g = &g[..costs.len()];
    let ((whole, rest), (g_whole, g_rest)) = (costs.as_chunks::<GROUP>(), g.as_chunks::<GROUP>());
    for (group, (c, g)) in whole.iter().zip(g_whole).enumerate() {
        let mut any = false;
        for l in 0..GROUP {
            any |= g[l] - c[l] > cutoff;
        }
        if any {
            push_above(c, g, cutoff, group * GROUP, hits);
        }
    }
    push_above(rest, g_rest, cutoff, whole.len() * GROUP, hits);
}

#[inline(always)]
fn push_above(costs: &[f64], g: &[f64], cutoff: f64, first: usize, hits: &mut Vec<u32>) {
    for (l, (c, g)) in costs.iter().zip(g).enumerate() {
        if g - c > cutoff {
            hits.push((first + l) as u32);
        }
    }
}

multiversion! {
    /// Appends the places where g − C exceeds the cutoff.
    fn above(costs: &[f64], g: &[f64], cutoff: f64, hits: &mut Vec<u32>) => above_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;
    use crate::ot::geometry::Dense;

    #[test]
    fn a_row_of_centers_alone_is_gathered_whole() -> Result<()> {
        let cost = [0.0, 1.0, 2.0];
        let geometry = Dense::from_rows(&cost, 1, 3);
        let mut row = Row::new(3);
        for (j, c) in (0..).zip(cost) {
            row.center(j, 0.1, || c);
        }
        gather(&geometry, [(0, &mut row)].into_iter(), &Base::zero(1, 3), &[0.0; 3], 0, &Silent)?;
        assert_eq!(row.entries.len(), 3);
        assert_eq!(row.floor, f64::NEG_INFINITY);
        Ok(())
    }
}
