//! Noise of short vectors, a step ahead: it does not depend on where the chain is, so that the processor makes it while it waits
//! for the sums that decide about a step.

use super::vector::PIECE;
use crate::error::Result;
use crate::numeric::aligned::Aligned;
use crate::rng::{Purpose, Stream};

/// The normals of a step of a chain and of the next one, each at its place in the streams.
pub struct Noise {
    normals: [Aligned<f64>; 2],
    /// Key, chain and step of what is there.
    of: [Option<(u64, u32, u64)>; 2],
}

impl Noise {
    /// None yet, of vectors of so many numbers. Long vectors get no room.
    pub fn new(size: usize) -> Result<Self> {
        let size = if size > PIECE { 0 } else { size };
        Ok(Self { normals: [Aligned::zeroed(size)?, Aligned::zeroed(size)?], of: [None; 2] })
    }

    /// The noise of a step of a chain, made unless it is there.
    pub fn of(&mut self, key: u64, chain: u32, step: u64) -> &[f64] {
        let slot = (step % 2) as usize;
        if self.of[slot] != Some((key, chain, step)) {
            Stream::new(key, chain, step).normals(Purpose::Noise, 0, &mut self.normals[slot]);
            self.of[slot] = Some((key, chain, step));
        }
        &self.normals[slot]
    }
}
