//! Standard normals by Box and Muller's transformation, vectorized: −2 ln u is the squared radius, the direction takes two bits
//! of the second word for the quadrant and the rest for the angle within it.

use super::philox::{blocks, consecutive, joined};
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::log::ln_normal;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Pairs made at once: normals l and `PAIRS` + l of each group of 2 · `PAIRS` share a block of random words.
pub const PAIRS: usize = 16;
/// Pairs of a register: so few normals are made with the group before them, whose latencies hide theirs.
const FEW: usize = 8;

/// sin(πt/2)/t and cos(πt/2) as polynomials in t², |t| ≤ ½: absolute errors of 7e-17 and 2e-17.
const SIN: [f64; 8] = [
    std::f64::consts::FRAC_PI_2,
    -0.645_964_097_506_246_3,
    0.079_692_626_246_166_92,
    -0.004_681_754_135_314_827,
    0.000_160_441_184_726_672_3,
    -3.598_842_717_144_858e-6,
    5.691_927_850_489_633e-8,
    -6.627_624_938_992_472e-10,
];
const COS: [f64; 9] = [
    1.0,
    -1.233_700_550_136_169_7,
    0.253_669_507_901_048_03,
    -0.020_863_480_763_352_916,
    0.000_919_260_274_838_533_1,
    -2.520_204_236_273_330_3e-5,
    4.710_874_077_536_438_4e-7,
    -6.386_325_463_386_356e-9,
    6.506_654_235_424_698e-11,
];
const ONE: u64 = 0x3ff0_0000_0000_0000;

#[inline(always)]
fn polynomial<I: Isa, const K: usize>(z: f64, coefficients: &[f64; K]) -> f64 {
    let mut p = coefficients[K - 1];
    for i in (0..K - 1).rev() {
        p = p.fma::<I>(z, coefficients[i]);
    }
    p
}

/// What starts with a cache line: on the stack too, registers that cross lines take twice the time.
#[repr(align(64))]
struct Line<T>(T);

#[inline(always)]
fn pairs<I: Isa, const N: usize>(counter: [u32; 4], key: [u32; 2]) -> Line<[[f64; N]; 2]> {
    let words = blocks(consecutive::<N>(counter, 0), key);
    let mut out = [[0.0; N]; 2];
    for l in 0..N {
        let (radial, angular) = (joined(words[0][l], words[1][l]), joined(words[2][l], words[3][l]));
        // u in (0, 1] on a grid of 2^-52.
        let u = 2.0 - f64::from_bits(radial >> 12 | ONE);
        let radius = (-2.0 * ln_normal::<I>(u)).sqrt();
        let t = f64::from_bits((angular << 2) >> 12 | ONE) - 1.5;
        let z = t * t;
        let (sin, cos) = (t * polynomial::<I, 8>(z, &SIN), polynomial::<I, 9>(z, &COS));
        let radius = f64::from_bits(radius.to_bits() ^ (angular & (1 << 63)));
        let swap = angular & (1 << 62) != 0;
        out[0][l] = radius * if swap { sin } else { cos };
        out[1][l] = radius * if swap { cos } else { sin };
    }
    Line(out)
}

/// Copies as many numbers as there is room for, at most `PAIRS`, without a call.
#[inline(always)]
fn put(from: &[f64], out: &mut [f64]) {
    let mut at = 0;
    for width in [PAIRS, 8, 4, 2, 1] {
        if out.len() & width != 0 {
            out[at..at + width].copy_from_slice(&from[at..at + width]);
            at += width;
        }
    }
}

/// Normals of `N` pairs: of each group the first ones, then the second ones.
#[inline(always)]
fn groups<I: Isa, const N: usize>(counter: [u32; 4], key: [u32; 2], out: &mut [f64]) {
    let Line(made) = &pairs::<I, N>(counter, key);
    for (half, out) in out.chunks_mut(PAIRS).enumerate() {
        put(&made[half % 2][half / 2 * PAIRS..], out);
    }
}

#[inline(always)]
fn fill_body<I: Isa>(counter: [u32; 4], key: [u32; 2], out: &mut [f64]) {
    let (mut at, mut out) = (counter, out);
    // Where there are enough registers, two groups at once hide each other's latencies: the last four groups are made so.
    let is_wide = I::F64::N >= FEW;
    let last = if is_wide { 8 * PAIRS } else { 2 * PAIRS + FEW };
    while out.len() > last {
        let (now, rest) = out.split_at_mut(2 * PAIRS);
        groups::<I, PAIRS>(at, key, now);
        at[0] = at[0].wrapping_add(PAIRS as u32);
        out = rest;
    }
    if is_wide && out.len() > 4 * PAIRS {
        let (now, rest) = out.split_at_mut(4 * PAIRS);
        groups::<I, { 2 * PAIRS }>(at, key, now);
        at[0] = at[0].wrapping_add(2 * PAIRS as u32);
        out = rest;
    }
    match out.len().div_ceil(FEW) {
        0 => {}
        1 => groups::<I, FEW>(at, key, out),
        2..=4 => groups::<I, PAIRS>(at, key, out),
        5 => groups::<I, { PAIRS + FEW }>(at, key, out),
        _ => groups::<I, { 2 * PAIRS }>(at, key, out),
    }
}

multiversion! {
    /// Normals from a counter on.
    pub fn fill(counter: [u32; 4], key: [u32; 2], out: &mut [f64]) => fill_body
}
