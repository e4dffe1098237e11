//! How velocities start, turn with the force, and are renewed, in the two dynamics that trajectories follow.

use super::lanes::{accumulate, sums};
use super::vector::{PIECE, add, dot, refresh, times};
use crate::multiversion;
use crate::numeric::isa::Isa;
use crate::numeric::scalar::Scalar;
use crate::rng::{Purpose, Stream};

/// Law of motion of (x, v) with x' = v.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamics {
    /// Newton's: v' = ∇log π, normal velocities, kinetic energy |v|²/2.
    Newtonian,
    /// Isokinetic: unit velocities that turn, u' = (I − uuᵀ)∇log π/(d − 1) (Robnik, De Luca, Silverstein and Seljak 2023,
    /// arXiv:2212.08549); d ≥ 2.
    Isokinetic,
}

impl Dynamics {
    /// Makes normals velocities in equilibrium.
    pub fn equilibrate(self, v: &mut [f64]) {
        if self == Self::Isokinetic {
            normalize(v);
        }
    }

    /// Lets the force s g act for a time h; returns the change of kinetic energy. Exact, so that kicks at one place compose.
    pub fn kick(self, v: &mut [f64], grad: &[f64], scale: &[f64], h: f64) -> f64 {
        match self {
            Self::Newtonian => kick(v, grad, scale, h),
            Self::Isokinetic => turn(v, grad, scale, h),
        }
    }

    /// Renews velocities as much as they decay to e^−decay in a time; leaves their law as it is.
    pub fn refresh(self, v: &mut [f64], draws: &Stream, purpose: Purpose, decay: f64) {
        let (keep, spread) = match self {
            Self::Newtonian => ((-decay).exp(), 0.0),
            // arXiv:2212.08549, eq. (12): ν² = (e^{2h/L} − 1)/d.
            Self::Isokinetic => (1.0, ((2.0 * decay).min(600.0).exp_m1() / v.len() as f64).sqrt()),
        };
        let mut noise = [0.0; PIECE];
        for (at, v) in v.chunks_mut(PIECE).enumerate() {
            draws.normals(purpose, at * PIECE, &mut noise[..v.len()]);
            match self {
                Self::Newtonian => refresh(v, &noise, keep),
                Self::Isokinetic => add(v, &noise, spread),
            }
        }
        self.equilibrate(v);
    }
}

/// Divides by the norm, where there is one.
fn normalize(v: &mut [f64]) {
    let norm = dot(v, v).sqrt();
    if norm > 0.0 {
        times(v, 1.0 / norm);
    }
}

#[inline(always)]
fn kick_body<I: Isa>(v: &mut [f64], grad: &[f64], scale: &[f64], h: f64) -> f64 {
    accumulate::<I, 2>(
        [grad, scale],
        v,
        #[inline(always)]
        |v, [g, s]| {
            let push = h * s * g;
            (v + push, push, 0.5f64.fma::<I>(push, v))
        },
    )
}

multiversion! {
    /// v += p with p = h s g; returns ⟨p, v + p/2⟩, the change of |v|²/2 without cancellation.
    fn kick(v: &mut [f64], grad: &[f64], scale: &[f64], h: f64) -> f64 => kick_body
}

#[inline(always)]
fn force_body<I: Isa>(grad: &[f64], scale: &[f64], v: &[f64], factor: f64) -> [f64; 2] {
    sums::<I, 3, 2>(
        [grad, scale, v],
        v.len(),
        #[inline(always)]
        |[g, s, v]| {
            let force = factor * s * g;
            [(force, force), (force, v)]
        },
    )
}

multiversion! {
    /// |f s g|² and ⟨f s g, v⟩.
    fn force(grad: &[f64], scale: &[f64], v: &[f64], factor: f64) -> [f64; 2] => force_body
}

#[inline(always)]
fn mix_body<I: Isa>(v: &mut [f64], grad: &[f64], scale: &[f64], keep: f64, add: f64) {
    let n = v.len();
    let (grad, scale) = (&grad[..n], &scale[..n]);
    for i in 0..n {
        v[i] = keep.fma::<I>(v[i], add * scale[i] * grad[i]);
    }
}

multiversion! {
    /// v ← keep v + add s g.
    fn mix(v: &mut [f64], grad: &[f64], scale: &[f64], keep: f64, add: f64) => mix_body
}

/// Turns a unit velocity towards e = s g/|s g| by the exact flow: with δ = h |s g|/(d − 1), ζ = e^−δ, c = ⟨e, u⟩,
/// u ← [e (1 − ζ)(1 + ζ + c(1 − ζ)) + 2ζ u] / (1 + c + (1 − c)ζ²), which neither overflows nor cancels. The kinetic energy
/// changes by (d − 1) log(cosh δ + c sinh δ) (arXiv:2503.01707, eq. (6)).
fn turn(u: &mut [f64], grad: &[f64], scale: &[f64], h: f64) -> f64 {
    let mut factor = 1.0;
    let mut sums = force(grad, scale, u, factor);
    if !(1e-280..=1e280).contains(&sums[0]) {
        let largest = grad.iter().zip(scale).fold(0.0f64, |m, (g, s)| m.max((g * s).abs()));
        if largest == 0.0 {
            return 0.0;
        }
        factor = 1.0 / largest;
        sums = force(grad, scale, u, factor);
    }
    let norm = sums[0].sqrt();
    let cosine = (sums[1] / norm).clamp(-1.0, 1.0);
    let rest = u.len() as f64 - 1.0;
    let delta = h * (norm / factor) / rest;
    let zeta = (-delta).exp();
    let lost = -(-delta).exp_m1();
    let size = (1.0 + cosine + (1.0 - cosine) * zeta * zeta).max(f64::MIN_POSITIVE);
    mix(u, grad, scale, 2.0 * zeta / size, lost * (1.0 + zeta + cosine * lost) / size / norm * factor);
    if delta < 0.5 {
        let half = (0.5 * delta).sinh();
        rest * (2.0 * half * half + cosine * delta.sinh()).ln_1p()
    } else {
        rest * (delta - std::f64::consts::LN_2 + size.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(d: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let draws = Stream::new(3, 0, 0);
        let (mut u, mut g) = (vec![0.0; d], vec![0.0; d]);
        draws.normals(Purpose::Noise, 0, &mut u);
        draws.normals(Purpose::Partner, 0, &mut g);
        normalize(&mut u);
        (u, g, (0..d).map(|i| 0.5 + i as f64 / d as f64).collect())
    }

    /// u' = (e − u⟨e, u⟩)|w|/(d − 1) by many small Runge-Kutta steps.
    fn integrate(u: &mut [f64], w: &[f64], h: f64) {
        let rest = u.len() as f64 - 1.0;
        let slope = |u: &[f64]| -> Vec<f64> {
            let along: f64 = u.iter().zip(w).map(|(u, w)| u * w).sum();
            u.iter().zip(w).map(|(u, w)| (w - u * along) / rest).collect()
        };
        let steps = 2000;
        let dt = h / steps as f64;
        for _ in 0..steps {
            let a = slope(u);
            let half: Vec<f64> = u.iter().zip(&a).map(|(u, a)| u + 0.5 * dt * a).collect();
            for (u, b) in u.iter_mut().zip(slope(&half)) {
                *u += dt * b;
            }
        }
    }

    #[test]
    fn turns_follow_the_flow() {
        for h in [1e-3, 0.7, 8.0, 40.0] {
            let (mut u, g, s) = case(37);
            let mut expected = u.clone();
            let w: Vec<f64> = g.iter().zip(&s).map(|(g, s)| g * s).collect();
            integrate(&mut expected, &w, h);
            let mut two = u.clone();
            let energy = turn(&mut u, &g, &s, h);
            let halves = turn(&mut two, &g, &s, 0.5 * h) + turn(&mut two, &g, &s, 0.5 * h);
            assert!((energy - halves).abs() < 1e-12 * energy.abs().max(1.0));
            for ((u, e), t) in u.iter().zip(&expected).zip(&two) {
                assert!((u - e).abs() < 1e-5 && (u - t).abs() < 1e-13);
            }
            assert!((dot(&u, &u) - 1.0).abs() < 1e-13);
        }
    }

    #[test]
    fn small_and_large_forces_stay_finite() {
        for size in [0.0, 1e-200, 1e200] {
            for h in [1e-300, 1.0, 1e50] {
                let (mut u, g, s) = case(5);
                let g: Vec<f64> = g.iter().map(|g| size * g).collect();
                let energy = turn(&mut u, &g, &s, h);
                assert!(!energy.is_nan() && u.iter().all(|u| u.is_finite()), "{size} {h}: {energy} {u:?}");
                assert!((dot(&u, &u) - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn kicks_tell_their_energy() {
        let (mut v, g, s) = case(70);
        let before = dot(&v, &v);
        let change = kick(&mut v, &g, &s, 0.3);
        assert!((0.5 * (dot(&v, &v) - before) - change).abs() < 1e-12);
    }
}
