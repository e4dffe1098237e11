//! One sweep over all arcs: the smallest reduced costs of each row, and the row minima.

use super::super::geometry::{Geometry, TILE};
use super::super::tiling::{for_each_tile, height};
use super::arcs::Arc;
use super::top::Top;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;
use crate::parallel::{chunks, map_chunks};
use std::ops::Range;

/// Columns that are looked at together: one by one only where the smallest of them counts.
const GROUP: usize = 32;
/// Rows that are looked at in a row, at least: a multiple of those of a block.
const LEAST: usize = 16;
/// Groups of a tile.
const GROUPS: usize = TILE / GROUP;

#[inline(always)]
fn group_minima_body<I: Isa>(cost: &[f64], g: &[f64], minima: &mut [f64; GROUPS]) {
    let g = &g[..cost.len()];
    let width = I::F64::N;
    let whole = cost.len() / GROUP;
    for (k, minimum) in minima.iter_mut().enumerate().take(whole) {
        let mut best = [I::F64::splat(f64::INFINITY); 2];
        let mut at = k * GROUP;
        while at < (k + 1) * GROUP {
            for (u, best) in best.iter_mut().enumerate() {
                let at = at + u * width;
                *best = I::F64::load(&cost[at..]).sub(I::F64::load(&g[at..])).min(*best);
            }
            at += 2 * width;
        }
        let mut lanes = [f64::INFINITY; 8];
        best[0].min(best[1]).store(&mut lanes);
        *minimum = lanes.iter().fold(f64::INFINITY, |m, &z| if z < m { z } else { m });
    }
    if whole * GROUP < cost.len() {
        let rest = cost[whole * GROUP..].iter().zip(&g[whole * GROUP..]);
        minima[whole] = rest.fold(f64::INFINITY, |m, (c, g)| if c - g < m { c - g } else { m });
    }
}

multiversion! {
    /// min C_j − g_j over each group of columns.
    fn group_minima(cost: &[f64], g: &[f64], minima: &mut [f64; GROUPS]) => group_minima_body
}

// The loop is compiled for each level and needs none of its registers by name.
#[allow(clippy::extra_unused_type_parameters)]
#[inline(always)]
fn at_most_body<I: Isa>(cost: &[f64], g: &[f64], limit: f64) -> u32 {
    let mut found = 0;
    for (k, (c, g)) in cost.iter().zip(g).enumerate() {
        found |= u32::from(c - g <= limit) << k;
    }
    found
}

multiversion! {
    /// Which C_j − g_j of a group are at most the limit, a bit each.
    fn at_most(cost: &[f64], g: &[f64], limit: f64) -> u32 => at_most_body
}

/// What is looked for.
pub struct Search<'a> {
    /// The ground cost.
    pub geometry: &'a dyn Geometry,
    /// Rows to look at, ascending.
    pub rows: &'a [u32],
    /// Column potentials; −inf leaves a column out.
    pub g: &'a [f64],
    /// Most arcs of a row.
    pub most: usize,
    /// Only arcs with C_ij − g_j below this are of interest, by row of the cost.
    pub limit: Option<&'a [f64]>,
    /// What else is asked of an arc (i, j, C_ij).
    pub accept: &'a (dyn Fn(usize, usize, f64) -> bool + Sync),
}

/// What was found.
#[derive(Default)]
pub struct Found {
    /// Arcs, by row, the smallest C_ij − g_j first.
    pub arcs: Vec<Arc>,
    /// min_j C_ij − g_j of each row looked at.
    pub minima: Vec<f64>,
}

impl Search<'_> {
    /// Looks at all rows asked for, in parallel.
    pub fn run(&self, monitor: &dyn Monitor) -> Result<Found> {
        self.geometry.prepare(false)?;
        let high = height(self.geometry);
        let parts =
            map_chunks(chunks(self.rows.len(), high.max(LEAST), 256), monitor, |part| self.part(part, high, monitor))?;
        let mut found = Found::default();
        for part in parts {
            found.arcs.extend(part.arcs);
            found.minima.extend(part.minima);
        }
        Ok(found)
    }

    fn part(&self, part: Range<usize>, high: usize, monitor: &dyn Monitor) -> Result<Found> {
        let mut found = Found::default();
        let mut tops: Vec<Top> = (0..high).map(|_| Top::default()).collect();
        let mut scratch = Vec::new();
        for block in runs(&self.rows[part], high) {
            let rows = block[0] as usize..block[block.len() - 1] as usize + 1;
            for (top, i) in tops.iter_mut().zip(rows.clone()) {
                let limit = self.limit.map_or(f64::INFINITY, |limit| limit[i]);
                top.reset(i, self.geometry.shape(), self.most, limit);
            }
            for_each_tile(self.geometry, &rows, &mut scratch, monitor, |cols, costs| {
                for (top, (r, i)) in tops.iter_mut().zip(rows.clone().enumerate()) {
                    self.tile(i, &cols, costs.row(r), top);
                }
            })?;
            for (top, i) in tops.iter_mut().zip(rows) {
                found.minima.push(top.minimum);
                found.arcs.extend(top.sorted().iter().map(|k| Arc { i: i as u32, j: k.j, cost: k.cost }));
            }
        }
        Ok(found)
    }

    fn tile(&self, i: usize, cols: &Range<usize>, costs: &[f64], top: &mut Top) {
        let g = &self.g[cols.clone()];
        let mut minima = [f64::INFINITY; GROUPS];
        group_minima(costs, g, &mut minima);
        for (k, &minimum) in minima.iter().enumerate().take(costs.len().div_ceil(GROUP)) {
            top.minimum = top.minimum.min(minimum);
            if !top.wants(minimum) {
                continue;
            }
            let end = ((k + 1) * GROUP).min(costs.len());
            let group = k * GROUP..end;
            let mut rest = at_most(&costs[group.clone()], &g[group], top.limit());
            while rest > 0 {
                let at = k * GROUP + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let z = costs[at] - g[at];
                if top.wants(z) && (self.accept)(i, cols.start + at, costs[at]) {
                    top.offer(z, (cols.start + at) as u32, costs[at]);
                }
            }
        }
    }
}

/// Consecutive rows, at most `high` at a time.
fn runs(rows: &[u32], high: usize) -> impl Iterator<Item = &[u32]> {
    rows.chunk_by(|a, b| a + 1 == *b).flat_map(move |run| run.chunks(high))
}
