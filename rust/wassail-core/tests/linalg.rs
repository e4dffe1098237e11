//! Laplacian systems against dense elimination, on graphs that are hard in different ways.

mod common;

use common::{Numbers, assert_close};
use wassail_core::linalg::{Bipartite, Factor, System};
use wassail_core::monitor::Silent;

/// Rows of (column, weight).
fn sparse(cols: usize, rows: &[Vec<(u32, f64)>]) -> Bipartite {
    let mut out = Bipartite { cols, start: vec![0], ..Bipartite::default() };
    for row in rows {
        out.index.extend(row.iter().map(|e| e.0));
        out.weight.extend(row.iter().map(|e| e.1));
        out.start.push(out.index.len());
    }
    out
}

/// A weight between 1e-12 and 1.
fn uneven(numbers: &mut Numbers) -> f64 {
    10f64.powf(-12.0 * numbers.draw())
}

fn random_graph(n: usize, m: usize, degree: usize, seed: u64) -> Bipartite {
    let mut numbers = Numbers::new(seed);
    let rows: Vec<_> = (0..n)
        .map(|_| {
            let mut row: Vec<(u32, f64)> =
                (0..degree).map(|_| ((numbers.draw() * m as f64) as u32, uneven(&mut numbers))).collect();
            row.sort_by_key(|e| e.0);
            row.dedup_by_key(|e| e.0);
            row
        })
        .collect();
    sparse(m, &rows)
}

/// Row i meets columns i and i + 1.
fn path(n: usize, seed: u64) -> Bipartite {
    let mut numbers = Numbers::new(seed);
    let rows: Vec<_> =
        (0..n).map(|i| vec![(i as u32, uneven(&mut numbers)), (i as u32 + 1, uneven(&mut numbers))]).collect();
    sparse(n + 1, &rows)
}

fn star(m: usize, seed: u64) -> Bipartite {
    let mut numbers = Numbers::new(seed);
    sparse(m, &[(0..m as u32).map(|j| (j, uneven(&mut numbers))).collect()])
}

/// Two dense blocks that share one weak edge.
fn clusters(n: usize, bridge: f64, seed: u64) -> Bipartite {
    let mut numbers = Numbers::new(seed);
    let mut rows: Vec<Vec<(u32, f64)>> = (0..2 * n)
        .map(|i| (0..n as u32).map(|j| (j + if i < n { 0 } else { n as u32 }, 0.1 + numbers.draw())).collect())
        .collect();
    if bridge > 0.0 {
        rows[0].push((n as u32, bridge));
    }
    sparse(2 * n, &rows)
}

/// The matrix [[diag(r), W], [Wᵀ, diag(c)]], row-major.
fn dense(w: &Bipartite, r: &[f64], c: &[f64]) -> Vec<f64> {
    let (n, size) = (r.len(), r.len() + c.len());
    let mut out = vec![0.0; size * size];
    for (k, d) in r.iter().chain(c).enumerate() {
        out[k * size + k] = *d;
    }
    for i in 0..n {
        let (index, weight) = w.row(i);
        for (j, w) in index.iter().zip(weight) {
            let k = n + *j as usize;
            out[i * size + k] += w;
            out[k * size + i] += w;
        }
    }
    out
}

/// Gaussian elimination with partial pivoting.
fn eliminate(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for k in 0..size {
        let best =
            (k..size).max_by(|i, j| matrix[i * size + k].abs().total_cmp(&matrix[j * size + k].abs())).expect("a row");
        for l in 0..size {
            matrix.swap(k * size + l, best * size + l);
        }
        right.swap(k, best);
        for i in k + 1..size {
            let factor = matrix[i * size + k] / matrix[k * size + k];
            for l in k..size {
                matrix[i * size + l] -= factor * matrix[k * size + l];
            }
            right[i] -= factor * right[k];
        }
    }
    for k in (0..size).rev() {
        let rest: f64 = (k + 1..size).map(|l| matrix[k * size + l] * right[l]).sum();
        right[k] = (right[k] - rest) / matrix[k * size + k];
    }
    right
}

fn product(matrix: &[f64], z: &[f64]) -> Vec<f64> {
    matrix.chunks(z.len()).map(|row| row.iter().zip(z).map(|(m, z)| m * z).sum()).collect()
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v.abs()).sum()
}

/// Diagonals with the given excess over the sums.
fn grounded(w: &Bipartite, share: f64) -> (Vec<f64>, Vec<f64>) {
    let (r, c) = w.sums();
    let up = |v: Vec<f64>| v.into_iter().map(|d| if d > 0.0 { d * (1.0 + share) } else { 1.0 }).collect();
    (up(r), up(c))
}

#[test]
fn trees_are_factored_exactly() {
    for w in [path(40, 1), star(40, 2)] {
        let (n, m) = (w.rows(), w.cols);
        let mut ground = vec![0.0; n + m];
        ground[0] = 1e-3;
        let (mut r, c) = w.sums();
        r[0] += 1e-3;
        let mut numbers = Numbers::new(3);
        // The Laplacian of the graph: the sign of the columns is flipped.
        let mut wanted = numbers.take(n + m);
        let signless = dense(&w, &r, &c);
        let flip = |z: &[f64]| z.iter().enumerate().map(|(k, z)| if k < n { *z } else { -z }).collect::<Vec<f64>>();
        let mut z = flip(&product(&signless, &flip(&wanted)));
        Factor::new(&w, &ground, &Silent).expect("a factor").solve(&mut z);
        // The potential of a far vertex is known relative to the weakest edge on the way only.
        let residual = |z: &[f64]| product(&signless, &flip(z));
        let (found, aim) = (residual(&z), residual(&wanted));
        let error: Vec<f64> = found.iter().zip(&aim).map(|(f, a)| f - a).collect();
        assert!(norm(&error) <= 1e-12 * norm(&aim), "{} of {}", norm(&error), norm(&aim));
        wanted.clear();
    }
}

#[test]
fn systems_agree_with_elimination() {
    for (k, w) in [
        random_graph(40, 30, 5, 1),
        random_graph(25, 60, 3, 2),
        path(50, 4),
        star(30, 5),
        clusters(12, 1e-9, 6),
        clusters(12, 0.0, 7),
    ]
    .into_iter()
    .enumerate()
    {
        let (r, c) = grounded(&w, 1e-3);
        let mut numbers = Numbers::new(9 + k as u64);
        let (x, y) = (numbers.take(w.rows()), numbers.take(w.cols));
        let matrix = dense(&w, &r, &c);
        let right = product(&matrix, &[x, y].concat());
        let (p, q) = right.split_at(w.rows());
        let solved = System { weights: &w, rows: &r, cols: &c }.solve(p, q, 1e-13, 2000, &Silent).expect("a solution");
        let found = [solved.x.clone(), solved.y.clone()].concat();
        assert_close(&found, &eliminate(matrix, right.clone()), 1e-7);
        assert!(solved.residual <= 1e-13, "graph {k}: {}", solved.residual);
    }
}

#[test]
fn floating_components_take_consistent_sides() {
    for w in [random_graph(60, 50, 4, 11), path(80, 12), clusters(10, 0.0, 13), clusters(10, 1e-8, 14)] {
        let (r, c) = w.sums();
        let kept = |d: &[f64]| d.iter().map(|d| if *d > 0.0 { *d } else { 1.0 }).collect::<Vec<f64>>();
        let (r, c) = (kept(&r), kept(&c));
        let mut numbers = Numbers::new(15);
        let wanted = numbers.take(w.rows() + w.cols);
        let matrix = dense(&w, &r, &c);
        let right = product(&matrix, &wanted);
        let (p, q) = right.split_at(w.rows());
        let solved = System { weights: &w, rows: &r, cols: &c }.solve(p, q, 1e-11, 2000, &Silent).expect("a solution");
        let back = product(&matrix, &[solved.x, solved.y].concat());
        let error: Vec<f64> = back.iter().zip(&right).map(|(b, r)| b - r).collect();
        assert!(norm(&error) <= 1e-8 * norm(&right), "{} of {}", norm(&error), norm(&right));
    }
}

#[test]
fn zero_weights_are_no_edges() {
    let w = sparse(3, &[vec![(0, 1.0), (1, 0.0)], vec![(1, 2.0), (2, 0.0)], vec![(2, 0.5), (0, 0.0)]]);
    let (r, c) = (vec![1.5, 2.5, 1.0], vec![2.0, 3.0, 0.75]);
    let matrix = dense(&w, &r, &c);
    let right = product(&matrix, &[1.0, -2.0, 3.0, 0.5, 0.25, -1.0]);
    let (p, q) = right.split_at(3);
    let solved = System { weights: &w, rows: &r, cols: &c }.solve(p, q, 1e-14, 100, &Silent).expect("a solution");
    assert_close(&[solved.x, solved.y].concat(), &[1.0, -2.0, 3.0, 0.5, 0.25, -1.0], 1e-12);
    assert!(Factor::new(&w, &[0.0; 6], &Silent).expect("a factor").solved(&right).iter().all(|z| z.is_finite()));
}

#[test]
fn few_products_on_a_long_chain_of_blocks() {
    // Ill conditioned for the diagonal alone: a path of 400 blocks.
    let blocks = 400;
    let mut numbers = Numbers::new(21);
    let rows: Vec<Vec<(u32, f64)>> = (0..4 * blocks)
        .map(|i| {
            let block = i / 4;
            let mut row: Vec<(u32, f64)> = (0..4).map(|k| ((4 * block + k) as u32, 0.5 + numbers.draw())).collect();
            if i % 4 == 0 && block + 1 < blocks {
                row.push((4 * (block as u32 + 1), 1e-3));
            }
            row
        })
        .collect();
    let w = sparse(4 * blocks, &rows);
    let (r, c) = w.sums();
    let wanted = numbers.take(w.rows() + w.cols);
    let (p, q) = (wanted.split_at(w.rows()).0, wanted.split_at(w.rows()).1);
    let mut right = (vec![0.0; w.rows()], vec![0.0; w.cols]);
    w.times(q, &mut right.0);
    w.transposed_times(p, &mut right.1);
    right.0.iter_mut().zip(&r).zip(p).for_each(|((o, r), x)| *o += r * x);
    right.1.iter_mut().zip(&c).zip(q).for_each(|((o, c), y)| *o += c * y);
    let system = System { weights: &w, rows: &r, cols: &c };
    let solved = system.solve(&right.0, &right.1, 1e-10, 5000, &Silent).expect("a solution");
    assert!(solved.residual <= 1e-10 && solved.iterations < 150, "{} products", solved.iterations);
}

#[test]
fn products_are_those_of_the_matrix() {
    let w = random_graph(20, 15, 11, 31);
    let mut numbers = Numbers::new(32);
    let (x, y) = (numbers.take(20), numbers.take(15));
    let table = dense(&w, &[0.0; 20], &[0.0; 15]);
    let (mut up, mut down) = (vec![0.0; 20], vec![0.0; 15]);
    w.times(&y, &mut up);
    w.transposed_times(&x, &mut down);
    assert_close(&[up, down].concat(), &product(&table, &[x, y].concat()), 1e-13);
}
