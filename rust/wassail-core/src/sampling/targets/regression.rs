//! Generalized linear models: Σ_i log p(y_i | o_i + ⟨x_i, θ⟩) − Σ_j a_j |θ_j| − ½ Σ_j b_j θ_j².
//!
//! The design is read once a gradient: rows that predict are in the cache when their residuals are gathered.

use super::csr::Csr;
use super::link::{Family, ROWS};
use super::one;
use super::panels::{CHAINS, Panels, SUMS};
use super::penalty::ElasticNet;
use super::scratch::lend;
use crate::error::try_zeroed;
use crate::monitor::Silent;
use crate::numeric::lanes::add_scaled;
use crate::parallel::{chunks, map_chunks};
use crate::sampling::density::{DensityError, LogDensity};
use std::ops::Range;

/// X, (n, p).
pub enum Design {
    /// All entries.
    Dense(Panels),
    /// Those that are not zero.
    Sparse(Csr),
}

impl Design {
    fn rows(&self) -> usize {
        match self {
            Self::Dense(panels) => panels.rows(),
            Self::Sparse(csr) => csr.rows(),
        }
    }

    fn columns(&self) -> usize {
        match self {
            Self::Dense(panels) => panels.columns(),
            Self::Sparse(csr) => csr.columns(),
        }
    }

    /// Stored entries.
    fn len(&self) -> usize {
        match self {
            Self::Dense(panels) => panels.rows() * panels.columns(),
            Self::Sparse(csr) => csr.len(),
        }
    }

    /// Rows of a block.
    fn height(&self) -> usize {
        match self {
            Self::Dense(panels) => panels.height(),
            Self::Sparse(_) => ROWS,
        }
    }

    /// Parts of a gradient entry.
    fn sums(&self) -> usize {
        match self {
            Self::Dense(_) => SUMS,
            Self::Sparse(_) => 1,
        }
    }

    /// eta_c = o + X x_c for the rows of a block.
    fn predict(&self, block: usize, points: &[f64], offset: &[f64; ROWS], eta: &mut [[f64; ROWS]; CHAINS]) {
        match self {
            Self::Dense(panels) => panels.predict(block, points, offset, eta),
            Self::Sparse(csr) => {
                for (x, eta) in points.chunks_exact(csr.columns()).zip(eta) {
                    for (i, (eta, o)) in (block * ROWS..csr.rows()).zip(eta.iter_mut().zip(offset)) {
                        *eta = o + csr.dot(i, x);
                    }
                }
            }
        }
    }

    /// sums_c += Xᵀ r_c of the rows of a block.
    fn gather(&self, block: usize, residuals: &[[f64; ROWS]; CHAINS], sums: &mut [f64]) {
        match self {
            Self::Dense(panels) => panels.gather(block, residuals, sums),
            Self::Sparse(csr) => {
                for (r, sums) in residuals.iter().zip(sums.chunks_exact_mut(csr.columns())) {
                    for (i, r) in (block * ROWS..csr.rows()).zip(r) {
                        csr.add(i, *r, sums);
                    }
                }
            }
        }
    }
}

/// Entries of the design below which a part is not handed out to another thread.
const GRAIN: usize = 1 << 17;
/// Most parts of a design: their number depends on the problem only, and their sums are added in order.
const PARTS: usize = 32;

/// A generalized linear model.
pub struct Regression {
    design: Design,
    family: Family,
    prior: ElasticNet,
    /// Observations and offsets, with zeros for the rows that fill up the last block.
    observed: Vec<f64>,
    offset: Vec<f64>,
    /// Blocks of rows of each part.
    parts: Vec<Range<usize>>,
}

/// Values or predictors of some points, in lanes.
type Values = [[f64; ROWS]; CHAINS];

impl Regression {
    /// `observed` and `offset` have an entry for each row of the design, `prior` for each column.
    pub fn new(
        design: Design,
        family: Family,
        prior: ElasticNet,
        mut observed: Vec<f64>,
        mut offset: Vec<f64>,
    ) -> Self {
        let room = design.rows() + ROWS;
        observed.resize(room, 0.0);
        offset.resize(room, 0.0);
        let blocks = design.rows().div_ceil(design.height());
        let parts = chunks(blocks, 1, (design.len() / GRAIN).clamp(1, PARTS));
        Self { design, family, prior, observed, offset, parts }
    }

    /// Adds log-likelihoods and their gradients at a block of rows; `eta` is room.
    fn block(&self, block: usize, points: &[f64], eta: &mut Values, values: &mut Values, sums: &mut [f64]) {
        let height = self.design.height();
        let first = block * height;
        let (Some(y), Some(offset)) = (self.observed[first..].first_chunk(), self.offset[first..].first_chunk()) else {
            return;
        };
        self.design.predict(block, points, offset, eta);
        let (chains, rows) = (points.len() / self.dim(), height.min(self.design.rows() - first));
        for (eta, values) in eta[..chains].iter_mut().zip(values) {
            self.family.apply(eta, y, rows, values);
        }
        self.design.gather(block, eta, sums);
    }

    /// Values of some blocks, their gradients to `grads`.
    fn part(&self, blocks: Range<usize>, points: &[f64], grads: &mut [f64]) -> Result<Values, DensityError> {
        let split = self.design.sums();
        let (mut eta, mut values) = ([[0.0; ROWS]; CHAINS], [[0.0; ROWS]; CHAINS]);
        lend(points.len() * split, |sums| {
            sums.fill(0.0);
            for block in blocks {
                self.block(block, points, &mut eta, &mut values, sums);
            }
            for (g, parts) in grads.iter_mut().zip(sums.chunks_exact(split)) {
                *g = parts.iter().sum();
            }
        })?;
        Ok(values)
    }

    /// At most `CHAINS` points: log-likelihoods in lanes, gradients.
    fn likelihood(&self, points: &[f64], grads: &mut [f64]) -> Result<Values, DensityError> {
        if let [only] = &self.parts[..] {
            return self.part(only.clone(), points, grads);
        }
        let parts = map_chunks(self.parts.clone(), &Silent, |blocks| {
            let mut grads = try_zeroed(points.len())?;
            Ok(self.part(blocks, points, &mut grads).map(|values| (values, grads)))
        });
        let mut total = [[0.0; ROWS]; CHAINS];
        grads.fill(0.0);
        for part in parts.map_err(|_| DensityError::Failed)? {
            let (values, part) = part?;
            add_scaled(&part, 1.0, grads);
            total.iter_mut().flatten().zip(values.iter().flatten()).for_each(|(t, v)| *t += v);
        }
        Ok(total)
    }
}

impl LogDensity for Regression {
    fn dim(&self) -> usize {
        self.design.columns()
    }

    fn value_and_grad(&self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        one(self, x, grad)
    }

    fn batch(&self, x: &[f64], grad: &mut [f64], out: &mut [Result<f64, DensityError>]) {
        let d = self.dim();
        for ((points, grads), out) in x.chunks(CHAINS * d).zip(grad.chunks_mut(CHAINS * d)).zip(out.chunks_mut(CHAINS))
        {
            let values = match self.likelihood(points, grads) {
                Ok(values) => values,
                Err(error) => {
                    out.fill(Err(error));
                    continue;
                }
            };
            let each = points.chunks_exact(d).zip(grads.chunks_exact_mut(d)).zip(out).zip(&values);
            for (((x, grad), out), values) in each {
                let prior = lend(d, |pull| {
                    let value = self.prior.value_and_grad(x, pull);
                    add_scaled(pull, 1.0, grad);
                    value
                });
                *out = prior.and_then(|value| Ok(value? + values.iter().sum::<f64>()));
            }
        }
    }

    fn group(&self, chains: usize) -> usize {
        // Sixty-four blocks keep as many cores busy.
        (chains / 64).clamp(1, CHAINS)
    }

    fn work(&self) -> usize {
        self.family.work() * self.design.rows() + self.design.len() / 4 + self.dim()
    }
}
