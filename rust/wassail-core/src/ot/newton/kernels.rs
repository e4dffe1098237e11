//! Row kernels of the sparse stand-in.

use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;

/// Entries that are looked at together.
pub const BLOCK: usize = 32;

/// What p holds below min(top, cut).
#[inline(always)]
fn below(p: f64, cut: f64, top: f64) -> f64 {
    let bound = if cut < top { cut } else { top };
    if p < bound { p } else { 0.0 }
}

/// What a whole block holds below its bounds, and a bit for each entry that is not.
#[inline(always)]
fn whole_block<I: Isa>(p: &[f64], cut: &[f64], top: I::F64) -> (f64, u32) {
    let zero = I::F64::splat(0.0);
    let mut below = zero;
    let mut above = [0.0; BLOCK];
    let mut j = 0;
    while j < BLOCK {
        let entry = I::F64::load(&p[j..]);
        let low = entry.select_ge(I::F64::load(&cut[j..]).min(top), zero, entry);
        below = below.add(low);
        entry.sub(low).store(&mut above[j..]);
        j += I::F64::N;
    }
    let mut low = [0.0; 8];
    below.store(&mut low);
    let (mut sum, mut bits) = (0.0, 0);
    for l in 0..8 {
        sum += low[l];
    }
    for l in 0..BLOCK {
        bits |= u32::from(above[l] > 0.0) << l;
    }
    (sum, bits)
}

#[inline(always)]
fn keep_body<I: Isa>(p: &[f64], cut: &[f64], top: f64, kept: &mut Vec<u32>, sums: &mut Vec<f64>) {
    let cut = &cut[..p.len()];
    let wide = I::F64::splat(top);
    let mut start = 0;
    while start < p.len() {
        let end = if start + BLOCK < p.len() { start + BLOCK } else { p.len() };
        let (mut sum, mut bits) = (0.0, 0u32);
        if end - start == BLOCK {
            (sum, bits) = whole_block::<I>(&p[start..end], &cut[start..end], wide);
        } else {
            for j in start..end {
                let low = below(p[j], cut[j], top);
                sum += low;
                bits |= u32::from(p[j] > low) << (j - start);
            }
        }
        sums.push(sum);
        while bits != 0 {
            kept.push(start as u32 + bits.trailing_zeros());
            bits &= bits - 1;
        }
        start = end;
    }
}

multiversion! {
    /// Adds the places where p_j ≥ min(top, cut_j) to `kept`, and what the others hold to `sums`, block by block.
    pub fn keep(p: &[f64], cut: &[f64], top: f64, kept: &mut Vec<u32>, sums: &mut Vec<f64>) => keep_body
}

/// Systematic sampling of the places that `keep` drops: one for each of `first`, `first + spacing`, … up to their sum.
pub fn draw(p: &[f64], cut: &[f64], top: f64, sums: &[f64], first: f64, spacing: f64, drawn: &mut Vec<u32>) {
    let (mut next, mut before) = (first, 0.0);
    for (block, sum) in sums.iter().enumerate() {
        let end = before + sum;
        let mut at = before;
        if end >= next {
            for j in block * BLOCK..p.len().min((block + 1) * BLOCK) {
                let low = below(p[j], cut[j], top);
                at += low;
                while low > 0.0 && at >= next {
                    drawn.push(j as u32);
                    next += spacing;
                }
            }
        }
        before = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_kept_or_summed() {
        for n in [5, BLOCK, 3 * BLOCK + 7] {
            // Every third entry at its bound, the others above or below it.
            let cut: Vec<f64> = (0..n).map(|j| 1.0 + (j % 7) as f64).collect();
            let p: Vec<f64> = cut.iter().enumerate().map(|(j, c)| c.min(5.0) * [1.0, 0.5, 1.5][j % 3]).collect();
            let (mut kept, mut sums) = (Vec::new(), Vec::new());
            keep(&p, &cut, 5.0, &mut kept, &mut sums);
            let places: Vec<u32> = (0..n as u32).filter(|j| j % 3 != 1).collect();
            assert_eq!(kept, places);
            for (block, sum) in sums.iter().enumerate() {
                let rest = (block * BLOCK..n.min((block + 1) * BLOCK)).filter(|j| j % 3 == 1);
                assert_eq!(*sum, rest.map(|j| p[j]).sum::<f64>());
            }
        }
    }
}
