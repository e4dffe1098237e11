//! What a block of chains sees in a window of warm-up: spreads, some draws, and the paths of some coordinates.

use super::adaptation::Spread;
use super::block::Block;
use super::frame::Rows;
use super::tau::{CHAINS, COORDINATES};
use crate::error::{Result, try_zeroed};

/// Draws kept in a window, of all chains together, and the numbers they may take.
const ROWS: usize = 512;
const FEWEST_ROWS: usize = 16;
const NUMBERS: usize = 1 << 23;

/// What is to be seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Variances of draws and gradients.
    pub spread: bool,
    /// Draws with their gradients.
    pub rows: bool,
    /// Paths of coordinates.
    pub paths: bool,
}

/// What was seen.
pub struct Observed {
    wanted: Wanted,
    /// Variances of draws and gradients.
    pub spread: Spread,
    /// Draws with their gradients.
    pub rows: Rows,
    /// Paths of the first chains, (steps, chains of the block that are followed, coordinates).
    pub paths: Vec<f64>,
    every: usize,
    seen: usize,
    point: [Vec<f64>; 2],
}

impl Observed {
    /// Nothing yet, of a window of `steps` of `chains` chains in all.
    pub fn new(wanted: Wanted, d: usize, steps: usize, chains: usize) -> Result<Self> {
        let rows = (NUMBERS / d).clamp(FEWEST_ROWS, ROWS);
        let size = if wanted.spread || wanted.rows || wanted.paths { d } else { 0 };
        Ok(Self {
            wanted,
            spread: Spread::new(if wanted.spread { d } else { 0 }),
            rows: Rows::default(),
            paths: Vec::new(),
            every: (steps * chains).div_ceil(rows).max(1),
            seen: 0,
            point: [try_zeroed(size)?, try_zeroed(size)?],
        })
    }

    /// Chains of a block whose paths are kept.
    pub fn followed(block: &Block) -> usize {
        CHAINS.saturating_sub(block.first as usize).min(block.count())
    }

    /// Whether anything is to be seen.
    pub fn looks(&self) -> bool {
        !self.point[0].is_empty()
    }

    /// Takes in where the chains of a block are.
    pub fn update(&mut self, block: &Block, d: usize) {
        if !self.looks() {
            return;
        }
        for i in 0..block.count() {
            let [x, grad] = &mut self.point;
            block.position(i, x);
            block.gradient(i, grad);
            let chain = block.first as usize + i;
            if self.wanted.spread {
                self.spread.update(x, grad);
            }
            // Chains take turns.
            if self.wanted.rows && (self.seen + chain).is_multiple_of(self.every) {
                self.rows.x.extend_from_slice(x);
                self.rows.grad.extend_from_slice(grad);
            }
            if self.wanted.paths && chain < CHAINS {
                let count = COORDINATES.min(d);
                self.paths.extend((0..count).map(|k| x[k * d / count]));
            }
        }
        self.seen += 1;
    }
}
