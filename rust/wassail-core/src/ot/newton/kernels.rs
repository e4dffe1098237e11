//! Row kernels of the sparsified plan.

use crate::multiversion;
use crate::numeric::isa::Isa;

/// Entries that are looked at together.
const WIDTH: usize = 8;

/// What p holds below min(top, cut).
#[inline(always)]
fn below(p: f64, cut: f64, top: f64) -> f64 {
    let bound = if cut < top { cut } else { top };
    if p < bound { p } else { 0.0 }
}

#[inline(always)]
fn keep_body<I: Isa>(p: &[f64], cut: &[f64], top: f64, kept: &mut Vec<u32>) -> f64 {
    let cut = &cut[..p.len()];
    let mut lanes = [0.0; WIDTH];
    let ((p_whole, p_rest), (c_whole, c_rest)) = (p.as_chunks::<WIDTH>(), cut.as_chunks::<WIDTH>());
    for (at, (p, c)) in p_whole.iter().zip(c_whole).enumerate() {
        let mut dropped = [0.0; WIDTH];
        let mut above = 0.0;
        for l in 0..WIDTH {
            dropped[l] = below(p[l], c[l], top);
            lanes[l] += dropped[l];
        }
        for l in 0..WIDTH {
            above += p[l] - dropped[l];
        }
        if above > 0.0 {
            for l in 0..WIDTH {
                if p[l] > dropped[l] {
                    kept.push((at * WIDTH + l) as u32);
                }
            }
        }
    }
    let start = p.len() - p_rest.len();
    for (l, (p, c)) in p_rest.iter().zip(c_rest).enumerate() {
        let dropped = below(*p, *c, top);
        lanes[l] += dropped;
        if *p > dropped {
            kept.push((start + l) as u32);
        }
    }
    lanes.iter().sum()
}

multiversion! {
    /// Adds the places where p_j ≥ min(top, cut_j) to `kept` and returns what the others hold.
    pub fn keep(p: &[f64], cut: &[f64], top: f64, kept: &mut Vec<u32>) -> f64 => keep_body
}

#[inline(always)]
fn draw_body<I: Isa>(p: &[f64], cut: &[f64], top: f64, first: f64, spacing: f64, drawn: &mut Vec<u32>) {
    let mut next = first;
    let mut sum = 0.0;
    for (at, (p, c)) in p.chunks(WIDTH).zip(cut.chunks(WIDTH)).enumerate() {
        let mut lanes = [0.0; WIDTH];
        for ((lane, p), c) in lanes.iter_mut().zip(p).zip(c) {
            *lane = below(*p, *c, top);
        }
        let block: f64 = lanes.iter().sum();
        if sum + block < next {
            sum += block;
            continue;
        }
        for (l, lane) in lanes.iter().enumerate() {
            sum += lane;
            while *lane > 0.0 && sum >= next {
                drawn.push((at * WIDTH + l) as u32);
                next += spacing;
            }
        }
    }
}

multiversion! {
    /// Systematic sampling of the places that `keep` drops: one for each of `first`, `first + spacing`, … up to their sum.
    pub fn draw(p: &[f64], cut: &[f64], top: f64, first: f64, spacing: f64, drawn: &mut Vec<u32>) => draw_body
}
