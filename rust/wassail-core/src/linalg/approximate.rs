//! Approximate Cholesky factorization of a graph Laplacian, by sampled elimination.
//!
//! Eliminating vertex v with neighbors of weights `w_1` ≤ … ≤ `w_k`, sum W, leaves the clique of weights `w_i w_j / W`. It is replaced by
//! k − 1 edges: for each i one j > i is drawn with probability `w_j / S_i`, `S_i = Σ_{j>i} w_j`, and gets the weight `w_i S_i / W`. The
//! expectation is the clique; a tree is eliminated exactly. Kyng and Sachdeva (2016), arXiv:1605.02353; Gao, Kyng and
//! Spielman (2023), arXiv:2303.00709. The draws have a fixed seed: the factor is a function of the graph.

use super::bipartite::Bipartite;
use crate::error::Result;
use crate::monitor::Monitor;

const NONE: u32 = u32::MAX;
/// Vertices between two looks at the monitor.
const CHECK: usize = 1024;

/// A factor L D Lᵀ close to the Laplacian of rows, columns and the ground.
pub struct Factor {
    order: Vec<u32>,
    /// Column k of L, that of `order[k]`, is `start[k]..start[k + 1]`.
    start: Vec<usize>,
    neighbor: Vec<u32>,
    /// Shares `w_j / W`.
    share: Vec<f64>,
    /// W, 0 for the last vertex of a component without ground.
    pivot: Vec<f64>,
}

impl Factor {
    /// Factors diag(degrees) − W on both sides plus `ground`, the excess of the diagonal at the n rows and the m columns.
    pub fn new(w: &Bipartite, ground: &[f64], monitor: &dyn Monitor) -> Result<Self> {
        Elimination::new(w, ground).run(monitor)
    }

    /// Number of vertices.
    pub fn size(&self) -> usize {
        self.order.len()
    }

    /// (L D Lᵀ)⁻¹ z.
    pub fn solved(&self, z: &[f64]) -> Vec<f64> {
        let mut out = z.to_vec();
        self.solve(&mut out);
        out
    }

    /// z ← (L D Lᵀ)⁻¹ z.
    pub fn solve(&self, z: &mut [f64]) {
        for (k, &v) in self.order.iter().enumerate() {
            let at = z[v as usize];
            let range = self.start[k]..self.start[k + 1];
            for (u, s) in self.neighbor[range.clone()].iter().zip(&self.share[range]) {
                z[*u as usize] += s * at;
            }
            z[v as usize] = if self.pivot[k] > 0.0 { at / self.pivot[k] } else { 0.0 };
        }
        for (k, &v) in self.order.iter().enumerate().rev() {
            let range = self.start[k]..self.start[k + 1];
            let back = self.neighbor[range.clone()].iter().zip(&self.share[range]);
            z[v as usize] += back.map(|(u, s)| s * z[*u as usize]).sum::<f64>();
        }
    }
}

/// Half an edge, in the list of the vertex it starts from.
struct Half {
    weight: f64,
    to: u32,
    next: u32,
}

/// The remaining graph as linked lists of half-edges; those to eliminated vertices are skipped.
struct Elimination {
    head: Vec<u32>,
    edges: Vec<Half>,
    ground: Vec<f64>,
    degree: Vec<u32>,
    done: Vec<bool>,
    queue: Queue,
    draws: SplitMix,
}

impl Elimination {
    fn new(w: &Bipartite, ground: &[f64]) -> Self {
        let n = w.rows();
        let size = n + w.cols;
        let mut graph = Self {
            head: vec![NONE; size],
            edges: Vec::with_capacity(4 * w.len()),
            ground: ground.to_vec(),
            degree: vec![0; size],
            done: vec![false; size],
            queue: Queue::default(),
            draws: SplitMix(0x9E37_79B9_7F4A_7C15),
        };
        for i in 0..n {
            let (index, weight) = w.row(i);
            for (j, w) in index.iter().zip(weight) {
                graph.join(i as u32, n as u32 + j, *w);
            }
        }
        for v in 0..size as u32 {
            graph.queue.push(v, graph.degree[v as usize]);
        }
        graph
    }

    fn join(&mut self, u: u32, v: u32, weight: f64) {
        // Products of small weights underflow: then there is no edge.
        if weight == 0.0 {
            return;
        }
        for (from, to) in [(u, v), (v, u)] {
            let edge = self.edges.len() as u32;
            self.edges.push(Half { weight, to, next: self.head[from as usize] });
            self.head[from as usize] = edge;
            self.degree[from as usize] += 1;
        }
    }

    fn run(mut self, monitor: &dyn Monitor) -> Result<Factor> {
        let size = self.head.len();
        let mut factor = Factor {
            order: Vec::with_capacity(size),
            start: vec![0],
            neighbor: Vec::with_capacity(self.edges.len()),
            share: Vec::with_capacity(self.edges.len()),
            pivot: Vec::with_capacity(size),
        };
        let mut place = vec![NONE; size];
        let mut around: Vec<(f64, u32)> = Vec::new();
        while let Some(v) = self.queue.pop(&self.degree, &self.done) {
            if factor.order.len().is_multiple_of(CHECK) {
                monitor.check()?;
            }
            self.neighbors(v, &mut place, &mut around);
            self.done[v as usize] = true;
            let ground = self.ground[v as usize];
            let total = ground + around.iter().map(|(w, _)| w).sum::<f64>();
            factor.order.push(v);
            factor.pivot.push(total);
            factor.neighbor.extend(around.iter().map(|(_, u)| *u));
            factor.share.extend(around.iter().map(|(w, _)| w / total));
            factor.start.push(factor.neighbor.len());
            self.replace(&around, ground, total);
        }
        Ok(factor)
    }

    /// The neighbors of v with parallel edges joined, lightest first.
    fn neighbors(&mut self, v: u32, place: &mut [u32], around: &mut Vec<(f64, u32)>) {
        around.clear();
        let mut edge = self.head[v as usize];
        while edge != NONE {
            let Half { weight: w, to: u, next } = self.edges[edge as usize];
            edge = next;
            if self.done[u as usize] {
                continue;
            }
            self.degree[u as usize] -= 1;
            if place[u as usize] == NONE {
                place[u as usize] = around.len() as u32;
                around.push((w, u));
            } else {
                around[place[u as usize] as usize].0 += w;
            }
        }
        around.iter().for_each(|(_, u)| place[*u as usize] = NONE);
        around.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    }

    /// Samples the clique that v leaves. The ground is a neighbor like others, kept exact: it gets `w_i ground / W` from each.
    fn replace(&mut self, around: &[(f64, u32)], ground: f64, total: f64) {
        let mut rest: f64 = around.iter().map(|(w, _)| w).sum();
        for (i, &(w, u)) in around.iter().enumerate() {
            self.ground[u as usize] += w * (ground / total);
            rest -= w;
            let others = &around[i + 1..];
            if let Some(target) = self.draws.pick(others, rest) {
                let left: f64 = rest.max(others[others.len() - 1].0);
                self.join(u, target, w * (left / total));
            }
            self.queue.push(u, self.degree[u as usize]);
        }
    }
}

/// Vertices by degree; stale entries are recognized when they come up.
#[derive(Default)]
struct Queue {
    buckets: Vec<Vec<u32>>,
    lowest: usize,
}

/// Degrees above this share a bucket.
const BUCKETS: u32 = 256;

impl Queue {
    fn push(&mut self, v: u32, degree: u32) {
        let bucket = degree.min(BUCKETS) as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, Vec::new());
        }
        self.buckets[bucket].push(v);
        self.lowest = self.lowest.min(bucket);
    }

    fn pop(&mut self, degree: &[u32], done: &[bool]) -> Option<u32> {
        while self.lowest < self.buckets.len() {
            while let Some(v) = self.buckets[self.lowest].pop() {
                if !done[v as usize] && degree[v as usize].min(BUCKETS) as usize == self.lowest {
                    return Some(v);
                }
            }
            self.lowest += 1;
        }
        None
    }
}

struct SplitMix(u64);

impl SplitMix {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// One of `others` in proportion to its weight; they add up to `total`.
    fn pick(&mut self, others: &[(f64, u32)], total: f64) -> Option<u32> {
        let mut left = self.uniform() * total;
        // Heaviest first: the search is short where the weights are uneven.
        for (w, u) in others.iter().rev() {
            left -= w;
            if left <= 0.0 {
                return Some(*u);
            }
        }
        others.last().map(|(_, u)| *u)
    }
}
