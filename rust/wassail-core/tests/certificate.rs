//! Rounding and scans against naive loops.

mod common;

use common::{Numbers, assert_close, marginals, on_pools, plan as naive};
use wassail_core::error::Error;
use wassail_core::monitor::{Monitor, Progress, Silent};
use wassail_core::ot::certificate::certificate_sums;
use wassail_core::ot::columns::softmin_cols;
use wassail_core::ot::geometry::{Dense, Geometry};
use wassail_core::ot::plan::Potentials;
use wassail_core::ot::scan::{c_transform_cols, c_transform_rows, cost_scan};
use wassail_core::ot::softmin::{Columns, softmin_rows};

fn ratio(target: &[f64], mass: &[f64]) -> Vec<f64> {
    target.iter().zip(mass).map(|(t, m)| if m > t { t / m } else { 1.0 }).collect()
}

#[test]
fn rounding_is_that_of_the_dense_plan() {
    for (n, m) in [(1, 1), (7, 5), (40, 513), (130, 1100)] {
        let mut numbers = Numbers::new((n + m) as u64);
        let cost = numbers.take(n * m);
        let (f, g, a, b) = (numbers.take(n), numbers.take(m), numbers.weights(n), numbers.weights(m));
        let potentials = Potentials { f: &f, g: &g, a: &a, b: &b, epsilon: 0.2 };
        let mut p = naive(&cost, potentials);
        let (rows, cols) = marginals(&p, m);
        let x = ratio(&a, &rows);
        p.iter_mut().enumerate().for_each(|(k, p)| *p *= x[k / m]);
        let y = ratio(&b, &marginals(&p, m).1);
        p.iter_mut().enumerate().for_each(|(k, p)| *p *= y[k % m]);
        let (scaled_rows, scaled_cols) = marginals(&p, m);
        let paid: f64 = p.iter().zip(&cost).map(|(p, c)| p * c).sum();
        let short = |w: &[f64], s: &[f64]| w.iter().zip(s).map(|(w, s)| (w - s).max(0.0)).collect::<Vec<f64>>();
        let (e_a, e_b) = (short(&a, &scaled_rows), short(&b, &scaled_cols));
        let filled: f64 = (0..n * m).map(|k| e_a[k / m] * e_b[k % m] * cost[k]).sum();
        let out = certificate_sums(&Dense::from_rows(&cost, n, m), potentials, &Silent).expect("sums");
        assert_close(&out.rows, &rows, 1e-13);
        assert_close(&out.cols, &cols, 1e-13);
        assert_close(&out.x, &x, 1e-13);
        assert_close(&out.y, &y, 1e-13);
        assert_close(&out.scaled_rows, &scaled_rows, 1e-13);
        assert_close(&out.scaled_cols, &scaled_cols, 1e-13);
        assert_close(&[out.scaled_cost, out.filled_cost], &[paid, filled / e_a.iter().sum::<f64>().max(1e-300)], 1e-10);
        let again = on_pools(|| certificate_sums(&Dense::from_rows(&cost, n, m), potentials, &Silent).expect("sums"));
        assert!(again.iter().all(|o| *o == out));
    }
}

#[test]
fn scans_find_what_is_unusable() {
    let (n, m) = (40, 700);
    let mut cost = Numbers::new(1).take(n * m);
    let scan = |cost: &[f64]| cost_scan(&Dense::from_rows(cost, n, m), &Silent).expect("scan");
    let clean = scan(&cost);
    let mean = cost.iter().sum::<f64>() / (n * m) as f64;
    assert_close(&[clean.mean], &[mean], 1e-13);
    assert_eq!(clean.min, cost.iter().copied().fold(f64::INFINITY, f64::min));
    assert_eq!(clean.max, cost.iter().copied().fold(0.0, f64::max));
    assert_eq!((clean.bad, clean.forbidden_row, clean.forbidden_col), (None, None, None));
    cost[7 * m..8 * m].fill(f64::INFINITY);
    assert_eq!((scan(&cost).bad, scan(&cost).forbidden_row, scan(&cost).forbidden_col), (None, Some(7), None));
    (0..n).for_each(|i| cost[i * m + 600] = f64::INFINITY);
    assert_eq!((scan(&cost).bad, scan(&cost).forbidden_row, scan(&cost).forbidden_col), (None, Some(7), Some(600)));
    cost[30 * m + 2] = f64::NAN;
    cost[29 * m + 650] = f64::NEG_INFINITY;
    assert_eq!(scan(&cost).bad, Some(29 * m + 650));
}

#[test]
fn minima_and_softmins_are_those_of_the_table() {
    let (n, m, epsilon) = (33, 600, 0.05);
    let mut numbers = Numbers::new(5);
    let mut cost = numbers.take(n * m);
    cost[4] = f64::INFINITY;
    (0..n).for_each(|i| cost[i * m + 9] = f64::INFINITY);
    let (f, mut g, mut a) = (numbers.take(n), numbers.take(m), numbers.weights(n));
    g[3] = f64::NEG_INFINITY;
    a[2] = 0.0;
    let geometry = Dense::from_rows(&cost, n, m);
    let least = |i: usize| (0..m).map(|j| cost[i * m + j] - g[j]).fold(f64::INFINITY, f64::min);
    let rows: Vec<f64> = (0..n).map(least).collect();
    assert_close(&c_transform_rows(&geometry, &g, &Silent).expect("rows"), &rows, 1e-15);
    let least = |j: usize| (0..n).map(|i| cost[i * m + j] - f[i]).fold(f64::INFINITY, f64::min);
    let cols: Vec<f64> = (0..m).map(least).collect();
    assert_close(&c_transform_cols(&geometry, &f, &Silent).expect("cols"), &cols, 1e-15);
    let soft =
        |j: usize| -epsilon * (0..n).map(|i| a[i] * ((f[i] - cost[i * m + j]) / epsilon).exp()).sum::<f64>().ln();
    let softmins: Vec<f64> = (0..m).map(soft).collect();
    assert_close(&softmin_cols(&geometry, &f, &a, epsilon, &Silent).expect("softmin"), &softmins, 1e-13);
    assert_eq!(softmins[9], f64::INFINITY);
    let columns = Columns { g: &f, b: &a, values: &[], width: 0 };
    let transposed = softmin_rows(&*geometry.transposed(), columns, epsilon, &Silent).expect("softmin").0;
    assert_close(&transposed, &softmins, 1e-13);
}

/// Cancelled from the start.
struct Impatient;

impl Monitor for Impatient {
    fn cancelled(&self) -> bool {
        true
    }
    fn report(&self, _: Progress) -> bool {
        true
    }
}

#[test]
fn a_cancelled_call_gives_up() {
    let cost = Numbers::new(1).take(40 * 50);
    assert_eq!(cost_scan(&Dense::from_rows(&cost, 40, 50), &Impatient), Err(Error::Interrupted));
}
