//! Weights as integers: flows add up exactly, ties are ties, and nothing is infeasible because a sum was rounded.

/// A weight or a flow in units of 2^-100 of the total mass, or less.
pub type Mass = i128;

/// Bits of the total mass: those of a double, and 47 more for weights far below the total.
const BITS: i32 = 100;

/// Balanced supplies and demands.
pub struct Masses {
    /// Supply of each source, then demand of each sink; all positive, with the same sum on both sides.
    pub values: Vec<Mass>,
    /// Sources, the dummy included.
    pub sources: usize,
    /// Whether the last source stands for demand that is not met.
    pub dummy_source: bool,
    /// Whether the last sink stands for supply that stays.
    pub dummy_sink: bool,
    shift: i32,
}

/// w 2^k without overflow on the way.
fn shifted(w: f64, k: i32) -> f64 {
    w * 2f64.powi(k / 2) * 2f64.powi(k - k / 2)
}

impl Masses {
    /// All of a goes to b; their sums differ by rounding only, which b takes up in proportion.
    pub fn balanced(a: &[f64], b: &[f64]) -> Self {
        let mut masses = Self::new(a, b);
        let n = a.len();
        let excess = masses.total(0..n) - masses.total(n..n + b.len());
        let total: f64 = b.iter().sum();
        let mut rest = excess;
        for (value, b) in masses.values[n..].iter_mut().zip(b) {
            let share = ((excess as f64 * (b / total)) as Mass).max(1 - *value);
            *value += share;
            rest -= share;
        }
        // What is left is a few units; the largest demand does not notice.
        if let Some(largest) = masses.values[n..].iter_mut().max() {
            *largest += rest;
        }
        masses
    }

    /// As much as `mass` goes from a to b; the rest goes to and comes from dummies.
    pub fn partial(a: &[f64], b: &[f64], mass: f64) -> Self {
        // No weight can give more than the mass. Twice as much leaves it unexhausted, which the potentials show.
        let clipped = |weights: &[f64]| weights.iter().map(|w| w.min(2.0 * mass)).collect::<Vec<_>>();
        let mut masses = Self::new(&clipped(a), &clipped(b));
        let n = a.len();
        let (supply, demand) = (masses.total(0..n), masses.total(n..n + b.len()));
        let moved = (shifted(mass, masses.shift) as Mass).min(supply).min(demand);
        masses.dummy_source = demand > moved;
        masses.dummy_sink = supply > moved;
        if masses.dummy_sink {
            masses.values.push(supply - moved);
        }
        if masses.dummy_source {
            masses.values.insert(n, demand - moved);
            masses.sources += 1;
        }
        masses
    }

    fn new(a: &[f64], b: &[f64]) -> Self {
        let total = a.iter().sum::<f64>().max(b.iter().sum());
        let shift = BITS - total.log2().floor() as i32;
        let values = a.iter().chain(b).map(|w| (shifted(*w, shift) as Mass).max(1)).collect();
        Self { values, sources: a.len(), dummy_source: false, dummy_sink: false, shift }
    }

    fn total(&self, range: std::ops::Range<usize>) -> Mass {
        self.values[range].iter().sum()
    }

    /// A flow as a double.
    pub fn weight(&self, flow: Mass) -> f64 {
        shifted(flow as f64, -self.shift)
    }
}
