//! A sparse (n, m) matrix of weights, by rows.

/// Compressed sparse rows with nonnegative weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bipartite {
    /// m.
    pub cols: usize,
    /// Row i holds the entries `start[i]..start[i + 1]`.
    pub start: Vec<usize>,
    /// Column of each entry.
    pub index: Vec<u32>,
    /// Weight of each entry.
    pub weight: Vec<f64>,
}

impl Bipartite {
    /// n.
    pub fn rows(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The columns and weights of row i.
    #[inline]
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let range = self.start[i]..self.start[i + 1];
        (&self.index[range.clone()], &self.weight[range])
    }

    /// out = W y.
    pub fn times(&self, y: &[f64], out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            let (index, weight) = self.row(i);
            *out = gathered(index, weight, y);
        }
    }

    /// out = Wᵀ x.
    pub fn transposed_times(&self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (i, x) in x.iter().enumerate() {
            let (index, weight) = self.row(i);
            for (j, w) in index.iter().zip(weight) {
                out[*j as usize] += w * x;
            }
        }
    }

    /// W1 and Wᵀ1.
    pub fn sums(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut rows, mut cols) = (vec![0.0; self.rows()], vec![0.0; self.cols]);
        self.times(&vec![1.0; self.cols], &mut rows);
        self.transposed_times(&vec![1.0; self.rows()], &mut cols);
        (rows, cols)
    }
}

/// Σ_k w_k y at j_k, in four sums that do not wait for each other.
fn gathered(index: &[u32], weight: &[f64], y: &[f64]) -> f64 {
    let ((js, j_rest), (ws, w_rest)) = (index.as_chunks::<4>(), weight.as_chunks::<4>());
    let mut lanes = [0.0; 4];
    for (j, w) in js.iter().zip(ws) {
        for l in 0..4 {
            lanes[l] += w[l] * y[j[l] as usize];
        }
    }
    let rest: f64 = j_rest.iter().zip(w_rest).map(|(j, w)| w * y[*j as usize]).sum();
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + rest
}
