//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: u32 = 10;
const LOW: u64 = 0xffff_ffff;

/// Counters that differ in one of their words only, by one each: word by word.
#[inline(always)]
pub fn consecutive<const N: usize>(counter: [u32; 4], along: usize) -> [[u64; N]; 4] {
    let mut c = [[0u64; N]; 4];
    for (word, &start) in c.iter_mut().zip(&counter) {
        *word = [u64::from(start); N];
    }
    for (i, w) in c[along].iter_mut().enumerate() {
        *w = u64::from(counter[along].wrapping_add(i as u32));
    }
    c
}

/// Random words of `N` counters, word by word, each in the low half of 64 bits whose high half is garbage. The lanes are
/// independent, so that the loops vectorize.
#[inline(always)]
pub fn blocks<const N: usize>(mut c: [[u64; N]; 4], key: [u32; 2]) -> [[u64; N]; 4] {
    for round in 0..ROUNDS {
        // No closures: they would be compiled without the level's instructions.
        let k0 = u64::from(key[0].wrapping_add(WEYL[0].wrapping_mul(round)));
        let k1 = u64::from(key[1].wrapping_add(WEYL[1].wrapping_mul(round)));
        for i in 0..N {
            let p0 = (c[0][i] & LOW) * MULTIPLIERS[0];
            let p1 = (c[2][i] & LOW) * MULTIPLIERS[1];
            // The high halves of words are garbage on the way: only low halves are multiplied.
            c[0][i] = (p1 >> 32) ^ c[1][i] ^ k0;
            c[2][i] = (p0 >> 32) ^ c[3][i] ^ k1;
            c[1][i] = p1;
            c[3][i] = p0;
        }
    }
    c
}

/// Two such words as one.
#[inline(always)]
pub fn joined(high: u64, low: u64) -> u64 {
    high << 32 | low & LOW
}

/// The four random words of a counter.
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    blocks(consecutive::<1>(counter, 0), key).map(|word| word[0] as u32)
}
