//! What a tile is made of.

use super::margins::Margins;
use super::table::{ROWS, STRIDE, add_rows};
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
    extent: f64,
}

impl<'a, T> Rows<'a, T> {
    /// Row r is `data[r * pitch..][..pitch]`. `extent` is that of the cloud, or infinite.
    pub fn new(data: &'a [T], pitch: usize, extent: f64) -> Self {
        Self { data, pitch, offset: 0, width: pitch, extent }
    }

    /// Largest sum of the squares of a point's features, or more.
    pub fn extent(&self) -> f64 {
        self.extent
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
    extent: f64,
}

impl<'a, T> Panels<'a, T> {
    /// Feature k of lane l of panel p is `data[(p * pitch + k) * LANES + l]`. `extent` is that of the cloud, or infinite.
    pub fn new(data: &'a [T], pitch: usize, extent: f64) -> Self {
        Self { data, pitch, offset: 0, width: pitch, extent }
    }

    /// Largest sum of the squares of a point's features, or more.
    pub fn extent(&self) -> f64 {
        self.extent
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
    /// Adds the values of rows against panels to sums of both.
    fn fold(
        kernel: &dyn Kernel,
        x: Rows<'_, Self>,
        y: Panels<'_, Self>,
        spare: &mut [Self],
        margins: &mut Margins<'_, Self>,
    ) -> Result<()>;
    /// sums_r += Σ_j w_j k(r, j) over whole panels; `tile` has room for the values, `STRIDE` a row.
    fn add_rows(
        kernel: &dyn Kernel,
        x: Rows<'_, Self>,
        y: Panels<'_, Self>,
        weights: &[f64],
        tile: &mut [Self],
        sums: &mut [f64],
    ) -> Result<()>;
    /// Values of a radial kernel at squared distances.
    fn values(kernel: &dyn Radial, q: &mut [Self]);
    /// Values and derivatives of a radial kernel.
    fn jets(kernel: &dyn Radial, q: &mut [Self], first: &mut [Self], second: &mut [Self]);
}

/// Sum of the lanes of a row.
fn total(lanes: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for some in lanes.chunks_exact(8) {
        sums.iter_mut().zip(some).for_each(|(s, v)| *s += v);
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

/// Registers do not cross the lines of the cache.
#[repr(align(64))]
struct Lanes([f64; ROWS * LANES]);

impl Real for f32 {
    fn tile(kernel: &dyn Kernel, x: Rows<'_, f32>, y: Panels<'_, f32>, out: &mut [f32], stride: usize) -> Result<()> {
        kernel.tile_f32(x, y, out, stride)
    }

    fn fold(
        kernel: &dyn Kernel,
        x: Rows<'_, f32>,
        y: Panels<'_, f32>,
        spare: &mut [f32],
        margins: &mut Margins<'_, f32>,
    ) -> Result<()> {
        kernel.fold_f32(x, y, spare, margins)
    }

    fn add_rows(
        kernel: &dyn Kernel,
        x: Rows<'_, f32>,
        y: Panels<'_, f32>,
        weights: &[f64],
        tile: &mut [f32],
        sums: &mut [f64],
    ) -> Result<()> {
        // Sums are f64 always.
        kernel.tile_f32(x, y, tile, STRIDE)?;
        add_rows(tile, weights, sums);
        Ok(())
    }

    fn values(kernel: &dyn Radial, q: &mut [f32]) {
        kernel.values_f32(q);
    }

    fn jets(kernel: &dyn Radial, q: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        kernel.jets_f32(q, first, second);
    }
}

impl Real for f64 {
    fn tile(kernel: &dyn Kernel, x: Rows<'_, f64>, y: Panels<'_, f64>, out: &mut [f64], stride: usize) -> Result<()> {
        kernel.tile_f64(x, y, out, stride)
    }

    fn fold(
        kernel: &dyn Kernel,
        x: Rows<'_, f64>,
        y: Panels<'_, f64>,
        spare: &mut [f64],
        margins: &mut Margins<'_, f64>,
    ) -> Result<()> {
        kernel.fold_f64(x, y, spare, margins)
    }

    fn add_rows(
        kernel: &dyn Kernel,
        x: Rows<'_, f64>,
        y: Panels<'_, f64>,
        weights: &[f64],
        tile: &mut [f64],
        sums: &mut [f64],
    ) -> Result<()> {
        let mut lanes = Lanes([0.0; ROWS * LANES]);
        let mut margins =
            Margins { rows: &mut lanes.0, pitch: LANES, weights, columns: &mut [], marked: &mut [], marks: &[] };
        kernel.fold_f64(x, y, tile, &mut margins)?;
        for (sum, lanes) in sums.iter_mut().zip(lanes.0.chunks(LANES)) {
            *sum += total(lanes);
        }
        Ok(())
    }

    fn values(kernel: &dyn Radial, q: &mut [f64]) {
        kernel.values_f64(q);
    }

    fn jets(kernel: &dyn Radial, q: &mut [f64], first: &mut [f64], second: &mut [f64]) {
        kernel.jets_f64(q, first, second);
    }
}
