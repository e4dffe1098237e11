//! Costs the user stores: any strides, either precision.

use super::{Block, Geometry, TILE};
use crate::error::Result;
use crate::numeric::scalar::Scalar;
use std::ops::Range;

/// A strided view of an (n, m) cost array; `inf` marks a forbidden arc.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a, S> {
    data: &'a [S],
    origin: usize,
    shape: (usize, usize),
    strides: (isize, isize),
}

impl<'a, S: Scalar> Dense<'a, S> {
    /// Entry (i, j) is `data[origin + i * strides.0 + j * strides.1]`, for every i < n and j < m within `data`.
    pub fn new(data: &'a [S], origin: usize, shape: (usize, usize), strides: (isize, isize)) -> Self {
        Self { data, origin, shape, strides }
    }

    /// A C-ordered array.
    pub fn from_rows(data: &'a [S], n: usize, m: usize) -> Self {
        assert_eq!(data.len(), n * m);
        Self::new(data, 0, (n, m), (m as isize, 1))
    }

    fn at(&self, i: usize, j: usize) -> usize {
        (self.origin as isize + i as isize * self.strides.0 + j as isize * self.strides.1) as usize
    }

    fn borrowed(&self, rows: &Range<usize>, cols: &Range<usize>) -> Block<'a, S> {
        Block::new(self.data, self.at(rows.start, cols.start), self.strides.0, cols.len())
    }

    fn converted<'t, T: Scalar>(&self, rows: &Range<usize>, cols: &Range<usize>, scratch: &'t mut [T]) -> Block<'t, T> {
        if self.strides.1 == 1 {
            for (r, i) in rows.clone().enumerate() {
                let start = self.at(i, cols.start);
                let row = &self.data[start..start + cols.len()];
                for (o, v) in scratch[r * TILE..r * TILE + cols.len()].iter_mut().zip(row) {
                    *o = T::from_f64(v.to_f64());
                }
            }
        } else {
            for (c, j) in cols.clone().enumerate() {
                for (r, i) in rows.clone().enumerate() {
                    scratch[r * TILE + c] = T::from_f64(self.data[self.at(i, j)].to_f64());
                }
            }
        }
        Block::new(scratch, 0, TILE as isize, cols.len())
    }

    fn swapped(&self) -> Self {
        let ((n, m), (r, c)) = (self.shape, self.strides);
        Self { shape: (m, n), strides: (c, r), ..*self }
    }

    /// Whether columns rather than rows are contiguous.
    pub fn is_column_major(&self) -> bool {
        self.strides.1 != 1 && self.strides.0 == 1
    }
}

macro_rules! dense {
    ($s:ty, $single:literal, $block32:ident, $block64:ident) => {
        impl Geometry for Dense<'_, $s> {
            fn shape(&self) -> (usize, usize) {
                self.shape
            }
            fn is_single(&self) -> bool {
                $single
            }
            fn is_stored(&self) -> bool {
                true
            }
            fn is_column_major(&self) -> bool {
                Dense::is_column_major(self)
            }
            fn transposed(&self) -> Box<dyn Geometry + '_> {
                Box::new(self.swapped())
            }
            fn prepare(&self, _single: bool) -> Result<()> {
                Ok(())
            }
            fn block_f32<'t>(
                &'t self,
                rows: Range<usize>,
                cols: Range<usize>,
                scratch: &'t mut [f32],
            ) -> Block<'t, f32> {
                self.$block32(&rows, &cols, scratch)
            }
            fn block_f64<'t>(
                &'t self,
                rows: Range<usize>,
                cols: Range<usize>,
                scratch: &'t mut [f64],
            ) -> Block<'t, f64> {
                self.$block64(&rows, &cols, scratch)
            }
        }

        impl Dense<'_, $s> {
            fn native<'t>(&'t self, rows: &Range<usize>, cols: &Range<usize>, scratch: &'t mut [$s]) -> Block<'t, $s> {
                if self.strides.1 == 1 { self.borrowed(rows, cols) } else { self.converted(rows, cols, scratch) }
            }
        }
    };
}

dense!(f32, true, native, converted);
dense!(f64, false, converted, native);
