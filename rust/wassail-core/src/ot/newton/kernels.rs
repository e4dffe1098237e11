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

/// What a whole block holds below its bounds, and whether it holds anything else.
#[inline(always)]
fn whole_block<I: Isa>(p: &[f64], cut: &[f64], top: I::F64) -> (f64, bool) {
    let zero = I::F64::splat(0.0);
    let (mut below, mut above) = (zero, zero);
    let mut j = 0;
    while j < BLOCK {
        let entry = I::F64::load(&p[j..]);
        let low = entry.select_ge(I::F64::load(&cut[j..]).min(top), zero, entry);
        below = below.add(low);
        above = above.add(entry.sub(low));
        j += I::F64::N;
    }
    let (mut low, mut high) = ([0.0; 8], [0.0; 8]);
    below.store(&mut low);
    above.store(&mut high);
    let (mut sum, mut kept) = (0.0, 0.0);
    for l in 0..8 {
        sum += low[l];
        kept += high[l];
    }
    (sum, kept > 0.0)
}

#[inline(always)]
fn keep_body<I: Isa>(p: &[f64], cut: &[f64], top: f64, kept: &mut Vec<u32>, sums: &mut Vec<f64>) {
    let cut = &cut[..p.len()];
    let wide = I::F64::splat(top);
    let mut start = 0;
    while start < p.len() {
        let end = if start + BLOCK < p.len() { start + BLOCK } else { p.len() };
        let (mut sum, mut any) = (0.0, true);
        if end - start == BLOCK {
            (sum, any) = whole_block::<I>(&p[start..end], &cut[start..end], wide);
        } else {
            for j in start..end {
                sum += below(p[j], cut[j], top);
            }
        }
        sums.push(sum);
        if any {
            // Without a branch: which entries are large is not to be foretold.
            let (mut places, mut count) = ([0; BLOCK], 0);
            for j in start..end {
                places[count % BLOCK] = j as u32;
                count += (p[j] > below(p[j], cut[j], top)) as usize;
            }
            kept.extend_from_slice(&places[..count]);
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
