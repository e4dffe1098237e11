//! The dual against finite differences, a row against sorting, plans against their constraints.

use super::dual::{Dual, Problem};
use super::row::{Entry, Rule, settle};
use super::{Init, Known, Options, Status, solve};
use crate::error::Result;
use crate::monitor::Silent;
use crate::ot::geometry::Dense;
use crate::ot::sweep::Weights;

/// Uniform numbers in [0, 1).
fn numbers(count: usize, mut state: u64) -> Vec<f64> {
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

fn weights(count: usize, seed: u64) -> Vec<f64> {
    let raw: Vec<f64> = numbers(count, seed).iter().map(|x| x + 0.2).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|x| x / total).collect()
}

/// ψ at g, and what its columns miss.
fn evaluated(cost: &[f64], a: &[f64], b: &[f64], rule: Rule, g: &[f64]) -> Result<(f64, Vec<f64>)> {
    let geometry = Dense::from_rows(cost, a.len(), b.len());
    let mut dual = Dual::new(Problem { geometry: &geometry, a, b }, rule);
    let mut offsets = g.to_vec();
    dual.evaluate(&offsets, &Silent)?;
    dual.rebase(&mut offsets, &Silent)?;
    let value = dual.evaluate(&offsets, &Silent)? - dual.based();
    Ok((value, dual.missing()))
}

#[test]
fn the_gradient_is_that_of_the_value() -> Result<()> {
    let (n, m) = (9, 13);
    let (cost, a, b, g) = (numbers(n * m, 1), weights(n, 2), weights(m, 3), numbers(m, 4));
    for k in [2, 4, usize::MAX] {
        for zeta in [0.0, 0.3] {
            let rule = Rule { k, gamma: 0.7, zeta };
            let (_, missing) = evaluated(&cost, &a, &b, rule, &g)?;
            for j in 0..m {
                let at = |h: f64| {
                    let moved: Vec<f64> = g.iter().enumerate().map(|(i, g)| g + if i == j { h } else { 0.0 }).collect();
                    evaluated(&cost, &a, &b, rule, &moved).map(|(value, _)| value)
                };
                let slope = (at(1e-6)? - at(-1e-6)?) / 2e-6;
                assert!((slope + missing[j]).abs() < 1e-8, "k {k} zeta {zeta}: {slope} {}", -missing[j]);
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_is_the_projection_of_its_largest_keys() {
    for seed in 0..50 {
        let (m, k, gamma, mass) = (12, 1 + (seed % 5) as usize, 0.3, 0.8);
        let (cost, g) = (numbers(m, seed), numbers(m, seed + 1000));
        let mut entries: Vec<Entry> =
            cost.iter().zip(0..).map(|(c, j)| Entry { reduced: *c, j, ..Entry::default() }).collect();
        let rule = Rule { k, gamma, zeta: 0.0 };
        let level = settle(&mut entries, &g, mass, &rule, 0.0);
        // Sorting: the k largest of v, less θ, positive, add up to the mass.
        let mut keys: Vec<f64> = cost.iter().zip(&g).map(|(c, g)| (g - c) / gamma).collect();
        keys.sort_unstable_by(|x, y| y.total_cmp(x));
        let mut theta = f64::INFINITY;
        for count in 1..=k {
            let trial = (keys[..count].iter().sum::<f64>() - mass) / count as f64;
            if count == 1 || keys[count - 1] > theta {
                theta = trial;
            }
        }
        for (place, e) in entries.iter().enumerate() {
            let expected = if place < k { (keys[place] - theta).max(0.0) } else { 0.0 };
            assert!((rule.mass(&level, place, e.key) - expected).abs() < 1e-13);
        }
    }
}

#[test]
fn slacks_keep_their_digits_below_those_of_the_cost() -> Result<()> {
    let (n, m, gamma) = (20, 25, 1e-9);
    let cost: Vec<f64> = numbers(n * m, 5).iter().map(|c| 1e3 + (4.0 * c).floor()).collect();
    let (a, b) = (weights(n, 6), weights(m, 7));
    let geometry = Dense::from_rows(&cost, n, m);
    let options = Options { gamma, max_nonzeros: None, tol: 1e-11, max_iter: 2000 };
    let out = solve(&geometry, Weights { a: &a, b: &b }, None, &options, &Silent)?;
    assert_eq!(out.status, Status::Converged);
    assert!(out.error <= 1e-11);
    Ok(())
}

#[test]
fn plans_keep_their_limit_and_their_marginals() -> Result<()> {
    let (n, m) = (60, 60);
    let cost = numbers(n * m, 8);
    let (a, b) = (vec![1.0 / 60.0; n], vec![1.0 / 60.0; m]);
    let geometry = Dense::from_rows(&cost, n, m);
    let weights = Weights { a: &a, b: &b };
    let options = Options { gamma: 10.0, max_nonzeros: Some(2), tol: 1e-9, max_iter: 2000 };
    let out = solve(&geometry, weights, None, &options, &Silent)?;
    assert_eq!(out.status, Status::Tied);
    let again = Init {
        f: &out.f,
        g: &out.g,
        plans: Some(Known { relaxed: &out.relaxed, plan: &out.plan, gap: out.primal - out.dual }),
    };
    let warm = solve(&geometry, weights, Some(again), &options, &Silent)?;
    assert!(3 * warm.trace.len() <= out.trace.len());
    for found in [&out, &warm] {
        assert!(found.plan.indptr.windows(2).all(|ends| ends[1] - ends[0] <= 2));
        assert!(found.plan.data.iter().all(|t| *t > 0.0));
        let mut left = b.clone();
        found.plan.indices.iter().zip(&found.plan.data).for_each(|(j, t)| left[*j as usize] -= t);
        assert!(left.iter().map(|l| l.abs()).sum::<f64>() <= 1e-9);
        assert!(found.primal >= found.dual && found.primal.is_finite());
        assert!(found.ties > 0);
    }
    Ok(())
}
