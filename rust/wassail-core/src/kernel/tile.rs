//! What a tile is made of.

use super::{Kernel, Radial};
use crate::error::Result;
use crate::numeric::lanes::LANES;
use crate::numeric::scalar::Scalar;

/// Features of some points, point by point.
#[derive(Clone, Copy)]
pub struct Rows<'a, T> {
    data: &'a [T],
    pitch: usize,
    offset: usize,
    width: usize,
}

impl<'a, T> Rows<'a, T> {
    /// Row r is `data[r * pitch..][..pitch]`.
    pub fn new(data: &'a [T], pitch: usize) -> Self {
        Self { data, pitch, offset: 0, width: pitch }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.data.len() / self.pitch
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Features of row r.
    #[inline(always)]
    pub fn row(&self, r: usize) -> &'a [T] {
        &self.data[r * self.pitch + self.offset..][..self.width]
    }

    /// Features of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The features of one part of a composed kernel.
    pub fn part(self, offset: usize, width: usize) -> Self {
        Self { offset: self.offset + offset, width, ..self }
    }
}

/// Features of some points, `LANES` points a panel, feature by feature.
#[derive(Clone, Copy)]
pub struct Panels<'a, T> {
    data: &'a [T],
    pitch: usize,
    offset: usize,
    width: usize,
}

impl<'a, T> Panels<'a, T> {
    /// Feature k of lane l of panel p is `data[(p * pitch + k) * LANES + l]`.
    pub fn new(data: &'a [T], pitch: usize) -> Self {
        Self { data, pitch, offset: 0, width: pitch }
    }

    /// Number of panels.
    pub fn len(&self) -> usize {
        self.data.len() / (self.pitch * LANES)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Features of panel p: feature k of lane l at `[k * LANES + l]`.
    #[inline(always)]
    pub fn panel(&self, p: usize) -> &'a [T] {
        &self.data[(p * self.pitch + self.offset) * LANES..][..self.width * LANES]
    }

    /// The features of one part of a composed kernel.
    pub fn part(self, offset: usize, width: usize) -> Self {
        Self { offset: self.offset + offset, width, ..self }
    }
}

/// A scalar type that tiles come in.
pub trait Real: Scalar {
    /// Values of rows against panels.
    fn tile(kernel: &dyn Kernel, x: Rows<'_, Self>, y: Panels<'_, Self>, out: &mut [Self], stride: usize)
    -> Result<()>;
    /// Values and derivatives of a radial kernel.
    fn jets(kernel: &dyn Radial, q: &mut [Self], first: &mut [Self], second: &mut [Self]);
}

impl Real for f32 {
    fn tile(kernel: &dyn Kernel, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        kernel.tile_f32(x, y, out, stride)
    }

    fn jets(kernel: &dyn Radial, q: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        kernel.jets_f32(q, first, second);
    }
}

impl Real for f64 {
    fn tile(kernel: &dyn Kernel, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        kernel.tile_f64(x, y, out, stride)
    }

    fn jets(kernel: &dyn Radial, q: &mut [f64], first: &mut [f64], second: &mut [f64]) {
        kernel.jets_f64(q, first, second);
    }
}
