//! Steps of mixed sizes, for densities with places far steeper than most. A trajectory that gets there with steps of the size that
//! is right elsewhere is rejected, whoever is there cannot leave, and draws avoid the place without a sign in R-hat. Sizes that are
//! drawn anew, whatever the state is, leave the density as it is (Neal 2011, arXiv:1206.1901, section 5.4.2.2).

use super::transition::Info;
use crate::rng::{Purpose, Stream};

/// Share of the steps that are shorter, and by how many powers of two at most.
pub const SHARE: f64 = 0.2;
const DEPTH: f64 = 6.0;
/// An error of the energy that trajectories do not make in densities of one scale: there it is nearly normal with a variance of
/// twice its mean (Beskos et al. 2013, doi:10.3150/12-BEJ414), and this is more than six deviations at an acceptance of 0.7.
const STEEP: f64 = 5.0;
/// Share of such trajectories from which on sizes are mixed.
const SEEN: f64 = 0.0025;

/// How many trajectories were far off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Number of the step from which on they are counted.
    pub first: u64,
    /// How many there were, and those with a large error of the energy; one that leaves the support is none.
    pub counts: [u64; 2],
}

impl Tally {
    /// Takes in what step `number` did.
    pub fn update(&mut self, number: u64, info: &Info) {
        if number >= self.first {
            self.counts[0] += 1;
            self.counts[1] += u64::from(!info.outside && (info.energy.is_nan() || info.energy > STEEP));
        }
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
    fn a_few_errors_of_the_energy_in_a_thousand_make_a_density_steep() {
        let tally = |steep: u64, all: u64| {
            let mut tally = Tally { first: 10, ..Tally::default() };
            for number in 0..10 + all {
                let energy = if number < 10 + steep { 1e3 } else { 1.0 };
                tally.update(number, &Info { energy, ..Info::default() });
            }
            tally
        };
        assert!(tally(3, 1000).is_steep());
        assert!(!tally(2, 1000).is_steep());
        assert!(!tally(0, 0).is_steep());
        assert_eq!(tally(3, 1000).counts, [1000, 3]);
        let mut edge = Tally::default();
        (0..100).for_each(|n| {
            edge.update(n, &Info { outside: true, energy: f64::INFINITY, ..Info::default() });
        });
        assert!(!edge.is_steep());
        edge.update(100, &Info { energy: f64::NAN, ..Info::default() });
        assert!(edge.is_steep());
    }
}
