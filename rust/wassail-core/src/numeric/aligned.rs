//! Arrays that start at a cache line: the widest registers are as long, and one that straddles two lines takes two accesses.

use crate::error::{Result, try_zeroed};
use std::ops::{Deref, DerefMut};

/// Numbers in a cache line.
const LINE: usize = 8;

/// Numbers that start at a cache line.
pub struct Aligned {
    buffer: Vec<f64>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// Zeros, or an error where there is not enough memory.
    pub fn zeroed(len: usize) -> Result<Self> {
        let buffer: Vec<f64> = try_zeroed(len.saturating_add(LINE - 1))?;
        let start = buffer.as_ptr().align_offset(LINE * size_of::<f64>()).min(LINE - 1);
        Ok(Self { buffer, start, len })
    }

    /// A copy.
    pub fn of(numbers: &[f64]) -> Result<Self> {
        let mut out = Self::zeroed(numbers.len())?;
        out.copy_from_slice(numbers);
        Ok(out)
    }
}

impl Deref for Aligned {
    type Target = [f64];

    #[inline]
    fn deref(&self) -> &[f64] {
        &self.buffer[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.buffer[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::Aligned;

    #[test]
    fn starts_at_a_line_and_keeps_its_numbers() {
        for len in [0, 1, 7, 8, 100, 100_000] {
            let numbers: Vec<f64> = (0..len).map(f64::from).collect();
            let copy = Aligned::of(&numbers).expect("memory");
            assert_eq!(copy[..], numbers[..]);
            assert_eq!(copy.as_ptr() as usize % 64, 0);
        }
        assert!(Aligned::zeroed(usize::MAX).is_err());
    }
}
