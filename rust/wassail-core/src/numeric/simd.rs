//! Registers of each CPU level behind one small trait.
//!
//! Plain loops over arrays lose their vectorization where a register block is held across a loop (measured: 4 to 8 times
//! slower distance tiles), so the kernels name their registers; everything else stays plain loops.
#![allow(unsafe_code)]

use std::fmt::Debug;

/// A register of `N` elements. Methods are to be called from code compiled for the level only (see `multiversion!`).
pub trait Vector: Copy + Debug {
    /// Element type.
    type Elem: Copy;
    /// Elements in a register.
    const N: usize;
    /// All elements equal.
    fn splat(x: Self::Elem) -> Self;
    /// The first `N` elements of a slice.
    fn load(from: &[Self::Elem]) -> Self;
    /// Writes to the first `N` elements of a slice.
    fn store(self, to: &mut [Self::Elem]);
    /// self + o.
    fn add(self, o: Self) -> Self;
    /// self − o.
    fn sub(self, o: Self) -> Self;
    /// self · o.
    fn mul(self, o: Self) -> Self;
    /// self · y + z, fused where the level has it.
    fn fma(self, y: Self, z: Self) -> Self;
    /// z − self · y, fused where the level has it.
    fn fnma(self, y: Self, z: Self) -> Self;
    /// Elementwise maximum; `o` where either is NaN.
    fn max(self, o: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// 1/√self within 3.5 % for positive normal numbers, from the halved exponent.
    fn rsqrt_guess(self) -> Self;
    /// Whether `scale` overflows to infinity.
    const SATURATES: bool;
    /// self · 2^k for a whole k, given also as the low mantissa bits of `shifted`; the result is normal or overflows.
    fn scale(self, k: Self, shifted: Self) -> Self;
    /// self · 2^k of a result that is normal, k given as the low mantissa bits of `shifted`.
    fn raise(self, shifted: Self) -> Self;
    /// self less the nearest whole number, `shifted` being a magic number whose low mantissa bits hold that.
    fn rest(self, magic: Self, shifted: Self) -> Self {
        self.sub(magic.sub(shifted))
    }
    /// Whether there is `sixteenths`.
    const SIXTEENTHS: bool = false;
    /// self less the nearest sixteenth, as `rest`.
    fn rest_of_sixteenths(self, magic: Self, shifted: Self) -> Self {
        self.rest(magic, shifted)
    }
    /// 2^(k/16) of a result that is normal, k given as the low mantissa bits of self. Entry i of the table holds the bits of
    /// 2^(i/16) less i in the place of the exponent's sixteenths.
    fn sixteenths(self, table: &[Self::Elem; 16]) -> Self {
        let _ = table;
        self
    }
    /// Elementwise minimum; `o` where either is NaN.
    fn min(self, o: Self) -> Self;
    /// `this` where self ≥ bound, else `other` (also for NaN).
    fn select_ge(self, bound: Self, this: Self, other: Self) -> Self;
    /// Whether self ≥ bound everywhere.
    fn all_ge(self, bound: Self) -> bool;
}

/// Vectors of f64 that f32 vectors of twice the elements convert to and from.
pub trait Wide: Vector<Elem = f64> {
    /// The f32 register of the level.
    type Narrow: Vector<Elem = f32>;
    /// `N` f32 elements of a slice, widened.
    fn load_narrow(from: &[f32]) -> Self;
    /// Two registers rounded to f32.
    fn narrow(low: Self, high: Self) -> Self::Narrow;
    /// Sum of the elements, halved again and again.
    fn total(self) -> f64;
}

macro_rules! array_vector {
    ($name:ident, $t:ty, $n:literal, $shift:literal, $guess:literal) => {
        /// Plain array: what the compiler makes of it on the target's guaranteed instructions.
        #[derive(Clone, Copy, Debug)]
        pub struct $name([$t; $n]);
        impl Vector for $name {
            type Elem = $t;
            const N: usize = $n;
            const SATURATES: bool = false;
            #[inline(always)]
            fn splat(x: $t) -> Self {
                Self([x; $n])
            }
            #[inline(always)]
            fn load(from: &[$t]) -> Self {
                Self(std::array::from_fn(|i| from[i]))
            }
            #[inline(always)]
            fn store(self, to: &mut [$t]) {
                to[..$n].copy_from_slice(&self.0);
            }
            #[inline(always)]
            fn add(self, o: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i] + o.0[i]))
            }
            #[inline(always)]
            fn sub(self, o: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i] - o.0[i]))
            }
            #[inline(always)]
            fn mul(self, o: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i] * o.0[i]))
            }
            #[inline(always)]
            fn fma(self, y: Self, z: Self) -> Self {
                Self(std::array::from_fn(|i| {
                    if cfg!(target_arch = "aarch64") {
                        self.0[i].mul_add(y.0[i], z.0[i])
                    } else {
                        self.0[i] * y.0[i] + z.0[i]
                    }
                }))
            }
            #[inline(always)]
            fn fnma(self, y: Self, z: Self) -> Self {
                Self(self.0.map(|v| -v)).fma(y, z)
            }
            #[inline(always)]
            fn max(self, o: Self) -> Self {
                Self(std::array::from_fn(|i| if self.0[i] > o.0[i] { self.0[i] } else { o.0[i] }))
            }
            #[inline(always)]
            fn min(self, o: Self) -> Self {
                Self(std::array::from_fn(|i| if self.0[i] < o.0[i] { self.0[i] } else { o.0[i] }))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(self.0.map(|v| v.sqrt()))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(self.0.map(|v| v.abs()))
            }
            #[inline(always)]
            fn rsqrt_guess(self) -> Self {
                Self(std::array::from_fn(|i| <$t>::from_bits($guess - (self.0[i].to_bits() >> 1))))
            }
            #[inline(always)]
            fn scale(self, _k: Self, shifted: Self) -> Self {
                Self(std::array::from_fn(|i| {
                    <$t>::from_bits(self.0[i].to_bits().wrapping_add(shifted.0[i].to_bits() << $shift))
                }))
            }
            #[inline(always)]
            fn raise(self, shifted: Self) -> Self {
                self.scale(self, shifted)
            }
            #[inline(always)]
            fn select_ge(self, bound: Self, this: Self, other: Self) -> Self {
                Self(std::array::from_fn(|i| if self.0[i] >= bound.0[i] { this.0[i] } else { other.0[i] }))
            }
            #[inline(always)]
            fn all_ge(self, bound: Self) -> bool {
                // No early exit, so that it vectorizes.
                self.0.iter().zip(&bound.0).fold(true, |all, (a, b)| all & (a >= b))
            }
        }
    };
}

array_vector!(Array64, f64, 4, 52, 0x5fe6_eb50_c7b5_37a9_u64);
array_vector!(Array32, f32, 8, 23, 0x5f37_5a86_u32);

impl Wide for Array64 {
    type Narrow = Array32;
    #[inline(always)]
    fn load_narrow(from: &[f32]) -> Self {
        Self(std::array::from_fn(|i| f64::from(from[i])))
    }
    #[inline(always)]
    fn narrow(low: Self, high: Self) -> Array32 {
        Array32(std::array::from_fn(|i| if i < 4 { low.0[i] as f32 } else { high.0[i - 4] as f32 }))
    }
    #[inline(always)]
    fn total(self) -> f64 {
        let [a, b, c, d] = self.0;
        (a + c) + (b + d)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Vector, Wide};
    #[allow(clippy::wildcard_imports)]
    use std::arch::x86_64::*;

    /// What is left after rounding to even, no exception raised.
    const REST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

    macro_rules! register {
        ($name:ident, $inner:ident, $t:ty, $n:literal, $saturates:literal,
         $set1:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident, $fnma:ident, $max:ident, $min:ident, $sqrt:ident,
         |$v:ident| $abs:expr, |$g:ident| $guess:expr, |$m:ident, $k:ident, $s:ident| $scale:expr, |$r:ident, $h:ident| $raise:expr, |$x:ident, $b:ident, $p:ident, $q:ident| $select:expr, |$u:ident, $w:ident| $all:expr, |$n1:ident, $magic:ident, $near:ident| $rest:expr $(, |$e:ident, $t2:ident| $sixteenths:expr, |$n2:ident| $rest16:expr)?) => {
            /// A hardware register.
            #[derive(Clone, Copy, Debug)]
            pub struct $name($inner);
            // SAFETY of every block: these types are reached only through `multiversion!` copies whose CPU level has the instructions;
            // loads and stores check their slice lengths.
            impl Vector for $name {
                type Elem = $t;
                const N: usize = $n;
                const SATURATES: bool = $saturates;
                #[inline(always)]
                fn splat(x: $t) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $set1(x) })
                }
                #[inline(always)]
                fn load(from: &[$t]) -> Self {
                    let from = &from[..$n];
                    // SAFETY: see above.
                    Self(unsafe { $load(from.as_ptr()) })
                }
                #[inline(always)]
                fn store(self, to: &mut [$t]) {
                    let to = &mut to[..$n];
                    // SAFETY: see above.
                    unsafe { $store(to.as_mut_ptr(), self.0) }
                }
                #[inline(always)]
                fn add(self, o: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $add(self.0, o.0) })
                }
                #[inline(always)]
                fn sub(self, o: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $sub(self.0, o.0) })
                }
                #[inline(always)]
                fn mul(self, o: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $mul(self.0, o.0) })
                }
                #[inline(always)]
                fn fma(self, y: Self, z: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $fma(self.0, y.0, z.0) })
                }
                #[inline(always)]
                fn fnma(self, y: Self, z: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $fnma(self.0, y.0, z.0) })
                }
                #[inline(always)]
                fn max(self, o: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $max(self.0, o.0) })
                }
                #[inline(always)]
                fn sqrt(self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $sqrt(self.0) })
                }
                #[inline(always)]
                fn abs(self) -> Self {
                    let $v = self.0;
                    // SAFETY: see above.
                    Self(unsafe { $abs })
                }
                #[inline(always)]
                fn rsqrt_guess(self) -> Self {
                    let $g = self.0;
                    // SAFETY: see above.
                    Self(unsafe { $guess })
                }
                #[inline(always)]
                fn scale(self, k: Self, shifted: Self) -> Self {
                    let ($m, $k, $s) = (self.0, k.0, shifted.0);
                    let _ = ($k, $s);
                    // SAFETY: see above.
                    Self(unsafe { $scale })
                }
                #[inline(always)]
                fn raise(self, shifted: Self) -> Self {
                    let ($r, $h) = (self.0, shifted.0);
                    // SAFETY: see above.
                    Self(unsafe { $raise })
                }
                #[inline(always)]
                fn rest(self, magic: Self, shifted: Self) -> Self {
                    let ($n1, $magic, $near) = (self.0, magic.0, shifted.0);
                    let _ = ($magic, $near);
                    // SAFETY: see above.
                    Self(unsafe { $rest })
                }
                $(
                    #[inline(always)]
                    fn rest_of_sixteenths(self, _: Self, _: Self) -> Self {
                        let $n2 = self.0;
                        // SAFETY: see above.
                        Self(unsafe { $rest16 })
                    }
                    const SIXTEENTHS: bool = true;
                    #[inline(always)]
                    fn sixteenths(self, table: &[$t; 16]) -> Self {
                        let ($e, $t2) = (self.0, table.as_ptr());
                        // SAFETY: see above; the table has 16 entries.
                        Self(unsafe { $sixteenths })
                    }
                )?
                #[inline(always)]
                fn min(self, o: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $min(self.0, o.0) })
                }
                #[inline(always)]
                fn select_ge(self, bound: Self, this: Self, other: Self) -> Self {
                    let ($x, $b, $p, $q) = (self.0, bound.0, this.0, other.0);
                    // SAFETY: see above.
                    Self(unsafe { $select })
                }
                #[inline(always)]
                fn all_ge(self, bound: Self) -> bool {
                    let ($u, $w) = (self.0, bound.0);
                    // SAFETY: see above.
                    unsafe { $all }
                }
            }
        };
    }

    register!(
        F64x8,
        __m512d,
        f64,
        8,
        true,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_fmadd_pd,
        _mm512_fnmadd_pd,
        _mm512_max_pd,
        _mm512_min_pd,
        _mm512_sqrt_pd,
        |v| _mm512_abs_pd(v),
        |v| _mm512_castsi512_pd(_mm512_sub_epi64(
            _mm512_set1_epi64(0x5fe6_eb50_c7b5_37a9),
            _mm512_srli_epi64::<1>(_mm512_castpd_si512(v))
        )),
        |p, k, shifted| _mm512_scalef_pd(p, k),
        |p, shifted| _mm512_castsi512_pd(_mm512_add_epi64(
            _mm512_castpd_si512(p),
            _mm512_slli_epi64::<52>(_mm512_castpd_si512(shifted))
        )),
        |x, b, p, q| _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_GE_OQ>(x, b), q, p),
        |x, b| _mm512_cmp_pd_mask::<_CMP_GE_OQ>(x, b) == 0xff,
        |v, magic, shifted| _mm512_reduce_pd::<REST>(v),
        |shifted, table| {
            let k = _mm512_castpd_si512(shifted);
            let entries = _mm512_permutex2var_pd(_mm512_loadu_pd(table), k, _mm512_loadu_pd(table.add(8)));
            _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(entries), _mm512_slli_epi64::<48>(k)))
        },
        |v| _mm512_reduce_pd::<{ REST | 4 << 4 }>(v)
    );
    register!(
        F32x16,
        __m512,
        f32,
        16,
        true,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_fmadd_ps,
        _mm512_fnmadd_ps,
        _mm512_max_ps,
        _mm512_min_ps,
        _mm512_sqrt_ps,
        |v| _mm512_abs_ps(v),
        |v| _mm512_castsi512_ps(_mm512_sub_epi32(
            _mm512_set1_epi32(0x5f37_5a86),
            _mm512_srli_epi32::<1>(_mm512_castps_si512(v))
        )),
        |p, k, shifted| _mm512_scalef_ps(p, k),
        |p, shifted| _mm512_castsi512_ps(_mm512_add_epi32(
            _mm512_castps_si512(p),
            _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted))
        )),
        |x, b, p, q| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, b), q, p),
        |x, b| _mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, b) == 0xffff,
        |v, magic, shifted| _mm512_reduce_ps::<REST>(v)
    );
    register!(
        F64x4,
        __m256d,
        f64,
        4,
        false,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_fmadd_pd,
        _mm256_fnmadd_pd,
        _mm256_max_pd,
        _mm256_min_pd,
        _mm256_sqrt_pd,
        |v| _mm256_andnot_pd(_mm256_set1_pd(-0.0), v),
        |v| _mm256_castsi256_pd(_mm256_sub_epi64(
            _mm256_set1_epi64x(0x5fe6_eb50_c7b5_37a9),
            _mm256_srli_epi64::<1>(_mm256_castpd_si256(v))
        )),
        |p, k, shifted| _mm256_castsi256_pd(_mm256_add_epi64(
            _mm256_castpd_si256(p),
            _mm256_slli_epi64::<52>(_mm256_castpd_si256(shifted))
        )),
        |p, shifted| _mm256_castsi256_pd(_mm256_add_epi64(
            _mm256_castpd_si256(p),
            _mm256_slli_epi64::<52>(_mm256_castpd_si256(shifted))
        )),
        |x, b, p, q| _mm256_blendv_pd(q, p, _mm256_cmp_pd::<_CMP_GE_OQ>(x, b)),
        |x, b| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(x, b)) == 0xf,
        |v, magic, shifted| _mm256_sub_pd(v, _mm256_sub_pd(magic, shifted))
    );
    register!(
        F32x8,
        __m256,
        f32,
        8,
        false,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps,
        _mm256_fnmadd_ps,
        _mm256_max_ps,
        _mm256_min_ps,
        _mm256_sqrt_ps,
        |v| _mm256_andnot_ps(_mm256_set1_ps(-0.0), v),
        |v| _mm256_castsi256_ps(_mm256_sub_epi32(
            _mm256_set1_epi32(0x5f37_5a86),
            _mm256_srli_epi32::<1>(_mm256_castps_si256(v))
        )),
        |p, k, shifted| _mm256_castsi256_ps(_mm256_add_epi32(
            _mm256_castps_si256(p),
            _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted))
        )),
        |p, shifted| _mm256_castsi256_ps(_mm256_add_epi32(
            _mm256_castps_si256(p),
            _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted))
        )),
        |x, b, p, q| _mm256_blendv_ps(q, p, _mm256_cmp_ps::<_CMP_GE_OQ>(x, b)),
        |x, b| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(x, b)) == 0xff,
        |v, magic, shifted| _mm256_sub_ps(v, _mm256_sub_ps(magic, shifted))
    );

    impl Wide for F64x8 {
        type Narrow = F32x16;
        #[inline(always)]
        fn load_narrow(from: &[f32]) -> Self {
            let from = &from[..8];
            // SAFETY: length checked; AVX-512 copies only.
            Self(unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(from.as_ptr())) })
        }
        #[inline(always)]
        fn narrow(low: Self, high: Self) -> F32x16 {
            // SAFETY: AVX-512 copies only.
            F32x16(unsafe {
                let low = _mm512_castps256_ps512(_mm512_cvtpd_ps(low.0));
                _mm512_insertf32x8::<1>(low, _mm512_cvtpd_ps(high.0))
            })
        }
        #[inline(always)]
        fn total(self) -> f64 {
            // SAFETY: AVX-512 copies only.
            F64x4(unsafe { _mm256_add_pd(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0)) }).total()
        }
    }

    impl Wide for F64x4 {
        type Narrow = F32x8;
        #[inline(always)]
        fn load_narrow(from: &[f32]) -> Self {
            let from = &from[..4];
            // SAFETY: length checked; AVX2 copies only.
            Self(unsafe { _mm256_cvtps_pd(_mm_loadu_ps(from.as_ptr())) })
        }
        #[inline(always)]
        fn narrow(low: Self, high: Self) -> F32x8 {
            // SAFETY: AVX2 copies only.
            F32x8(unsafe { _mm256_set_m128(_mm256_cvtpd_ps(high.0), _mm256_cvtpd_ps(low.0)) })
        }
        #[inline(always)]
        fn total(self) -> f64 {
            // SAFETY: AVX2 copies only.
            unsafe {
                let half = _mm_add_pd(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
                _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)))
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{F32x8, F32x16, F64x4, F64x8};
