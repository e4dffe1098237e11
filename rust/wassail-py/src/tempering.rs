//! Runs of tempered chains.

use crate::arrays::vector;
use crate::enter::{Hooks, enter_keeping};
use crate::ot::{Arg, Array};
use crate::sampling::Transition;
use crate::target::Target;
use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::sampling::{End, Reference, Tempering, temper};

/// (end, chain of a bad start, draws of each chain, draws, logp, acceptance, ratios, divergences, round trips, betas,
/// rejections, step sizes, scans, exceptions of the target and of who looked on).
type Outcome<'py> = (
    (u8, usize, usize),
    (Array<'py>, Array<'py>, Array<'py>, Array<'py>),
    (Bound<'py, PyArray1<u64>>, Bound<'py, PyArray1<u64>>),
    (Array<'py>, Array<'py>, Array<'py>, u64),
    (Option<PyErr>, Option<PyErr>),
);

/// Runs ladders of chains; `reference` is (density, mean, factor), `schedule` (warm-up scans, draws, scans per draw), `ladder`
/// (rungs, steps of the kernel a scan), `step` (size, acceptance to adapt it to).
#[pyfunction]
pub fn run_tempering<'py>(
    py: Python<'py>,
    target: &Target,
    reference: (Bound<'py, Target>, Arg<'py>, Arg<'py>),
    transition: &Transition,
    start: Arg<'py>,
    scale: Arg<'py>,
    key: u64,
    schedule: (usize, usize, usize),
    ladder: (usize, usize),
    step: (f64, Option<f64>),
    progress: Option<Py<PyAny>>,
    callback: Option<Py<PyAny>>,
    n_threads: usize,
) -> PyResult<Outcome<'py>> {
    let (start, scale) = (start.as_slice()?, scale.as_slice()?);
    let (mean, factor) = (reference.1.as_slice()?, reference.2.as_slice()?);
    let (top, bottom, kernel) = (target.density(), reference.0.get().density(), transition.core());
    let d = top.dim();
    let fits = start.len().is_multiple_of(d) && scale.len() == d && mean.len() == d && bottom.dim() == d;
    let factored = factor.len() == d || factor.len() == d * d;
    if start.is_empty() || !fits || !factored || schedule.2 == 0 || ladder.0 < 2 || ladder.1 == 0 {
        return Err(PyValueError::new_err("start, reference, schedule or ladder do not fit"));
    }
    let run = Tempering {
        target: &*top,
        reference: Reference { density: &*bottom, mean, factor },
        transition: &*kernel,
        key,
        chains: start.len() / d,
        start,
        rungs: ladder.0,
        steps: ladder.1,
        n_warmup: schedule.0,
        n_samples: schedule.1,
        thin: schedule.2,
        step_size: step.0,
        acceptance: step.1,
        scale,
    };
    let scans = schedule.1.saturating_mul(schedule.2).saturating_add(schedule.0);
    let rows = run.chains.saturating_mul(run.rungs).saturating_mul(run.steps);
    let work = scans.saturating_mul(rows).saturating_mul(run.target.work() + 4 * d);
    let hooks = Hooks { callback, progress };
    let (out, raised) = enter_keeping(py, work, n_threads, &hooks, |monitor| temper(&run, monitor))?;
    let end = match out.end {
        End::Complete => (0, 0),
        End::Interrupted => (1, 0),
        End::Failed { chain, .. } => (2, chain),
        End::BadStart(chain) => (3, chain),
        End::FailedStart(chain) | End::Differs(chain) => (4, chain),
    };
    Ok((
        (end.0, end.1, out.count),
        (vector(py, out.draws), vector(py, out.logp), vector(py, out.acceptance), vector(py, out.ratios)),
        (vector(py, out.divergences), vector(py, out.round_trips)),
        (vector(py, out.betas), vector(py, out.rejections), vector(py, out.step_sizes), out.scans),
        (target.take_raised(), raised),
    ))
}
