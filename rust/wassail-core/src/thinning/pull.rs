//! What weighted points do to one point by unit vectors: Σ w (y − x)/|y − x|, Σ w/|y − x| and Σ w |y − x|.

use crate::error::{Result, try_zeroed};
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::lanes::LANES;
use crate::numeric::simd::Vector;
use crate::parallel::sum;

/// Lanes in which sums over points are kept: as many as the widest register has.
const WIDE: usize = 8;

/// The sums, lane by lane.
pub(super) struct Pull {
    pulls: Vec<f64>,
    rate: [f64; LANES],
    distance: [f64; LANES],
}

impl Pull {
    /// Zeros.
    pub fn new(d: usize) -> Result<Self> {
        Ok(Self { pulls: try_zeroed(d * WIDE)?, rate: [0.0; LANES], distance: [0.0; LANES] })
    }

    /// Σ w (y − x)/|y − x|, coordinate by coordinate.
    pub fn pulls(&self) -> impl Iterator<Item = f64> + '_ {
        self.pulls.chunks(WIDE).map(|lanes| sum(lanes.iter().copied()))
    }

    /// Σ w/|y − x|.
    pub fn rate(&self) -> f64 {
        sum(self.rate.iter().copied())
    }

    /// Σ w |y − x|.
    pub fn distance(&self) -> f64 {
        sum(self.distance.iter().copied())
    }
}

multiversion! {
    /// Adds the points of some panels, |z| being √(|z|² + floor).
    pub(super) fn pull(x: &[f64], panels: &[f64], weights: &[f64], floor: f64, on: &mut Pull) => pull_body
}

#[inline(always)]
fn pull_body<I: Isa>(x: &[f64], panels: &[f64], weights: &[f64], floor: f64, on: &mut Pull) {
    let width = I::F64::N;
    for (panel, weights) in panels.chunks_exact(LANES * x.len()).zip(weights.chunks_exact(LANES)) {
        let mut rates = [0.0; LANES];
        for lane in (0..LANES).step_by(2 * width) {
            let mut squares = [I::F64::splat(floor); 2];
            for (k, &at) in x.iter().enumerate() {
                for (u, square) in squares.iter_mut().enumerate() {
                    let delta = I::F64::load(&panel[k * LANES + lane + u * width..]).sub(I::F64::splat(at));
                    *square = delta.fma(delta, *square);
                }
            }
            squares[0].sqrt().store(&mut rates[lane..]);
            squares[1].sqrt().store(&mut rates[lane + width..]);
        }
        for l in 0..LANES {
            on.distance[l] += weights[l] * rates[l];
            // Without smoothing, a point does nothing to another one in its place.
            rates[l] = if rates[l] > 0.0 { weights[l] / rates[l] } else { 0.0 };
            on.rate[l] += rates[l];
        }
        for (k, (&at, sums)) in x.iter().zip(on.pulls.chunks_exact_mut(WIDE)).enumerate() {
            for lane in (0..LANES).step_by(width) {
                let delta = I::F64::load(&panel[k * LANES + lane..]).sub(I::F64::splat(at));
                let own = &mut sums[lane % WIDE..];
                I::F64::load(&rates[lane..]).fma(delta, I::F64::load(own)).store(own);
            }
        }
    }
}
