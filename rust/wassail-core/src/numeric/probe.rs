//! Loops that run at a limit of the machine, for benchmarks.

use super::isa::Isa;
use super::scalar::Scalar;
use super::simd::Vector;
use crate::multiversion;
use std::hint::black_box;

/// Independent chains: enough to hide the latency of two fused units.
const CHAINS: usize = 12;

#[inline(always)]
fn fma_chain_body<I: Isa, T: Scalar>(count: usize) -> T {
    let factor = T::Register::<I>::splat(black_box(T::from_f64(0.5)));
    let term = T::Register::<I>::splat(black_box(T::ONE));
    let mut acc = [term; CHAINS];
    for _ in 0..count.div_ceil(CHAINS * T::Register::<I>::N) {
        for a in &mut acc {
            *a = a.fma(factor, term);
        }
    }
    let mut lanes = [T::ZERO; 16];
    acc.iter().skip(1).fold(acc[0], |s, a| s.add(*a)).store(&mut lanes);
    lanes[0]
}

multiversion! {
    /// At least `count` scalar multiply-adds in registers.
    pub fn fma_chain<T: Scalar>(count: usize) -> T => fma_chain_body
}

#[inline(always)]
fn total_body<I: Isa>(values: &[f64]) -> f64 {
    let width = I::F64::N;
    let mut acc = [I::F64::splat(0.0); 8];
    let mut chunks = values.chunks_exact(8 * width);
    for chunk in &mut chunks {
        for (u, a) in acc.iter_mut().enumerate() {
            *a = a.add(I::F64::load(&chunk[u * width..]));
        }
    }
    let mut lanes = [0.0; 16];
    acc.iter().skip(1).fold(acc[0], |s, a| s.add(*a)).store(&mut lanes);
    lanes.iter().sum::<f64>() + chunks.remainder().iter().sum::<f64>()
}

multiversion! {
    /// Sum at the speed of memory.
    pub fn total(values: &[f64]) -> f64 => total_body
}

#[inline(always)]
fn stream_body<I: Isa>(from: [&[f64]; 4], out: &mut [f64]) {
    let (n, [a, b, c, d]) = (out.len(), from);
    let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
    for i in 0..n {
        out[i] = b[i].fma::<I>(c[i], a[i] * d[i]);
    }
}

multiversion! {
    /// An array made of four.
    pub fn stream(from: [&[f64]; 4], out: &mut [f64]) => stream_body
}
