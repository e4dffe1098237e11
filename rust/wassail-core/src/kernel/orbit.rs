//! Kernels averaged over a finite group of orthogonal maps: (1/|G|) Σ_g k(x, g y).

use super::{Kernel, Panels, Real, Rows};
use crate::error::{Result, try_zeroed};
use crate::numeric::lanes::LANES;
use std::sync::Arc;

/// The average of a kernel with k(g x, g y) = k(x, y). A point has its features and then those of its images, of which the one
/// under the first map, the identity, stands for itself.
pub struct Orbit {
    base: Arc<dyn Kernel>,
    dim: usize,
    maps: Vec<f64>,
}

impl Orbit {
    /// Matrices of maps of R^dim, one after the other, the first one the identity.
    pub fn new(base: Arc<dyn Kernel>, dim: usize, maps: Vec<f64>) -> Self {
        Self { base, dim, maps }
    }

    fn order(&self) -> usize {
        self.maps.len() / (self.dim * self.dim)
    }

    fn tile<T: Real>(&self, x: Rows<'_, T>, y: Panels<'_, T>, out: &mut [T], stride: usize) -> Result<()> {
        let (order, size) = (self.order(), x.width() / self.order());
        let mut spare = try_zeroed((x.len() - 1) * stride + y.len() * LANES)?;
        T::tile(&*self.base, x.part(0, size), y.part(0, size), out, stride)?;
        for g in 1..order {
            T::tile(&*self.base, x.part(0, size), y.part(g * size, size), &mut spare, stride)?;
            for (out, spare) in out.chunks_mut(stride).zip(spare.chunks(stride)).take(x.len()) {
                out.iter_mut().zip(spare).take(y.len() * LANES).for_each(|(o, &v)| *o += v);
            }
        }
        let share = T::from_f64(1.0 / order as f64);
        for out in out.chunks_mut(stride).take(x.len()) {
            out.iter_mut().take(y.len() * LANES).for_each(|o| *o = *o * share);
        }
        Ok(())
    }
}

impl Kernel for Orbit {
    fn width(&self, d: usize) -> usize {
        self.order() * self.base.width(d)
    }

    fn pack(&self, point: &[f64], features: &mut [f64]) {
        let mut image = vec![0.0; point.len()];
        let size = features.len() / self.order();
        for (map, features) in self.maps.chunks_exact(self.dim * self.dim).zip(features.chunks_exact_mut(size)) {
            // The scores of Stein kernels turn with the points.
            for (part, image) in point.chunks_exact(self.dim).zip(image.chunks_exact_mut(self.dim)) {
                for (row, image) in map.chunks_exact(self.dim).zip(image) {
                    *image = row.iter().zip(part).map(|(m, p)| m * p).sum();
                }
            }
            self.base.pack(&image, features);
        }
    }

    fn diagonal(&self, point: &[f64]) -> f64 {
        let width = self.width(point.len());
        let mut features = vec![0.0; width];
        self.pack(point, &mut features);
        let mut panel = vec![0.0; width * LANES];
        panel.chunks_exact_mut(LANES).zip(&features).for_each(|(lanes, &f)| lanes[0] = f);
        let mut values = [0.0; LANES];
        let done = self.tile(
            Rows::new(&features, width, f64::INFINITY),
            Panels::new(&panel, width, f64::INFINITY),
            &mut values,
            LANES,
        );
        if done.is_ok() { values[0] } else { f64::NAN }
    }

    fn is_stationary(&self) -> bool {
        false
    }

    fn work(&self, d: usize) -> usize {
        self.order() * self.base.work(d)
    }

    fn error_f32(&self, d: usize) -> f64 {
        self.base.error_f32(d)
    }

    fn tile_f64(&self, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride)
    }

    fn tile_f32(&self, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        self.tile(x, y, out, stride)
    }
}
