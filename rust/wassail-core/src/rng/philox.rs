//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

use crate::numeric::isa::{Baseline, Isa};
use crate::numeric::simd::Vector;
use std::hint::black_box;

const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: usize = 10;
const LOW: u64 = 0xffff_ffff;

/// The keys of all rounds, each in the low half of 64 bits.
pub type Keys = [[u64; 2]; ROUNDS];

/// The key of a round.
#[inline(always)]
fn key_of(key: [u32; 2], round: usize) -> [u64; 2] {
    // No closures: they would be compiled without the level's instructions.
    let round = round as u32;
    let k0 = key[0].wrapping_add(WEYL[0].wrapping_mul(round));
    let k1 = key[1].wrapping_add(WEYL[1].wrapping_mul(round));
    [u64::from(k0), u64::from(k1)]
}

/// The keys of all rounds from the first one.
#[inline]
pub fn schedule(key: [u32; 2]) -> Keys {
    std::array::from_fn(|round| key_of(key, round))
}

/// One round of the generator. The high halves of words are garbage on the way: only low halves are multiplied.
#[inline(always)]
fn round<const N: usize>(c: &mut [[u64; N]; 4], key: [u64; 2]) {
    for i in 0..N {
        let p0 = (c[0][i] & LOW) * MULTIPLIERS[0];
        let p1 = (c[2][i] & LOW) * MULTIPLIERS[1];
        c[0][i] = (p1 >> 32) ^ c[1][i] ^ key[0];
        c[2][i] = (p0 >> 32) ^ c[3][i] ^ key[1];
        c[1][i] = p1;
        c[3][i] = p0;
    }
}

/// Random words of `N` consecutive counters (counter[0] + i, counter[1..]), word by word, each in the low half of 64 bits.
/// The lanes are independent, so that the loops vectorize.
#[inline(always)]
pub fn blocks<I: Isa, const N: usize>(counter: [u32; 4], keys: &Keys) -> [[u64; N]; 4] {
    let mut c = [[0u64; N]; 4];
    for (word, &start) in c.iter_mut().zip(&counter) {
        *word = [u64::from(start); N];
    }
    for (i, w) in c[0].iter_mut().enumerate() {
        *w = u64::from(counter[0].wrapping_add(i as u32));
    }
    if I::F64::N < 8 {
        let first = [keys[0][0] as u32, keys[0][1] as u32];
        for at in 0..ROUNDS {
            round(&mut c, key_of(first, at));
        }
    } else {
        // A loop of a length that the compiler does not know: it would take all ten out of an order that keeps the multipliers
        // busy. Two at a time, because one would move words from register to register.
        for two in black_box(&keys[..]).as_chunks::<2>().0 {
            round(&mut c, two[0]);
            round(&mut c, two[1]);
        }
    }
    for word in &mut c {
        for w in word {
            *w &= LOW;
        }
    }
    c
}

/// The four random words of a counter.
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    blocks::<Baseline, 1>(counter, &schedule(key)).map(|word| word[0] as u32)
}
