//! KT-SPLIT with the linear kernel of given features: sums of kernel values are inner products with sums of features, so that
//! a point costs as much as its features, whatever came before.

use super::Rule;
use super::node::threshold;
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;

/// Points between two looks at the monitor.
const POLL: usize = 1 << 12;

/// What came of a split.
pub struct Leaves {
    /// Points of each leaf in their order: leaf by leaf.
    pub points: Vec<usize>,
    /// Squared distance between the mean feature of each leaf and that of all points.
    pub distances: Vec<f64>,
}

/// A node of the tree of halvings.
#[derive(Clone, Copy, Default)]
struct Node {
    variance: f64,
    pairs: usize,
    /// The first point of a pair whose second one has not come yet.
    waiting: Option<usize>,
}

/// Splits points with features of a width that is a multiple of 16, zeros past the last one, into 2^levels leaves.
pub fn low_rank_split(features: &[f64], width: usize, rule: &Rule<'_>, monitor: &dyn Monitor) -> Result<Leaves> {
    let (leaves, levels) = (rule.leaves(), rule.levels);
    let feature = |i: usize| &features[i * width..(i + 1) * width];
    let mut nodes: Vec<Node> = try_zeroed(leaves)?;
    let mut leads: Vec<f64> = try_zeroed(leaves.saturating_mul(width))?;
    let mut means: Vec<f64> = try_zeroed(leaves.saturating_mul(width))?;
    let size = rule.points / leaves;
    let mut points = try_zeroed(rule.points)?;
    let mut filled: Vec<usize> = try_zeroed(leaves)?;
    let mut falling = Vec::with_capacity(levels + 1);
    for i in 0..rule.points {
        if i % POLL == 0 {
            monitor.check()?;
        }
        falling.push((0, 0, i));
        while let Some((level, place, point)) = falling.pop() {
            if level == levels {
                points[place * size + filled[place]] = point;
                filled[place] += 1;
                add(&mut means[place * width..(place + 1) * width], feature(point), 1.0);
                continue;
            }
            let at = (1 << level) - 1 + place;
            let node = &mut nodes[at];
            let Some(first) = node.waiting.take() else {
                node.waiting = Some(point);
                continue;
            };
            let lead = &mut leads[at * width..(at + 1) * width];
            let (p, q) = (feature(first), feature(point));
            let (distance, alpha) = compare(p, q, lead);
            let a = threshold(&mut node.variance, distance, rule.multiplier(level));
            let swapped = rule.uniform(level, place, node.pairs) <= 0.5 * (1.0 - alpha / a);
            node.pairs += 1;
            let sign = if swapped { 1.0 } else { -1.0 };
            add(lead, p, sign);
            add(lead, q, -sign);
            let (left, right) = if swapped { (point, first) } else { (first, point) };
            falling.push((level + 1, 2 * place + 1, right));
            falling.push((level + 1, 2 * place, left));
        }
    }
    let mut mean: Vec<f64> = try_zeroed(width)?;
    (0..features.len() / width).for_each(|i| add(&mut mean, feature(i), 1.0));
    let all = (features.len() / width) as f64;
    let distance = |sum: &[f64]| {
        let terms = sum.iter().zip(&mean).map(|(s, m)| s / size as f64 - m / all);
        terms.map(|t| t * t).sum::<f64>()
    };
    let distances = means.chunks(width).map(distance).collect();
    Ok(Leaves { points, distances })
}

multiversion! {
    /// |p − q|² and ⟨p − q, lead⟩.
    fn compare(p: &[f64], q: &[f64], lead: &[f64]) -> (f64, f64) => compare_body
}

#[inline(always)]
fn compare_body<I: Isa>(p: &[f64], q: &[f64], lead: &[f64]) -> (f64, f64) {
    let n = I::F64::N;
    let (mut distance, mut alpha) = (I::F64::splat(0.0), I::F64::splat(0.0));
    for ((p, q), lead) in p.chunks_exact(n).zip(q.chunks_exact(n)).zip(lead.chunks_exact(n)) {
        let difference = I::F64::load(p).sub(I::F64::load(q));
        distance = difference.fma(difference, distance);
        alpha = difference.fma(I::F64::load(lead), alpha);
    }
    let mut lanes = [0.0; 16];
    distance.store(&mut lanes);
    alpha.store(&mut lanes[8..]);
    (lanes[..8].iter().sum(), lanes[8..].iter().sum())
}

multiversion! {
    /// sum += factor · x.
    fn add(sum: &mut [f64], x: &[f64], factor: f64) => add_body
}

#[inline(always)]
fn add_body<I: Isa>(sum: &mut [f64], x: &[f64], factor: f64) {
    let n = I::F64::N;
    for (sum, x) in sum.chunks_exact_mut(n).zip(x.chunks_exact(n)) {
        I::F64::splat(factor).fma(I::F64::load(x), I::F64::load(sum)).store(sum);
    }
}
