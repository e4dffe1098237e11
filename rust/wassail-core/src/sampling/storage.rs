//! Where draws go.

use super::chains::{Chains, End, Member};
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
    n: usize,
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
    /// Draws, gradients, log-densities and acceptance.
    parts: [&'s mut [f64]; 4],
}

/// Draws of a block that not all chains have yet: the rows of the parts of its slots, draw by draw.
#[derive(Clone, Default)]
pub(super) struct Ahead {
    pub(super) count: usize,
    pub(super) rows: Vec<f64>,
}

impl Draws {
    /// Room for n draws.
    pub(super) fn new(d: usize, chains: usize, n: usize, kept: &Kept) -> Result<Self> {
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
            n,
            kept: kept.clone(),
        })
    }
}

/// Each block's part of the storage.
pub(super) fn split<'s>(out: &'s mut Draws, members: &[Member]) -> Vec<Option<Slots<'s>>> {
    let (n, kept) = (out.n, &out.kept);
    let widths = [out.width, if kept.gradients { out.width } else { 0 }, 1, 1];
    let mut rest = [&mut out.draws[..], &mut out.gradients[..], &mut out.logp[..], &mut out.acceptance[..]];
    let mut slots = Vec::new();
    for member in members {
        let mut at = 0;
        let parts = rest.each_mut().map(|part| {
            let (mine, others) = std::mem::take(part).split_at_mut(member.block.count() * n * widths[at]);
            *part = others;
            at += 1;
            mine
        });
        slots.push(Some(Slots { n, kept, parts }));
    }
    slots
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
}

impl Member {
    /// Stores where its chains are as draw `row`.
    pub(super) fn store(&self, slots: &mut Slots<'_>, row: usize) {
        let count = self.block.count();
        let d = self.block.x.len() / count;
        let kept = slots.kept;
        for i in 0..count {
            let at = i * d..(i + 1) * d;
            let values =
                [&self.block.x[at.clone()], &self.block.grad[at], &self.block.logp[i..=i], &self.accepted[i..=i]];
            for (part, (place, values)) in slots.places(count, i, row).zip(values).enumerate() {
                match &kept.coordinates {
                    Some(chosen) if part < 2 => place.iter_mut().zip(chosen).for_each(|(p, &k)| *p = values[k]),
                    _ if place.is_empty() => {}
                    _ => place.copy_from_slice(values),
                }
            }
        }
    }
}

impl Chains {
    /// Puts the draws that some chains already made in their places.
    pub(super) fn recall(&mut self, out: &mut Draws) {
        let n = out.n;
        let slots = split(out, &self.members);
        for (member, mut slots) in self.members.iter_mut().zip(slots.into_iter().flatten()) {
            let count = member.block.count();
            let now = member.ahead.count.min(n);
            let mut rows = &member.ahead.rows[..];
            for (row, i) in (0..now).flat_map(|row| (0..count).map(move |i| (row, i))) {
                for place in slots.places(count, i, row) {
                    let (mine, others) = rows.split_at(place.len());
                    place.copy_from_slice(mine);
                    rows = others;
                }
            }
            let used = member.ahead.rows.len() - rows.len();
            member.ahead.rows.drain(..used);
            member.ahead.count -= now;
        }
    }

    /// Takes the draws that not all chains have yet out of `out`.
    pub(super) fn remember(&mut self, out: &mut Draws) -> Result<()> {
        let (first, thin) = (self.run.n_warmup as u64, self.run.thin as u64);
        let (n, from) = (out.n, out.count);
        let slots = split(out, &self.members);
        for (member, mut slots) in self.members.iter_mut().zip(slots.into_iter().flatten()) {
            let count = member.block.count();
            let made = ((member.number - first) / thin - self.drawn).min(n as u64) as usize;
            let later = std::mem::take(&mut member.ahead);
            for (row, i) in (from..made).flat_map(|row| (0..count).map(move |i| (row, i))) {
                for place in slots.places(count, i, row) {
                    try_extend(&mut member.ahead.rows, place.iter().copied())?;
                }
            }
            try_extend(&mut member.ahead.rows, later.rows.into_iter())?;
            member.ahead.count = made - from + later.count;
        }
        Ok(())
    }
}
