//! Plans against naive loops over dense arrays.

mod common;

use common::{METRICS, Numbers, assert_close, cloud, marginals, on_pools, plan as naive, table};
use wassail_core::monitor::Silent;
use wassail_core::ot::apply::{apply, apply_transposed};
use wassail_core::ot::geometry::Dense;
use wassail_core::ot::gradient::gradient;
use wassail_core::ot::plan::{Potentials, dense, sums};
use wassail_core::ot::sparsify::{Keep, sparsify};

struct Instance {
    n: usize,
    m: usize,
    cost: Vec<f64>,
    f: Vec<f64>,
    g: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Instance {
    /// With some weights 0 and some arcs forbidden.
    fn new(n: usize, m: usize) -> Self {
        let mut numbers = Numbers::new((n * 1000 + m) as u64);
        let cost = (0..n * m).map(|k| if k % 7 == 3 { f64::INFINITY } else { numbers.draw() }).collect();
        let (f, g) = (numbers.take(n), numbers.take(m));
        let (mut a, mut b) = (numbers.weights(n), numbers.weights(m));
        a[n / 2] = 0.0;
        b[m / 3] = 0.0;
        Self { n, m, cost, f, g, a, b }
    }

    fn potentials(&self) -> Potentials<'_> {
        Potentials { f: &self.f, g: &self.g, a: &self.a, b: &self.b, epsilon: 0.3 }
    }

    fn plan(&self) -> Vec<f64> {
        naive(&self.cost, self.potentials())
    }

    fn geometry(&self) -> Dense<'_, f64> {
        Dense::from_rows(&self.cost, self.n, self.m)
    }
}

fn instances() -> impl Iterator<Item = Instance> {
    [(1, 1), (1, 9), (6, 1), (17, 31), (40, 513), (130, 1100)].into_iter().map(|(n, m)| Instance::new(n, m))
}

#[test]
fn sums_are_those_of_the_dense_plan() {
    for case in instances() {
        let p = case.plan();
        let out = sums(&case.geometry(), case.potentials(), &Silent).expect("sums");
        let (rows, cols) = marginals(&p, case.m);
        assert_close(&out.rows, &rows, 1e-13);
        assert_close(&out.cols, &cols, 1e-13);
        let paid: f64 = p.iter().zip(&case.cost).filter(|(p, _)| **p > 0.0).map(|(p, c)| p * c).sum();
        assert_close(&[out.cost], &[paid], 1e-13);
        assert_close(&dense(&case.geometry(), case.potentials(), &Silent).expect("plan"), &p, 1e-13);
    }
}

#[test]
fn strides_do_not_matter() {
    let case = Instance::new(40, 513);
    let (n, m) = (case.n, case.m);
    let mut columns = vec![0.0; n * m];
    let mut backward = vec![0.0; 2 * n * m];
    for i in 0..n {
        for j in 0..m {
            columns[j * n + i] = case.cost[i * m + j];
            backward[2 * ((n - 1 - i) * m + m - 1 - j)] = case.cost[i * m + j];
        }
    }
    let (row, last) = (2 * m as isize, 2 * (n * m - 1));
    let want = sums(&case.geometry(), case.potentials(), &Silent).expect("sums");
    let fortran = Dense::new(&columns, 0, (n, m), (1, n as isize));
    assert!(fortran.is_column_major());
    for geometry in [fortran, Dense::new(&backward, last, (n, m), (-row, -2))] {
        let out = sums(&geometry, case.potentials(), &Silent).expect("sums");
        assert_close(&out.rows, &want.rows, 1e-14);
        assert_close(&out.cols, &want.cols, 1e-14);
    }
}

#[test]
fn products_are_those_of_the_dense_plan() {
    for case in instances() {
        let (n, m, p) = (case.n, case.m, case.plan());
        for k in [1, 3] {
            let v = Numbers::new(k as u64).take(m.max(n) * k);
            let entry = |i: usize, c: usize| (0..m).map(|j| p[i * m + j] * v[j * k + c]).sum();
            let want: Vec<f64> = (0..n * k).map(|at| entry(at / k, at % k)).collect();
            let out = apply(&case.geometry(), case.potentials(), &v[..m * k], k, &Silent).expect("product");
            assert_close(&out, &want, 1e-13);
            let entry = |j: usize, c: usize| (0..n).map(|i| p[i * m + j] * v[i * k + c]).sum();
            let want: Vec<f64> = (0..m * k).map(|at| entry(at / k, at % k)).collect();
            let out = apply_transposed(&case.geometry(), case.potentials(), &v[..n * k], k, &Silent).expect("product");
            assert_close(&out, &want, 1e-13);
        }
    }
}

#[test]
fn sparse_rows_hold_what_is_asked_for() {
    for case in instances() {
        let p = dense(&case.geometry(), case.potentials(), &Silent).expect("plan");
        for keep in [Keep::Above(0.0), Keep::Above(1e-4), Keep::Largest(3), Keep::Mass(0.5), Keep::Mass(0.99)] {
            let csr = sparsify(&case.geometry(), case.potentials(), keep, &Silent).expect("sparse");
            for i in 0..case.n {
                let at = csr.indptr[i] as usize..csr.indptr[i + 1] as usize;
                assert!(csr.indices[at.clone()].is_sorted());
                let row = &p[i * case.m..(i + 1) * case.m];
                for (j, value) in csr.indices[at.clone()].iter().zip(&csr.data[at.clone()]) {
                    assert_eq!(row[*j as usize], *value);
                }
                assert_eq!(at.len(), expected(row, keep), "{keep:?} row {i}");
                check_largest(row, &csr.data[at], keep);
            }
        }
    }
}

fn expected(row: &[f64], keep: Keep) -> usize {
    let mut sorted: Vec<f64> = row.iter().copied().filter(|p| *p > 0.0).collect();
    sorted.sort_by(|p, q| q.total_cmp(p));
    match keep {
        Keep::Above(t) => sorted.iter().filter(|p| **p > t).count(),
        Keep::Largest(k) => k.min(sorted.len()),
        Keep::Mass(share) => {
            let target = share * sorted.iter().sum::<f64>();
            let mut held = 0.0;
            let before = sorted.iter().map(|p| {
                held += p;
                held - p
            });
            before.take_while(|held| *held < target).count()
        }
    }
}

fn check_largest(row: &[f64], kept: &[f64], keep: Keep) {
    let smallest = kept.iter().copied().fold(f64::INFINITY, f64::min);
    let above = row.iter().filter(|p| **p > smallest).count();
    assert!(matches!(keep, Keep::Above(_)) || kept.is_empty() || above < kept.len());
}

#[test]
fn gradients_are_those_of_differences() {
    let (n, m, h) = (6, 9, 1e-6);
    for d in [1, 2, 5, 20] {
        for metric in METRICS {
            let mut numbers = Numbers::new(d as u64);
            let (mut x, y) = (numbers.take(n * d), numbers.take(m * d));
            x[d..2 * d].copy_from_slice(&y[2 * d..3 * d]);
            let case = Instance::new(n, m);
            let costs = table(&x, &y, d, metric);
            let p = naive(&costs, case.potentials());
            let geometry = cloud(&x, &y, d, metric);
            let found = gradient(&geometry, case.potentials(), &Silent).expect("gradient").expect("points");
            let shifted = |at: usize, by: f64| {
                let mut moved = x.clone();
                moved[at] += by;
                table(&moved, &y, d, metric)
            };
            for at in 0..n * d {
                let (up, down) = (shifted(at, h), shifted(at, -h));
                let row = at / d * m..(at / d + 1) * m;
                // The pair that coincides has subgradient 0.
                let slope = |k: usize| if k == m + 2 { 0.0 } else { p[k] * (up[k] - down[k]) / (2.0 * h) };
                let want: f64 = row.map(slope).sum();
                assert!((found[at] - want).abs() < 1e-7, "{metric:?} d={d}: {} instead of {want}", found[at]);
            }
        }
    }
}

#[test]
fn stored_costs_have_no_gradient() {
    let case = Instance::new(3, 4);
    assert!(gradient(&case.geometry(), case.potentials(), &Silent).expect("none").is_none());
}

#[test]
fn bits_do_not_depend_on_threads() {
    let case = Instance::new(130, 1100);
    let v = Numbers::new(3).take(case.n);
    let outs = on_pools(|| {
        let sums = sums(&case.geometry(), case.potentials(), &Silent).expect("sums");
        let product = apply_transposed(&case.geometry(), case.potentials(), &v, 1, &Silent).expect("product");
        let sparse = sparsify(&case.geometry(), case.potentials(), Keep::Mass(0.9), &Silent).expect("sparse");
        (sums, product, sparse)
    });
    assert!(outs.iter().all(|o| *o == outs[0]));
}
