//! The state of ladders, ladder by ladder.

use super::Tempering;
use super::group::Group;
use super::ladders::Ladders;
use crate::error::Result;
use crate::sampling::adaptation::DualAveraging;
use crate::sampling::archive::{Archived, Pass};

impl Archived for Ladders {
    fn visit(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        pass.floats(&mut self.betas)?;
        let mut flags = [self.started, !self.groups[0].tuners.is_empty()].map(u64::from);
        flags.iter_mut().for_each(|flag| pass.integer(flag));
        self.started = flags[0] != 0;
        for count in [&mut self.number, &mut self.drawn, &mut self.left, &mut self.window] {
            pass.integer(count);
        }
        let run = &self.run;
        for group in &mut self.groups {
            let tuners = if flags[1] != 0 { group.block.count() } else { 0 };
            group.tuners.resize(tuners, DualAveraging::new(run.step_size, run.acceptance.unwrap_or(1.0)));
            group.visit(run, pass)?;
            group.books.drawn = self.drawn;
            group.path.betas.iter_mut().enumerate().for_each(|(i, b)| *b = self.betas[1 + i % (run.rungs - 1)]);
            if let Pass::Read { .. } = pass {
                group.block.x.copy_from_slice(&group.now.x);
                (0..if self.started { group.block.count() } else { 0 }).for_each(|i| group.stand(i));
            }
        }
        Ok(())
    }

    fn is_consistent(&self) -> bool {
        let (warm, thin) = (self.run.n_warmup as u64, self.run.thin as u64);
        let Some(handed) = self.drawn.checked_mul(thin).and_then(|scans| scans.checked_add(warm)) else { return false };
        let drawing = self.left == 0;
        let scans = if drawing { handed } else { warm.saturating_sub(self.left) };
        let width = self.run.width();
        self.left <= warm
            && self.window > 0
            && (drawing || self.drawn == 0)
            && self.number >= scans
            && self.betas.windows(2).all(|b| b[0] <= b[1]) // rungs beside 1 may round to the same
            && self.groups.iter().all(|g| {
                let rows = if drawing { g.number.saturating_sub(handed) / thin } else { 0 };
                let numbers = rows.checked_mul((g.chains() * width) as u64);
                g.number >= self.number
                    && (drawing || g.number <= warm)
                    && g.step <= self.run.steps as u64
                    && g.has_its_walkers()
                    && rows == g.ahead.count as u64
                    && numbers == Some(g.ahead.rows.len() as u64)
                    && g.books.marks.rows.len() == g.ahead.count * g.books.now.len()
            })
    }
}

impl Tempering {
    /// Numbers that are stored of a draw.
    fn width(&self) -> usize {
        self.kept.widths(self.target.dim()).iter().sum::<usize>() + 2 + self.rungs
    }
}

impl Group {
    fn visit(&mut self, run: &Tempering, pass: &mut Pass<'_>) -> Result<()> {
        let (chains, rows, width, counts) = (self.chains(), self.rows(), run.width(), self.books.width());
        let (mut parts, mut marks) = (Vec::new(), Vec::new());
        for c in 0..chains {
            for i in c * rows..(c + 1) * rows {
                self.visit_row(i, pass)?;
            }
            let mine = c * counts..(c + 1) * counts;
            for values in [&mut self.books.now[mine.clone()], &mut self.books.shown[mine], &mut self.accepted[c..=c]] {
                pass.floats(values)?;
            }
            let ladder = c * (rows + 1)..(c + 1) * (rows + 1);
            for (walker, from_top) in self.walkers[ladder.clone()].iter_mut().zip(&mut self.from_top[ladder]) {
                let mut flag = u64::from(*from_top);
                pass.integer(walker);
                pass.integer(&mut flag);
                *from_top = flag != 0;
            }
            let mut ahead = self.ahead.count as u64;
            for count in [&mut self.number, &mut self.step, &mut ahead] {
                pass.shared(count, c == 0);
            }
            (self.ahead.count, self.books.marks.count) = (ahead as usize, ahead as usize);
            parts.push(pass.ahead(&self.ahead, c, chains, width)?);
            marks.push(pass.ahead(&self.books.marks, c, chains, counts)?);
        }
        pass.assemble(&mut self.books.marks, &marks, counts)?;
        pass.assemble(&mut self.ahead, &parts, width)
    }

    /// Where a row stands; what its kernel moves by is made of that.
    fn visit_row(&mut self, i: usize, pass: &mut Pass<'_>) -> Result<()> {
        let d = self.path.dim_of();
        let at = i * d..(i + 1) * d;
        pass.floats(&mut self.now.x[at.clone()])?;
        for k in 0..2 {
            pass.floats(&mut self.now.grad[k][at.clone()])?;
            pass.floats(&mut self.now.logp[k][i..=i])?;
        }
        pass.floats(&mut self.sizes[i..=i])?;
        if let Some(tuner) = self.tuners.get_mut(i) {
            tuner.numbers().into_iter().try_for_each(|number| pass.floats(std::slice::from_mut(number)))?;
        }
        Ok(())
    }

    /// Whether every walker of a ladder stands on one rung.
    fn has_its_walkers(&self) -> bool {
        self.walkers.chunks_exact(self.rows() + 1).all(|ladder| {
            let mut sorted = ladder.to_vec();
            sorted.sort_unstable();
            sorted.iter().enumerate().all(|(k, &walker)| walker == k as u64)
        })
    }
}
