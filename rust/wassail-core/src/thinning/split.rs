//! KT-SPLIT in one pass over all pairs, without their table.
//!
//! Of every block of 2^m consecutive points each leaf of the tree of halvings gets exactly one. Points that went down are kept
//! leaf by leaf within their block, so that the sums over leaves that all later decisions need are sums over lanes: for a node
//! they are those over a range of leaves. Each pair is evaluated once, for all levels and for the mean kernel.

use super::pass::pass;
use super::rule::Rule;
use crate::error::Result;
use crate::kernel::{Kernel, center};
use crate::monitor::{Monitor, Progress};
use crate::parallel::map_chunks;
use crate::points::Coordinates;

/// Halvings that are made at once: tables of 4^levels values are held.
const MOST_LEVELS: usize = 10;

/// What came of a split.
pub struct Split {
    /// Points of each leaf in their order: leaf by leaf.
    pub leaves: Vec<usize>,
    /// σ² of the difference of means between the points that were split and each leaf.
    pub variances: Vec<f64>,
    /// Σ_{i<j} k(x_i, x_j) of each leaf.
    pub inner: Vec<f64>,
    /// Σ_{j≠i} k(x_i, x_j) over all points, those left over too.
    pub sums: Vec<f64>,
    /// Pairs that were evaluated.
    pub n_evaluations: usize,
    /// Decisions taken again in f64.
    pub n_recomputed: usize,
    /// Whether `inner` and `sums` are those of values in f32.
    pub rounded: bool,
}

/// Splits `order`, rows of points of dimension d, into 2^levels leaves; the last points, fewer than leaves, are left over.
///
/// With `single`, sums are those of values in f32 where that pays, and decisions that their error could turn are taken again
/// from f64: the leaves are the same.
pub fn split(
    kernel: &dyn Kernel,
    points: Coordinates<'_>,
    d: usize,
    order: &[usize],
    rule: &Rule<'_>,
    single: bool,
    monitor: &dyn Monitor,
) -> Result<Split> {
    let input = Input { kernel, points, d, center: &center(points, d)?, single };
    let reports = |n_iter| {
        monitor.report(Progress { n_iter, ..Progress::default() });
    };
    let mut split = pass(&input, order, &rule.top(rule.levels.min(MOST_LEVELS)), &reports, monitor)?;
    let mut at = split.variances.len();
    // Nodes are split independently: with few points each, one by one takes little more than all at once.
    while at < rule.leaves() {
        let (done, size) = (at.ilog2() as usize, rule.points / at);
        let tasks = split.leaves.chunks(size).enumerate().collect();
        let parts = map_chunks(tasks, monitor, |(leaf, order): (usize, &[usize])| {
            let rule = rule.below(done, leaf);
            pass(&input, order, &rule.top(rule.levels.min(MOST_LEVELS)), &|_| (), monitor)
        })?;
        split.join(parts);
        at = split.variances.len();
    }
    Ok(split)
}

/// Points as a kernel reads them, of dimension d.
pub struct Input<'a> {
    /// The kernel.
    pub kernel: &'a dyn Kernel,
    /// The points.
    pub points: Coordinates<'a>,
    /// Their dimension.
    pub d: usize,
    /// Their mean.
    pub center: &'a [f64],
    /// Whether sums may be those of values in f32.
    pub single: bool,
}

impl Split {
    /// Replaces each leaf by the leaves of its own split.
    fn join(&mut self, parts: Vec<Split>) {
        let above = std::mem::take(&mut self.variances);
        self.leaves.clear();
        self.inner.clear();
        for (variance, part) in above.into_iter().zip(parts) {
            self.variances.extend(part.variances.iter().map(|v| variance + v));
            self.leaves.extend(part.leaves);
            self.inner.extend(part.inner);
            self.n_evaluations += part.n_evaluations;
            self.n_recomputed += part.n_recomputed;
        }
    }
}
