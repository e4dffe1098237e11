//! Times of single kernels on the threads of the current pool, for benchmarks: what a sweep is measured against.

use crate::error::{Result, try_zeroed};
use crate::kernel::{Cloud, Kernel, Real};
use crate::monitor::Monitor;
use crate::numeric::aligned::Aligned;
use crate::numeric::exp::exp_slice;
use crate::numeric::lanes::LANES;
use crate::numeric::probe::{fma_chain, stream, total};
use crate::numeric::scalar::Scalar;
use crate::ot::geometry::{Cost, Geometry, TILE, tiles};
use crate::ot::sweep::{Pair, Stream, Weights, row_chunks};
use crate::ot::tiling::{ROWS, blocks};
use crate::ot::update::Update;
use crate::parallel::map_chunks;
use crate::points::packed::Packed;
use crate::points::tile::fill;
use crate::points::{Coordinates, Metric, Points};
use crate::rng::{Purpose, Stream as Draws};
use crate::sampling::LogDensity;
use std::hint::black_box;
use std::time::Instant;

/// Seconds until `work` has run once on every thread of the pool.
fn on_every_thread(work: impl Fn() + Sync) -> f64 {
    let start = Instant::now();
    if rayon::current_thread_index().is_some() {
        rayon::broadcast(|_| work());
    } else {
        work();
    }
    start.elapsed().as_secs_f64()
}

/// Seconds of `repeats` exponentials of n elements on every thread.
pub fn exp<T: Scalar>(n: usize, repeats: usize, monitor: &dyn Monitor) -> f64 {
    on_every_thread(|| {
        let source: Vec<T> = (0..n).map(|i| T::from_f64(-20.0 * i as f64 / n as f64)).collect();
        let mut x = source.clone();
        for _ in 0..repeats {
            if monitor.cancelled() {
                return;
            }
            x.copy_from_slice(&source);
            exp_slice(black_box(&mut x[..]));
        }
    })
}

/// Seconds of `repeats` times n multiply-adds on every thread.
pub fn fma<T: Scalar>(n: usize, repeats: usize) -> f64 {
    on_every_thread(|| {
        black_box(fma_chain::<T>(n.saturating_mul(repeats)));
    })
}

/// Seconds of `repeats` gradients of points (n, d) on every thread, together or one by one.
pub fn gradient(
    density: &dyn LogDensity,
    points: &[f64],
    repeats: usize,
    together: bool,
    monitor: &dyn Monitor,
) -> f64 {
    let d = density.dim();
    on_every_thread(|| {
        let mut grad = points.to_vec();
        let mut out = vec![Ok(0.0); points.len() / d];
        for _ in 0..repeats {
            if monitor.cancelled() {
                return;
            }
            let points = black_box(points);
            if together {
                density.batch(points, &mut grad, &mut out);
            } else {
                for ((x, grad), out) in points.chunks_exact(d).zip(grad.chunks_exact_mut(d)).zip(&mut out) {
                    *out = density.value_and_grad(x, grad);
                }
            }
            black_box(&out);
        }
    })
}

/// Seconds of `repeats` times n standard normals on every thread.
pub fn normals(n: usize, repeats: usize, monitor: &dyn Monitor) -> f64 {
    on_every_thread(|| {
        let Ok(mut out) = Aligned::zeroed(n) else { return };
        for step in 0..repeats {
            if monitor.cancelled() {
                return;
            }
            Draws::new(1, 0, step as u64).normals(Purpose::Noise, 0, black_box(&mut out[..]));
        }
    })
}

/// Seconds of `repeats` times an array of n numbers made of four on every thread, which then takes the place of one of these: the
/// traffic of a step of a sampler.
pub fn streams(n: usize, repeats: usize, monitor: &dyn Monitor) -> Result<f64> {
    let sets = if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { 1 };
    let mut sets = (0..sets).map(|_| (0..5).map(|_| Aligned::zeroed(n)).collect()).collect::<Result<Vec<Vec<_>>>>()?;
    let start = Instant::now();
    map_chunks(sets.iter_mut().collect(), monitor, |set: &mut Vec<Aligned<f64>>| {
        for _ in 0..repeats {
            monitor.check()?;
            if let [a, b, c, d, out] = &mut set[..] {
                stream([a, b, c, d], out);
            }
            set.swap(0, 4);
        }
        Ok(())
    })?;
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds of `repeats` sums over `bytes` of memory, shared by all threads.
pub fn read(bytes: usize, repeats: usize, monitor: &dyn Monitor) -> Result<f64> {
    let mut data = try_zeroed::<f64>(bytes / 8)?;
    data.fill(1.0);
    let start = Instant::now();
    for _ in 0..repeats {
        map_chunks(data.chunks(1 << 16).collect(), monitor, |part| Ok(black_box(total(part))))?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds of `repeats` tables of n × n squared distances in dimension d, tile by tile into reused memory.
pub fn distance<T: Scalar>(n: usize, d: usize, repeats: usize, monitor: &dyn Monitor) -> Result<f64> {
    // Squares, so that no two points are close.
    let coordinates: Vec<f64> = (0..n * d).map(|i| ((i * i) as f64 * 0.618_034).fract()).collect();
    let points = Points::F64(coordinates.into());
    let packed = Packed::<T>::new(&points, &points, d, Metric::SqEuclidean)?;
    let height = if d > 8 { ROWS } else { 4 };
    let start = Instant::now();
    for _ in 0..repeats {
        map_chunks(row_chunks(n, n), monitor, |rows| {
            let mut tile = vec![T::ZERO; height * TILE];
            for block in blocks(&rows, height) {
                for cols in tiles(n) {
                    fill(&packed, Metric::SqEuclidean, block.clone(), cols, black_box(&mut tile), TILE);
                }
            }
            Ok(())
        })?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds of `repeats` tables of n × n kernel values in dimension d, tile by tile into reused memory.
pub fn kernel<T: Real>(kernel: &dyn Kernel, n: usize, d: usize, repeats: usize, monitor: &dyn Monitor) -> Result<f64> {
    const ROWS: usize = 8;
    const PANELS: usize = 8;
    let coordinates: Vec<f64> = (0..n * d).map(|i| ((i * i) as f64 * 0.618_034).fract()).collect();
    let cloud = Cloud::<T>::new(kernel, Coordinates::Double(&coordinates), d, &vec![0.5; d], 0..n)?;
    let start = Instant::now();
    for _ in 0..repeats {
        map_chunks(row_chunks(n, n), monitor, |rows| {
            let mut tile = vec![T::ZERO; ROWS * PANELS * LANES];
            for block in blocks(&rows, ROWS) {
                for first in (0..n.div_ceil(LANES)).step_by(PANELS) {
                    let panels = cloud.panels(first..(first + PANELS).min(n.div_ceil(LANES)));
                    T::tile(kernel, cloud.rows(block.clone()), panels, black_box(&mut tile), PANELS * LANES)?;
                }
            }
            Ok(())
        })?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds of `repeats` streamed sweeps between uniform weights, after one that is not counted.
pub fn sweep<T: Cost>(geometry: &dyn Geometry, epsilon: f64, repeats: usize, monitor: &dyn Monitor) -> Result<f64> {
    let (n, m) = geometry.shape();
    let (a, b) = (vec![1.0 / n as f64; n], vec![1.0 / m as f64; m]);
    let (mut f, mut softmin) = (vec![0.0; n], vec![0.0; n]);
    let (g, mut mass) = (vec![0.0; m], vec![0.0; m]);
    let rule = Update { epsilon, omega: 1.0, rho: f64::INFINITY };
    let stream = Stream::<T>::new(geometry)?;
    let mut start = Instant::now();
    for round in 0..=repeats {
        let pair = Pair { f: &mut f, g: &g, softmin: &mut softmin, mass: &mut mass };
        stream.sweep(pair, Weights { a: &a, b: &b }, &rule, monitor)?;
        if round == 0 {
            start = Instant::now();
        }
    }
    Ok(start.elapsed().as_secs_f64())
}
