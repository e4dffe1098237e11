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
    /// acc ⊕ contribution of (y − x).
    fn step<I: Isa>(self, acc: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I>;
}

/// What becomes of the finished sum.
pub trait Finish<T: Scalar>: Copy {
    /// The cost.
    fn finish<I: Isa>(self, sum: T::Register<I>) -> T::Register<I>;
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
/// Differences to a power.
#[derive(Clone, Copy)]
pub struct Power<T>(pub T);
/// Products, for the matrix-product form.
#[derive(Clone, Copy)]
pub struct Product;

macro_rules! step {
    ($name:ident, |$self:ident, $acc:ident, $x:ident, $y:ident| $value:expr) => {
        impl<T: Scalar> Step<T> for $name {
            #[inline(always)]
            fn step<I: Isa>($self, $acc: T::Register<I>, $x: T::Register<I>, $y: T::Register<I>) -> T::Register<I> {
                $value
            }
        }
    };
}

step!(Square, |self, acc, x, y| {
    let t = y.sub(x);
    t.fma(t, acc)
});
step!(Absolute, |self, acc, x, y| acc.add(y.sub(x).abs()));
step!(Largest, |self, acc, x, y| acc.max(y.sub(x).abs()));
step!(Product, |self, acc, x, y| x.fma(y, acc));

impl<T: Scalar> Step<T> for Power<T> {
    #[inline(always)]
    fn step<I: Isa>(self, acc: T::Register<I>, x: T::Register<I>, y: T::Register<I>) -> T::Register<I> {
        acc.add(power::<I, T>(y.sub(x).abs(), self.0))
    }
}

/// The sum times a factor, not below 0 (the matrix-product form can round below).
#[derive(Clone, Copy)]
pub struct Scaled<T>(pub T);
/// Its square root.
#[derive(Clone, Copy)]
pub struct Root;
/// Its power.
#[derive(Clone, Copy)]
pub struct Powered<T>(pub T);

impl<T: Scalar> Finish<T> for Scaled<T> {
    #[inline(always)]
    fn finish<I: Isa>(self, sum: T::Register<I>) -> T::Register<I> {
        sum.mul(T::Register::<I>::splat(self.0)).max(T::Register::<I>::splat(T::ZERO))
    }
}
impl<T: Scalar> Finish<T> for Root {
    #[inline(always)]
    fn finish<I: Isa>(self, sum: T::Register<I>) -> T::Register<I> {
        sum.sqrt()
    }
}
impl<T: Scalar> Finish<T> for Powered<T> {
    #[inline(always)]
    fn finish<I: Isa>(self, sum: T::Register<I>) -> T::Register<I> {
        power::<I, T>(sum, self.0)
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
