//! Many uniform numbers at once.

use super::philox::{blocks, consecutive, joined};
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;

/// Blocks made at once; each gives two numbers, l and `BLOCKS` + l of a group.
const BLOCKS: usize = 16;
/// Steps whose first numbers are made at once.
pub const STEPS: usize = 8;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const HALF_UNIT: f64 = 1.110_223_024_625_156_5e-16;

/// Uniform number in (0, 1), on the odd multiples of 2^-53, of 64 bits.
#[inline(always)]
pub fn of_bits<I: Isa>(bits: u64) -> f64 {
    f64::from_bits(bits >> 12 | ONE).fma::<I>(1.0, HALF_UNIT - 1.0)
}

#[inline(always)]
fn group_body<I: Isa>(counter: [u32; 4], key: [u32; 2], out: &mut [f64; 2 * BLOCKS]) {
    let words = blocks(consecutive::<BLOCKS>(counter, 0), key);
    let (first, second) = out.split_at_mut(BLOCKS);
    for l in 0..BLOCKS {
        let (a, b) = (joined(words[0][l], words[1][l]), joined(words[2][l], words[3][l]));
        first[l] = of_bits::<I>(a);
        second[l] = of_bits::<I>(b);
    }
}

#[inline(always)]
fn fill_body<I: Isa>(counter: [u32; 4], key: [u32; 2], out: &mut [f64]) {
    let mut at = counter;
    for chunk in out.chunks_mut(2 * BLOCKS) {
        let mut group = [0.0; 2 * BLOCKS];
        group_body::<I>(at, key, &mut group);
        chunk.copy_from_slice(&group[..chunk.len()]);
        at[0] = at[0].wrapping_add(BLOCKS as u32);
    }
}

multiversion! {
    /// Uniform numbers in (0, 1), on the odd multiples of 2^-53, from a counter on.
    pub fn fill(counter: [u32; 4], key: [u32; 2], out: &mut [f64]) => fill_body
}

#[inline(always)]
fn steps_body<I: Isa>(counter: [u32; 4], key: [u32; 2]) -> [f64; STEPS] {
    let words = blocks(consecutive::<STEPS>(counter, 1), key);
    let mut out = [0.0; STEPS];
    for l in 0..STEPS {
        out[l] = of_bits::<I>(joined(words[0][l], words[1][l]));
    }
    out
}

multiversion! {
    /// The first uniform number of each of `STEPS` counters, that differ in their second word.
    pub fn of_steps(counter: [u32; 4], key: [u32; 2]) -> [f64; STEPS] => steps_body
}
