//! Noise of short vectors, some steps at once: one short vector leaves the processor waiting for the last of its numbers.

use super::vector::PIECE;
use crate::error::Result;
use crate::numeric::aligned::Aligned;
use crate::rng::{Purpose, Stream};

/// Normals made together, about: they stay in the first-level cache.
const TOGETHER: usize = 1024;
/// Most steps that they are for.
const MOST_STEPS: usize = 16;

/// The normals of some steps of a chain, each at its place in the streams.
pub struct Noise {
    normals: Aligned<f64>,
    /// Numbers of a step, a whole number of cache lines.
    stride: usize,
    steps: u64,
    /// Key, chain and first step of what is there.
    of: Option<(u64, u32, u64)>,
}

impl Noise {
    /// None yet, of chains in d dimensions. Long vectors get no room.
    pub fn new(d: usize) -> Result<Self> {
        let stride = if d > PIECE { 0 } else { d.next_multiple_of(8) };
        let steps = (TOGETHER / stride.max(1)).clamp(1, MOST_STEPS);
        Ok(Self { normals: Aligned::zeroed(stride * steps)?, stride, steps: steps as u64, of: None })
    }

    /// The noise of a step of a chain, of a short vector.
    pub fn of(&mut self, key: u64, chain: u32, step: u64, d: usize) -> &[f64] {
        let first = step - step % self.steps;
        if self.of != Some((key, chain, first)) {
            for (step, row) in (first..).zip(self.normals.chunks_exact_mut(self.stride)) {
                Stream::new(key, chain, step).normals(Purpose::Noise, 0, &mut row[..d]);
            }
            self.of = Some((key, chain, first));
        }
        &self.normals[(step - first) as usize * self.stride..][..d]
    }
}
