//! Products of Laplace and normal laws: −Σ a_i |x_i − m_i| − ½ Σ b_i (x_i − m_i)².

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::sampling::density::{DensityError, LogDensity};
use crate::sampling::lanes::accumulate;

/// An elastic net: independent coordinates with a kink at their centers.
pub struct ElasticNet {
    /// m.
    pub center: Vec<f64>,
    /// a, not negative.
    pub absolute: Vec<f64>,
    /// b, not negative.
    pub square: Vec<f64>,
}

#[inline(always)]
fn net_body<I: Isa>(x: &[f64], center: &[f64], absolute: &[f64], square: &[f64], grad: &mut [f64]) -> f64 {
    accumulate::<I, 4>(
        [x, center, absolute, square],
        grad,
        #[inline(always)]
        |_, [x, center, absolute, square]| {
            let off = x - center;
            let kink = if off > 0.0 { absolute } else { -absolute };
            let kink = if off == 0.0 { 0.0 } else { kink };
            let pull = square * off;
            (-kink - pull, -off, 0.5f64.fma::<I>(pull, kink))
        },
    )
}

multiversion! {
    fn net(x: &[f64], center: &[f64], absolute: &[f64], square: &[f64], grad: &mut [f64]) -> f64 => net_body
}

impl LogDensity for ElasticNet {
    fn dim(&self) -> usize {
        self.center.len()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        Ok(net(x, &self.center, &self.absolute, &self.square, grad))
    }

    fn work(&self) -> usize {
        1 + self.center.len() / 2
    }
}
