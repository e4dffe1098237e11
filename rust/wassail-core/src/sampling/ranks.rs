//! Ranks of draws, which diagnostics are made of.

/// Replaces values (n, d), coordinate by coordinate, by entries of a table: k for a mean rank of 1 + k/2. Ties share their mean
/// rank.
pub fn by_rank(values: &[f64], d: usize, table: &[f64], out: &mut [f64]) {
    let n = values.len() / d;
    let mut order: Vec<(u64, u32)> = Vec::with_capacity(n);
    for k in 0..d {
        order.clear();
        order.extend(values.iter().skip(k).step_by(d).zip(0..).map(|(&v, row)| (ascending(v), row)));
        order.sort_unstable();
        let mut first = 0;
        for ties in order.chunk_by(|a, b| a.0 == b.0) {
            // Ranks first + 1 to first + ties, twice their mean less two.
            let z = table[2 * first + ties.len() - 1];
            ties.iter().for_each(|&(_, row)| out[row as usize * d + k] = z);
            first += ties.len();
        }
    }
}

/// Bits in the order of the numbers; both zeros are one.
fn ascending(v: f64) -> u64 {
    let bits = (v + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        let values = [3.0, 0.0, -1.0, -0.0, 3.0, -7.0, 0.5, 1.0];
        let table: Vec<f64> = (0..8).map(|k| 1.0 + f64::from(k) / 2.0).collect();
        let mut out = [0.0; 8];
        by_rank(&values, 2, &table, &mut out);
        assert_eq!(out, [3.5, 2.5, 1.0, 2.5, 3.5, 1.0, 2.0, 4.0]);
    }
}
