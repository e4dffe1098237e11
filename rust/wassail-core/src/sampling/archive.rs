//! The state of chains as two lists of numbers, chain by chain: what they need to go on as if they had not stopped, together or each
//! on its own.

use super::chains::{Chains, Member};
use super::frame::Frame;
use super::storage::Ahead;
use crate::error::{Result, try_extend};
use std::sync::Arc;

/// A state between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// Positions, gradients, velocities, the preconditioner, step sizes and the like.
    pub floats: Vec<f64>,
    /// Counts.
    pub integers: Vec<u64>,
}

/// Whether a state was taken up; the chains are not to be used where it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// It was.
    Fits,
    /// Chains that are to move together have made different numbers of steps.
    OutOfStep,
    /// It is another run's.
    Other,
}

/// Writes a state, or reads one in the same order: what is visited once is saved and restored.
pub(super) enum Pass<'a> {
    Write(&'a mut Saved),
    Read { floats: &'a [f64], integers: &'a [u64], fits: bool, in_step: bool },
}

impl Pass<'_> {
    pub(super) fn floats(&mut self, values: &mut [f64]) -> Result<()> {
        match self {
            Self::Write(saved) => try_extend(&mut saved.floats, values.iter().copied())?,
            Self::Read { floats, fits, .. } => match floats.split_at_checked(values.len()) {
                Some((mine, rest)) => {
                    values.copy_from_slice(mine);
                    *floats = rest;
                }
                None => *fits = false,
            },
        }
        Ok(())
    }

    pub(super) fn integer(&mut self, value: &mut u64) {
        match self {
            Self::Write(saved) => saved.integers.push(*value),
            Self::Read { integers, fits, .. } => match integers.split_first() {
                Some((&first, rest)) => {
                    *value = first;
                    *integers = rest;
                }
                None => *fits = false,
            },
        }
    }

    /// A list whose length is part of the state.
    pub(super) fn list(&mut self, values: &mut Vec<f64>) -> Result<()> {
        let mut len = values.len() as u64;
        self.integer(&mut len);
        if let Self::Read { floats, fits, .. } = self {
            let Some(here) = floats.get(..len as usize) else {
                *fits = false;
                return Ok(());
            };
            values.clear();
            return try_extend(values, here.iter().copied()).map(|()| *floats = &floats[len as usize..]);
        }
        self.floats(values)
    }
}

impl Pass<'_> {
    /// The draws of chain i of a block that others do not have yet.
    pub(super) fn ahead(&mut self, ahead: &Ahead, i: usize, chains: usize, width: usize) -> Result<Vec<f64>> {
        let mut rows = Vec::new();
        for row in ahead.rows.chunks_exact(chains * width) {
            try_extend(&mut rows, row[i * width..][..width].iter().copied())?;
        }
        self.list(&mut rows)?;
        Ok(rows)
    }

    /// Puts such draws of all chains of a block together.
    pub(super) fn assemble(&self, ahead: &mut Ahead, parts: &[Vec<f64>], width: usize) -> Result<()> {
        if let Self::Read { .. } = self {
            ahead.rows = interleaved(parts, width)?;
        }
        Ok(())
    }

    /// A count that all chains of a block share: that of the first is taken, others are to be the same.
    pub(super) fn shared(&mut self, value: &mut u64, is_first: bool) {
        let mut found = *value;
        self.integer(&mut found);
        if is_first {
            *value = found;
        } else if let (Self::Read { in_step, .. }, true) = (self, found != *value) {
            *in_step = false;
        }
    }
}

/// What has a state.
pub(super) trait Archived {
    /// Writes or reads everything that the state is made of.
    fn visit(&mut self, pass: &mut Pass<'_>) -> Result<()>;

    /// Whether counts that were read can be those of this run.
    fn is_consistent(&self) -> bool;

    /// The state, as it is.
    fn write(&mut self) -> Result<Saved> {
        let mut saved = Saved::default();
        self.visit(&mut Pass::Write(&mut saved))?;
        Ok(saved)
    }

    /// Takes up a state of the same run.
    fn read(&mut self, saved: &Saved) -> Result<Loaded> {
        let mut pass = Pass::Read { floats: &saved.floats, integers: &saved.integers, fits: true, in_step: true };
        self.visit(&mut pass)?;
        let Pass::Read { floats: [], integers: [], fits: true, in_step } = pass else { return Ok(Loaded::Other) };
        Ok(match (in_step, self.is_consistent()) {
            (false, _) => Loaded::OutOfStep,
            (true, true) => Loaded::Fits,
            (true, false) => Loaded::Other,
        })
    }
}

impl Archived for Chains {
    fn visit(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        pass.floats(&mut self.scale)?;
        let mut lengths = [self.time, self.steps];
        pass.floats(&mut lengths)?;
        [self.time, self.steps] = lengths;
        self.visit_frame(pass)?;
        let mut started = u64::from(self.position.started);
        pass.integer(&mut started);
        self.position.started = started != 0;
        let mut mixes = u64::from(self.mixes);
        pass.integer(&mut mixes);
        self.mixes = mixes != 0;
        self.tally.counts.iter_mut().for_each(|count| pass.integer(count));
        for count in [&mut self.number, &mut self.drawn, &mut self.position.left, &mut self.position.window] {
            pass.integer(count);
        }
        let width = self.width();
        self.members.iter_mut().try_for_each(|member| member.visit(pass, width))
    }

    fn is_consistent(&self) -> bool {
        let warm = self.run.n_warmup as u64;
        let thin = self.run.thin as u64;
        let Some(handed) = self.drawn.checked_mul(thin).and_then(|steps| steps.checked_add(warm)) else { return false };
        let drawing = self.position.left == 0;
        let steps = if drawing { handed } else { warm.saturating_sub(self.position.left) };
        let width = self.width();
        self.steps >= 1.0
            && self.position.left <= warm
            && self.position.window > 0
            && (drawing || self.drawn == 0)
            && self.members.iter().all(|m| {
                let rows = if drawing { m.number.saturating_sub(handed) / thin } else { 0 };
                let numbers = rows.checked_mul((m.block.count() * width) as u64);
                m.number >= steps
                    && (drawing || m.number == steps)
                    && rows == m.ahead.count as u64
                    && numbers == Some(m.ahead.rows.len() as u64)
            })
    }
}

impl Chains {
    /// Numbers that are stored of a draw.
    fn width(&self) -> usize {
        self.run.kept.widths(self.run.density.dim()).iter().sum::<usize>() + 2
    }

    fn visit_frame(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let mut parts = Frame::parts(self.frame.as_deref());
        for part in &mut parts {
            pass.list(part)?;
        }
        if let Pass::Read { fits, .. } = pass {
            match Frame::from_parts(parts, self.scale.len()) {
                Ok(frame) => self.frame = frame.map(Arc::new),
                Err(()) => *fits = false,
            }
            for member in &mut self.members {
                member.block.assume(self.frame.as_ref())?;
            }
        }
        Ok(())
    }
}

impl Member {
    fn visit(&mut self, pass: &mut Pass<'_>, width: usize) -> Result<()> {
        let chains = self.block.count();
        let d = self.block.x.len() / chains;
        let mut parts = Vec::new();
        for i in 0..chains {
            let (block, at) = (&mut self.block, i * d..(i + 1) * d);
            let vectors = [&mut block.x[at.clone()], &mut block.grad[at.clone()], &mut block.v[at]];
            for values in
                vectors.into_iter().chain([&mut block.logp[i..=i], &mut self.sizes[i..=i], &mut self.accepted[i..=i]])
            {
                pass.floats(values)?;
            }
            for count in [&mut self.divergences[i], &mut self.outside[i], &mut self.gradients[i]] {
                pass.integer(count);
            }
            let mut rows = self.ahead.count as u64;
            pass.shared(&mut self.number, i == 0);
            pass.shared(&mut rows, i == 0);
            self.ahead.count = rows as usize;
            parts.push(pass.ahead(&self.ahead, i, chains, width)?);
        }
        pass.assemble(&mut self.ahead, &parts, width)
    }
}

/// The rows of several chains, those of the same draw together; as many as each has.
fn interleaved(parts: &[Vec<f64>], width: usize) -> Result<Vec<f64>> {
    let mut out = Vec::new();
    for row in 0..parts.iter().map(|part| part.len() / width).min().unwrap_or(0) {
        for part in parts {
            try_extend(&mut out, part[row * width..][..width].iter().copied())?;
        }
    }
    Ok(out)
}
