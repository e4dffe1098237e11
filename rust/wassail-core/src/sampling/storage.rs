//! Where draws go.

use super::chains::{End, Member};
use crate::error::{Result, try_extend, try_zeroed};

/// What is kept of every draw.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// These coordinates, or all of them.
    pub coordinates: Option<Vec<usize>>,
    /// Their gradients too.
    pub gradients: bool,
}

/// What some steps gave.
pub struct Draws {
    /// Why they ended.
    pub end: End,
    /// Draws that every chain has.
    pub count: usize,
    /// Numbers kept of a draw.
    pub width: usize,
    /// (chains, n, width).
    pub draws: Vec<f64>,
    /// Gradients, (chains, n, width), or nothing.
    pub gradients: Vec<f64>,
    /// (chains, n).
    pub logp: Vec<f64>,
    /// Mean acceptance since the last draw, (chains, n).
    pub acceptance: Vec<f64>,
    /// Log ratios of target and reference on all rungs of ladders, (chains, n, rungs), or nothing.
    pub ratios: Vec<f64>,
    pub(super) n: usize,
    kept: Kept,
}

impl Kept {
    /// Numbers kept of a draw, and of its gradient.
    pub(super) fn widths(&self, d: usize) -> [usize; 2] {
        let width = self.coordinates.as_ref().map_or(d, Vec::len);
        [width, if self.gradients { width } else { 0 }]
    }
}

/// Where a block's draws go.
pub(super) struct Slots<'s> {
    n: usize,
    kept: &'s Kept,
    /// Draws, gradients, log-densities, acceptance and ratios.
    parts: [&'s mut [f64]; 5],
}

/// Which steps end with a draw.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    /// Steps before the first draw begins.
    pub(super) first: u64,
    /// Steps per draw.
    pub(super) thin: u64,
    /// Draws handed out before.
    pub(super) drawn: u64,
}

impl Schedule {
    /// The step that ends with the last of n more draws.
    pub(super) fn until(self, n: usize) -> u64 {
        self.first.saturating_add(self.drawn.saturating_add(n as u64).saturating_mul(self.thin))
    }

    /// Draws after those handed out that so many steps give.
    pub(super) fn made(self, number: u64) -> u64 {
        (number - self.first) / self.thin - self.drawn
    }

    /// The row of the draw that step `number` ended with, if it ended with one.
    pub(super) fn row(self, number: u64) -> Option<usize> {
        let steps = number - self.first;
        steps.is_multiple_of(self.thin).then(|| (steps / self.thin - self.drawn - 1) as usize)
    }
}

/// Draws of a block that not all chains have yet: the rows of the parts of its slots, draw by draw.
#[derive(Clone, Default)]
pub(super) struct Ahead {
    pub(super) count: usize,
    pub(super) rows: Vec<f64>,
}

impl Draws {
    /// Room for n draws, of ladders with their rungs.
    pub(super) fn new(d: usize, chains: usize, n: usize, kept: &Kept, rungs: usize) -> Result<Self> {
        let [width, gradients] = kept.widths(d);
        let rows = chains.saturating_mul(n);
        Ok(Self {
            end: End::Complete,
            count: 0,
            width,
            draws: try_zeroed(rows.saturating_mul(width))?,
            gradients: try_zeroed(rows.saturating_mul(gradients))?,
            logp: try_zeroed(rows)?,
            acceptance: try_zeroed(rows)?,
            ratios: try_zeroed(rows.saturating_mul(rungs))?,
            n,
            kept: kept.clone(),
        })
    }

    /// The part of the storage of each block, of so many chains.
    pub(super) fn split(&mut self, counts: &[usize]) -> Vec<Option<Slots<'_>>> {
        let n = self.n;
        let rows = counts.iter().sum::<usize>() * n;
        let all = [&mut self.draws, &mut self.gradients, &mut self.logp, &mut self.acceptance, &mut self.ratios];
        let mut rest = all.map(|part| (part.len() / rows.max(1), &mut part[..]));
        let mut slots = Vec::new();
        for count in counts {
            let parts = rest.each_mut().map(|(width, part)| {
                let (mine, others) = std::mem::take(part).split_at_mut(count * n * *width);
                *part = others;
                mine
            });
            slots.push(Some(Slots { n, kept: &self.kept, parts }));
        }
        slots
    }

    /// Puts the draws that some chains already made in their places; blocks with their numbers of chains.
    pub(super) fn recall(&mut self, blocks: Vec<(&mut Ahead, usize)>) {
        let n = self.n;
        let counts: Vec<usize> = blocks.iter().map(|b| b.1).collect();
        let slots = self.split(&counts);
        for ((ahead, count), mut slots) in blocks.into_iter().zip(slots.into_iter().flatten()) {
            let now = ahead.count.min(n);
            let mut rows = &ahead.rows[..];
            for (row, i) in (0..now).flat_map(|row| (0..count).map(move |i| (row, i))) {
                for place in slots.places(count, i, row) {
                    let (mine, others) = rows.split_at(place.len());
                    place.copy_from_slice(mine);
                    rows = others;
                }
            }
            let used = ahead.rows.len() - rows.len();
            ahead.rows.drain(..used);
            ahead.count -= now;
        }
    }

    /// Takes the draws that not all chains have yet out; blocks with their numbers of chains, and of draws that those have made.
    pub(super) fn remember(&mut self, blocks: Vec<(&mut Ahead, usize, u64)>) -> Result<()> {
        let (n, from) = (self.n, self.count);
        let counts: Vec<usize> = blocks.iter().map(|b| b.1).collect();
        let slots = self.split(&counts);
        for ((ahead, count, made), mut slots) in blocks.into_iter().zip(slots.into_iter().flatten()) {
            let made = made.min(n as u64) as usize;
            let later = std::mem::take(ahead);
            for (row, i) in (from..made).flat_map(|row| (0..count).map(move |i| (row, i))) {
                for place in slots.places(count, i, row) {
                    try_extend(&mut ahead.rows, place.iter().copied())?;
                }
            }
            try_extend(&mut ahead.rows, later.rows.into_iter())?;
            ahead.count = made - from + later.count;
        }
        Ok(())
    }
}

impl Slots<'_> {
    /// The places of draw `row` of chain i of the block, part by part.
    fn places(&mut self, count: usize, i: usize, row: usize) -> impl Iterator<Item = &mut [f64]> {
        let n = self.n;
        self.parts.iter_mut().map(move |part| {
            let width = part.len() / (count * n).max(1);
            &mut part[(i * n + row) * width..][..width]
        })
    }

    /// Stores what chain i of the block has as draw `row`.
    pub(super) fn put(&mut self, count: usize, i: usize, row: usize, values: [&[f64]; 5]) {
        let kept = self.kept;
        for (part, (place, values)) in self.places(count, i, row).zip(values).enumerate() {
            match &kept.coordinates {
                Some(chosen) if part < 2 => place.iter_mut().zip(chosen).for_each(|(p, &k)| *p = values[k]),
                _ if place.is_empty() => {}
                _ => place.copy_from_slice(values),
            }
        }
    }
}

impl Member {
    /// Stores where its chains are as draw `row`.
    pub(super) fn store(&mut self, slots: &mut Slots<'_>, row: usize) {
        let count = self.block.count();
        let d = self.block.x.len() / count;
        self.block.show();
        for i in 0..count {
            let (x, grad) = self.block.shown(i, d);
            slots.put(count, i, row, [x, grad, &self.block.logp[i..=i], &self.accepted[i..=i], &[]]);
        }
        self.accepted.fill(0.0);
    }
}
