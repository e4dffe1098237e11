//! Which form of the sweep runs: streamed or stored, f32 or f64.
//!
//! Sweeps start in f32 wherever that can help: a stored f32 kernel moves half the bytes, f32 exponentials take half the
//! time. Once the error as f32 sees it is small enough, or f32 gets no further, f64 takes over; what is reported as
//! converged was measured in f64 on the costs as given. Products with the linearized map stay in f32: they only shape the
//! step, whose effect is measured.

use super::geometry::{Cost, Geometry};
use super::newton::sparse::{self, Rule};
use super::stored::Stored;
use super::sweep::{Linearization, Pair, Stream, Weights};
use super::update::Update;
use crate::error::Result;
use crate::linalg::Bipartite;
use crate::memory;
use crate::monitor::Monitor;

/// Clouds of at most this many pairs are solved on a stored kernel (64 MB in f32); larger ones stay O(n + m).
const CLOUD_KERNEL: usize = 1 << 24;
/// Weights below this share of the heaviest leave the range of an f32 kernel.
const LIGHTEST_F32: f64 = 1e-20;

/// A form of the sweep.
enum Form<'a> {
    Stream32(Stream<'a, f32>),
    Stream64(Stream<'a, f64>),
    Stored32(Stored<f32>),
    Stored64(Stored<f64>),
}

/// The forms for one problem: the fast one for early sweeps and products, and the exact one.
pub struct Engine<'a> {
    geometry: &'a dyn Geometry,
    weights: Weights<'a>,
    fast: Form<'a>,
    exact: Stream<'a, f64>,
    /// Many exact sweeps are expected (a fixed relaxation): then they are worth a stored f64 kernel.
    kernel: Option<Stored<f64>>,
    refined: bool,
    /// The next sweep is the first, from where the end is near.
    opening: bool,
}

impl<'a> Engine<'a> {
    /// Starts with the fastest form that fits the problem.
    pub fn new(geometry: &'a dyn Geometry, weights: Weights<'a>, many_exact: bool) -> Result<Self> {
        let (n, m) = geometry.shape();
        let pairs = n.saturating_mul(m);
        let affordable = (pairs.saturating_mul(8) as u64) < memory::available() / 2;
        let stored = (geometry.is_stored() || pairs <= CLOUD_KERNEL) && affordable;
        let lightest = weights.b.iter().copied().fold(f64::INFINITY, f64::min);
        let heaviest = weights.b.iter().copied().fold(0.0, f64::max);
        let single = lightest > LIGHTEST_F32 * heaviest && (stored || geometry.fits_single());
        let fast = match (stored, single) {
            (true, true) => Form::Stored32(Stored::new(n, m)?),
            (false, true) => Form::Stream32(Stream::new(geometry)?),
            (true, false) => Form::Stored64(Stored::new(n, m)?),
            (false, false) => Form::Stream64(Stream::new(geometry)?),
        };
        let kernel = if stored && single && many_exact { Some(Stored::new(n, m)?) } else { None };
        Ok(Self { geometry, weights, fast, exact: Stream::new(geometry)?, kernel, refined: false, opening: false })
    }

    /// Whether errors are those of the costs as given, in f64.
    pub fn is_exact(&self) -> bool {
        self.refined || matches!(self.fast, Form::Stream64(_) | Form::Stored64(_))
    }

    /// Error at which f32 sweeps of potentials up to `largest`·ε hand over: that of their own rounding. Exponents of a
    /// streamed f32 sweep are formed in f32, those of a stored kernel in f64.
    pub fn floor(&self, largest: f64) -> f64 {
        match self.fast {
            Form::Stream32(_) => 2.0 * f64::from(f32::EPSILON) * (1.0 + largest),
            _ => 2.0 * f64::from(f32::EPSILON),
        }
    }

    /// The first sweep is expected to find a small error, which f32 could not judge: f64 sees it at once, and fills the kernel
    /// that products read.
    pub fn open_near(&mut self) {
        self.opening = matches!(self.fast, Form::Stored32(_));
    }

    /// From f32 to f64.
    pub fn refine(&mut self) {
        self.refined = true;
    }

    /// Back to f32.
    pub fn coarsen(&mut self) {
        self.refined = false;
    }

    /// One sweep at (f, g).
    pub fn sweep(&mut self, mut pair: Pair<'_>, rule: &Update, monitor: &dyn Monitor) -> Result<()> {
        let (geometry, weights, exact) = (self.geometry, self.weights, &self.exact);
        if std::mem::take(&mut self.opening)
            && let Form::Stored32(s) = &mut self.fast
        {
            self.refined = true;
            return s.sweep_exact(exact, pair, weights, rule, monitor);
        }
        if self.refined {
            return match &mut self.kernel {
                Some(kernel) => kept(kernel, geometry, weights, &mut pair, rule, monitor),
                None => exact.sweep(pair, weights, rule, monitor),
            };
        }
        match &mut self.fast {
            Form::Stream32(s) => s.sweep(pair, weights, rule, monitor),
            Form::Stream64(s) => s.sweep(pair, weights, rule, monitor),
            Form::Stored32(s) => kept(s, geometry, weights, &mut pair, rule, monitor),
            Form::Stored64(s) => kept(s, geometry, weights, &mut pair, rule, monitor),
        }
    }

    /// Whether products read a kernel, rather than compute it.
    pub fn is_stored(&self) -> bool {
        matches!(self.fast, Form::Stored32(_) | Form::Stored64(_))
    }

    /// A sparse stand-in for the plan at a row-exact pair; None if it has too many entries.
    pub fn sparse(
        &mut self,
        at: &Linearization<'_>,
        rule: &Rule<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<Bipartite>> {
        let shape = self.geometry.shape();
        match &mut self.fast {
            Form::Stored32(s) => {
                fit(s, self.geometry, at, monitor)?;
                sparse::of_kernel(&s.plan_rows(at), shape, rule, monitor)
            }
            Form::Stored64(s) => {
                fit(s, self.geometry, at, monitor)?;
                sparse::of_kernel(&s.plan_rows(at), shape, rule, monitor)
            }
            Form::Stream32(_) | Form::Stream64(_) => sparse::of_costs(self.geometry, at, rule, monitor),
        }
    }

    /// out = Pᵀ diag(P1)⁻¹ P x at a row-exact pair.
    pub fn product(&mut self, at: &Linearization<'_>, x: &[f64], out: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        match &mut self.fast {
            Form::Stream32(s) => s.product(at, x, out, monitor),
            Form::Stream64(s) => s.product(at, x, out, monitor),
            Form::Stored32(s) => {
                fit(s, self.geometry, at, monitor)?;
                s.product(at, x, out, monitor)
            }
            Form::Stored64(s) => {
                fit(s, self.geometry, at, monitor)?;
                s.product(at, x, out, monitor)
            }
        }
    }
}

/// A sweep on the kernel; one that fills it anew if this pair is too far from the references.
fn kept<S: Cost>(
    stored: &mut Stored<S>,
    geometry: &dyn Geometry,
    w: Weights<'_>,
    pair: &mut Pair<'_>,
    rule: &Update,
    monitor: &dyn Monitor,
) -> Result<()> {
    if stored.fits(pair.softmin, pair.g, rule.epsilon) {
        let before = (pair.f.to_vec(), pair.softmin.to_vec());
        if stored.sweep(pair.reborrow(), w, rule, monitor)? {
            return Ok(());
        }
        pair.f.copy_from_slice(&before.0);
        pair.softmin.copy_from_slice(&before.1);
    }
    if reads_f32(geometry) {
        stored.sweep_absorbing::<f32>(geometry, pair.reborrow(), w, rule, monitor)
    } else {
        stored.sweep_absorbing::<f64>(geometry, pair.reborrow(), w, rule, monitor)
    }
}

/// Stored f32 costs are read as they are; computed ones are exact in f64 only.
fn reads_f32(geometry: &dyn Geometry) -> bool {
    geometry.is_stored() && geometry.is_single()
}

fn fit<S: Cost>(
    stored: &mut Stored<S>,
    geometry: &dyn Geometry,
    at: &Linearization<'_>,
    monitor: &dyn Monitor,
) -> Result<()> {
    if stored.fits(at.softmin, at.g, at.epsilon) {
        return Ok(());
    }
    absorb(stored, geometry, at.softmin, at.g, at.b, at.epsilon, monitor)
}

fn absorb<S: Cost>(
    stored: &mut Stored<S>,
    geometry: &dyn Geometry,
    softmin: &[f64],
    g: &[f64],
    b: &[f64],
    epsilon: f64,
    monitor: &dyn Monitor,
) -> Result<()> {
    if reads_f32(geometry) {
        stored.absorb::<f32>(geometry, softmin, g, b, epsilon, monitor)
    } else {
        stored.absorb::<f64>(geometry, softmin, g, b, epsilon, monitor)
    }
}
