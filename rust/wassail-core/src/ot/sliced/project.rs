//! Projections of points onto directions, sixteen directions at a time.

use super::{Coordinates, Problem};
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::numeric::simd::Vector;
use crate::parallel::{chunks, map_chunks};
use std::ops::Range;

/// Directions of a panel: two AVX-512 registers, four of AVX2.
pub const LANES: usize = 16;
/// Points that are centered together.
const ROWS: usize = 16;
/// Coordinates of a chunk.
const CHUNK: usize = 1 << 16;

/// Ranges of points that are worked on by one thread, at most `most`.
pub fn ranges(n: usize, d: usize, most: usize) -> Vec<Range<usize>> {
    chunks(n, ROWS * (CHUNK / (ROWS * d)).max(1), most)
}

/// Blocks of at most `ROWS` points.
pub fn blocks(rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = rows.end;
    rows.clone().step_by(ROWS).map(move |start| start..(start + ROWS).min(end))
}

/// Centered and scaled points of a block, and zeros up to the next multiple of four points.
pub struct Centered {
    d: usize,
    values: Vec<f64>,
}

impl Centered {
    /// Room for a block.
    pub fn new(d: usize) -> Result<Self> {
        Ok(Self { d, values: try_zeroed(ROWS * d)? })
    }

    /// Reads a block.
    pub fn read(&mut self, points: Coordinates<'_>, problem: &Problem<'_>, rows: &Range<usize>) {
        let used = rows.len() * self.d;
        let at = rows.start * self.d..rows.end * self.d;
        match points {
            Coordinates::Single(p) => center(&p[at], problem, &mut self.values[..used]),
            Coordinates::Double(p) => center(&p[at], problem, &mut self.values[..used]),
        }
        self.values[used..].fill(0.0);
    }

    /// Point r of the block.
    pub fn row(&self, r: usize) -> &[f64] {
        &self.values[r * self.d..][..self.d]
    }
}

fn center<S: Scalar>(points: &[S], problem: &Problem<'_>, out: &mut [f64]) {
    let d = problem.center.len();
    for (out, point) in out.chunks_exact_mut(d).zip(points.chunks_exact(d)) {
        for ((o, v), c) in out.iter_mut().zip(point).zip(problem.center) {
            *o = v.to_f64() * problem.scale - c;
        }
    }
}

/// out[l * n + i] = ⟨point i, direction l⟩.
pub fn project(
    points: Coordinates<'_>,
    problem: &Problem<'_>,
    directions: &[f64],
    out: &mut [f64],
    monitor: &dyn Monitor,
) -> Result<()> {
    let d = problem.center.len();
    let n = points.len() / d;
    let panels = pack(directions, d)?;
    let pieces = cut(out, n, &ranges(n, d, usize::MAX));
    map_chunks(pieces, monitor, |(rows, mut out)| {
        let mut block = Centered::new(d)?;
        let mut tile = [0.0; ROWS * LANES];
        for part in blocks(&rows) {
            block.read(points, problem, &part);
            let at = part.start - rows.start;
            for (panel, out) in panels.chunks_exact(d * LANES).zip(out.chunks_mut(LANES)) {
                multiply(&block.values, panel, &mut tile);
                for (l, out) in out.iter_mut().enumerate() {
                    for (r, o) in out[at..at + part.len()].iter_mut().enumerate() {
                        *o = tile[r * LANES + l];
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Directions in panels, coordinate by coordinate, the last panel padded with zeros.
fn pack(directions: &[f64], d: usize) -> Result<Vec<f64>> {
    let count = directions.len() / d;
    let mut panels = try_zeroed(count.div_ceil(LANES) * LANES * d)?;
    for (l, direction) in directions.chunks_exact(d).enumerate() {
        let base = l / LANES * LANES * d + l % LANES;
        for (k, &v) in direction.iter().enumerate() {
            panels[base + k * LANES] = v;
        }
    }
    Ok(panels)
}

/// The part of each row of `out`, n values long, that belongs to each range.
pub fn cut<'a>(out: &'a mut [f64], n: usize, ranges: &[Range<usize>]) -> Vec<(Range<usize>, Vec<&'a mut [f64]>)> {
    let mut pieces: Vec<_> = ranges.iter().map(|rows| (rows.clone(), Vec::new())).collect();
    for row in out.chunks_exact_mut(n) {
        let mut rest = row;
        for (rows, parts) in &mut pieces {
            let (head, tail) = rest.split_at_mut(rows.len());
            parts.push(head);
            rest = tail;
        }
    }
    pieces
}

#[inline(always)]
fn multiply_body<I: Isa>(points: &[f64], panel: &[f64], out: &mut [f64; ROWS * LANES]) {
    let d = panel.len() / LANES;
    let width = I::F64::N;
    for r in (0..ROWS).step_by(4) {
        let x: [&[f64]; 4] = std::array::from_fn(|i| &points[(r + i) * d..(r + i + 1) * d]);
        let mut lane = 0;
        while lane < LANES {
            let mut acc = [[I::F64::splat(0.0); 2]; 4];
            for k in 0..d {
                let theta = &panel[k * LANES + lane..k * LANES + lane + 2 * width];
                let theta = [I::F64::load(theta), I::F64::load(&theta[width..])];
                for i in 0..4 {
                    let v = I::F64::splat(x[i][k]);
                    acc[i][0] = theta[0].fma(v, acc[i][0]);
                    acc[i][1] = theta[1].fma(v, acc[i][1]);
                }
            }
            for i in 0..4 {
                let out = &mut out[(r + i) * LANES + lane..][..2 * width];
                acc[i][0].store(out);
                acc[i][1].store(&mut out[width..]);
            }
            lane += 2 * width;
        }
    }
}

multiversion! {
    /// Products of `ROWS` points with the directions of a panel.
    fn multiply(points: &[f64], panel: &[f64], out: &mut [f64; ROWS * LANES]) => multiply_body
}
