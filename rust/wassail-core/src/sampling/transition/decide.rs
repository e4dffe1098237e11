//! What becomes of proposals.

use super::{Info, Step};
use crate::rng::{Purpose, Stream};
use crate::sampling::block::Block;
use crate::sampling::density::DensityError;
use std::ops::Range;

/// Moves every chain to its proposal if that has a value, and says so.
pub fn advance(block: &mut Block, d: usize, info: &mut [Info]) -> Result<(), DensityError> {
    for (i, info) in info.iter_mut().enumerate() {
        *info = Info::default();
        match block.proposal_logp[i] {
            Ok(logp) => block.accept(i, d, logp),
            Err(DensityError::Failed) => return Err(DensityError::Failed),
            // Without a gradient the chain cannot go on from there: it stays, and says so.
            Err(_) => *info = Info::stopped(DensityError::Recoverable, 1),
        }
    }
    Ok(())
}

/// Accepts or rejects the proposals of some chains; `asymmetry` is log q(x | y) − log q(y | x) of a chain.
pub fn decide(
    block: &mut Block,
    rows: Range<usize>,
    d: usize,
    step: Step<'_>,
    info: &mut [Info],
    asymmetry: impl Fn(&Block, usize) -> f64,
) -> Result<(), DensityError> {
    for i in rows {
        let info = &mut info[i];
        let logp = match block.proposal_logp[i] {
            Ok(logp) => logp,
            Err(DensityError::Failed) => return Err(DensityError::Failed),
            Err(error) => {
                *info = Info::stopped(error, 1);
                continue;
            }
        };
        let ratio = logp - block.logp[i] + asymmetry(block, i);
        // NaN, from overflow, rejects.
        let acceptance = if ratio >= 0.0 { 1.0 } else { ratio.exp().max(0.0) };
        *info = Info { acceptance, divergent: ratio.is_nan(), energy: -ratio, ..Info::default() };
        let draws = Stream::new(step.key, block.first + i as u32, step.number);
        if draws.uniform(Purpose::Accept, 0) < acceptance {
            block.accept(i, d, logp);
        }
    }
    Ok(())
}
