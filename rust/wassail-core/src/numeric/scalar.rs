//! The two storage types, f32 and f64, behind one trait.

use super::exp::{exp_v32, exp_v64};
use super::exp2::{exp2_minus_v32, exp2_minus_v64};
use super::isa::Isa;
use super::log::{ln_f32, ln_f64};
use super::simd::{Vector, Wide};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A floating point type of costs and exponentials. Sums and potentials are f64 always.
pub trait Scalar:
    Copy
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Sum
    + Default
    + std::fmt::Debug
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Row sums of exponentials outside [1/SAFE, SAFE] are recomputed with a new reference.
    const SAFE: f64;
    /// Relative rounding error of one operation.
    const UNIT: f64;
    /// Smallest normal number.
    const LEAST: Self;
    /// A quarter of the largest number: its inverse is normal.
    const MOST: Self;
    /// Rounds to this type.
    fn from_f64(x: f64) -> Self;
    /// Widens.
    fn to_f64(self) -> f64;
    /// x·y + z, fused where the CPU level has it.
    fn fma<I: Isa>(self, y: Self, z: Self) -> Self;
    /// The register of a CPU level.
    type Register<I: Isa>: Vector<Elem = Self>;
    /// Exponential; NaN gives 0 (kernels check their sums instead).
    fn exp<I: Isa>(x: Self::Register<I>) -> Self::Register<I>;
    /// 2^(−q) of q ≥ 0, at least the smallest normal number; NaN gives that. `NEAR` says that q is at most `Self::NEAR`.
    fn exp2_minus<I: Isa, const NEAR: bool>(q: Self::Register<I>) -> Self::Register<I>;
    /// Some q whose 2^(−q) is a normal number.
    const NEAR: f64;
    /// As many elements as an f64 register holds, widened.
    fn load_wide<I: Isa>(from: &[Self]) -> I::F64;
    /// f64 registers (one per f64 register that fills `Register`) rounded to this type.
    fn round<I: Isa>(from: [I::F64; 2]) -> Self::Register<I>;
    /// f64 registers per register of this type.
    const WIDE: usize;
    /// Natural logarithm.
    fn ln<I: Isa>(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The larger one.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    /// The smaller one.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
}

macro_rules! scalar {
    ($t:ty, $safe:expr, $near:expr, $exp:ident, $exp2:ident, $ln:ident, $register:ty, $wide:literal, $load:ident, |$pair:ident| $round:expr) => {
        impl Scalar for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const SAFE: f64 = $safe;
            const UNIT: f64 = <$t>::EPSILON as f64;
            const LEAST: Self = <$t>::MIN_POSITIVE;
            const MOST: Self = <$t>::MAX / 4.0;
            const WIDE: usize = $wide;
            type Register<I: Isa> = $register;
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn fma<I: Isa>(self, y: Self, z: Self) -> Self {
                if I::FMA { self.mul_add(y, z) } else { self * y + z }
            }
            #[inline(always)]
            fn exp<I: Isa>(x: Self::Register<I>) -> Self::Register<I> {
                $exp(x)
            }
            #[inline(always)]
            fn exp2_minus<I: Isa, const NEAR: bool>(q: Self::Register<I>) -> Self::Register<I> {
                $exp2::<_, NEAR>(q)
            }
            const NEAR: f64 = $near;
            #[inline(always)]
            fn load_wide<I: Isa>(from: &[Self]) -> I::F64 {
                I::F64::$load(from)
            }
            #[inline(always)]
            fn round<I: Isa>($pair: [I::F64; 2]) -> Self::Register<I> {
                $round
            }
            #[inline(always)]
            fn ln<I: Isa>(self) -> Self {
                $ln::<I>(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
        }
    };
}

scalar!(f32, 1e28, 120.0, exp_v32, exp2_minus_v32, ln_f32, <I::F64 as Wide>::Narrow, 2, load_narrow, |pair| {
    Wide::narrow(pair[0], pair[1])
});
scalar!(f64, 1e100, 1000.0, exp_v64, exp2_minus_v64, ln_f64, I::F64, 1, load, |pair| pair[0]);
