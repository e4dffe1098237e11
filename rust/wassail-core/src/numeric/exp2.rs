//! 2^(−q) of q ≥ 0 for kernels, whose features carry the factor log₂ e: no reduction by ln 2, and one clamp for all ranges.
//!
//! q = k + f with k whole and |f| ≤ ½, 2^(−f) = 1 + f p(f) with p minimax (relative error 3.4e-18 in f64, 9.1e-8 in f32); AVX-512
//! has k in sixteenths from a table and |f| ≤ 1/32 (7.0e-18). 2^0 is exactly 1.

use super::simd::Vector;

const P64: [f64; 11] = [
    -std::f64::consts::LN_2,
    0.240_226_506_959_101_3,
    -0.055_504_108_664_820_084,
    0.009_618_129_107_594_12,
    -0.001_333_355_814_677_463,
    0.000_154_035_304_571_122_1,
    -1.525_273_349_311_038e-5,
    1.321_543_528_219_328e-6,
    -1.017_819_958_043_482_4e-7,
    7.073_783_277_083_125e-9,
    -4.434_769_938_408_383e-10,
];

const SHORT64: [f64; 6] = [
    -0.693_147_180_559_946_8,
    0.240_226_506_959_099_08,
    -0.055_504_108_652_133_61,
    0.009_618_129_112_179_855,
    -0.001_333_381_852_613_615_6,
    0.000_154_033_491_727_439_5,
];

/// Bits of 2^(i/16) − (i << 48).
#[allow(clippy::unreadable_literal)] // they are bits
const TABLE64: [f64; 16] = [
    f64::from_bits(0x3ff0000000000000),
    f64::from_bits(0x3fefb5586cf9890f),
    f64::from_bits(0x3fef72b83c7d517b),
    f64::from_bits(0x3fef387a6e756238),
    f64::from_bits(0x3fef06fe0a31b715),
    f64::from_bits(0x3feedea64c123422),
    f64::from_bits(0x3feebfdad5362a27),
    f64::from_bits(0x3feeab07dd485429),
    f64::from_bits(0x3feea09e667f3bcd),
    f64::from_bits(0x3feea11473eb0187),
    f64::from_bits(0x3feeace5422aa0db),
    f64::from_bits(0x3feec49182a3f090),
    f64::from_bits(0x3feee89f995ad3ad),
    f64::from_bits(0x3fef199bdd85529c),
    f64::from_bits(0x3fef5818dcfba487),
    f64::from_bits(0x3fefa4afa2a490da),
];

/// 1.5·2^52, and the same for sixteenths: adding it leaves round(x) in the low mantissa bits.
const MAGIC64: f64 = 6_755_399_441_055_744.0;
const MAGIC64_16: f64 = 422_212_465_065_984.0;
const MOST64: f64 = 1022.0;

#[allow(clippy::approx_constant)] // nearly, not quite: it is minimax
const P32: [f32; 5] = [-0.693_147, 0.240_222_42, -0.055_507_336, 0.009_671_513, -0.001_326_472_6];
/// 1.5·2^23.
const MAGIC32: f32 = 12_582_912.0;
const MOST32: f32 = 126.0;

/// 2^(−q) of an f64 register, within 2 ulp; `NEAR` says that q is at most `Scalar::NEAR`.
#[inline(always)]
pub fn exp2_minus_v64<V: Vector<Elem = f64>, const NEAR: bool>(q: V) -> V {
    let q = if NEAR { q } else { q.min(V::splat(MOST64)) };
    if !V::SIXTEENTHS {
        return reduced(q, V::splat(MAGIC64), &P64, V::splat(1.0));
    }
    let magic = V::splat(MAGIC64_16);
    let shifted = magic.sub(q);
    let f = q.rest_of_sixteenths(magic, shifted);
    let base = shifted.sixteenths(&TABLE64);
    base.fma(horner(f, &SHORT64).mul(f), base)
}

/// 2^(−q) of an f32 register, within 2 ulp; `NEAR` as above.
#[inline(always)]
pub fn exp2_minus_v32<V: Vector<Elem = f32>, const NEAR: bool>(q: V) -> V {
    let q = if NEAR { q } else { q.min(V::splat(MOST32)) };
    reduced(q, V::splat(MAGIC32), &P32, V::splat(1.0))
}

#[inline(always)]
fn reduced<V: Vector, const N: usize>(q: V, magic: V, p: &[V::Elem; N], one: V) -> V {
    let shifted = magic.sub(q);
    let f = q.rest(magic, shifted);
    horner(f, p).fma(f, one).raise(shifted)
}

#[inline(always)]
fn horner<V: Vector, const N: usize>(f: V, p: &[V::Elem; N]) -> V {
    let mut sum = V::splat(p[N - 1]);
    for i in (0..N - 1).rev() {
        sum = sum.fma(f, V::splat(p[i]));
    }
    sum
}

#[cfg(test)]
mod tests {
    use crate::multiversion;
    use crate::numeric::Scalar;
    use crate::numeric::isa::Isa;
    use crate::numeric::simd::Vector;

    multiversion! {
        fn power<T: Scalar>(q: &mut [T]) => power_body
    }

    multiversion! {
        fn near_power<T: Scalar>(q: &mut [T]) => near_power_body
    }

    #[inline(always)]
    fn power_body<I: Isa, T: Scalar>(q: &mut [T]) {
        for q in q.chunks_exact_mut(T::Register::<I>::N) {
            T::exp2_minus::<I, false>(T::Register::<I>::load(q)).store(q);
        }
    }

    #[inline(always)]
    fn near_power_body<I: Isa, T: Scalar>(q: &mut [T]) {
        for q in q.chunks_exact_mut(T::Register::<I>::N) {
            T::exp2_minus::<I, true>(T::Register::<I>::load(q)).store(q);
        }
    }

    fn check<T: Scalar>(most: f64) {
        let given: Vec<T> = (0..160_000).map(|i| T::from_f64(most * (f64::from(i) / 160_000.0).powi(3))).collect();
        let mut found = given.clone();
        power(&mut found);
        let mut near: Vec<T> = given.iter().copied().filter(|q| q.to_f64() <= T::NEAR).collect();
        near.truncate(near.len() / 16 * 16);
        near_power(&mut near);
        assert!(near.iter().zip(&found).all(|(n, f)| n == f));
        for (q, v) in given.iter().zip(&found) {
            let exact = (-q.to_f64()).exp2();
            assert!((v.to_f64() / exact - 1.0).abs() < 1.5 * T::UNIT, "{q:?}");
        }
        let mut edges = [T::ZERO; 16];
        edges[1] = T::from_f64(f64::INFINITY);
        edges[2] = T::from_f64(f64::NAN);
        edges[3] = T::MOST;
        power(&mut edges);
        assert_eq!(edges[0], T::ONE);
        assert!(edges[1..4].iter().all(|&v| v == T::LEAST));
    }

    #[test]
    fn powers_of_two() {
        check::<f64>(1022.0);
        check::<f32>(126.0);
    }
}
