//! One side's update of the entropic dual, balanced or unbalanced, relaxed.

use crate::numeric::exp::exp_slice;
use crate::numeric::log::ln_slice;
use crate::parallel::sum;
use std::ops::Range;

/// Rows that a sweep updates together.
pub const BLOCK: usize = 16;

/// The map from a softmin S to the new potential: (1 − ω) f + ω τ S, τ = ρ / (ρ + ε).
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Regularization ε.
    pub epsilon: f64,
    /// Over-relaxation ω in (0, 2).
    pub omega: f64,
    /// Marginal weight ρ, inf where the marginal is exact.
    pub rho: f64,
}

impl Update {
    /// τ = ρ / (ρ + ε).
    pub fn tau(&self) -> f64 {
        if self.rho.is_finite() { self.rho / (self.rho + self.epsilon) } else { 1.0 }
    }

    /// The relaxed potential.
    #[inline]
    pub fn relaxed(&self, old: f64, softmin: f64) -> f64 {
        old + self.omega * (self.tau() * softmin - old)
    }
}

/// What a pass over the plan does with a row once its sum is known.
pub trait RowRule: Send {
    /// References of the given rows of the chunk: potentials near their softmins.
    fn reference(&self, rows: Range<usize>) -> &[f64];
    /// Turns sums relative to `reference` into the factors with which rows of the kernel enter the column sums.
    fn weigh(&mut self, rows: Range<usize>, reference: &[f64], sums: &mut [f64]);
}

/// Sinkhorn's update of a chunk of rows.
pub struct Advance<'a> {
    /// Potential f, updated in place.
    pub f: &'a mut [f64],
    /// In: references. Out: S_i = −ε log Σ_j b_j exp((g_j − C_ij)/ε).
    pub softmin: &'a mut [f64],
    /// Weights.
    pub a: &'a [f64],
    /// The update.
    pub rule: &'a Update,
}

impl RowRule for Advance<'_> {
    fn reference(&self, rows: Range<usize>) -> &[f64] {
        &self.softmin[rows]
    }

    /// From s_i = Σ_j b_j exp((reference_i + g_j − C_ij)/ε): sets S and f; the factors a_i exp((f_i − reference_i)/ε) make the
    /// summands entries of the plan.
    fn weigh(&mut self, rows: Range<usize>, reference: &[f64], sums: &mut [f64]) {
        let rule = self.rule;
        ln_slice(sums);
        for ((i, s), reference) in rows.clone().zip(sums.iter_mut()).zip(reference) {
            let softmin = reference - rule.epsilon * *s;
            self.softmin[i] = softmin;
            self.f[i] = rule.relaxed(self.f[i], softmin);
            *s = (self.f[i] - reference) / rule.epsilon;
        }
        exp_slice(sums);
        for (s, a) in sums.iter_mut().zip(&self.a[rows]) {
            *s *= a;
        }
    }
}

/// The product with Pᵀ diag(P1)⁻¹ P: sums are those of a vector, and are weighed by the given factors.
pub struct Project<'a> {
    /// Row softmins.
    pub softmin: &'a [f64],
    /// Factors, the square of the row normalization included.
    pub scale: &'a [f64],
}

impl RowRule for Project<'_> {
    fn reference(&self, rows: Range<usize>) -> &[f64] {
        &self.softmin[rows]
    }

    fn weigh(&mut self, rows: Range<usize>, _reference: &[f64], sums: &mut [f64]) {
        for (s, scale) in sums.iter_mut().zip(&self.scale[rows]) {
            *s *= scale;
        }
    }
}

/// ⟨w, exp(−f/ρ)⟩ as a logarithm, safe for any f.
pub fn log_discounted_mass(w: &[f64], f: &[f64], rho: f64) -> f64 {
    if rho.is_infinite() {
        return sum(w.iter().copied()).ln();
    }
    let lowest = f.iter().copied().fold(f64::INFINITY, f64::min);
    sum(w.iter().zip(f).map(|(w, f)| w * ((lowest - f) / rho).exp())).ln() - lowest / rho
}

/// The translation λ that is best together with a new potential τ(S + λ): the joint maximum over potential and
/// translation (Séjourné, Vialard, Peyré 2022, translation-invariant Sinkhorn), for f with ρ = `own` against g with
/// ρ = `other`. `log_a` = log⟨a, e^{−τS/ρ}⟩, `log_b` = log⟨b, e^{−g/ρ_b}⟩.
///
/// From d/dλ of the dual: ⟨b, e^{−(g−λ)/ρ_b}⟩ = ⟨a, e^{−τ(S+λ)/ρ_a}⟩ and τ/ρ_a = 1/(ρ_a + ε).
pub fn joint_translation(log_a: f64, log_b: f64, own: &Update, other_rho: f64) -> f64 {
    let slope = 1.0 / other_rho + 1.0 / (own.rho + own.epsilon);
    if slope > 0.0 { (log_a - log_b) / slope } else { 0.0 }
}

/// The best translation (f + λ, g − λ) of a pair that leaves the plan as it is.
pub fn best_translation(log_a: f64, log_b: f64, rho_a: f64, rho_b: f64) -> f64 {
    let slope = 1.0 / rho_a + 1.0 / rho_b;
    if slope > 0.0 { (log_a - log_b) / slope } else { 0.0 }
}
