//! The solver against closed forms and manufactured problems.

mod common;

use common::{Numbers, assert_close, cloud, marginals, on_pools, plan as naive, table};
use wassail_core::monitor::{Monitor, Progress, Silent};
use wassail_core::ot::batch::{Problem, solve_batch};
use wassail_core::ot::geometry::{Dense, Geometry};
use wassail_core::ot::plan::Potentials;
use wassail_core::ot::sinkhorn::{Options, Outcome, Status, solve};
use wassail_core::ot::sweep::Weights;
use wassail_core::points::Metric;

const OPTIONS: Options = Options {
    epsilon: 0.1,
    tol: 1e-11,
    max_iter: 20_000,
    rho: (f64::INFINITY, f64::INFINITY),
    anneal: None,
    relaxation: None,
};

fn run(geometry: &dyn Geometry, a: &[f64], b: &[f64], options: &Options) -> Outcome {
    solve(geometry, Weights { a, b }, None, options, &Silent).expect("a solution")
}

#[test]
fn two_by_two_is_known() {
    // P = ½ [[1 − t, t], [t, 1 − t]] with t = 1 / (1 + e^{1/ε}).
    let half = [0.5, 0.5];
    for epsilon in [10.0, 1.0, 0.1, 0.03] {
        let cost = [0.0, 1.0, 1.0, 0.0];
        let out = run(&Dense::from_rows(&cost, 2, 2), &half, &half, &Options { epsilon, ..OPTIONS });
        assert_eq!(out.status, Status::Converged);
        let p = naive(&cost, Potentials { f: &out.f, g: &out.g, a: &half, b: &half, epsilon });
        let t = 0.5 / (1.0 + (1.0 / epsilon).exp());
        assert_close(&p, &[0.5 - t, t, t, 0.5 - t], 1e-11);
    }
}

#[test]
fn manufactured_marginals_are_met() {
    // Any potentials solve the problem between the marginals of their own plan.
    let (n, m) = (60, 90);
    let mut numbers = Numbers::new(11);
    let cost = numbers.take(n * m);
    let (f, g, a, b) = (numbers.take(n), numbers.take(m), numbers.weights(n), numbers.weights(m));
    for epsilon in [1.0, 0.1, 0.02] {
        let potentials = Potentials { f: &f, g: &g, a: &a, b: &b, epsilon };
        let mut wanted = naive(&cost, potentials);
        let mass: f64 = wanted.iter().sum();
        wanted.iter_mut().for_each(|p| *p /= mass);
        let (rows, cols) = marginals(&wanted, m);
        let out = run(&Dense::from_rows(&cost, n, m), &rows, &cols, &Options { epsilon, ..OPTIONS });
        assert_eq!(out.status, Status::Converged, "epsilon {epsilon}");
        let found = naive(&cost, Potentials { f: &out.f, g: &out.g, a: &rows, b: &cols, epsilon });
        assert!(found.iter().zip(&wanted).map(|(p, q)| (p - q).abs()).sum::<f64>() < 1e-8);
        let (r, c) = marginals(&found, m);
        let error: f64 = r.iter().zip(&rows).chain(c.iter().zip(&cols)).map(|(p, q)| (p - q).abs()).sum();
        assert!(error <= 1e-11 * 1.01 + 1e-14, "{error}");
        assert!((error - out.error).abs() < 1e-13);
    }
}

#[test]
fn stored_and_computed_costs_give_the_same() {
    let (n, m, d) = (70, 50, 3);
    let mut numbers = Numbers::new(2);
    let (x, y, a, b) = (numbers.take(n * d), numbers.take(m * d), numbers.weights(n), numbers.weights(m));
    for metric in [Metric::SqEuclidean, Metric::Euclidean, Metric::Cityblock] {
        let cost = table(&x, &y, d, metric);
        let stored = run(&Dense::from_rows(&cost, n, m), &a, &b, &OPTIONS);
        let computed = run(&cloud(&x, &y, d, metric), &a, &b, &OPTIONS);
        assert_eq!((stored.status, computed.status), (Status::Converged, Status::Converged));
        let p = naive(&cost, Potentials { f: &stored.f, g: &stored.g, a: &a, b: &b, epsilon: 0.1 });
        let q = naive(&cost, Potentials { f: &computed.f, g: &computed.g, a: &a, b: &b, epsilon: 0.1 });
        assert_close(&p, &q, 1e-10);
    }
}

#[test]
fn unbalanced_optimality_holds() {
    // At the optimum P1 = a e^{−f/ρ} and Pᵀ1 = b e^{−g/ρ}, whatever the masses.
    let (n, m, rho, epsilon) = (40, 30, 0.5, 0.1);
    let mut numbers = Numbers::new(8);
    let cost = numbers.take(n * m);
    let (a, b) = (numbers.weights(n), numbers.take(m));
    let out = run(&Dense::from_rows(&cost, n, m), &a, &b, &Options { rho: (rho, rho), ..OPTIONS });
    assert_eq!(out.status, Status::Converged);
    let p = naive(&cost, Potentials { f: &out.f, g: &out.g, a: &a, b: &b, epsilon });
    let (rows, cols) = marginals(&p, m);
    let kept = |w: &[f64], f: &[f64]| w.iter().zip(f).map(|(w, f)| w * (-f / rho).exp()).collect::<Vec<f64>>();
    assert_close(&rows, &kept(&a, &out.f), 1e-9);
    assert_close(&cols, &kept(&b, &out.g), 1e-9);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let (n, m, d) = (220, 180, 2);
    let mut numbers = Numbers::new(4);
    let (x, y, a, b) = (numbers.take(n * d), numbers.take(m * d), numbers.weights(n), numbers.weights(m));
    let cost = table(&x, &y, d, Metric::SqEuclidean);
    let options = Options { epsilon: 0.02, tol: 1e-9, ..OPTIONS };
    let outs = on_pools(|| {
        let stored = run(&Dense::from_rows(&cost, n, m), &a, &b, &options);
        let computed = run(&cloud(&x, &y, d, Metric::SqEuclidean), &a, &b, &options);
        [stored.f, stored.g, computed.f, computed.g]
    });
    assert!(outs.iter().all(|o| *o == outs[0]));
}

#[test]
fn a_batch_is_its_problems() {
    let (n, m) = (30, 40);
    let mut numbers = Numbers::new(6);
    let (a, b) = (numbers.weights(n), numbers.weights(m));
    let costs: Vec<Vec<f64>> = (0..5).map(|_| numbers.take(n * m)).collect();
    let geometries: Vec<Dense<'_, f64>> = costs.iter().map(|c| Dense::from_rows(c, n, m)).collect();
    let outs = on_pools(|| {
        let weights = Weights { a: &a, b: &b };
        let problems = geometries.iter().map(|geometry| Problem { geometry, weights, epsilon: 0.05 }).collect();
        solve_batch(problems, &OPTIONS, &Silent).expect("solutions")
    });
    for out in &outs {
        for (one, geometry) in out.iter().zip(&geometries) {
            let alone = run(geometry, &a, &b, &Options { epsilon: 0.05, ..OPTIONS });
            assert_eq!((&one.f, &one.g), (&alone.f, &alone.g));
        }
    }
}

/// Stops after three sweeps.
struct Third;

impl Monitor for Third {
    fn cancelled(&self) -> bool {
        false
    }
    fn report(&self, progress: Progress) -> bool {
        progress.n_iter >= 3
    }
}

#[test]
fn a_callback_stops_the_run() {
    let cost = Numbers::new(1).take(400);
    let a = vec![0.05; 20];
    let options = Options { epsilon: 1e-3, ..OPTIONS };
    let out =
        solve(&Dense::from_rows(&cost, 20, 20), Weights { a: &a, b: &a }, None, &options, &Third).expect("a pair");
    assert_eq!((out.status, out.trace.len()), (Status::Stopped, 3));
}
