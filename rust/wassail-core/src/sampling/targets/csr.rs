//! Sparse matrices, row by row.

/// A matrix whose row i has columns and values at `indptr[i]..indptr[i + 1]`.
pub struct Csr {
    indptr: Vec<usize>,
    indices: Vec<u32>,
    data: Vec<f64>,
    columns: usize,
}

impl Csr {
    /// None where the parts are no matrix of that many columns.
    pub fn new(indptr: &[i64], indices: &[i64], data: &[f64], columns: usize) -> Option<Self> {
        let inside = 0..columns as i64;
        let fits = indptr.first() == Some(&0)
            && indptr.last() == Some(&(data.len() as i64))
            && indptr.windows(2).all(|p| p[0] <= p[1])
            && indices.len() == data.len()
            && u32::try_from(columns).is_ok()
            && indices.iter().all(|j| inside.contains(j));
        fits.then(|| Self {
            indptr: indptr.iter().map(|&p| p as usize).collect(),
            indices: indices.iter().map(|&j| j as u32).collect(),
            data: data.to_vec(),
            columns,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Stored entries.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    #[inline]
    fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let at = self.indptr[i]..self.indptr[i + 1];
        let data = &self.data[at.clone()];
        (&self.indices[at][..data.len()], data)
    }

    /// ⟨row i, x⟩, in two sums: rows are short, and the next ones do not wait for this one.
    #[inline]
    pub fn dot(&self, i: usize, x: &[f64]) -> f64 {
        let (indices, data) = self.row(i);
        let (mut even, mut odd) = (0.0, 0.0);
        let mut k = 0;
        while k + 2 <= data.len() {
            even += data[k] * x[indices[k] as usize];
            odd += data[k + 1] * x[indices[k + 1] as usize];
            k += 2;
        }
        if k < data.len() {
            even += data[k] * x[indices[k] as usize];
        }
        even + odd
    }

    /// out += w · row i.
    #[inline]
    pub fn add(&self, i: usize, w: f64, out: &mut [f64]) {
        let (indices, data) = self.row(i);
        for (&j, v) in indices.iter().zip(data) {
            out[j as usize] += w * v;
        }
    }
}
