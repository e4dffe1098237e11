//! One side's update of the entropic dual, balanced or unbalanced, relaxed.

use crate::numeric::exp::exp_slice;
use crate::numeric::log::ln_slice;
use crate::parallel::sum;

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

/// Potentials and softmins of a block of rows.
pub struct RowState<'a> {
    /// Potential f, updated in place.
    pub f: &'a mut [f64],
    /// S_i = −ε log Σ_j b_j exp((g_j − C_ij)/ε), written.
    pub softmin: &'a mut [f64],
    /// Weights.
    pub a: &'a [f64],
}

impl RowState<'_> {
    /// From sums s_i = Σ_j b_j exp((reference_i + g_j − C_ij)/ε): sets S and f, and turns `sums` into the factors
    /// a_i exp((f_i − reference_i)/ε) that make the summands entries of the plan.
    pub fn advance(&mut self, rule: &Update, reference: &[f64], sums: &mut [f64]) {
        ln_slice(sums);
        for (i, s) in sums.iter_mut().enumerate() {
            let softmin = reference[i] - rule.epsilon * *s;
            self.softmin[i] = softmin;
            self.f[i] = rule.relaxed(self.f[i], softmin);
            *s = (self.f[i] - reference[i]) / rule.epsilon;
        }
        exp_slice(sums);
        for (s, a) in sums.iter_mut().zip(self.a) {
            *s *= a;
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
