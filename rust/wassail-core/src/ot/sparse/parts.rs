//! Parts of a plan whose rows have another mass than its columns: potentials shift them against each other until entries open.
//!
//! After a small change of the weights most entries keep their masses, nearly. What a part has too much of can only leave it by entries
//! that have none: a Newton step does not see these, and opens one or two at a time. In the limit of small changes they are those
//! of least slack: unregularized transport between the parts, whose potentials are the shifts, and whose plan tells the masses.

use super::dual::Dual;
use super::forest::{Forest, Link};
use super::newton::Newton;
use crate::error::{Result, try_zeroed};
use crate::monitor::Monitor;
use crate::ot::batch::Quiet;
use crate::ot::exact::{self, Amount, Pattern, Start};
use crate::ot::geometry::Dense;
use crate::ot::sets::Sets;
use crate::ot::sparsify::Csr;
use crate::ot::sweep::Weights;
use crate::ot::tiling::{blocks, for_each_tile, height};
use crate::parallel::{chunks, map_chunks, sum};
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries whose mass is below this multiple of the mean error of a column may vanish, and hold no part together.
const WEAK: f64 = 20.0;
/// Entries open this much further, in that unit: what else changes is not to close them.
const MARGIN: f64 = 4.0;
/// What parts may have too much or too little in all, as a share of the error.
const SLIGHT: f64 = 1e-3;
/// Shifts in a row, while each leaves at most this share out of balance.
const SHIFTS: usize = 4;
const LESS: f64 = 0.5;
/// Share of the error at which the next step is as good as another shift.
const NEAR: f64 = 0.1;
/// Pairs of parts beyond which a plan between them takes longer than the steps that it saves.
const MOST: usize = 1 << 22;
/// Flows below this share of all are rounding.
const ROUNDING: f64 = 1e-20;

/// By how much the rows of the parts that these entries of rows (row and place) connect have more mass than the columns.
pub fn excess(dual: &Dual<'_>, connects: impl Fn(usize, usize) -> bool) -> Vec<f64> {
    let mut sets = connected(dual, connects);
    let mut excess = vec![0.0; dual.rows.len() + dual.cols.len()];
    let masses = dual.problem.a.iter().copied().chain(dual.problem.b.iter().map(|b| -b));
    for (point, mass) in (0..).zip(masses) {
        excess[sets.find(point) as usize] += mass;
    }
    excess
}

fn connected(dual: &Dual<'_>, connects: impl Fn(usize, usize) -> bool) -> Sets {
    let n = dual.rows.len();
    let mut sets = Sets::new(n + dual.cols.len());
    for (i, row) in dual.rows.iter().enumerate() {
        for (_, e) in row.entries.iter().enumerate().filter(|(place, _)| connects(i, *place)) {
            sets.join(i as u32, n as u32 + e.j);
        }
    }
    sets
}

/// Shifts parts of the plan that have too much or too little, while that lowers ψ: entries that open may close others.
pub fn balance(newton: &mut Newton<'_>, goal: f64, monitor: &dyn Monitor) -> Result<()> {
    let (error, mut before) = (newton.error(), f64::INFINITY);
    for _ in 0..SHIFTS {
        let dual = &newton.dual;
        let left = sum(excess(dual, |i, place| dual.mass(i, place) > 0.0).iter().map(|e| e.abs()));
        let done = left <= goal.min(SLIGHT * error) || left > LESS * before;
        if done || !shift(newton, error, goal, monitor)? || newton.error() <= NEAR * error {
            break;
        }
        before = left;
    }
    Ok(())
}

/// Shifts parts once, for errors of this size; false if ψ does not fall.
fn shift(newton: &mut Newton<'_>, error: f64, goal: f64, monitor: &dyn Monitor) -> Result<bool> {
    let dual = &newton.dual;
    let unit = error / dual.cols.len() as f64;
    let parts = Parts::new(dual, |i, place| dual.mass(i, place) > WEAK * unit);
    if parts.a.len() > MOST / parts.a.len() {
        return Ok(false);
    }
    let Some(plan) = parts.plan(dual, goal, monitor)? else { return Ok(false) };
    let (before, value, stiffness) = (newton.g.clone(), newton.value(), dual.rule.stiffness());
    for margin in [MARGIN * unit, 0.0] {
        let shifts = parts.shifts(&plan, |t| stiffness * (t + margin));
        newton
            .g
            .iter_mut()
            .zip(&parts.cols)
            .zip(&before)
            .for_each(|((g, part), old)| *g = old + shifts[*part as usize]);
        newton.refresh(monitor)?;
        if newton.value() <= value {
            return Ok(true);
        }
    }
    newton.g = before;
    newton.refresh(monitor)?;
    Ok(false)
}

/// Points by the part they are in, and the masses of parts.
struct Parts {
    rows: Vec<u32>,
    cols: Vec<u32>,
    a: Vec<f64>,
    b: Vec<f64>,
}

/// Transport between parts: the plan, its column potentials, and the costs by rows.
struct Between {
    plan: Csr,
    g: Vec<f64>,
    slacks: Vec<f64>,
}

impl Parts {
    fn new(dual: &Dual<'_>, connects: impl Fn(usize, usize) -> bool) -> Self {
        let (n, points) = (dual.rows.len(), dual.rows.len() + dual.cols.len());
        let mut sets = connected(dual, connects);
        let (mut numbers, mut count) = (vec![None; points], 0);
        let mut number = |point: usize| {
            *numbers[sets.find(point as u32) as usize].get_or_insert_with(|| {
                count += 1;
                count - 1
            })
        };
        let rows: Vec<u32> = (0..n).map(&mut number).collect();
        let cols: Vec<u32> = (n..points).map(&mut number).collect();
        let masses = |of: &[u32], weights: &[f64]| {
            let mut masses = vec![0.0; count as usize];
            of.iter().zip(weights).for_each(|(part, weight)| masses[*part as usize] += weight);
            masses
        };
        let (a, b) = (masses(&rows, dual.problem.a), masses(&cols, dual.problem.b));
        Self { rows, cols, a, b }
    }

    /// The best plan between parts, if one is allowed.
    fn plan(&self, dual: &Dual<'_>, goal: f64, monitor: &dyn Monitor) -> Result<Option<Between>> {
        let count = self.a.len();
        let slacks = self.slacks(dual, monitor)?;
        let geometry = Dense::from_rows(&slacks, count, count);
        let (zero, indptr) = (vec![0.0; count], (0..=count as i64).collect::<Vec<_>>());
        let plan = Some(Pattern { indptr: &indptr, indices: &indptr[..count] });
        let start = Start { f: &zero, g: &zero, plan };
        let weights = Weights { a: &self.a, b: &self.b };
        let found = exact::solve(&geometry, weights, Amount::All, Some(start), &Quiet(monitor))?;
        let usable = found.blocked <= goal && found.g.iter().all(|g| g.is_finite());
        Ok(usable.then_some(Between { plan: found.plan, g: found.g, slacks }))
    }

    /// By how much the column potentials of the parts shift, so that entries between parts open by what their masses ask for.
    fn shifts(&self, between: &Between, opening: impl Fn(f64) -> f64) -> Vec<f64> {
        let (count, mut shifts) = (self.a.len(), between.g.clone());
        self.forest(&between.plan).potentials(&mut shifts, |Link { i, v, t }| {
            let opens = if v - count == *i { 0.0 } else { opening(*t) };
            between.slacks[i * count + v - count] + opens
        });
        shifts
    }

    /// The links of a plan between parts.
    fn forest(&self, plan: &Csr) -> Forest<'_> {
        let (count, all) = (self.a.len(), sum(self.a.iter().copied()));
        let mut forest = Forest::new(&self.a, &self.b);
        for (i, ends) in plan.indptr.windows(2).enumerate() {
            let row = ends[0] as usize..ends[1] as usize;
            for (j, &t) in plan.indices[row.clone()].iter().zip(&plan.data[row]).filter(|e| *e.1 > ROUNDING * all) {
                forest.add(Link { i, v: count + *j as usize, t });
            }
        }
        forest
    }

    /// The least slack from each part to each, in rows.
    fn slacks(&self, dual: &Dual<'_>, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let count = self.a.len();
        let all = self.slacks_of_costs(dual, monitor)?;
        let mut slacks = try_zeroed(count * count)?;
        slacks.iter_mut().zip(all).for_each(|(slack, bits)| *slack = f64::from_bits(bits.into_inner()));
        for (row, part) in dual.rows.iter().zip(&self.rows) {
            for e in &row.entries {
                let least = &mut slacks[*part as usize * count + self.cols[e.j as usize] as usize];
                *least = least.min((row.level.tau - row.level.f - e.key).max(0.0));
            }
        }
        (0..count).for_each(|part| slacks[part * (count + 1)] = 0.0);
        Ok(slacks)
    }

    /// The least slack from each part to each as far as rows may take up entries: bits of floats, whose order is that of the
    /// floats where these are not negative.
    fn slacks_of_costs(&self, dual: &Dual<'_>, monitor: &dyn Monitor) -> Result<Vec<AtomicU64>> {
        let (geometry, count) = (dual.problem.geometry, self.a.len());
        let f: Vec<f64> = dual.levels().iter().zip(&dual.rows).map(|(f, row)| f - row.level.tau).collect();
        let g = dual.columns();
        let least: Vec<AtomicU64> = (0..count * count).map(|_| AtomicU64::new(f64::INFINITY.to_bits())).collect();
        let visit = |i: usize, first: usize, costs: &[f64]| {
            let least = &least[self.rows[i] as usize * count..][..count];
            for ((cost, g), part) in costs.iter().zip(&g[first..]).zip(&self.cols[first..]) {
                let (slack, cell) = ((cost - f[i] - g).max(0.0).to_bits(), &least[*part as usize]);
                if slack < cell.load(Ordering::Relaxed) {
                    cell.fetch_min(slack, Ordering::Relaxed);
                }
            }
        };
        map_chunks(chunks(f.len(), height(geometry), 256), monitor, |rows| {
            let mut scratch = Vec::new();
            for block in blocks(&rows, height(geometry)) {
                for_each_tile(geometry, &block, &mut scratch, monitor, |cols, costs| {
                    let open = block.clone().enumerate().filter(|(_, i)| !dual.rows[*i].is_closed());
                    open.for_each(|(r, i)| visit(i, cols.start, costs.row(r)));
                })?;
            }
            Ok(())
        })?;
        Ok(least)
    }
}
