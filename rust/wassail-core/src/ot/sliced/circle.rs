//! Transport on the circle: where to cut it (Delon, Salomon, Sobolevski 2010, arXiv:0902.3527).
//!
//! Lifted to the line, the optimal plan couples the quantile functions of both measures at a shift θ of mass that
//! minimizes the convex, piecewise linear C(θ) = ∫ |F⁻¹(s + θ) − G⁻¹(s)|^p ds. Its slope is found in one merge.

use super::power::Power;
use crate::error::Result;
use crate::monitor::Monitor;

/// One measure on the circle of length 1.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Ascending positions in [0, 1).
    pub at: &'a [f64],
    /// Cumulated masses; the last is the total.
    pub ends: &'a [f64],
}

/// Two measures on the circle.
#[derive(Clone, Copy)]
pub struct Circle<'a> {
    /// First measure.
    pub x: Side<'a>,
    /// Second measure, of the same total.
    pub y: Side<'a>,
    /// Order of the distance.
    pub power: Power,
}

/// Atoms after which the circle is cut; the second measure is ahead by whole turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Last atom of the first measure.
    pub i: usize,
    /// Last atom of the second measure.
    pub j: usize,
    /// Turns that are added to its positions.
    pub turns: i64,
}

/// A place in the quantile function of the lifted second measure, moving upwards.
#[derive(Clone, Copy)]
struct Place {
    j: usize,
    turn: f64,
}

impl Circle<'_> {
    fn total(&self) -> f64 {
        self.y.ends[self.y.ends.len() - 1]
    }

    /// The atom that holds the mass just below s.
    fn place(&self, s: f64) -> Place {
        let turn = (s / self.total()).ceil() - 1.0;
        let within = s - turn * self.total();
        let j = self.y.ends.partition_point(|&end| end < within);
        self.settled(Place { j, turn })
    }

    fn settled(&self, mut place: Place) -> Place {
        if place.j == self.y.ends.len() {
            place = Place { j: 0, turn: place.turn + 1.0 };
        }
        place
    }

    fn end(&self, place: Place) -> f64 {
        self.y.ends[place.j] + place.turn * self.total()
    }

    /// Moves up to the atom that holds the mass just below s.
    fn reach(&self, mut place: Place, s: f64) -> Place {
        while self.end(place) < s {
            place = self.settled(Place { j: place.j + 1, turn: place.turn });
        }
        place
    }

    /// Calls `visit` with the distances from each atom of y to the atoms of x before and after the jump it meets.
    fn jumps(&self, shift: f64, mut visit: impl FnMut(f64, f64)) {
        let n = self.x.at.len();
        let mut place = self.place(self.x.ends[0] - shift);
        for i in 0..n {
            place = self.reach(place, self.x.ends[i] - shift);
            let y = self.y.at[place.j] + place.turn;
            let after = if i + 1 < n { self.x.at[i + 1] } else { self.x.at[0] + 1.0 };
            visit((self.x.at[i] - y).abs(), (after - y).abs());
        }
    }

    /// Sign of the slope of C to the right of a shift. Distances are relative to the largest, so that no power overflows.
    fn rises(&self, shift: f64) -> bool {
        let mut largest = 0.0f64;
        self.jumps(shift, |before, after| largest = largest.max(before).max(after));
        let (mut up, mut down) = (0.0, 0.0);
        self.jumps(shift, |before, after| {
            up += self.power.of(after / largest);
            down += self.power.of(before / largest);
        });
        up >= down
    }

    /// Bisects down to `resolution` in mass, then takes the jump that is nearest.
    pub fn cut(&self, resolution: f64, monitor: &dyn Monitor) -> Result<Cut> {
        let (mut low, mut high) = (-self.total(), self.total());
        while high - low > resolution {
            monitor.check()?;
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.rises(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(self.nearest(0.5 * (low + high)))
    }

    /// The pair of ends that a shift nearest to the given one brings together.
    fn nearest(&self, shift: f64) -> Cut {
        let mut best = (f64::INFINITY, Cut { i: 0, j: 0, turns: 0 });
        let mut place = self.place(self.x.ends[0] - shift);
        for (i, end) in self.x.ends.iter().enumerate() {
            let s = end - shift;
            place = self.reach(place, s);
            let below = if place.j > 0 {
                Place { j: place.j - 1, turn: place.turn }
            } else {
                Place { j: self.y.ends.len() - 1, turn: place.turn - 1.0 }
            };
            for candidate in [below, place] {
                let miss = (self.end(candidate) - s).abs();
                if miss < best.0 {
                    best = (miss, Cut { i, j: candidate.j, turns: candidate.turn as i64 });
                }
            }
        }
        best.1
    }
}
