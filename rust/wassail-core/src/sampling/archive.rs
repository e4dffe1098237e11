//! The state of chains as two lists of numbers: what they need to go on as if they had not stopped.

use super::chains::Chains;
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

/// Writes a state, or reads one in the same order: what is visited once is saved and restored.
enum Pass<'a> {
    Write(&'a mut Saved),
    Read { floats: &'a [f64], integers: &'a [u64], fits: bool },
}

impl Pass<'_> {
    fn floats(&mut self, values: &mut [f64]) -> Result<()> {
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

    fn integer(&mut self, value: &mut u64) {
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
    fn list(&mut self, values: &mut Vec<f64>) -> Result<()> {
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

impl Chains {
    /// The state, as it is.
    pub fn save(&mut self) -> Result<Saved> {
        let mut saved = Saved::default();
        self.visit(&mut Pass::Write(&mut saved))?;
        Ok(saved)
    }

    /// Takes up a state of the same run; false, with chains that are not to be used, where it is another's.
    pub fn load(&mut self, saved: &Saved) -> Result<bool> {
        let mut pass = Pass::Read { floats: &saved.floats, integers: &saved.integers, fits: true };
        self.visit(&mut pass)?;
        let Pass::Read { floats, integers, fits } = pass else { return Ok(false) };
        Ok(fits && floats.is_empty() && integers.is_empty() && self.is_consistent())
    }

    fn visit(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        pass.floats(&mut self.scale)?;
        let mut lengths = [self.time, self.steps];
        pass.floats(&mut lengths)?;
        [self.time, self.steps] = lengths;
        self.visit_frame(pass)?;
        let mut started = u64::from(self.position.started);
        pass.integer(&mut started);
        self.position.started = started != 0;
        for count in [&mut self.number, &mut self.drawn, &mut self.position.left, &mut self.position.window] {
            pass.integer(count);
        }
        for member in &mut self.members {
            let block = &mut member.block;
            for values in [&mut *block.x, &mut *block.grad, &mut block.logp, &mut *block.v] {
                pass.floats(values)?;
            }
            pass.floats(&mut member.sizes)?;
            pass.floats(&mut member.accepted)?;
            let counts = [&mut member.divergences, &mut member.outside, &mut member.gradients];
            counts.into_iter().flatten().for_each(|n| pass.integer(n));
            pass.integer(&mut member.number);
            let Ahead { count, rows } = &mut member.ahead;
            let mut draws = *count as u64;
            pass.integer(&mut draws);
            *count = draws as usize;
            pass.list(rows)?;
        }
        Ok(())
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

    /// Whether counts that were read can be those of this run.
    fn is_consistent(&self) -> bool {
        let warm = self.run.n_warmup as u64;
        let thin = self.run.thin as u64;
        let Some(handed) = self.drawn.checked_mul(thin).and_then(|steps| steps.checked_add(warm)) else { return false };
        let drawing = self.position.left == 0;
        let steps = if drawing { handed } else { warm.saturating_sub(self.position.left) };
        let width: usize = self.run.kept.widths(self.run.density.dim()).iter().sum();
        self.steps >= 1.0
            && self.position.left <= warm
            && self.position.window > 0
            && (drawing || self.drawn == 0)
            && self.members.iter().all(|m| {
                let rows = if drawing { m.number.saturating_sub(handed) / thin } else { 0 };
                let numbers = rows.checked_mul((m.block.count() * (width + 2)) as u64);
                m.number >= steps
                    && (drawing || m.number == steps)
                    && rows == m.ahead.count as u64
                    && numbers == Some(m.ahead.rows.len() as u64)
            })
    }
}
