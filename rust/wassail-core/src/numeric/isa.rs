//! CPU levels: which copy of a kernel runs, decided once per process.

use super::simd::{Array64, Wide};
#[cfg(target_arch = "x86_64")]
use super::simd::{F64x4, F64x8};
use std::sync::OnceLock;

/// A set of instructions a kernel is compiled for.
pub trait Isa {
    /// Whether `mul_add` is one instruction; otherwise it would be a library call.
    const FMA: bool;
    /// Register of f64; its `Narrow` is the register of f32.
    type F64: Wide;
}

/// AVX-512 F, DQ, VL, BW.
pub struct Avx512;
/// AVX2 with FMA.
pub struct Avx2;
/// What the target guarantees.
pub struct Baseline;

#[cfg(target_arch = "x86_64")]
impl Isa for Avx512 {
    const FMA: bool = true;
    type F64 = F64x8;
}
#[cfg(target_arch = "x86_64")]
impl Isa for Avx2 {
    const FMA: bool = true;
    type F64 = F64x4;
}
impl Isa for Baseline {
    const FMA: bool = cfg!(target_arch = "aarch64");
    type F64 = Array64;
}

/// CPU level in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the target guarantees.
    Baseline,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512 F, DQ, VL, BW.
    Avx512,
}

impl Level {
    /// The name that `WASSAIL_ISA` takes.
    pub fn name(self) -> &'static str {
        match self {
            Level::Baseline => "baseline",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn detected() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw");
    match (avx512 && avx2, avx2) {
        (true, _) => Level::Avx512,
        (false, true) => Level::Avx2,
        _ => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detected() -> Level {
    Level::Baseline
}

/// The level in use: the best the CPU has, or the lower one that `WASSAIL_ISA` asks for.
#[inline]
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let best = detected();
        match std::env::var("WASSAIL_ISA").as_deref() {
            Ok("baseline") => Level::Baseline,
            Ok("avx2") => best.min(Level::Avx2),
            _ => best,
        }
    })
}

/// Defines `fn name<T…>(args)` that runs `body::<Isa, T…>(args)` compiled for the CPU level in use.
///
/// The body and all it calls must be `#[inline(always)]`, so that they take on the features of the copy.
#[macro_export]
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<$($t:ident : $bound:path),+>)? ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? => $body:ident) => {
        $(#[$meta])*
        #[allow(unsafe_code)]
        #[inline]
        $vis fn $name $(<$($t: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,bmi1,bmi2")]
                fn avx512 $(<$($t: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
                    $body::<$crate::numeric::isa::Avx512 $($(, $t)+)?>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma,bmi1,bmi2")]
                fn avx2 $(<$($t: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
                    $body::<$crate::numeric::isa::Avx2 $($(, $t)+)?>($($arg),*)
                }
                match $crate::numeric::isa::level() {
                    // SAFETY: `level` reports only what the CPU was detected to have.
                    $crate::numeric::isa::Level::Avx512 => return unsafe { avx512 $(::<$($t),+>)? ($($arg),*) },
                    // SAFETY: as above.
                    $crate::numeric::isa::Level::Avx2 => return unsafe { avx2 $(::<$($t),+>)? ($($arg),*) },
                    $crate::numeric::isa::Level::Baseline => {}
                }
            }
            $body::<$crate::numeric::isa::Baseline $($(, $t)+)?>($($arg),*)
        }
    };
}
