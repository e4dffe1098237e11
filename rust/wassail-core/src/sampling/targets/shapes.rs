//! Densities that are hard on samplers.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::lanes::accumulate;

/// Neal's funnel (Ann. Statist. 31 (2003), section 8): v ~ N(0, s²), x_i ~ N(0, e^v); v is the first coordinate.
pub struct Funnel {
    /// d, at least 2.
    pub dim: usize,
    /// s, positive.
    pub scale: f64,
}

#[inline(always)]
fn scaled_body<I: Isa>(x: &[f64], precision: f64, grad: &mut [f64]) -> f64 {
    accumulate::<I, 1>(
        [x],
        grad,
        #[inline(always)]
        |_, [x]| {
            let g = -precision * x;
            (g, g, x)
        },
    )
}

multiversion! {
    /// grad = −p x; −p |x|².
    fn scaled(x: &[f64], precision: f64, grad: &mut [f64]) -> f64 => scaled_body
}

impl LogDensity for Funnel {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let v = x[0];
        let half = 0.5 * (self.dim - 1) as f64;
        let square = 0.5 * scaled(&x[1..], (-v).exp(), &mut grad[1..]);
        let pull = v / (self.scale * self.scale);
        grad[0] = -pull - half - square;
        Ok(-0.5 * v * pull - half * v + square)
    }

    fn work(&self) -> usize {
        20 + self.dim / 4
    }
}

/// Independent pairs u ~ N(1, 1), v | u ~ N(u², q): the u come first, then the v.
pub struct Rosenbrock {
    /// d, even.
    pub dim: usize,
    /// q, positive.
    pub variance: f64,
}

#[inline(always)]
fn valley_body<I: Isa>(u: &[f64], v: &[f64], precision: f64, grads: [&mut [f64]; 2]) -> f64 {
    let [gu, gv] = grads;
    let n = gu.len();
    let (u, v, gv) = (&u[..n], &v[..n], &mut gv[..n]);
    for i in 0..n {
        gv[i] = precision * (u[i] * u[i] - v[i]);
    }
    -0.5 * accumulate::<I, 3>(
        [u, v, gv],
        gu,
        #[inline(always)]
        |_, [u, v, gv]| {
            let (off, bend) = (1.0 - u, u * u - v);
            ((-2.0 * u).fma::<I>(gv, off), 1.0, off.fma::<I>(off, bend * gv))
        },
    )
}

multiversion! {
    fn valley(u: &[f64], v: &[f64], precision: f64, grads: [&mut [f64]; 2]) -> f64 => valley_body
}

impl LogDensity for Rosenbrock {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let (u, v) = x.split_at(self.dim / 2);
        let (gu, gv) = grad.split_at_mut(self.dim / 2);
        Ok(valley(u, v, 1.0 / self.variance, [gu, gv]))
    }

    fn work(&self) -> usize {
        1 + self.dim / 2
    }
}
