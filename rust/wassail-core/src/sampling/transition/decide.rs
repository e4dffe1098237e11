//! What becomes of proposals.

use super::{Info, Step};
use crate::multiversion;
use crate::numeric::exp::exp_v64;
use crate::numeric::isa::Isa;
use crate::numeric::simd::Vector;
use crate::sampling::block::Block;
use std::ops::Range;

/// Moves every chain to its proposal if that has a value, and says so.
pub fn advance(block: &mut Block, d: usize, info: &mut [Info]) {
    for (i, info) in info.iter_mut().enumerate() {
        *info = Info::default();
        match block.proposal_logp[i] {
            Ok(logp) => block.accept(i, d, logp),
            // Without a gradient the chain cannot go on from there: it stays, and says so.
            Err(error) => *info = Info { divergent: true, ..Info::stopped(error, 1, 0.0) },
        }
    }
}

/// Accepts or rejects the proposals of some chains; `asymmetry` is log q(x | y) − log q(y | x) of a chain, and an error of the energy
/// above `most` a divergence.
pub fn decide(
    block: &mut Block,
    rows: Range<usize>,
    d: usize,
    step: Step<'_>,
    info: &mut [Info],
    most: f64,
    asymmetry: impl Fn(&Block, usize) -> f64,
) {
    for i in rows {
        let info = &mut info[i];
        let logp = match block.proposal_logp[i] {
            Ok(logp) => logp,
            Err(error) => {
                *info = Info::stopped(error, 1, 0.0);
                continue;
            }
        };
        *info = Info { energy: -asymmetry(block, i), ..Info::default() };
        settle(block, step, d, i, logp, most, info);
    }
}

/// Accepts or rejects chain i, which `info` knows all of the energy of but log π; says whether it moved. An error of the energy
/// above `most` is a divergence.
pub fn settle(block: &mut Block, step: Step<'_>, d: usize, i: usize, logp: f64, most: f64, info: &mut Info) -> bool {
    info.energy -= logp - block.logp[i];
    info.acceptance = probability(info.energy);
    info.divergent = info.energy.is_nan() || info.energy > most;
    let chain = block.first + i as u32;
    let moves = block.decision(step.key, chain, step.number) < info.acceptance;
    if moves {
        block.accept(i, d, logp);
    }
    moves
}

#[inline(always)]
fn probability_body<I: Isa>(energy: f64) -> f64 {
    let mut out = [0.0; 8];
    exp_v64(I::F64::splat(-energy)).store(&mut out);
    out[0].min(1.0)
}

multiversion! {
    /// min(1, exp(−e)); NaN, from overflow, rejects. No branch on the sign, which a processor cannot foresee.
    fn probability(energy: f64) -> f64 => probability_body
}
