//! Which form of the sweep runs: streamed or stored, f32 or f64.
//!
//! Sweeps start in f32 wherever that can help: a stored f32 kernel moves half the bytes, f32 exponentials take half the
//! time. Once the error as f32 sees it is small enough, or f32 gets no further, f64 takes over; what is reported as
//! converged was measured in f64 on the costs as given.

use super::geometry::Geometry;
use super::stored::Stored;
use super::sweep::{Pair, Stream, Weights};
use super::update::Update;
use crate::error::Result;
use crate::memory;
use crate::monitor::Monitor;

/// Clouds of at most this many pairs are solved on a stored kernel (64 MB in f32); larger ones stay O(n + m).
const CLOUD_KERNEL: usize = 1 << 24;
/// Weights below this share of the mass leave the range of an f32 kernel.
const LIGHTEST_F32: f64 = 1e-20;

/// A form of the sweep.
enum Form<'a> {
    Stream32(Stream<'a, f32>),
    Stream64(Stream<'a, f64>),
    Stored32(Stored<f32>),
    Stored64(Stored<f64>),
}

/// The forms for one problem, and the one in use.
pub struct Engine<'a> {
    geometry: &'a dyn Geometry,
    weights: Weights<'a>,
    form: Form<'a>,
    stored: bool,
}

impl<'a> Engine<'a> {
    /// Starts with the fastest form that fits the problem.
    pub fn new(geometry: &'a dyn Geometry, weights: Weights<'a>) -> Result<Self> {
        let (n, m) = geometry.shape();
        let pairs = n.saturating_mul(m);
        let affordable = |bytes: usize| (pairs.saturating_mul(bytes) as u64) < memory::available() / 2;
        let stored = (geometry.is_stored() || pairs <= CLOUD_KERNEL) && affordable(8);
        let lightest = weights.b.iter().copied().fold(f64::INFINITY, f64::min);
        let heaviest = weights.b.iter().copied().fold(0.0, f64::max);
        let single = lightest > LIGHTEST_F32 * heaviest;
        geometry.prepare(single && !geometry.is_stored())?;
        geometry.prepare(false)?;
        let form = match (stored, single) {
            (true, true) => Form::Stored32(Stored::new(n, m)?),
            (false, true) => Form::Stream32(Stream::new(geometry)?),
            (true, false) => Form::Stored64(Stored::new(n, m)?),
            (false, false) => Form::Stream64(Stream::new(geometry)?),
        };
        Ok(Self { geometry, weights, form, stored })
    }

    /// Whether errors are those of the costs as given, in f64.
    pub fn is_exact(&self) -> bool {
        matches!(self.form, Form::Stream64(_) | Form::Stored64(_))
    }

    /// From f32 to f64: one streamed sweep first, which is all that a converged pair needs.
    pub fn refine(&mut self) -> Result<()> {
        self.form = Form::Stream64(Stream::new(self.geometry)?);
        Ok(())
    }

    /// One sweep at (f, g).
    pub fn sweep(&mut self, mut pair: Pair<'_>, rule: &Update, monitor: &dyn Monitor) -> Result<()> {
        let (geometry, weights) = (self.geometry, self.weights);
        match &mut self.form {
            Form::Stream32(s) => return s.sweep(pair, weights, rule, monitor),
            Form::Stream64(s) => s.sweep(pair, weights, rule, monitor)?,
            Form::Stored32(s) => return kept(s, geometry, weights, &mut pair, rule, monitor),
            Form::Stored64(s) => return kept(s, geometry, weights, &mut pair, rule, monitor),
        }
        if self.stored {
            let (n, m) = geometry.shape();
            self.form = Form::Stored64(Stored::new(n, m)?);
        }
        Ok(())
    }
}

/// A sweep on the kernel, absorbed first if it no longer fits; streamed if the kernel cannot hold this pair.
fn kept<S: super::geometry::Cost>(
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
    // The softmin that rows of the kernel are normalized by comes from a streamed sweep, itself an iteration.
    Stream::<f64>::new(geometry)?.sweep(pair.reborrow(), w, rule, monitor)?;
    if geometry.is_stored() && geometry.is_single() {
        stored.absorb::<f32>(geometry, pair.softmin, pair.g, w.b, rule.epsilon, monitor)
    } else {
        stored.absorb::<f64>(geometry, pair.softmin, pair.g, w.b, rule.epsilon, monitor)
    }
}
