//! Student's t, of vectors and of independent coordinates.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::lanes::accumulate;
use std::sync::Arc;

/// −½(ν + d) log(1 + q/ν) of a quadratic form q.
pub struct Student {
    /// −q/2 and its gradient: a Gaussian.
    pub gaussian: Arc<dyn LogDensity>,
    /// ν, positive.
    pub freedom: f64,
}

impl LogDensity for Student {
    fn dim(&self) -> usize {
        self.gaussian.dim()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let ratio = -2.0 * self.gaussian.value_and_grad(x, grad)? / self.freedom;
        let power = self.freedom + self.dim() as f64;
        let factor = power / self.freedom / (1.0 + ratio);
        grad.iter_mut().for_each(|g| *g *= factor);
        Ok(-0.5 * power * ratio.ln_1p())
    }

    fn work(&self) -> usize {
        self.gaussian.work() + 20 + self.dim() / 8
    }
}

/// −½(ν + 1) Σ log(1 + (x_i − m_i)²/(ν s_i²)).
pub struct StudentProduct {
    /// m.
    pub location: Vec<f64>,
    /// 1/s, positive.
    pub rate: Vec<f64>,
    /// ν, positive.
    pub freedom: f64,
}

#[inline(always)]
fn product_body<I: Isa>(x: &[f64], location: &[f64], rate: &[f64], freedom: f64, grad: &mut [f64]) -> f64 {
    let (inverse, slope) = (1.0 / freedom, -(freedom + 1.0) / freedom);
    let logs = accumulate::<I, 3>(
        [x, location, rate],
        grad,
        #[inline(always)]
        |_, [x, location, rate]| {
            let z = (x - location) * rate;
            let u = (z * inverse).fma::<I>(z, 1.0);
            (slope * rate * z / u, 1.0, Scalar::ln::<I>(u))
        },
    );
    -0.5 * (freedom + 1.0) * logs
}

multiversion! {
    fn product(x: &[f64], location: &[f64], rate: &[f64], freedom: f64, grad: &mut [f64]) -> f64 => product_body
}

impl LogDensity for StudentProduct {
    fn dim(&self) -> usize {
        self.location.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        Ok(product(x, &self.location, &self.rate, self.freedom, grad))
    }

    fn work(&self) -> usize {
        1 + 3 * self.location.len()
    }
}
