//! Natural logarithm: branch-free, so that loops over it vectorize.
//!
//! x = 2^k m with m in [√½, √2), f = m − 1, s = f / (2 + f), and
//! log m = f − f²/2 + s (f²/2 + z L(z)) with z = s² and L minimax. Subnormals are rescaled by integer
//! operations, so that flush-to-zero modes change nothing.

use super::isa::Isa;
use super::scalar::Scalar;
use crate::multiversion;

const LN2_HI: f64 = 0.693_147_180_369_123_8;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
const L64: [f64; 7] = [
    0.666_666_666_666_672_6,
    0.399_999_999_994_552_9,
    0.285_714_287_348_445_4,
    0.222_221_992_431_132_08,
    0.181_835_335_121_291_35,
    0.153_147_588_885_948_95,
    0.147_895_130_814_660_24,
];

/// Natural logarithm of a positive normal number times 2^shift.
#[inline(always)]
fn ln_scaled<I: Isa>(normal: u64, shift: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    // Exponent relative to √½, as a float by the 1.5·2^52 trick.
    let offset = normal.wrapping_sub(SQRT_HALF);
    let k_bits = ((offset as i64) >> 52) as u64;
    let k = f64::from_bits(k_bits.wrapping_add(0x4338_0000_0000_0000)) - 6_755_399_441_055_744.0;
    let m = f64::from_bits(normal.wrapping_sub(k_bits << 52));
    let k = k + shift;
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut l = L64[6];
    for i in (0..6).rev() {
        l = l.fma::<I>(z, L64[i]);
    }
    let half = 0.5 * f * f;
    let tail = s.fma::<I>(z.fma::<I>(l, half), k * LN2_LO);
    k.fma::<I>(LN2_HI, f - (half - tail))
}

/// Natural logarithm of a positive normal number.
#[inline(always)]
pub fn ln_normal<I: Isa>(x: f64) -> f64 {
    ln_scaled::<I>(x.to_bits(), 0.0)
}

/// Natural logarithm for f64: −inf at ±0, NaN below.
#[inline(always)]
pub fn ln_f64<I: Isa>(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    let bits = x.to_bits();
    let subnormal = (bits >> 52) & 0x7ff == 0;
    // A subnormal is its mantissa times 2^-1074: make that integer a float without reading x as one.
    let widened = (f64::from_bits((bits & MANTISSA) | TWO_52) - 4_503_599_627_370_496.0).to_bits();
    let normal = if subnormal { widened } else { bits };
    let value = ln_scaled::<I>(normal, if subnormal { -1074.0 } else { 0.0 });
    // Zero is told by the widened mantissa: DAZ would read a subnormal itself as 0.
    let zero = subnormal && f64::from_bits(widened) == 0.0;
    let special = bits >= 0x7ff0_0000_0000_0000;
    let edge = if bits == 0x7ff0_0000_0000_0000 { f64::INFINITY } else { f64::NAN };
    let value = if special { edge } else { value };
    if zero { f64::NEG_INFINITY } else { value }
}

const LN2_HI32: f32 = 0.693_115_23;
const LN2_LO32: f32 = 3.194_618_5e-5;
const L32: [f32; 4] = [0.666_666_7, 0.400_003_3, 0.285_376_07, 0.235_774_93];

/// Natural logarithm for f32: −inf at ±0, NaN below.
#[inline(always)]
pub fn ln_f32<I: Isa>(x: f32) -> f32 {
    const MANTISSA: u32 = (1 << 23) - 1;
    const TWO_23: u32 = 0x4b00_0000;
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let bits = x.to_bits();
    let subnormal = (bits >> 23) & 0xff == 0;
    let widened = (f32::from_bits((bits & MANTISSA) | TWO_23) - 8_388_608.0).to_bits();
    let normal = if subnormal { widened } else { bits };
    let shift = if subnormal { -149.0 } else { 0.0 };
    let offset = normal.wrapping_sub(SQRT_HALF);
    let k_bits = (offset as i32) >> 23;
    let m = f32::from_bits(normal.wrapping_sub((k_bits as u32) << 23));
    let k = k_bits as f32 + shift;
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut l = L32[3];
    for i in (0..3).rev() {
        l = l.fma::<I>(z, L32[i]);
    }
    let half = 0.5 * f * f;
    let tail = s.fma::<I>(z.fma::<I>(l, half), k * LN2_LO32);
    let value = k.fma::<I>(LN2_HI32, f - (half - tail));
    let zero = subnormal && f32::from_bits(widened) == 0.0;
    let special = bits >= 0x7f80_0000;
    let edge = if bits == 0x7f80_0000 { f32::INFINITY } else { f32::NAN };
    let value = if special { edge } else { value };
    if zero { f32::NEG_INFINITY } else { value }
}

#[inline(always)]
fn ln_slice_body<I: Isa, T: Scalar>(x: &mut [T]) {
    for v in x {
        *v = v.ln::<I>();
    }
}

multiversion! {
    /// Replaces each element by its natural logarithm.
    pub fn ln_slice<T: Scalar>(x: &mut [T]) => ln_slice_body
}
