//! The draws of a chain at a step.

use super::normal::{PAIRS, fill};
use super::philox::{joined, philox4x32};
use super::uniform::{self, STEPS};
use crate::numeric::isa::Baseline;

/// What draws are for: draws for different purposes never share a random word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Noise of a proposal or an update.
    Noise = 0,
    /// Acceptance.
    Accept = 1,
    /// Lengths of trajectories and times.
    Time = 2,
    /// Starting points and velocities.
    Start = 3,
    /// What is correlated with the noise of a step.
    Partner = 4,
    /// Choices of data, components and partners.
    Choice = 5,
    /// Noise after the gradient of a step, where there is noise before it.
    SecondNoise = 6,
    /// Its partner.
    SecondPartner = 7,
    /// Noise along a trajectory, at steps of its own count.
    Path = 8,
    /// Sizes of steps, where they are mixed.
    Size = 9,
}

/// The counter stream of (key, chain, step): draws are functions of (purpose, index).
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: [u32; 2],
    chain: u32,
    step: u64,
}

impl Stream {
    /// Steps below 2^56.
    pub fn new(key: u64, chain: u32, step: u64) -> Self {
        Self { key: [key as u32, (key >> 32) as u32], chain, step }
    }

    fn counter(&self, purpose: Purpose, block: u32) -> [u32; 4] {
        [block, self.step as u32, (self.step >> 32) as u32 & 0xff_ffff | (purpose as u32) << 24, self.chain]
    }

    /// Standard normals of coordinates `start..start + out.len()`; `start` is a multiple of 2 · `PAIRS`.
    pub fn normals(&self, purpose: Purpose, start: usize, out: &mut [f64]) {
        debug_assert!(start.is_multiple_of(2 * PAIRS));
        fill(self.counter(purpose, (start / 2) as u32), self.key, out);
    }

    /// Uniform numbers in (0, 1) for coordinates `start..start + out.len()`; `start` is a multiple of 2 · `PAIRS`.
    pub fn uniforms(&self, purpose: Purpose, start: usize, out: &mut [f64]) {
        debug_assert!(start.is_multiple_of(2 * PAIRS));
        uniform::fill(self.counter(purpose, (start / 2) as u32), self.key, out);
    }

    /// Uniform number in (0, 1) on the odd multiples of 2^-53.
    pub fn uniform(&self, purpose: Purpose, index: u32) -> f64 {
        uniform::of_bits::<Baseline>(self.bits(purpose, index))
    }

    /// `uniform` with index 0 of this step, a multiple of `STEPS`, and of those after it.
    pub fn uniform_of_steps(&self, purpose: Purpose) -> [f64; STEPS] {
        debug_assert!(self.step.is_multiple_of(STEPS as u64));
        uniform::of_steps(self.counter(purpose, 0), self.key)
    }

    /// Uniform integer below `n` ≥ 1. Its bias is n / 2^64.
    pub fn below(&self, purpose: Purpose, index: u32, n: u64) -> u64 {
        ((u128::from(self.bits(purpose, index)) * u128::from(n)) >> 64) as u64
    }

    fn bits(&self, purpose: Purpose, index: u32) -> u64 {
        let [high, low, ..] = philox4x32(self.counter(purpose, index), self.key);
        joined(high.into(), low.into())
    }
}
