//! Tiles of point costs against loops in f64.

mod common;

use common::{Numbers, assert_close, distance};
use std::sync::Arc;
use wassail_core::points::packed::Packed;
use wassail_core::points::tile::fill;
use wassail_core::points::{Metric, Points};

/// Costs of the rows against all columns, one call per block of `height` rows.
fn tile<T: wassail_core::numeric::Scalar>(x: &[f64], y: &[f64], d: usize, metric: Metric, height: usize) -> Vec<f64> {
    let (n, m) = (x.len() / d, y.len() / d);
    let packed = Packed::<T>::new(&Points::F64(Arc::from(x)), &Points::F64(Arc::from(y)), d, metric).expect("memory");
    let stride = m.next_multiple_of(32);
    let mut out = vec![T::ZERO; n * stride];
    for start in (0..n).step_by(height) {
        fill(&packed, metric, start..n.min(start + height), 0..m, &mut out[start * stride..], stride);
    }
    out.chunks(stride).flat_map(|row| row[..m].iter().map(|v| v.to_f64())).collect()
}

fn table(x: &[f64], y: &[f64], d: usize, metric: Metric) -> Vec<f64> {
    x.chunks(d).flat_map(|x| y.chunks(d).map(move |y| distance(x, y, metric))).collect()
}

/// Points of spread 1 around centers that are `apart` apart, and one at `outlier`.
fn clusters(n: usize, d: usize, apart: f64, outlier: f64, numbers: &mut Numbers) -> Vec<f64> {
    let mut points = numbers.take(n * d);
    for (i, point) in points.chunks_mut(d).enumerate() {
        let shift = if i == n / 2 { outlier } else { apart * (i % 2) as f64 };
        point.iter_mut().for_each(|v| *v += shift);
    }
    points
}

fn assert_relative(found: &[f64], wanted: &[f64], tol: f64) {
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!((f - w).abs() <= tol * w, "entry {i}: {f} instead of {w}");
    }
}

#[test]
fn close_pairs_keep_their_digits() {
    let mut numbers = Numbers::new(1);
    for d in [17, 23, 64, 129] {
        for (apart, outlier) in [(0.0, 0.0), (30.0, 0.0), (1e4, 0.0), (0.0, 1e8), (1e3, 1e12), (1e9, 1e100)] {
            let x = clusters(9, d, apart, outlier, &mut numbers);
            let y = clusters(41, d, apart, outlier, &mut numbers);
            let wanted = table(&x, &y, d, Metric::SqEuclidean);
            assert_relative(&tile::<f64>(&x, &y, d, Metric::SqEuclidean, 9), &wanted, 1e-9);
            if outlier < 1e15 {
                assert_relative(&tile::<f32>(&x, &y, d, Metric::SqEuclidean, 9), &wanted, 1e-3);
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_blocks() {
    let mut numbers = Numbers::new(2);
    let (x, y) = (clusters(13, 33, 1e4, 1e7, &mut numbers), clusters(50, 33, 1e4, 1e7, &mut numbers));
    for metric in common::METRICS {
        let whole = tile::<f64>(&x, &y, 33, metric, 13);
        for height in [1, 3, 4, 5] {
            assert_eq!(whole, tile::<f64>(&x, &y, 33, metric, height));
        }
    }
}

#[test]
fn equal_points_have_distance_zero() {
    let x = clusters(40, 50, 1e6, 1e9, &mut Numbers::new(3));
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        assert!((0..40).all(|i| tile::<f64>(&x, &x, 50, metric, 40)[41 * i] == 0.0));
        assert!((0..40).all(|i| tile::<f32>(&x, &x, 50, metric, 40)[41 * i] == 0.0));
    }
}

#[test]
fn norms_beyond_the_range_make_no_nan() {
    let mut x = clusters(8, 20, 1e30, 1e200, &mut Numbers::new(4));
    x[0] = -1e300;
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        assert!(tile::<f32>(&x, &x, 20, metric, 8).iter().all(|c| !c.is_nan()), "{metric:?}");
        assert!(tile::<f64>(&x, &x, 20, metric, 8).iter().all(|c| !c.is_nan()), "{metric:?}");
    }
}

#[test]
fn large_orders_approach_the_largest_difference() {
    let mut numbers = Numbers::new(5);
    for scale in [1e-30, 1e-12, 1.0, 1e25] {
        let x: Vec<f64> = numbers.take(5 * 7).iter().map(|v| v * scale).collect();
        let y: Vec<f64> = numbers.take(37 * 7).iter().map(|v| v * scale).collect();
        let largest = table(&x, &y, 7, Metric::PNorm { p: f64::INFINITY, power: 1.0 });
        for p in [1e4, 1e6, 1e9, 1e12, 1e16, 1e18, 1e300] {
            let metric = Metric::PNorm { p, power: 1.0 };
            let bound = 2.0 * 7f64.ln() / p;
            assert_relative(&tile::<f64>(&x, &y, 7, metric, 5), &largest, bound + 1e-14);
            assert_relative(&tile::<f32>(&x, &y, 7, metric, 5), &largest, bound + 1e-5);
        }
        for (p, power) in [(2.0, 1.0), (2.0, 0.5), (3.0, 1.0), (1.5, 0.5)] {
            let scaled = |v: &[f64]| -> Vec<f64> { v.iter().map(|v| v / scale).collect() };
            let metric = Metric::PNorm { p, power };
            let ordinary = table(&scaled(&x), &scaled(&y), 7, metric);
            let wanted: Vec<f64> = ordinary.iter().map(|c| c * scale.powf(power)).collect();
            assert_relative(&tile::<f64>(&x, &y, 7, metric, 5), &wanted, 1e-12);
            assert_relative(&tile::<f32>(&x, &y, 7, metric, 5), &wanted, 1e-4);
            assert_close(&tile::<f64>(&x, &x, 7, metric, 5)[..1], &[0.0], 0.0);
        }
    }
}
