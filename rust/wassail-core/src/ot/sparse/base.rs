//! Reduced costs C_ij − f_i − g_j at base potentials, kept without the rounding of large sums.
//!
//! Masses are slacks divided by γ: where γ is small, the last bits of f + g − C are masses well above any tolerance. From base
//! potentials near the solution, and offsets to them, a slack has the precision of its own size.

use super::candidates::Row;

/// Base potentials. Levels and column potentials elsewhere in this module are offsets to them.
#[derive(Clone, Debug)]
pub struct Base {
    /// Of the rows.
    pub f: Vec<f64>,
    /// Of the columns.
    pub g: Vec<f64>,
}

impl Base {
    /// The potentials themselves are the offsets.
    pub fn zero(n: usize, m: usize) -> Self {
        Self { f: vec![0.0; n], g: vec![0.0; m] }
    }

    /// The column potentials at these offsets.
    pub fn columns(&self, offsets: &[f64]) -> Vec<f64> {
        self.g.iter().zip(offsets).map(|(g, o)| g + o).collect()
    }
}

/// base += offset, less what rounding lost stays in the offset.
pub fn move_into(base: &mut f64, offset: &mut f64) {
    let sum = *base + *offset;
    if sum.is_finite() {
        *offset -= sum - *base;
        *base = sum;
    }
}

/// Gives the entries of a row their reduced costs.
pub fn reduce(row: &mut Row, f: f64, g: &[f64]) {
    for e in &mut row.entries {
        e.reduced = reduced(row.costs[e.place as usize], f, g[e.j as usize]);
    }
}

/// cost − f − g, rounded once or twice at its own size: sums and what they lose (Knuth's two-sum).
pub fn reduced(cost: f64, f: f64, g: f64) -> f64 {
    let (sum, lost) = two_sum(f, g);
    let (rest, kept) = two_sum(cost, -sum);
    if rest.is_finite() { rest + (kept - lost) } else { rest }
}

fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    let back = sum - x;
    (sum, (x - (sum - back)) + (y - back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slacks_far_below_the_last_bit_of_the_sum() {
        let (f, g) = (1.0 / 3.0, 2.0 / 7.0);
        // f + g = 13/21: what its rounding and that of f and g lost shows.
        let tiny = reduced(f + g, f, g);
        assert!(tiny != 0.0 || (f + g) - g == f);
        assert_eq!(reduced(1.0, 1.0, 1e-30), -1e-30);
        assert_eq!(reduced(1e16, 1e16, 1.0), -1.0);
    }

    #[test]
    fn moving_keeps_the_sum() {
        let (mut base, mut offset) = (1.0, 1e-17);
        move_into(&mut base, &mut offset);
        assert_eq!((base, offset), (1.0, 1e-17));
        let (mut base, mut offset) = (1e3, 0.125);
        move_into(&mut base, &mut offset);
        assert_eq!((base, offset), (1000.125, 0.0));
    }
}
