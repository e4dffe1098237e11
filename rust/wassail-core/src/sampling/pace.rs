//! How long rounds are: as many gradients as fit a moment, found out by doing. Nothing that is drawn depends on it.

use std::time::{Duration, Instant};

/// Seconds of a round: long enough to hand out, short enough to stop after.
const ROUND: f64 = 0.05;
/// Seconds of a round for each block at least, and of all at most: very many blocks take some time to hand out.
const LEAST: f64 = 2e-5;
const MOST: f64 = 0.25;
/// Most that a round has more than the one before.
const GROWTH: f64 = 8.0;

/// What fits a round of all blocks.
pub(super) struct Pace {
    seconds: f64,
    gradients: f64,
}

impl Pace {
    /// The first round is one step: nobody knows yet how long it takes.
    pub(super) fn new(blocks: usize) -> Self {
        Self { seconds: (LEAST * blocks as f64).clamp(ROUND, MOST), gradients: 1.0 }
    }

    /// Steps of a round, each of so many gradients.
    pub(super) fn steps(&self, gradients: f64) -> u64 {
        ((self.gradients / gradients) as u64).max(1)
    }

    /// Takes in how long so many gradients took.
    pub(super) fn learn(&mut self, gradients: f64, began: Instant) {
        self.update(gradients, began.elapsed());
    }

    fn update(&mut self, gradients: f64, took: Duration) {
        let took = took.as_secs_f64();
        // A round that was cut short says little, unless it took too long.
        if gradients >= 0.5 * self.gradients || took > self.seconds {
            self.gradients = gradients * (self.seconds / took.max(1e-9)).min(GROWTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_come_to_take_their_time() {
        for seconds in [1e-9, 1e-6, 1e-3, 1.0] {
            for each in [1.0, 40.0] {
                let mut pace = Pace::new(4);
                for _ in 0..20 {
                    let made = pace.steps(each) as f64 * each;
                    pace.update(made, Duration::from_secs_f64(made * seconds));
                }
                let round = pace.steps(each) as f64 * each * seconds;
                assert!(
                    round <= (1.01 * ROUND).max(each * seconds) && round > 0.4 * ROUND,
                    "{seconds} {each}: {round}"
                );
            }
        }
    }

    #[test]
    fn rounds_that_were_cut_short_change_nothing() {
        let mut pace = Pace { seconds: ROUND, gradients: 1e4 };
        pace.update(1.0, Duration::from_millis(1));
        assert_eq!(pace.steps(1.0), 10_000);
        pace.update(100.0, Duration::from_secs(1));
        assert_eq!(pace.steps(1.0), 5);
    }
}
