//! Random subsets of data.

use crate::rng::{Purpose, Stream};
use std::collections::HashSet;

/// Chooses `out.len()` ≤ n of 0..n, all subsets equally likely, by Floyd's algorithm (Bentley, CACM 30 (1987)): a new
/// subset a step, so that its errors are independent of those before and its law is known.
pub fn choose(draws: Stream, n: u64, out: &mut [i64]) {
    let m = out.len() as u64;
    let mut chosen = HashSet::with_capacity(if m < n { out.len() } else { 0 });
    for (k, (out, j)) in out.iter_mut().zip(n - m..n).enumerate() {
        if m == n {
            *out = j as i64;
            continue;
        }
        let t = draws.below(Purpose::Choice, k as u32, j + 1);
        let new = if chosen.insert(t) { t } else { j };
        chosen.insert(new);
        *out = new as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::choose;
    use crate::rng::Stream;

    #[test]
    fn subsets_have_no_doubles_and_are_equally_likely() {
        let mut counts = [[0u32; 6]; 6];
        for step in 0..60_000 {
            let mut out = [0; 2];
            choose(Stream::new(1, 0, step), 6, &mut out);
            assert_ne!(out[0], out[1]);
            let (a, b) = (out[0].min(out[1]) as usize, out[0].max(out[1]) as usize);
            counts[a][b] += 1;
        }
        for a in 0..6 {
            for b in a + 1..6 {
                // 15 pairs, 4000 each: a deviation of 61.
                assert!((f64::from(counts[a][b]) - 4000.0).abs() < 250.0, "{counts:?}");
            }
        }
        let mut all = [0; 5];
        choose(Stream::new(1, 0, 0), 5, &mut all);
        assert_eq!(all, [0, 1, 2, 3, 4]);
    }
}
