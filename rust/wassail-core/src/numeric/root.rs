//! Inverse square roots by Newton's method: the same bits on every CPU of a level, at a fraction of a division's time.

use super::scalar::Scalar;
use super::simd::Vector;

/// 1/√x within 2 ulp, for positive normal x.
#[inline(always)]
pub fn rsqrt<T: Scalar, V: Vector<Elem = T>>(x: V) -> V {
    // 3.5e-2, then 1e-4 and 1e-12 by cubic steps; f64 takes a quadratic one more.
    let y = cubic(x, cubic(x, x.rsqrt_guess()));
    if T::UNIT > 1e-10 { y } else { y.fma(residual(x, y).mul(V::splat(T::from_f64(0.5))), y) }
}

/// 1 − x y².
#[inline(always)]
fn residual<T: Scalar, V: Vector<Elem = T>>(x: V, y: V) -> V {
    x.mul(y).fnma(y, V::splat(T::ONE))
}

/// y (1 + h/2 + 3h²/8).
#[inline(always)]
fn cubic<T: Scalar, V: Vector<Elem = T>>(x: V, y: V) -> V {
    let h = residual(x, y);
    let series = h.fma(V::splat(T::from_f64(0.375)), V::splat(T::from_f64(0.5)));
    y.fma(h.mul(series), y)
}
