//! Exponential: branch-free, on registers.
//!
//! x = k ln 2 + r with |r| <= (ln 2)/2, exp x = 2^k exp r, and exp r = 1 + r + r² q(r) with q a
//! minimax polynomial (relative error 3.6e-18 in f64, 3.1e-9 in f32). The scaling by 2^k adds k to the
//! exponent bits. Results below the smallest normal are 0; no intermediate is subnormal, so that
//! flush-to-zero modes change nothing.

use super::isa::Isa;
use super::scalar::Scalar;
use super::simd::Vector;
use crate::multiversion;

const LN2_HI: f64 = 0.693_147_180_369_123_8;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
const Q64: [f64; 10] = [
    0.500_000_000_000_001_1,
    0.166_666_666_666_664_13,
    0.041_666_666_666_530_16,
    0.008_333_333_333_494_463,
    0.001_388_888_894_362_984,
    0.000_198_412_695_065_710_03,
    2.480_149_309_914_401e-5,
    2.755_758_638_258_107e-6,
    2.763_024_830_872_524e-7,
    2.500_005_834_905_014_5e-8,
];

const HIGHEST64: f64 = 709.782_712_893_384;
const LOWEST64: f64 = -708.396_418_532_264_1;
/// 1.5·2^52: adding it leaves round(x / ln 2) in the low mantissa bits.
const MAGIC64: f64 = 6_755_399_441_055_744.0;

const LN2_HI32: f32 = 0.693_115_23;
const LN2_LO32: f32 = 3.194_618_5e-5;
const Q32: [f32; 5] = [0.499_999_93, 0.166_665_2, 0.041_668_39, 0.008_368_717, 0.001_381_459_6];

const HIGHEST32: f32 = 88.722_83;
const LOWEST32: f32 = -87.336_54;
/// 1.5·2^23.
const MAGIC32: f32 = 12_582_912.0;

/// The exponential of each element, NaN giving 0: within 3 ulp (f64) and 2 ulp (f32) on normal results.
#[inline(always)]
fn exp_with<V: Vector, const Q: usize>(x: V, c: &Constants<V::Elem, Q>) -> V {
    let given = x;
    // Saturating levels take any large number, but not inf − inf.
    let x = if V::SATURATES { given.min(V::splat(c.large)) } else { given };
    let magic = V::splat(c.magic);
    let shifted = x.fma(V::splat(c.log2_e), magic);
    let k = shifted.sub(magic);
    let r = k.fnma(V::splat(c.ln2_lo), k.fnma(V::splat(c.ln2_hi), x));
    let mut q = V::splat(c.q[Q - 1]);
    for i in (0..Q - 1).rev() {
        q = q.fma(r, V::splat(c.q[i]));
    }
    let p = r.mul(r).fma(q, r).add(V::splat(c.one));
    let scaled = given.select_ge(V::splat(c.lowest), p.scale(k, shifted), V::splat(c.zero));
    if V::SATURATES {
        return scaled;
    }
    let beyond = given.select_ge(V::splat(c.highest), V::splat(c.infinity), V::splat(c.zero));
    V::splat(c.highest).select_ge(given, scaled, beyond)
}

struct Constants<T, const Q: usize> {
    log2_e: T,
    ln2_hi: T,
    ln2_lo: T,
    magic: T,
    lowest: T,
    highest: T,
    large: T,
    infinity: T,
    zero: T,
    one: T,
    q: [T; Q],
}

const C64: Constants<f64, 10> = Constants {
    log2_e: std::f64::consts::LOG2_E,
    ln2_hi: LN2_HI,
    ln2_lo: LN2_LO,
    magic: MAGIC64,
    lowest: LOWEST64,
    highest: HIGHEST64,
    large: 1e3,
    infinity: f64::INFINITY,
    zero: 0.0,
    one: 1.0,
    q: Q64,
};

const C32: Constants<f32, 5> = Constants {
    log2_e: std::f32::consts::LOG2_E,
    ln2_hi: LN2_HI32,
    ln2_lo: LN2_LO32,
    magic: MAGIC32,
    lowest: LOWEST32,
    highest: HIGHEST32,
    large: 1e3,
    infinity: f32::INFINITY,
    zero: 0.0,
    one: 1.0,
    q: Q32,
};

/// exp of an f64 register.
#[inline(always)]
pub fn exp_v64<V: Vector<Elem = f64>>(x: V) -> V {
    exp_with(x, &C64)
}

/// exp of an f32 register.
#[inline(always)]
pub fn exp_v32<V: Vector<Elem = f32>>(x: V) -> V {
    exp_with(x, &C32)
}

#[inline(always)]
fn exp_register<I: Isa, T: Scalar>(chunk: &mut [T]) {
    let x = T::Register::<I>::load(chunk);
    // NaN compares false with itself.
    x.select_ge(x, T::exp::<I>(x), x).store(chunk);
}

#[inline(always)]
fn exp_slice_body<I: Isa, T: Scalar>(x: &mut [T]) {
    let mut chunks = x.chunks_exact_mut(T::Register::<I>::N);
    for chunk in &mut chunks {
        exp_register::<I, T>(chunk);
    }
    let rest = chunks.into_remainder();
    let mut padded = [T::ZERO; 16];
    padded[..rest.len()].copy_from_slice(rest);
    exp_register::<I, T>(&mut padded);
    rest.copy_from_slice(&padded[..rest.len()]);
}

multiversion! {
    /// Replaces each element by its exponential.
    pub fn exp_slice<T: Scalar>(x: &mut [T]) => exp_slice_body
}
