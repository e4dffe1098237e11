//! The decisions of one block: each of its points goes down the tree of halvings to a leaf of its own.

use super::split::Rule;
use crate::error::{Result, try_zeroed};
use crate::parallel::sum;
use std::ops::Range;

/// What the decisions of a block are taken from.
pub struct Block<'a> {
    /// Kernel values of pairs of its points: row by row, those right of the diagonal.
    pub gram: &'a [f64],
    /// Values of a row of `gram`.
    pub stride: usize,
    /// k(x, x) of its points.
    pub diagonal: &'a [f64],
    /// Sums of kernel values over the points of each leaf: point by point, possibly rounded.
    pub far: &'a [f64],
    /// More of them, in f64.
    pub near: &'a [f64],
    /// Where `far` is rounded, how to do better.
    pub exact: Option<&'a dyn Exact>,
}

/// Sums that were rounded, in f64.
pub trait Exact {
    /// Largest error of Σ_{right} k(x, ·) − Σ_{left} k(x, ·) over that many leaves.
    fn error(&self, leaves: usize) -> f64;
    /// Σ_{right} k(x, ·) − Σ_{left} k(x, ·) of a point of the block, left and right being the halves of the leaves.
    fn lead(&self, point: usize, leaves: Range<usize>) -> Result<f64>;
}

/// The tree of halvings.
pub struct Tree<'a> {
    rule: &'a Rule<'a>,
    /// σ² of each node, level by level.
    variances: Vec<f64>,
    /// Blocks that went down.
    blocks: usize,
    /// Points of each node of a level, node by node; after a block, the point of each leaf.
    members: Vec<usize>,
    next: Vec<usize>,
    lead: Vec<f64>,
    /// Decisions that were taken again.
    pub recomputed: usize,
}

impl<'a> Tree<'a> {
    /// The tree before the first block.
    pub fn new(rule: &'a Rule<'a>) -> Result<Self> {
        let width = rule.leaves();
        Ok(Self {
            rule,
            variances: try_zeroed(width)?,
            blocks: 0,
            members: try_zeroed(width)?,
            next: try_zeroed(width)?,
            lead: try_zeroed(width)?,
            recomputed: 0,
        })
    }

    /// Sends the points of a block to leaves. Returns the point of each leaf.
    pub fn descend(&mut self, block: &Block<'_>) -> Result<&[usize]> {
        self.members.iter_mut().enumerate().for_each(|(i, m)| *m = i);
        for level in 0..self.rule.levels {
            for node in 0..1 << level {
                self.halve(block, level, node)?;
            }
            std::mem::swap(&mut self.members, &mut self.next);
        }
        self.blocks += 1;
        Ok(&self.members)
    }

    /// Splits the points of a node between its children: KT-SPLIT, arXiv:2105.05842, Alg. 1a.
    fn halve(&mut self, block: &Block<'_>, level: usize, node: usize) -> Result<()> {
        let size = self.members.len() >> level;
        let leaves = node * size..(node + 1) * size;
        let points = &self.members[leaves.clone()];
        let (left, right) = self.next[leaves.clone()].split_at_mut(size / 2);
        let lead = &mut self.lead[..size];
        for (lead, &x) in lead.iter_mut().zip(points) {
            *lead = block.lead(block.far, x, &leaves) + block.lead(block.near, x, &leaves);
        }
        let variance = &mut self.variances[(1 << level) - 1 + node];
        let multiplier = self.rule.multiplier(level);
        for i in 0..size / 2 {
            let (p, q) = (points[2 * i], points[2 * i + 1]);
            let distance = block.distance(p, q);
            let threshold = threshold(variance, distance, multiplier);
            let uniform = self.rule.uniform(level, node, self.blocks * (size / 2) + i);
            let mut alpha = lead[2 * i] - lead[2 * i + 1];
            if let Some(exact) = block.exact {
                // Both leads are rounded.
                let doubt = exact.error(size) / threshold;
                if (uniform - 0.5 * (1.0 - alpha / threshold)).abs() <= doubt {
                    let rounded = block.lead(block.far, p, &leaves) - block.lead(block.far, q, &leaves);
                    alpha += exact.lead(p, leaves.clone())? - exact.lead(q, leaves.clone())? - rounded;
                    self.recomputed += 1;
                }
            }
            (left[i], right[i]) = if uniform <= 0.5 * (1.0 - alpha / threshold) { (q, p) } else { (p, q) };
            let (plus, minus) = (block.row(right[i]), block.row(left[i]));
            for (lead, &x) in lead.iter_mut().zip(points).skip(2 * i + 2) {
                *lead += plus[x] - minus[x];
            }
        }
        Ok(())
    }

    /// σ² of P_in − P_leaf for each leaf, in units of the values: Σ_l σ_l² / n_l² over the nodes above it, n_l their points.
    pub fn variances(&self, leaf_size: usize) -> Result<Vec<f64>> {
        let width = self.members.len();
        let mut sums = try_zeroed(width)?;
        for level in 0..self.rule.levels {
            let size = width >> level;
            let points = (size * leaf_size) as f64;
            for (leaf, sum) in sums.iter_mut().enumerate() {
                *sum += self.variances[(1 << level) - 1 + leaf / size] / (points * points);
            }
        }
        Ok(sums)
    }
}

impl Block<'_> {
    /// Σ_{right} k(x, ·) − Σ_{left} k(x, ·) over the points of some leaves, left and right being their halves.
    fn lead(&self, sums: &[f64], x: usize, leaves: &Range<usize>) -> f64 {
        let width = self.diagonal.len();
        let (left, right) = sums[x * width..][leaves.clone()].split_at(leaves.len() / 2);
        sum(right.iter().copied()) - sum(left.iter().copied())
    }

    /// |k(x, ·) − k(y, ·)|² of points x < y.
    fn distance(&self, x: usize, y: usize) -> f64 {
        self.diagonal[x] - 2.0 * self.row(x)[y] + self.diagonal[y]
    }

    fn row(&self, x: usize) -> &[f64] {
        &self.gram[x * self.stride..][..self.diagonal.len()]
    }
}

/// The threshold a of a pair at squared distance b², after which σ² moves on; 1 where it would be 0.
fn threshold(variance: &mut f64, distance: f64, multiplier: f64) -> f64 {
    let a = (*variance * distance * multiplier).sqrt().max(distance);
    if *variance == 0.0 {
        *variance = distance;
    } else if a != 0.0 {
        *variance += distance * (1.0 + (distance / a - 2.0) * *variance / a).max(0.0);
    }
    if a == 0.0 { 1.0 } else { a }
}
