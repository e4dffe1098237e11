//! The stretch move of an ensemble (Goodman and Weare, CAMCoS 5 (2010), doi:10.2140/camcos.2010.5.65), half of it at a time
//! (Foreman-Mackey and others, arXiv 1202.3665): every walker moves on the line through a walker of the other half.

use super::decide::decide;
use super::{Info, Step, Transition};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::{DensityError, LogDensity};
use std::ops::Range;

/// The stretch move; its step size a > 1 bounds the stretch by [1/a, a].
pub struct Stretch;

/// z of density ∝ 1/√z on [1/a, a].
fn stretch(draws: Stream, a: f64) -> f64 {
    let root = 1.0 + (a - 1.0) * draws.uniform(Purpose::Time, 0);
    root * root / a
}

/// The two halves of an ensemble, each with the other one.
pub fn halves(count: usize) -> [(Range<usize>, Range<usize>); 2] {
    let (first, second) = (0..count / 2, count / 2..count);
    [(first.clone(), second.clone()), (second, first)]
}

impl Transition for Stretch {
    fn uses_gradients(&self) -> bool {
        false
    }

    fn couples_chains(&self) -> bool {
        true
    }

    fn step(
        &self,
        block: &mut Block,
        density: &dyn LogDensity,
        step: Step<'_>,
        info: &mut [Info],
    ) -> Result<(), DensityError> {
        let d = density.dim();
        let draws = |first: u32, i: usize| Stream::new(step.key, first + i as u32, step.number);
        for (turn, (half, other)) in halves(block.count()).into_iter().enumerate() {
            for i in half.clone() {
                let draws = draws(block.first, i);
                let partner = other.start + draws.below(Purpose::Choice, 0, other.len() as u64) as usize;
                let z = stretch(draws, step.sizes[i]);
                for k in 0..d {
                    let pivot = block.x[partner * d + k];
                    block.proposal[i * d + k] = pivot + z * (block.x[i * d + k] - pivot);
                }
            }
            block.evaluate_rows(density, half.clone(), step.monitor)?;
            // The other half may fail yet.
            if turn == 0 {
                half.clone().for_each(|i| block.keep_position(i));
            }
            decide(block, half, d, step, info, f64::INFINITY, |block, i| {
                (d as f64 - 1.0) * stretch(draws(block.first, i), step.sizes[i]).ln()
            });
        }
        Ok(())
    }
}
