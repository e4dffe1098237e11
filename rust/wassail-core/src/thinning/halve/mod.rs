//! Halving: half of some points whose averages are those of all, with the coin that makes both halves as likely.
//!
//! KT-SPLIT with one round (Dwivedi and Mackey, arXiv:2105.05842 and 2110.01593), the better of its half and of every
//! second point, KT-SWAP, and symmetrization as in Compress (arXiv:2111.07941).

mod balance;
mod lanes;
mod refine;
mod split;

use crate::error::Result;
use crate::kernel::{Cloud, Kernel};
use crate::monitor::Monitor;
use crate::numeric::lanes::LANES;
use crate::parallel::{keep_awake, map_chunks};
use crate::points::Coordinates;
use refine::refine;
use split::split;

/// Kernel values that are worth handing to another thread.
const GRAIN: usize = 1 << 16;

/// What all halvings of a call share.
pub struct Options<'a> {
    /// The kernel whose averages are kept.
    pub kernel: &'a dyn Kernel,
    /// All points, (n, d).
    pub points: Coordinates<'a>,
    /// Dimension.
    pub d: usize,
    /// What stationary kernels see the points relative to, (d,).
    pub center: &'a [f64],
    /// Passes of KT-SWAP.
    pub swap_passes: usize,
    /// Whether the threads share one halving.
    wide: bool,
}

/// One halving.
pub struct Task<'a> {
    /// An even number of points.
    pub order: &'a [usize],
    /// `draws(order.len())` uniforms.
    pub uniforms: &'a [f64],
    /// Failure probability.
    pub delta: f64,
}

/// Uniforms that a halving of some points takes.
pub fn draws(points: usize) -> usize {
    if points == 4 { 1 } else { points / 2 + 1 }
}

impl<'a> Options<'a> {
    /// See the fields.
    pub fn new(kernel: &'a dyn Kernel, points: Coordinates<'a>, center: &'a [f64], swap_passes: usize) -> Self {
        Self { kernel, points, d: center.len(), center, swap_passes, wide: false }
    }

    /// Makes halvings that do not depend on each other. Returns what they chose, in turn, and the kernel values formed.
    pub fn run(mut self, tasks: &[Task<'_>], monitor: &dyn Monitor) -> Result<(Vec<usize>, usize)> {
        let threads = rayon::current_thread_index().map_or(1, |_| rayon::current_num_threads());
        self.wide = threads > 1 && tasks.len() < 2 * threads;
        let halves: Vec<(Vec<usize>, usize)> = if self.wide {
            let _awake = keep_awake();
            tasks.iter().map(|task| self.halve(task, monitor)).collect::<Result<_>>()?
        } else {
            // Of one call all are of about one size.
            let each = GRAIN / tasks[0].order.len().pow(2).max(1);
            let groups = tasks.chunks(each.max(1)).collect();
            let done = map_chunks(groups, monitor, |group: &[Task<'_>]| {
                group.iter().map(|task| self.halve(task, monitor)).collect::<Result<Vec<_>>>()
            })?;
            done.into_iter().flatten().collect()
        };
        let formed = halves.iter().map(|half| half.1).sum();
        Ok((halves.into_iter().flat_map(|half| half.0).collect(), formed))
    }

    /// What a halving chooses, and the kernel values it formed.
    fn halve(&self, task: &Task<'_>, monitor: &dyn Monitor) -> Result<(Vec<usize>, usize)> {
        let s = task.order.len();
        let cloud = Cloud::new(self.kernel, self.points, self.d, self.center, task.order.iter().copied())?;
        let (uniforms, coin) = task.uniforms.split_at(draws(s) - 1);
        let mut formed = s * (s - 1) / 2;
        let half = if s == 4 {
            self.four(&cloud, coin[0])?.to_vec()
        } else {
            let mut halves = split(self, &cloud, task.delta, uniforms, monitor)?;
            if self.swap_passes > 0 {
                halves.prefer_regular();
                formed += refine(self, &cloud, &mut halves, monitor)?;
            }
            if coin[0] > 0.5 { halves.rest } else { halves.chosen }
        };
        Ok((half.into_iter().map(|i| task.order[i]).collect(), formed))
    }

    /// The better of the three ways to pair four points: the pairs of least sum are the halves.
    fn four(&self, cloud: &Cloud<f64>, coin: f64) -> Result<[usize; 2]> {
        let mut k = [0.0; 4 * LANES];
        self.kernel.tile_f64(cloud.rows(0..4), cloud.panels(0..1), &mut k, LANES)?;
        let (outer, near, cross) = (k[LANES + 2] + k[3], k[1] + k[2 * LANES + 3], k[2] + k[LANES + 3]);
        let halves = if outer < near && outer < cross {
            [[0, 3], [1, 2]]
        } else if near < cross && near <= outer {
            [[0, 1], [2, 3]]
        } else {
            [[0, 2], [1, 3]]
        };
        Ok(halves[usize::from(coin >= 0.5)])
    }
}
