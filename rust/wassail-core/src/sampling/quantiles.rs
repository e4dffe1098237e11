//! Quantiles of a stream in fixed memory: markers that move by parabolas.
//!
//! Jain and Chlamtac, "The P² algorithm for dynamic calculation of quantiles and histograms without storing observations", 1985,
//! doi:10.1145/4372.4378; several quantiles share markers as in Raatikainen 1987.

use crate::error::{Result, try_zeroed};

/// Markers of some coordinates.
pub struct Markers {
    /// Shares of the markers: 0, then quantiles with midpoints between them, then 1.
    shares: Vec<f64>,
    /// Values taken in.
    count: f64,
    /// Heights and places of markers, (coordinates, markers).
    heights: Vec<f64>,
    places: Vec<f64>,
}

impl Markers {
    /// Of increasing probabilities in (0, 1).
    pub fn new(width: usize, probabilities: &[f64]) -> Result<Self> {
        let mut shares = vec![0.0];
        for &p in probabilities.iter().chain(&[1.0]) {
            shares.push(0.5 * (shares[shares.len() - 1] + p));
            shares.push(p);
        }
        let m = shares.len();
        let mut places = try_zeroed(width * m)?;
        places.chunks_exact_mut(m).for_each(|row| row.iter_mut().enumerate().for_each(|(k, p)| *p = k as f64));
        Ok(Self { shares, count: 0.0, heights: try_zeroed(width * m)?, places })
    }

    /// Number of quantiles.
    pub fn quantiles(&self) -> usize {
        (self.shares.len() - 3) / 2
    }

    /// Takes in one value of every coordinate.
    pub fn take(&mut self, x: &[f64]) {
        let m = self.shares.len();
        let seen = self.count as usize;
        self.count += 1.0;
        for ((&x, heights), places) in
            x.iter().zip(self.heights.chunks_exact_mut(m)).zip(self.places.chunks_exact_mut(m))
        {
            if seen < m {
                heights[seen] = x;
                heights[..=seen].sort_unstable_by(f64::total_cmp);
            } else {
                update(x, &self.shares, seen as f64, heights, places);
            }
        }
    }

    /// Quantile `k` of every coordinate, in the range of its values.
    pub fn quantile(&self, k: usize, out: &mut [f64]) {
        let m = self.shares.len();
        let at = 2 * k + 2;
        let seen = self.count as usize;
        for (heights, out) in self.heights.chunks_exact(m).zip(out) {
            // Few values are still all there.
            let few = ((seen.max(1) - 1) as f64 * self.shares[at]).round() as usize;
            *out = if seen < m { heights[few] } else { heights[at] };
        }
    }

    /// All numbers of the state.
    pub fn visit(&mut self, mut each: impl FnMut(&mut [f64])) {
        each(std::slice::from_mut(&mut self.count));
        each(&mut self.heights);
        each(&mut self.places);
    }
}

/// Box 1 of the paper, places counted from 0: `last` is the place of the new last value.
fn update(x: f64, shares: &[f64], last: f64, heights: &mut [f64], places: &mut [f64]) {
    let m = shares.len();
    heights[0] = heights[0].min(x);
    heights[m - 1] = heights[m - 1].max(x);
    for k in 1..m {
        // Markers above the value move up with it.
        places[k] += f64::from(u8::from(k == m - 1 || x < heights[k]));
    }
    for k in 1..m - 1 {
        let off = last * shares[k] - places[k];
        let (below, above) = (places[k] - places[k - 1], places[k + 1] - places[k]);
        if (off >= 1.0 && above > 1.0) || (off <= -1.0 && below > 1.0) {
            let step = off.signum();
            let (low, here, high) = (heights[k - 1], heights[k], heights[k + 1]);
            let slopes = ((here - low) / below, (high - here) / above);
            let curved = here + step / (below + above) * ((below + step) * slopes.1 + (above - step) * slopes.0);
            let fits = low < curved && curved < high;
            heights[k] = if fits { curved } else { here + step * if step > 0.0 { slopes.1 } else { slopes.0 } };
            places[k] += step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn few_values_are_kept_and_many_are_near() {
        let mut few = Markers::new(1, &[0.5]).unwrap_or_else(|_| panic!("no memory"));
        [3.0, 1.0, 2.0].iter().for_each(|&x| few.take(&[x]));
        let mut out = [0.0];
        few.quantile(0, &mut out);
        assert_eq!(out[0], 2.0);

        let mut many = Markers::new(1, &[0.05, 0.5, 0.95]).unwrap_or_else(|_| panic!("no memory"));
        for step in 0..20_000 {
            many.take(&[Stream::new(3, 0, step).uniform(Purpose::Noise, 0)]);
        }
        for (k, p) in [0.05, 0.5, 0.95].into_iter().enumerate() {
            many.quantile(k, &mut out);
            assert!((out[0] - p).abs() < 0.01, "{p}: {}", out[0]);
        }
    }
}
