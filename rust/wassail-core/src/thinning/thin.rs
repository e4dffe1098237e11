//! Kernel thinning: split, the best leaf, and swaps.

use super::rule::Rule;
use super::split::{Split, split};
use super::swap::{Goal, Swap};
use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Cross, Kernel, center, diagonal, symmetric_sums};
use crate::monitor::Monitor;
use crate::parallel::{keep_awake, map_chunks};
use crate::points::Coordinates;

/// What is thinned, and how.
pub struct Problem<'a> {
    /// The points, as the kernel reads them.
    pub points: Coordinates<'a>,
    /// Their dimension.
    pub d: usize,
    /// Weights of the points with sum 1; none for equal ones.
    pub weights: Option<&'a [f64]>,
    /// What is split, in order: rows of the points.
    pub order: &'a [usize],
    /// Kernel of the discrepancy.
    pub kernel: &'a dyn Kernel,
    /// Kernel of the halvings, if it is another, with the points as it reads them and their dimension.
    pub split: Option<(&'a dyn Kernel, Coordinates<'a>, usize)>,
    /// How the halvings decide.
    pub rule: Rule<'a>,
    /// Points that standard thinning takes: as many as are wanted.
    pub baseline: &'a [usize],
    /// Whether the kernel's mean under the measure to stand for is zero.
    pub centered: bool,
    /// Whether a point may be taken once only.
    pub unique: bool,
    /// Rounds of swaps.
    pub rounds: usize,
}

/// What is left.
pub struct Thinned {
    /// Rows of the points.
    pub indices: Vec<usize>,
    /// σ² of the difference of means between the points that were split and the leaf taken, unless standard thinning was better.
    pub variance: Option<f64>,
    /// Kernel values that were used.
    pub n_evaluations: usize,
    /// Decisions that were taken again in f64.
    pub n_recomputed: usize,
}

/// Thins points.
pub fn thin(problem: &Problem<'_>, monitor: &dyn Monitor) -> Result<Thinned> {
    let &Problem { points, d, kernel, ref rule, order, .. } = problem;
    let n = points.len() / d;
    if problem.unique && problem.baseline.len() == n {
        return Ok(Thinned { indices: (0..n).collect(), variance: None, n_evaluations: 0, n_recomputed: 0 });
    }
    let _awake = keep_awake();
    let (by, of, width) = problem.split.unwrap_or((kernel, points, d));
    // The sums of a rounded split serve input that was rounded itself, and are not needed with another mean.
    let rough = matches!(points, Coordinates::Single(_));
    let single = rough || problem.split.is_some() || problem.weights.is_some() || problem.centered;
    let split = split(by, of, width, order, rule, single, monitor)?;
    let cloud = Cloud::<f64>::new(kernel, points, d, &center(points, d)?, 0..n)?;
    let diagonal = diagonal(kernel, points, d, monitor)?;
    let mut n_evaluations = split.n_evaluations;
    let mean = mean(problem, &split, &cloud, &diagonal, &mut n_evaluations, monitor)?;
    let goal = Goal { kernel, cloud: &cloud, diagonal: &diagonal, mean: &mean };
    let (leaf, value) = best_leaf(problem, &split, &goal, &mut n_evaluations, monitor)?;
    let size = split.leaves.len() / rule.leaves();
    let mut swap = Swap::new(&goal, &split.leaves[leaf * size..(leaf + 1) * size], problem.unique, monitor)?;
    let wanted = problem.baseline.len();
    let mut standard = None;
    let baseline = if problem.unique && problem.weights.is_some() {
        // Quantiles of weights repeat heavy points.
        let unique = standard.insert(Swap::new(&goal, problem.baseline, true, monitor)?);
        unique.resize(wanted, monitor)?;
        goal.relative(unique.chosen(), monitor)?
    } else {
        goal.relative(problem.baseline, monitor)?
    };
    n_evaluations += wanted * (wanted - 1) / 2;
    let value = if swap.count() == wanted && size == wanted && !split.rounded {
        value
    } else {
        swap.resize(wanted, monitor)?;
        goal.relative(swap.chosen(), monitor)?
    };
    let mut variance = Some(split.variances[leaf]);
    if value >= baseline {
        n_evaluations += swap.n_evaluations;
        swap = match standard {
            Some(unique) => unique,
            None => Swap::new(&goal, problem.baseline, problem.unique, monitor)?,
        };
        variance = None;
    } else if let Some(unused) = standard {
        n_evaluations += unused.n_evaluations;
    }
    swap.refine(problem.rounds, monitor)?;
    n_evaluations += swap.n_evaluations;
    Ok(Thinned { indices: swap.into_chosen(), variance, n_evaluations, n_recomputed: split.n_recomputed })
}

/// The leaf of least discrepancy, and what it has.
fn best_leaf(
    problem: &Problem<'_>,
    split: &Split,
    goal: &Goal<'_>,
    n_evaluations: &mut usize,
    monitor: &dyn Monitor,
) -> Result<(usize, f64)> {
    let size = split.leaves.len() / problem.rule.leaves();
    let leaves: Vec<&[usize]> = split.leaves.chunks(size).collect();
    // The discrepancies of two halves are the same.
    let count = if leaves.len() == 2 && !problem.centered { 1 } else { leaves.len() };
    let rough = matches!(problem.points, Coordinates::Single(_));
    let values = if problem.split.is_none() && (rough || !split.rounded) {
        let own = |(leaf, &inner): (&&[usize], &f64)| {
            let own = 2.0 * inner + leaf.iter().map(|&c| goal.diagonal[c]).sum::<f64>();
            goal.relative_of(own, leaf)
        };
        leaves[..count].iter().zip(&split.inner).map(own).collect()
    } else {
        *n_evaluations += count * size * (size - 1) / 2;
        map_chunks(leaves[..count].to_vec(), monitor, |leaf| goal.relative(leaf, monitor))?
    };
    let best = (0..count).fold(0, |b, i| if values[i] < values[b] { i } else { b });
    Ok((best, values[best]))
}

/// The mean embedding of the measure to stand for.
fn mean(
    problem: &Problem<'_>,
    split: &Split,
    cloud: &Cloud<f64>,
    diagonal: &[f64],
    n_evaluations: &mut usize,
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let n = diagonal.len();
    let mut mean = try_zeroed(n)?;
    if problem.centered {
        return Ok(mean);
    }
    let mut equal = try_zeroed(n)?;
    equal.fill(1.0 / n as f64);
    let weights = problem.weights.unwrap_or(&equal);
    let sums = if problem.weights.is_none() && problem.split.is_none() {
        split.sums.iter().map(|s| s / n as f64).collect()
    } else {
        *n_evaluations += n * (n - 1) / 2;
        symmetric_sums(&Cross { kernel: problem.kernel, x: cloud, y: cloud }, &[weights], monitor)?
    };
    for (((mean, sum), own), weight) in mean.iter_mut().zip(sums).zip(diagonal).zip(weights) {
        *mean = sum + own * weight;
    }
    Ok(mean)
}
