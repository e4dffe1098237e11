//! Ground metrics: how a coordinate difference is accumulated, and what becomes of the sum.

use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;

/// Ground cost between two points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// |x − y|², not halved.
    SqEuclidean,
    /// |x − y|.
    Euclidean,
    /// Σ_k |x_k − y_k|.
    Cityblock,
    /// 1 − cos(x, y), computed as half the squared distance of the unit vectors.
    Cosine,
    /// (Σ_k |x_k − y_k|^p)^(power / p); p = ∞ takes the largest difference.
    PNorm {
        /// Order of the norm.
        p: f64,
        /// Power of the norm.
        power: f64,
    },
}

impl Metric {
    /// Whether the cost is a sum of squared differences up to a factor, so that it is also a matrix product.
    pub fn is_quadratic(self) -> bool {
        matches!(self, Metric::SqEuclidean | Metric::Cosine)
    }
}

/// One coordinate's contribution to the running sum.
pub trait Step<T: Scalar>: Copy {
    /// Whether `step` wants the inverse of the largest difference, found in a pass of its own.
    const RELATIVE: bool = false;
    /// acc ⊕ contribution of (y − x).
    fn step<I: Isa>(
        self,
        acc: T::Register<I>,
        x: T::Register<I>,
        y: T::Register<I>,
        inverse: T::Register<I>,
    ) -> T::Register<I>;
}

/// What becomes of the finished sum.
pub trait Finish<T: Scalar>: Copy {
    /// The cost; `largest` is the largest difference if the step was relative.
    fn finish<I: Isa>(self, sum: T::Register<I>, largest: T::Register<I>) -> T::Register<I>;
}

/// Squared differences.
#[derive(Clone, Copy)]
pub struct Square;
/// Absolute differences.
#[derive(Clone, Copy)]
pub struct Absolute;
/// Largest difference.
#[derive(Clone, Copy)]
pub struct Largest;
/// Differences to a power, over the largest: their own powers leave the range of floats even where the norm is an
/// ordinary number (0.5^2000), and for large orders or small powers of the norm that is the whole cost.
#[derive(Clone, Copy)]
pub struct RelativePower<T>(pub T);
/// Squared differences, over the largest.
#[derive(Clone, Copy)]
pub struct RelativeSquare;
/// Products, for the matrix-product form.
#[derive(Clone, Copy)]
pub struct Product;

macro_rules! step {
    ($name:ident, |$acc:ident, $x:ident, $y:ident| $value:expr) => {
        impl<T: Scalar> Step<T> for $name {
            #[inline(always)]
            fn step<I: Isa>(
                self,
                $acc: T::Register<I>,
                $x: T::Register<I>,
                $y: T::Register<I>,
                _: T::Register<I>,
            ) -> T::Register<I> {
                $value
            }
        }
    };
}

step!(Square, |acc, x, y| {
    let t = y.sub(x);
    t.fma(t, acc)
});
step!(Absolute, |acc, x, y| acc.add(y.sub(x).abs()));
step!(Largest, |acc, x, y| acc.max(y.sub(x).abs()));
step!(Product, |acc, x, y| x.fma(y, acc));

macro_rules! relative_step {
    ($name:ty, |$self:ident, $ratio:ident| $value:expr) => {
        impl<T: Scalar> Step<T> for $name {
            const RELATIVE: bool = true;
            #[inline(always)]
            fn step<I: Isa>(
                $self,
                acc: T::Register<I>,
                x: T::Register<I>,
                y: T::Register<I>,
                inverse: T::Register<I>,
            ) -> T::Register<I> {
                let $ratio = y.sub(x).abs().mul(inverse);
                acc.add($value)
            }
        }
    };
}

relative_step!(RelativePower<T>, |self, ratio| power::<I, T>(ratio, self.0));
relative_step!(RelativeSquare, |self, ratio| ratio.mul(ratio));

/// The sum times a factor.
#[derive(Clone, Copy)]
pub struct Scaled<T>(pub T);
/// Its square root.
#[derive(Clone, Copy)]
pub struct Root;
/// Its power.
#[derive(Clone, Copy)]
pub struct Powered<T>(pub T);
/// A relative sum to the power `inner`, times the largest difference to the power of the norm.
#[derive(Clone, Copy)]
pub struct Rescaled<T> {
    /// Power of the norm.
    pub power: T,
    /// The same over the order.
    pub inner: T,
}

impl<T: Scalar> Finish<T> for Scaled<T> {
    #[inline(always)]
    fn finish<I: Isa>(self, sum: T::Register<I>, _: T::Register<I>) -> T::Register<I> {
        sum.mul(T::Register::<I>::splat(self.0))
    }
}
impl<T: Scalar> Finish<T> for Root {
    #[inline(always)]
    fn finish<I: Isa>(self, sum: T::Register<I>, _: T::Register<I>) -> T::Register<I> {
        sum.sqrt()
    }
}
impl<T: Scalar> Finish<T> for Powered<T> {
    #[inline(always)]
    fn finish<I: Isa>(self, sum: T::Register<I>, _: T::Register<I>) -> T::Register<I> {
        power::<I, T>(sum, self.0)
    }
}

impl<T: Scalar> Finish<T> for Rescaled<T> {
    #[inline(always)]
    fn finish<I: Isa>(self, sum: T::Register<I>, largest: T::Register<I>) -> T::Register<I> {
        let outer = if self.power == T::ONE { largest } else { power::<I, T>(largest, self.power) };
        let inner = if self.inner == T::ONE { sum } else { power::<I, T>(sum, self.inner) };
        outer.mul(inner)
    }
}

/// base^exponent for base ≥ 0 and exponent > 0; 0 stays 0.
#[inline(always)]
fn power<I: Isa, T: Scalar>(base: T::Register<I>, exponent: T) -> T::Register<I> {
    let mut lanes = [T::ZERO; 16];
    base.store(&mut lanes);
    for v in &mut lanes[..T::Register::<I>::N] {
        *v = v.ln::<I>() * exponent;
    }
    T::exp::<I>(T::Register::<I>::load(&lanes))
}
