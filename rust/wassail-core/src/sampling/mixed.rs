//! Steps of mixed sizes, for densities with places far steeper than most. A trajectory that gets there with steps of the size that
//! is right elsewhere is rejected, whoever is there cannot leave, and draws avoid the place without a sign in R-hat. Sizes that are
//! drawn anew, whatever the state is, leave the density as it is (Neal 2011, arXiv:1206.1901, section 5.4.2.2).

use super::transition::Info;
use crate::rng::{Purpose, Stream};

/// Share of the steps that are shorter, and by how many powers of two at most.
pub const SHARE: f64 = 0.2;
const DEPTH: f64 = 6.0;
/// Errors of the energy of densities of one scale are nearly normal (Beskos et al. 2013, doi:10.3150/12-BEJ414): with a deviation of
/// about 2.5 (1 − a) where a mean of a is accepted. This many times 1 − a are 14 deviations.
const STEEP: f64 = 35.0;
/// Share of trajectories with such an error from which on sizes are mixed.
const SEEN: f64 = 5e-4;

/// How many trajectories were far off, of those with steps no longer than what may be kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Error of the energy that is far off.
    steep: f64,
    /// Number of the step after which they are counted, if any are.
    after: Option<u64>,
    /// Whether every second one is made for that.
    probes: bool,
    /// How many there were, and those that were far off; one that leaves the support is not.
    pub counts: [u64; 2],
}

impl Tally {
    /// Of steps after one, whose mean acceptance is to be `goal`.
    pub fn new(goal: f64, after: u64, probes: bool) -> Self {
        Self { steep: STEEP * (1.0 - goal), after: Some(after), probes, counts: [0; 2] }
    }

    /// Whether step `number` counts if it is short enough.
    pub fn counts(&self, number: u64) -> bool {
        self.after.is_some_and(|after| number > after)
    }

    /// Whether it is made with the step size that may be kept, to be counted: nothing else is learned from it.
    pub fn probes(&self, number: u64) -> bool {
        self.probes && self.after.is_some_and(|after| number > after && (number - after).is_multiple_of(2))
    }

    /// Takes in what it did.
    pub fn update(&mut self, info: &Info) {
        self.counts[0] += 1;
        self.counts[1] += u64::from(!info.outside && (info.energy.is_nan() || info.energy > self.steep));
    }

    /// Takes in another's.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, n)| *mine += n);
    }

    /// Whether there are places where steps are far too long.
    pub fn is_steep(&self) -> bool {
        let [all, steep] = self.counts;
        steep > 0 && steep as f64 >= SEEN * all as f64
    }
}

/// What a step size is multiplied by: a power of two with an exponent that is uniform where it is not zero.
pub fn factor(key: u64, chain: u32, number: u64) -> f64 {
    let u = Stream::new(key, chain, number).uniform(Purpose::Size, 0);
    if u < SHARE { (-DEPTH * u / SHARE).exp2() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::density::DensityError;

    #[test]
    fn factors_are_one_or_spread_over_powers_of_two() {
        let factors: Vec<f64> = (0..40_000).map(|n| factor(5, 1, n)).collect();
        let shorter: Vec<f64> = factors.iter().copied().filter(|&f| f != 1.0).collect();
        let expected = SHARE * factors.len() as f64;
        assert!((shorter.len() as f64 - expected).abs() < 4.0 * (expected * (1.0 - SHARE)).sqrt());
        assert!(shorter.iter().all(|&f| f > (-DEPTH).exp2() && f < 1.0));
        let mean = shorter.iter().map(|f| -f.log2()).sum::<f64>() / shorter.len() as f64;
        assert!((mean - DEPTH / 2.0).abs() < 4.0 * DEPTH / (12.0 * shorter.len() as f64).sqrt());
    }

    #[test]
    fn every_second_step_is_a_probe() {
        let tally = Tally::new(0.8, 10, true);
        assert_eq!((8..18).filter(|&n| tally.probes(n)).collect::<Vec<_>>(), [12, 14, 16]);
        assert_eq!((8..18).find(|&n| tally.counts(n)), Some(11));
        assert!(!(0..20).any(|n| Tally::default().counts(n) || Tally::new(0.8, 3, false).probes(n)));
    }

    #[test]
    fn an_error_of_the_energy_in_two_thousand_makes_a_density_steep() {
        let tally = |goal: f64, steep: u64, all: u64| {
            let mut tally = Tally::new(goal, 0, true);
            for n in 0..all {
                tally.update(&Info { energy: if n < steep { 5.0 } else { 1.0 }, ..Info::default() });
            }
            assert!(tally.counts == [all, steep] || goal < 0.9);
            tally
        };
        assert!(tally(0.9, 1, 2000).is_steep());
        assert!(!tally(0.9, 1, 2001).is_steep());
        assert!(!tally(0.9, 0, 0).is_steep());
        assert!(!tally(0.8, 10, 100).is_steep());
        let mut edge = Tally::new(0.9, 0, true);
        (0..100).for_each(|_| edge.update(&Info::stopped(DensityError::OutsideSupport, 1, 0.0)));
        assert!(!edge.is_steep());
        edge.update(&Info { energy: f64::NAN, ..Info::default() });
        assert!(edge.is_steep());
    }
}
