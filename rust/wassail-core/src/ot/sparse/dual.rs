//! The smoothed semi-dual ψ(g) = Σ_i max_f (φ_i(f + key_i) …) − ⟨b, g⟩ on candidate lists: its value, and the columns of its plan.

use super::base::{Base, move_into, reduce};
use super::candidates::{Row, gather};
use super::history::History;
use super::row::{Rule, settle};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::ot::geometry::Geometry;
use crate::ot::sparsify::Csr;
use crate::ot::sweep::combine;
use crate::ot::tiling::entry;
use crate::parallel::{chunks, map_chunks, sum};

/// Cost and weights. At most k nonzeros are allowed in each row.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The cost.
    pub geometry: &'a dyn Geometry,
    /// Row weights.
    pub a: &'a [f64],
    /// Column weights.
    pub b: &'a [f64],
}

/// The semi-dual at the column potentials it was evaluated at last.
#[derive(Clone)]
pub struct Dual<'a> {
    /// Cost and weights.
    pub problem: Problem<'a>,
    /// Regularization and smoothing.
    pub rule: Rule,
    /// Candidates and levels.
    pub rows: Vec<Row>,
    /// Potentials that those here and in the rows are offsets to.
    base: Base,
    /// Column sums of the plan.
    pub cols: Vec<f64>,
    /// Where it was evaluated last.
    at: Vec<f64>,
    /// Where rows were gathered.
    history: History,
}

/// Candidates of a row at first, beyond twice the nonzeros allowed.
const FIRST: usize = 24;
/// Share of its mass that a row may have beyond k entries by rounding.
const NEGLIGIBLE: f64 = 1e-13;
/// Nonzeros counted on at first.
const MOST: usize = 50;

/// Sums that say how far a plan of rows is from the optimum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measure {
    /// ⟨C, T⟩.
    pub cost: f64,
    /// Σ |C| T.
    pub size: f64,
    /// Σ Ω(t_i), the convex envelope.
    pub regularization: f64,
    /// Σ Ω(t_i) + δ(s_i) − ⟨s_i, t_i⟩, what is missing to complementarity.
    pub gap: f64,
    /// Rows with more than k nonzeros.
    pub crowded: usize,
}

impl<'a> Dual<'a> {
    /// No candidates yet.
    pub fn new(problem: Problem<'a>, rule: Rule) -> Self {
        let (n, m) = problem.geometry.shape();
        let want = rule.k.min(MOST).saturating_mul(2).saturating_add(FIRST).min(m);
        let rows = vec![Row::new(want); n];
        let base = Base::zero(n, m);
        Self { problem, rule, rows, base, cols: vec![0.0; m], at: vec![0.0; m], history: History::default() }
    }

    /// From potentials near the solution, and a plan near that of the relaxation.
    pub fn near(problem: Problem<'a>, rule: Rule, base: Base, plan: &Csr) -> Self {
        let mut dual = Self { base, ..Self::new(problem, rule) };
        let known = dual.rows.iter_mut().zip(&dual.base.f).zip(plan.indptr.windows(2).zip(problem.a));
        for ((row, f), (ends, a)) in known {
            // As far below the level as the mean entry is above.
            let slack = rule.gamma * a / (ends[1] - ends[0]).max(1) as f64;
            row.expect(-f - slack);
        }
        dual
    }

    /// Rows handled together.
    fn grain(&self) -> usize {
        self.rows.len().div_ceil(64).max(32)
    }

    /// Moves the base to the potentials reached, and the offsets with it: the same point, with smaller roundings.
    pub fn rebase(&mut self, offsets: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        let (grain, Base { f, g }) = (self.grain(), &mut self.base);
        g.iter_mut().zip(offsets.iter_mut()).for_each(|(g, offset)| move_into(g, offset));
        let parts: Vec<_> = self.rows.chunks_mut(grain).zip(f.chunks_mut(grain)).collect();
        map_chunks(parts, monitor, |(rows, f)| {
            for (row, f) in rows.iter_mut().zip(f) {
                move_into(f, &mut row.level.f);
                reduce(row, *f, g);
            }
            Ok(())
        })?;
        Ok(())
    }

    /// What rounding of the offsets may add to the error: masses are slacks divided by γ, or by ζγ where entries are split.
    pub fn noise(&self) -> f64 {
        let offsets = self.at.iter().copied().chain(self.rows.iter().map(|row| row.level.f));
        let largest = offsets.fold(0.0f64, |largest, offset| largest.max(offset.abs()));
        let entries = self.rows.iter().map(|row| row.level.full + row.level.split).sum::<usize>();
        let softness = if self.rule.k < usize::MAX && self.rule.zeta > 0.0 { self.rule.zeta.min(1.0) } else { 1.0 };
        f64::EPSILON * largest * entries as f64 / (softness * self.rule.gamma)
    }

    /// ψ at these offsets, without the part of the base; leaves levels and column sums.
    pub fn evaluate(&mut self, offsets: &[f64], monitor: &dyn Monitor) -> Result<f64> {
        self.at.copy_from_slice(offsets);
        let g = &self.base.columns(offsets);
        self.history.advance(g);
        let mut late = self.settle(None, monitor)?;
        while !late.is_empty() {
            let stamp = self.history.stamp(g, &mut self.rows);
            let mut next = late.iter().copied().peekable();
            let rows = self.rows.iter_mut().enumerate().filter(|(i, _)| next.next_if_eq(i).is_some());
            gather(self.problem.geometry, rows, &self.base, g, stamp, monitor)?;
            late = self.settle(Some(&late), monitor)?;
        }
        self.total(offsets, monitor)
    }

    /// Levels of these rows, or of all; returns those whose candidates may not be all that count.
    fn settle(&mut self, some: Option<&[usize]>, monitor: &dyn Monitor) -> Result<Vec<usize>> {
        let (grain, rule) = (self.grain(), self.rule);
        let (g, a, history, base) = (&self.at[..], self.problem.a, &self.history, &self.base.f);
        let parts: Vec<_> = self.rows.chunks_mut(grain).enumerate().collect();
        let late = map_chunks(parts, monitor, |(part, rows)| {
            let first = part * grain;
            let end = first + rows.len();
            let mut late = Vec::new();
            let mut visit = |i: usize| {
                let row = &mut rows[i - first];
                row.level = settle(&mut row.entries, g, a[i], &rule, row.level.f);
                if !row.is_complete(history, base[i]) {
                    late.push(i);
                }
            };
            match some {
                Some(some) => {
                    let from = some.partition_point(|&i| i < first);
                    some[from..].iter().take_while(|&&i| i < end).for_each(|&i| visit(i));
                }
                None => (first..end).for_each(visit),
            }
            Ok(late)
        })?;
        Ok(late.concat())
    }

    /// Adds up the value and the columns of the rows.
    fn total(&mut self, g: &[f64], monitor: &dyn Monitor) -> Result<f64> {
        let Problem { a, b, .. } = self.problem;
        let (rows, rule, m) = (&self.rows, &self.rule, b.len());
        let parts = map_chunks(chunks(rows.len(), self.grain(), usize::MAX), monitor, |range| {
            let (mut cols, mut value) = (vec![0.0; m], 0.0);
            for i in range {
                let Row { entries, level, .. } = &rows[i];
                // φ(y) is half of ⟨y, t⟩: this form is stationary in f, so that an inexact level does not show.
                let mut paired = 0.0;
                for (place, e) in entries[..level.full + level.split].iter().enumerate() {
                    let t = rule.mass(level, place, e.key);
                    cols[e.j as usize] += t;
                    paired += (level.f + e.key) * t;
                }
                value += 0.5 * paired - a[i] * level.f;
            }
            Ok((cols, value))
        })?;
        let (cols, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        combine(&cols, &mut self.cols, monitor)?;
        Ok(sum(values.into_iter()) - sum(b.iter().zip(g).map(|(b, g)| b * g)))
    }

    /// What the columns miss, b − Tᵀ1.
    pub fn missing(&self) -> Vec<f64> {
        self.problem.b.iter().zip(&self.cols).map(|(b, c)| b - c).collect()
    }

    /// ⟨f, a − T1⟩ + ⟨g, b − Tᵀ1⟩, what the error of the marginals is worth to first order.
    pub fn priced(&self) -> f64 {
        let columns = sum(self.missing().iter().zip(self.columns()).map(|(q, g)| q * g));
        // A row that lost its only entry to the rounding of others has no price.
        let rounding = f64::EPSILON * sum(self.problem.a.iter().copied());
        let rows = self.rows.iter().zip(self.levels()).zip(self.problem.a).map(|((row, f), a)| {
            let Row { entries, level, .. } = row;
            if entries.is_empty() && *a <= rounding {
                return 0.0;
            }
            let kept = entries[..level.full + level.split].iter().enumerate();
            f * (a - kept.map(|(place, e)| self.rule.mass(level, place, e.key)).sum::<f64>())
        });
        columns + sum(rows)
    }

    /// ⟨f, a⟩ + ⟨g, b⟩ of the base.
    pub fn based(&self) -> f64 {
        let (Base { f, g }, Problem { a, b, .. }) = (&self.base, &self.problem);
        sum(f.iter().zip(*a).map(|(f, a)| f * a)) + sum(g.iter().zip(*b).map(|(g, b)| g * b))
    }

    /// Column potentials.
    pub fn columns(&self) -> Vec<f64> {
        self.base.columns(&self.at)
    }

    /// Rows whose k-th and next slack are equal to a relative tolerance, or that this plan splits over more than k entries.
    pub fn ties(&self, tolerance: f64, plan: &Csr) -> usize {
        let k = self.rule.k;
        let tied = |row: &Row| {
            let slack = |i: usize| row.level.f + row.entries[i].key;
            row.entries.len() > k && slack(k) > 0.0 && slack(k) >= (1.0 - tolerance) * slack(k - 1)
        };
        let counts = plan.indptr.windows(2).map(|ends| (ends[1] - ends[0]) as usize);
        self.rows.iter().zip(counts).filter(|(row, count)| *count > k || tied(row)).count()
    }

    /// Mass of the entry at this place of a row.
    pub fn mass(&self, i: usize, place: usize) -> f64 {
        let Row { entries, level, .. } = &self.rows[i];
        self.rule.mass(level, place, entries[place].key)
    }

    /// Row potentials.
    pub fn levels(&self) -> Vec<f64> {
        self.rows.iter().zip(&self.base.f).map(|(row, base)| base + row.level.f).collect()
    }

    /// Entries of a row that have mass. What a row has beyond k entries is none if it is rounding.
    fn kept(&self, i: usize) -> usize {
        let Row { entries, level, .. } = &self.rows[i];
        let (k, count) = (self.rule.k, level.full + level.split);
        if count <= k {
            return count;
        }
        let beyond: f64 = (k..count).map(|place| self.rule.mass(level, place, entries[place].key)).sum();
        if beyond <= NEGLIGIBLE * self.problem.a[i] { k } else { count }
    }

    /// Rows with more than k nonzeros.
    pub fn crowded(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows.len()).filter(|&i| self.kept(i) > self.rule.k)
    }

    /// Lets no entry have mass that has none in this plan, in rows where it has k entries at most and `fewest` at least.
    pub fn adopt(&mut self, plan: &Csr, fewest: usize) {
        for (row, ends) in self.rows.iter_mut().zip(plan.indptr.windows(2)) {
            let columns = &plan.indices[ends[0] as usize..ends[1] as usize];
            if (fewest..=self.rule.k).contains(&columns.len()) {
                row.keep(columns);
            }
        }
    }

    /// Lets no entry have mass that has none now.
    pub fn fix(&mut self) {
        for i in 0..self.rows.len() {
            let kept = self.kept(i);
            self.rows[i].fix(kept);
        }
    }

    /// Makes the plan the center of the proximal term.
    pub fn recenter(&mut self) {
        for row in &mut self.rows {
            let level = row.level;
            for (place, e) in row.entries.iter_mut().enumerate() {
                e.center = self.rule.mass(&level, place, e.key);
            }
        }
    }

    /// Makes this plan the center of the proximal term.
    pub fn center(&mut self, plan: &Csr) {
        let geometry = self.problem.geometry;
        for (i, row) in self.rows.iter_mut().enumerate() {
            row.entries.iter_mut().for_each(|e| e.center = 0.0);
            let range = plan.indptr[i] as usize..plan.indptr[i + 1] as usize;
            for (&j, &t) in plan.indices[range.clone()].iter().zip(&plan.data[range]) {
                let j = j as usize;
                row.center(j as u32, t, || entry(geometry, i, j));
            }
            reduce(row, self.base.f[i], &self.base.g);
        }
    }

    /// Removes the proximal term and the smoothing.
    pub fn sharpen(&mut self) {
        self.rule.zeta = 0.0;
        self.rows.iter_mut().flat_map(|row| &mut row.entries).for_each(|e| e.center = 0.0);
    }

    /// How far the plan is from the optimum.
    pub fn measure(&self) -> Measure {
        let mut all = Measure::default();
        let mut slacks = Vec::new();
        for i in 0..self.rows.len() {
            self.measure_row(i, &mut slacks, &mut all);
        }
        all
    }

    fn measure_row(&self, i: usize, slacks: &mut Vec<f64>, all: &mut Measure) {
        let (row, base, kept) = (&self.rows[i], self.base.f[i], self.kept(i));
        let (rule, level) = (&self.rule, &row.level);
        let lift = rule.zeta * rule.gamma;
        let (mut envelope, mut paired) = (0.0, 0.0);
        slacks.clear();
        for (place, e) in row.entries.iter().enumerate() {
            let slack = level.f + e.key - lift * e.center;
            if slack > 0.0 {
                slacks.push(slack);
            }
            if place < kept {
                let t = rule.mass(level, place, e.key);
                let cost = row.costs[e.place as usize];
                all.cost += cost * t;
                all.size += cost.abs() * t;
                // t/θ is τ/γ where an entry is split.
                envelope += 0.5 * t * if place < level.full { rule.gamma * t } else { level.tau };
                paired += slack * t;
            }
        }
        if slacks.len() > rule.k {
            slacks.select_nth_unstable_by(rule.k - 1, |x, y| y.total_cmp(x));
            slacks.truncate(rule.k);
        }
        // An entry left out may be larger than some of these, but not than this bound.
        let bound = (row.bound(&self.history, base) + level.f).max(0.0);
        let absent = if bound > 0.0 { rule.k - slacks.len() } else { 0 };
        let squares: f64 = slacks.iter().map(|s| s.max(bound) * s.max(bound)).sum();
        let conjugate = 0.5 * (squares + absent as f64 * bound * bound) / rule.gamma;
        all.regularization += envelope;
        all.gap += (envelope + conjugate - paired).max(0.0);
        all.crowded += usize::from(kept > rule.k);
    }

    /// The plan.
    pub fn plan(&self) -> Csr {
        let mut out = Csr::empty();
        for (i, Row { entries, level, .. }) in self.rows.iter().enumerate() {
            let kept = entries[..self.kept(i)].iter().enumerate();
            out.push_row(kept.map(|(place, e)| (i64::from(e.j), self.rule.mass(level, place, e.key))));
        }
        out
    }
}
