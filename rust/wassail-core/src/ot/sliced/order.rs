//! Sorting permutations of floats: scattered by their place in the range, then only what collided is compared.
//!
//! A key of 64 bits holds the place in its upper half and the index in its lower half. The map from values to places
//! is monotone in floating point too, so that the order of places never contradicts that of values.

use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::ot::kernels::summarize;

/// Below this many values comparisons are faster than counting.
const SMALL: usize = 512;
/// Bits of a digit.
const DIGIT: u32 = 11;
const BUCKETS: usize = 1 << DIGIT;
/// Up to here two digits leave few collisions.
const TWO_DIGITS: usize = 1 << 17;
/// Elements between two looks at the monitor.
const SLICE: usize = 1 << 20;

/// Buffers of a sort, kept between calls.
#[derive(Default)]
pub struct Sorter {
    keys: Vec<u64>,
    spare: Vec<u64>,
    column: Vec<f64>,
}

impl Sorter {
    /// Keys in ascending order of the values (ties: of the index); the index is in the lower half.
    pub fn sort(&mut self, values: &[f64], monitor: &dyn Monitor) -> Result<&[u64]> {
        let n = values.len();
        if self.keys.len() < n {
            self.keys = try_zeroed(n)?;
            self.spare = try_zeroed(n)?;
            self.column = try_zeroed(n)?;
        }
        let keys = &mut self.keys[..n];
        for (i, key) in keys.iter_mut().enumerate() {
            *key = i as u64;
        }
        self.column[..n].copy_from_slice(values);
        Job { values, monitor }.run(keys, &mut self.spare[..n], &mut self.column[..n])?;
        Ok(&self.keys[..n])
    }
}

/// The index of a key.
#[inline]
pub fn index(key: u64) -> usize {
    (key & u64::from(u32::MAX)) as usize
}

struct Job<'a> {
    values: &'a [f64],
    monitor: &'a dyn Monitor,
}

impl Job<'_> {
    /// Sorts keys that stand in order of their indices; `column` holds their values.
    fn run(&self, keys: &mut [u64], spare: &mut [u64], column: &mut [f64]) -> Result<()> {
        self.monitor.check()?;
        if keys.len() < SMALL {
            self.compare(keys);
            return Ok(());
        }
        let range = summarize(column);
        if range.min == range.max {
            return Ok(());
        }
        let bits = if keys.len() <= TWO_DIGITS { 2 * DIGIT } else { 32 };
        let scale = ((1u64 << bits) - 1) as f64 / (range.max - range.min);
        if !scale.is_finite() {
            self.compare(keys);
            return Ok(());
        }
        for (key, v) in keys.iter_mut().zip(&*column) {
            *key = u64::from(((v - range.min) * scale) as u32) << 32 | index(*key) as u64;
        }
        self.scatter(keys, spare, bits)?;
        self.settle(keys, spare, column)
    }

    /// By value, then by index.
    fn compare(&self, keys: &mut [u64]) {
        keys.sort_unstable_by(|&p, &q| {
            let (i, j) = (index(p), index(q));
            self.values[i].total_cmp(&self.values[j]).then(i.cmp(&j))
        });
    }

    /// Counting sort by the digits of the place, lowest first.
    fn scatter(&self, keys: &mut [u64], spare: &mut [u64], bits: u32) -> Result<()> {
        let digits = bits.div_ceil(DIGIT) as usize;
        let mut counts = vec![[0usize; BUCKETS]; digits];
        for key in &*keys {
            for (k, count) in counts.iter_mut().enumerate() {
                count[digit(*key, k)] += 1;
            }
        }
        let (mut from, mut to) = (keys, spare);
        for (k, count) in counts.iter_mut().enumerate() {
            let mut start = 0;
            for c in &mut *count {
                start += std::mem::replace(c, start);
            }
            for part in from.chunks(SLICE) {
                self.monitor.check()?;
                for &key in part {
                    let place = &mut count[digit(key, k)];
                    to[*place] = key;
                    *place += 1;
                }
            }
            std::mem::swap(&mut from, &mut to);
        }
        if digits % 2 == 1 {
            to.copy_from_slice(from);
        }
        Ok(())
    }

    /// Sorts what shares a place, with places of its own where it is much.
    fn settle(&self, keys: &mut [u64], spare: &mut [u64], column: &mut [f64]) -> Result<()> {
        let mut start = 0;
        while start < keys.len() {
            let place = keys[start] >> 32;
            let mut end = start + 1;
            while end < keys.len() && keys[end] >> 32 == place {
                end += 1;
            }
            match end - start {
                1 => {}
                2..SMALL => self.compare(&mut keys[start..end]),
                _ => {
                    let (keys, column) = (&mut keys[start..end], &mut column[start..end]);
                    for (v, key) in column.iter_mut().zip(&*keys) {
                        *v = self.values[index(*key)];
                    }
                    self.run(keys, &mut spare[start..end], column)?;
                }
            }
            start = end;
        }
        Ok(())
    }
}

#[inline]
fn digit(key: u64, k: usize) -> usize {
    (key >> (32 + DIGIT * k as u32)) as usize % BUCKETS
}
