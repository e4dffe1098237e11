//! How far keys may have risen since a row was gathered, from the column potentials at which rows were.

use std::collections::VecDeque;

use super::candidates::Row;

/// Potentials remembered; rows gathered before count as gathered at the last ones, with a higher floor.
const KEPT: usize = 12;

/// Column potentials at which rows were gathered, the latest last.
#[derive(Clone, Debug, Default)]
pub struct History {
    points: VecDeque<Point>,
    /// Potentials forgotten so far.
    forgotten: usize,
}

#[derive(Clone, Debug)]
struct Point {
    g: Vec<f64>,
    /// Largest rise of a column potential from there to the present.
    rise: f64,
}

impl History {
    /// Moves on to g.
    pub fn advance(&mut self, g: &[f64]) {
        for point in &mut self.points {
            point.rise = g.iter().zip(&point.g).map(|(g, then)| g - then).fold(f64::NEG_INFINITY, f64::max);
        }
    }

    /// Largest rise of a key since the potentials of this number.
    pub fn rise(&self, stamp: usize) -> f64 {
        self.points[stamp - self.forgotten].rise
    }

    /// The number of the present potentials, at which rows are about to be gathered.
    pub fn stamp(&mut self, g: &[f64], rows: &mut [Row]) -> usize {
        if self.points.back().is_some_and(|point| point.g == g) {
            return self.latest();
        }
        self.points.push_back(Point { g: g.to_vec(), rise: 0.0 });
        if self.points.len() > KEPT {
            let (oldest, latest, rise) = (self.forgotten, self.latest(), self.rise(self.forgotten));
            rows.iter_mut().filter(|row| row.stamp == oldest).for_each(|row| {
                row.floor += rise;
                row.stamp = latest;
            });
            self.points.pop_front();
            self.forgotten += 1;
        }
        self.latest()
    }

    fn latest(&self) -> usize {
        self.forgotten + self.points.len() - 1
    }
}
