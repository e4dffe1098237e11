//! One row given the column potentials: its level f, and which entries share its mass.
//!
//! The smoothed conjugate of a row is φ(y) = max_t ⟨y, t⟩ − Ω(t) − ζγ/2 ‖t‖², y_j = f + key_j, where Ω = γ/2 of the squared k-support
//! norm is the convex envelope of γ/2 ‖t‖² over at most k nonzeros: Ω(t) = min γ/2 Σ t_j²/θ_j over 0 ≤ θ ≤ 1, Σ θ ≤ k
//! (Argyriou, Foygel, Srebro 2012, arXiv:1204.5043). With τ such that Σ θ = k, θ_j = clip((y_j/τ − 1)/ζ, 0, 1) and
//! t_j = θ_j y_j / (γ (1 + ζ θ_j)): entries above τ (1 + ζ) are in full, those between τ and τ (1 + ζ) are split.

use std::cmp::Ordering;

/// An entry of a row that may carry mass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Entry {
    /// g_j less the reduced cost, plus what the proximal term adds.
    pub key: f64,
    /// C_ij less the base potentials.
    pub reduced: f64,
    /// The mass of the proximal center.
    pub center: f64,
    /// Column.
    pub j: u32,
    /// Where the row keeps C_ij.
    pub place: u32,
}

/// Regularization and smoothing of all rows.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Most nonzeros of a row.
    pub k: usize,
    /// γ.
    pub gamma: f64,
    /// ζ: the proximal term is ζγ/2 ‖t − center‖². 0 for the conjugate itself.
    pub zeta: f64,
}

/// The solution of a row. Its entries are ordered: first those in full, then those split, then those without mass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Row potential.
    pub f: f64,
    /// Entries with f + key below get no mass.
    pub tau: f64,
    /// Entries in full.
    pub full: usize,
    /// Entries that share the remaining places.
    pub split: usize,
}

/// Steps of a safeguarded Newton search; each is exact on a piece, and pieces are few.
const STEPS: usize = 100;

impl Rule {
    /// 1/slope of a full entry.
    pub fn stiffness(&self) -> f64 {
        self.gamma * (1.0 + self.zeta)
    }

    /// Mass of the entry at this place.
    pub fn mass(&self, level: &Level, place: usize, key: f64) -> f64 {
        let y = level.f + key;
        if place < level.full {
            y / self.stiffness()
        } else if place < level.full + level.split {
            (y - level.tau) / (self.zeta * self.gamma)
        } else {
            0.0
        }
    }

    /// Mass of all entries as slope · f + offset, on the piece with these entries in full and split.
    fn line(&self, entries: &[Entry], full: usize, split: usize) -> (f64, f64) {
        let keys = |part: &[Entry]| part.iter().map(|e| e.key).sum::<f64>();
        let mut slope = full as f64 / self.stiffness();
        let mut offset = keys(&entries[..full]) / self.stiffness();
        if split > 0 {
            let places = (self.k - full) as f64;
            let factor = places / (self.gamma * (self.zeta * places + split as f64));
            slope += factor * split as f64;
            offset += factor * keys(&entries[full..full + split]);
        }
        (slope, offset)
    }
}

/// Largest key first, ties by column.
pub fn descending(p: &Entry, q: &Entry) -> Ordering {
    q.key.total_cmp(&p.key).then(p.j.cmp(&q.j))
}

/// Solves Σ t_j = mass for f at column potentials g, from a guess of f, and orders the entries.
pub fn settle(entries: &mut [Entry], g: &[f64], mass: f64, rule: &Rule, guess: f64) -> Level {
    let lift = rule.zeta * rule.gamma;
    for e in entries.iter_mut() {
        e.key = g[e.j as usize] - e.reduced + lift * e.center;
    }
    if entries.is_empty() {
        return Level { f: f64::NEG_INFINITY, ..Level::default() };
    }
    if rule.k >= entries.len() {
        return unlimited(entries, mass * rule.stiffness(), guess);
    }
    insertion_sort(entries);
    limited(entries, mass, rule, guess)
}

/// Entries are nearly in order from the last time.
fn insertion_sort(entries: &mut [Entry]) {
    for i in 1..entries.len() {
        let (entry, mut at) = (entries[i], i);
        while at > 0 && descending(&entry, &entries[at - 1]) == Ordering::Less {
            entries[at] = entries[at - 1];
            at -= 1;
        }
        entries[at] = entry;
    }
}

/// Σ [f + key_j]₊ = total: Newton's method on a convex function, whose active sets shrink from the second step on.
fn unlimited(entries: &mut [Entry], total: f64, guess: f64) -> Level {
    let (mut f, mut before) = (guess, usize::MAX);
    for step in 0..STEPS {
        let (mut sum, mut count) = (0.0, 0);
        for e in entries.iter().filter(|e| e.key > -f) {
            sum += e.key;
            count += 1;
        }
        if count == 0 {
            f = total - entries.iter().map(|e| e.key).fold(f64::NEG_INFINITY, f64::max);
            continue;
        }
        f = (total - sum) / f64::from(count);
        if step > 1 && count as usize == before {
            break;
        }
        before = count as usize;
    }
    let mut full = 0;
    for i in 0..entries.len() {
        if entries[i].key > -f {
            entries.swap(i, full);
            full += 1;
        }
    }
    Level { f, tau: 0.0, full, split: 0 }
}

/// At most k entries, in descending order: the mass is an increasing piecewise linear function of f.
fn limited(entries: &[Entry], mass: f64, rule: &Rule, guess: f64) -> Level {
    let (mut low, mut high) = (-entries[0].key, f64::INFINITY);
    let start = low + mass * rule.stiffness();
    let mut level = piece(entries, if guess > low { guess } else { start }, rule);
    for _ in 0..STEPS {
        let (slope, offset) = rule.line(entries, level.full, level.split);
        if slope.mul_add(level.f, offset) >= mass {
            high = high.min(level.f);
        } else {
            low = low.max(level.f);
        }
        let newton = (mass - offset) / slope;
        let inside = newton >= low && newton <= high;
        let f = match (inside, high < f64::INFINITY) {
            (true, _) => newton,
            (false, true) => 0.5 * (low + high),
            (false, false) => low + 2.0 * (start - low).max(low - start),
        };
        // γ or the masses are at the end of the range: no search brings numbers back.
        if !(slope.is_finite() && offset.is_finite()) {
            return Level { f: f64::NAN, tau: f64::NAN, full: 0, split: 0 };
        }
        let next = piece(entries, f, rule);
        if inside && (next.full, next.split) == (level.full, level.split) || f == level.f {
            return next;
        }
        level = next;
    }
    level
}

/// The piece that f lies on.
fn piece(entries: &[Entry], f: f64, rule: &Rule) -> Level {
    let k = rule.k;
    let y = |i: usize| f + entries[i].key;
    if y(k) <= 0.0 {
        let full = (0..k).take_while(|&i| y(i) > 0.0).count();
        return Level { f, tau: 0.0, full, split: 0 };
    }
    let width = 1.0 + rule.zeta;
    if rule.zeta == 0.0 || y(k - 1) >= width * y(k) {
        return Level { f, tau: y(k - 1) / width, full: k, split: 0 };
    }
    // Neither is the k-th in full nor the next one without mass: τ lies between.
    let (mut low, mut high) = (y(k - 1) / width, y(k));
    let (mut full, mut end) = (k - 1, k + 1);
    // Σ θ = k on the piece with these entries split.
    let level = |full: usize, end: usize| {
        let sum: f64 = (full..end).map(y).sum();
        sum / (rule.zeta * (k - full) as f64 + (end - full) as f64)
    };
    for _ in 0..STEPS {
        let newton = level(full, end);
        let inside = newton >= low && newton <= high;
        let tau = if inside { newton } else { 0.5 * (low + high) };
        let (mut next_full, mut next_end) = (k - 1, k + 1);
        while next_full > 0 && y(next_full - 1) < width * tau {
            next_full -= 1;
        }
        while next_end < entries.len() && y(next_end) > tau {
            next_end += 1;
        }
        if inside && (next_full, next_end) == (full, end) {
            break;
        }
        (full, end) = (next_full, next_end);
        let places: f64 = (full..end).map(|i| (y(i) / tau - 1.0) / rule.zeta).sum();
        if full as f64 + places > k as f64 {
            low = tau;
        } else {
            high = tau;
        }
    }
    let tau = level(full, end);
    Level { f, tau, full, split: end - full }
}
