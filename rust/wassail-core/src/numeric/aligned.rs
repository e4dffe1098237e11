//! Buffers that start with a cache line: registers that cross lines take twice the time.

use crate::error::{Result, try_zeroed};
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line.
const LINE: usize = 64;

/// A buffer of fixed length. It must not be resized or cloned as a `Vec` is, which would move it.
#[derive(Debug)]
pub struct Aligned<T> {
    buffer: Vec<T>,
    /// Elements before the first line that starts in the buffer.
    skip: usize,
    len: usize,
}

impl<T: Clone + Default> Aligned<T> {
    /// A zeroed one, or an error where there is no memory.
    pub fn zeroed(len: usize) -> Result<Self> {
        let room = LINE / size_of::<T>();
        let buffer: Vec<T> = try_zeroed(len.saturating_add(room))?;
        let skip = buffer.as_ptr().align_offset(LINE).min(room);
        Ok(Self { buffer, skip, len })
    }

    /// A copy.
    pub fn of(elements: &[T]) -> Result<Self> {
        let mut out = Self::zeroed(elements.len())?;
        out.clone_from_slice(elements);
        Ok(out)
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.buffer[self.skip..][..self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.buffer[self.skip..][..self.len]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn they_start_with_a_line() {
        for len in [0, 1, 7, 64, 1000] {
            let mut buffer = Aligned::<f64>::zeroed(len).unwrap();
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % LINE), (len, 0));
            buffer.fill(1.0);
            assert_eq!(buffer.iter().sum::<f64>(), len as f64);
            let copy = Aligned::of(&buffer).unwrap();
            assert_eq!((&copy[..], copy.as_ptr() as usize % LINE), (&buffer[..], 0));
        }
        assert!(Aligned::<f64>::zeroed(usize::MAX).is_err());
    }
}
