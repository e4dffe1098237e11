//! The monotone coupling of two sorted measures on the line: the optimal plan for every convex cost.

use crate::error::Result;
use crate::monitor::Monitor;

/// Steps between two looks at the monitor.
const SLICE: usize = 1 << 20;

/// Masses of both sides in order of position, all positive.
#[derive(Clone, Copy)]
pub enum Masses<'a> {
    /// 1/n each and 1/m each.
    Equal(usize, usize),
    /// Any, of the same sum up to rounding.
    Given {
        /// Of the first side.
        a: &'a [f64],
        /// Of the second side.
        b: &'a [f64],
        /// Their sum.
        total: f64,
        /// Cumulated masses that differ by less are equal: a sliver of mass made by rounding would travel far.
        slack: f64,
    },
}

impl Masses<'_> {
    /// Calls `visit(i, j, mass)` for each pair that shares mass, in order.
    pub fn couple(self, monitor: &dyn Monitor, mut visit: impl FnMut(usize, usize, f64)) -> Result<()> {
        match self {
            Masses::Equal(n, m) => equal(n, m, monitor, &mut visit),
            Masses::Given { a, b, total, slack } => given(a, b, total, slack, monitor, &mut visit),
        }
    }
}

/// In units of 1/(n m), so that ends meet exactly.
fn equal(n: usize, m: usize, monitor: &dyn Monitor, visit: &mut impl FnMut(usize, usize, f64)) -> Result<()> {
    let unit = 1.0 / (n as f64 * m as f64);
    let (mut i, mut j, mut left_x, mut left_y) = (0, 0, m, n);
    while i < n && j < m {
        if (i + j) % SLICE == 0 {
            monitor.check()?;
        }
        let step = left_x.min(left_y);
        visit(i, j, step as f64 * unit);
        left_x -= step;
        left_y -= step;
        if left_x == 0 {
            (i, left_x) = (i + 1, m);
        }
        if left_y == 0 {
            (j, left_y) = (j + 1, n);
        }
    }
    Ok(())
}

/// A running sum with its rounding errors.
#[derive(Clone, Copy, Default)]
struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    fn plus(self, v: f64) -> Self {
        let high = self.high + v;
        let added = high - self.high;
        let error = (self.high - (high - added)) + (v - added);
        Self { high, low: self.low + error }
    }

    fn value(self) -> f64 {
        self.high + self.low
    }
}

fn given(
    a: &[f64],
    b: &[f64],
    total: f64,
    slack: f64,
    monitor: &dyn Monitor,
    visit: &mut impl FnMut(usize, usize, f64),
) -> Result<()> {
    let (last_i, last_j) = (a.len() - 1, b.len() - 1);
    let (mut i, mut j, mut done) = (0, 0, 0.0);
    let (mut end_x, mut end_y) = (Sum::default().plus(a[0]), Sum::default().plus(b[0]));
    loop {
        if (i + j) % SLICE == 0 {
            monitor.check()?;
        }
        let (x, y) = (end_x.value().min(total), end_y.value().min(total));
        let (step_x, step_y) = match (i < last_i, j < last_j) {
            (false, false) => {
                visit(i, j, (total - done).max(0.0));
                return Ok(());
            }
            (true, true) if (x - y).abs() <= tolerance(a, b, i, j, slack) => (true, true),
            (true, true) => (x < y, y <= x),
            one => one,
        };
        let end = if step_y { y } else { x };
        if end > done {
            visit(i, j, end - done);
            done = end;
        }
        if step_x {
            i += 1;
            end_x = end_x.plus(a[i]);
        }
        if step_y {
            j += 1;
            end_y = end_y.plus(b[j]);
        }
    }
}

/// Less than a quarter of the atoms beside the two ends, so that no atom is lost.
fn tolerance(a: &[f64], b: &[f64], i: usize, j: usize, slack: f64) -> f64 {
    slack.min(0.25 * a[i].min(a[i + 1]).min(b[j]).min(b[j + 1]))
}
