//! Sliced distances against plain sorting, cancellation, and derivatives against differences.

mod common;

use common::Numbers;
use std::sync::atomic::{AtomicUsize, Ordering};
use wassail_core::error::Error;
use wassail_core::monitor::{Monitor, Progress, Silent};
use wassail_core::ot::sliced::{Cloud, Coordinates, Power, Problem, distances, pulls};

fn problem<'a>(x: &'a [f64], y: &'a [f64], center: &'a [f64]) -> Problem<'a> {
    let cloud = |points| Cloud { points: Coordinates::Double(points), weights: &[] };
    Problem { x: cloud(x), y: cloud(y), center, scale: 1.0, power: Power { order: 2.0 }, total: 1.0, slack: 0.0 }
}

fn sorted(points: &[f64], direction: &[f64]) -> Vec<f64> {
    let dot = |p: &[f64]| p.iter().zip(direction).map(|(p, t)| p * t).sum();
    let mut at: Vec<f64> = points.chunks_exact(direction.len()).map(dot).collect();
    at.sort_by(f64::total_cmp);
    at
}

#[test]
fn sorting() {
    let d = 5;
    for n in [1, 2, 511, 512, 4000] {
        let mut numbers = Numbers::new(n as u64);
        let (x, y, t) = (numbers.take(n * d), numbers.take(n * d), numbers.take(3 * d));
        let found = distances(&problem(&x, &y, &[0.0; 5]), &t, &Silent).expect("not cancelled");
        for (found, t) in found.iter().zip(t.chunks_exact(d)) {
            let pairs = sorted(&x, t).into_iter().zip(sorted(&y, t));
            let expected = (pairs.map(|(x, y)| (x - y).powi(2)).sum::<f64>() / n as f64).sqrt();
            assert!((found - expected).abs() < 1e-12 * expected, "{found} {expected}");
        }
    }
}

#[test]
fn pulls_are_derivatives_and_euler_holds() {
    let d = 7;
    let mut numbers = Numbers::new(3);
    let (x, y, t) = (numbers.take(40 * d), numbers.take(25 * d), numbers.take(d));
    let problem = problem(&x, &y, &[0.3; 7]);
    let (value, pull) = pulls(&problem, &t, &Silent).expect("not cancelled");
    let along: f64 = pull.iter().zip(&t).map(|(p, t)| p * t).sum();
    assert!((along - value[0]).abs() < 1e-12); // homogeneous of degree one
    for k in 0..d {
        let (mut up, mut down) = (t.clone(), t.clone());
        up[k] += 1e-6;
        down[k] -= 1e-6;
        let ends = [up, down].map(|t| distances(&problem, &t, &Silent).expect("not cancelled")[0]);
        assert!(((ends[0] - ends[1]) / 2e-6 - pull[k]).abs() < 1e-6);
    }
}

/// Gives up at the k-th question.
struct Impatient(AtomicUsize);

impl Monitor for Impatient {
    fn cancelled(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
    }
    fn report(&self, _: Progress) -> bool {
        false
    }
}

#[test]
fn every_stage_can_be_cancelled() {
    let mut numbers = Numbers::new(9);
    let (x, y, t) = (numbers.take(3000), numbers.take(3000), numbers.take(60));
    let problem = problem(&x, &y, &[0.0; 3]);
    for k in 0..20 {
        let found = pulls(&problem, &t, &Impatient(AtomicUsize::new(k)));
        assert_eq!(found.err(), Some(Error::Interrupted));
    }
}
