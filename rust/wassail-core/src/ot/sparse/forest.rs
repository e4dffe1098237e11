//! A plan whose support is a forest, with what its points still miss.

use crate::ot::sets::Sets;
use crate::ot::sparsify::Csr;

/// An entry of the plan.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Row.
    pub i: usize,
    /// Column, counted on from the rows.
    pub v: usize,
    /// Mass.
    pub t: f64,
}

/// Rows and then columns as points, entries of the plan as links.
pub struct Forest<'a> {
    a: &'a [f64],
    b: &'a [f64],
    /// All links.
    pub links: Vec<Link>,
    /// Links of a point.
    at: Vec<Vec<u32>>,
    /// What points miss: rows of a, columns of b.
    missing: Vec<f64>,
    sets: Sets,
    /// Mass of the rows of a part less that of its columns, at its root.
    excess: Vec<f64>,
    /// Points and entries of the cost looked at.
    pub work: usize,
    order: Vec<Step>,
    net: Vec<f64>,
}

/// A point of a part, the place of the one it was reached from, and the link.
#[derive(Clone, Copy)]
struct Step {
    point: usize,
    from: usize,
    link: u32,
}

impl<'a> Forest<'a> {
    /// Without links.
    pub fn new(a: &'a [f64], b: &'a [f64]) -> Self {
        let count = a.len() + b.len();
        let mut forest = Self {
            a,
            b,
            links: Vec::new(),
            at: vec![Vec::new(); count],
            missing: Vec::new(),
            sets: Sets::new(0),
            excess: Vec::new(),
            work: 0,
            order: Vec::new(),
            net: Vec::new(),
        };
        forest.clear();
        forest
    }

    fn clear(&mut self) {
        let (a, b) = (self.a, self.b);
        self.links.clear();
        self.at.iter_mut().for_each(Vec::clear);
        self.missing = a.iter().chain(b).copied().collect();
        self.excess = a.iter().copied().chain(b.iter().map(|b| -b)).collect();
        self.sets = Sets::new(a.len() + b.len());
    }

    /// Points that stand for their parts.
    pub fn parts(&self) -> impl Iterator<Item = usize> + '_ {
        self.sets.representatives().map(|v| v as usize)
    }

    /// The point that stands for the part of this one.
    pub fn part(&mut self, point: usize) -> usize {
        self.sets.find(point as u32) as usize
    }

    /// What a part has too much of.
    pub fn excess(&self, part: usize) -> f64 {
        self.excess[part]
    }

    /// Links of a row.
    pub fn degree(&self, i: usize) -> usize {
        self.at[i].len()
    }

    /// What a point misses.
    pub fn missing(&self, point: usize) -> f64 {
        self.missing[point]
    }

    /// Adds a link if it joins two parts.
    pub fn add(&mut self, link: Link) {
        let (p, q) = (self.part(link.i), self.part(link.v));
        if !self.sets.join(p as u32, q as u32) {
            return;
        }
        for point in [link.i, link.v] {
            self.at[point].push(self.links.len() as u32);
            self.missing[point] -= link.t;
        }
        self.links.push(link);
        self.excess[q] += self.excess[p];
    }

    /// Removes links by their places, in ascending order.
    pub fn remove(&mut self, places: &[u32]) {
        let links = std::mem::take(&mut self.links);
        self.clear();
        let kept = links.into_iter().zip(0..).filter(|(_, at)| places.binary_search(at).is_err());
        kept.for_each(|(link, _)| self.add(link));
    }

    /// The points of a part, each after the one by which it hangs on the first.
    fn walk(&mut self, start: usize) {
        self.order.clear();
        self.order.push(Step { point: start, from: 0, link: u32::MAX });
        let mut place = 0;
        while place < self.order.len() {
            let Step { point, link: by, .. } = self.order[place];
            for &link in self.at[point].iter().filter(|link| **link != by) {
                let Link { i, v, .. } = self.links[link as usize];
                self.order.push(Step { point: if i == point { v } else { i }, from: place, link });
            }
            place += 1;
        }
        self.work += place;
    }

    /// Moves all that the part of a point misses to the point. The link whose mass would be the least, and negative, if there is one.
    pub fn gather(&mut self, start: usize) -> Result<(), u32> {
        self.walk(start);
        let n = self.a.len();
        self.net.clear();
        self.net.extend(self.order.iter().map(|s| self.missing[s.point] * if s.point < n { 1.0 } else { -1.0 }));
        for place in (1..self.order.len()).rev() {
            self.net[self.order[place].from] += self.net[place];
        }
        let moved = |(step, net): (&Step, &f64)| {
            let sent = if step.point < n { *net } else { -net };
            (step.link, self.links[step.link as usize].t + sent)
        };
        let moves: Vec<(u32, f64)> = self.order.iter().zip(&self.net).skip(1).map(moved).collect();
        if let Some(least) = moves.iter().min_by(|p, q| p.1.total_cmp(&q.1)).filter(|least| least.1 < 0.0) {
            return Err(least.0);
        }
        moves.into_iter().for_each(|(link, t)| self.links[link as usize].t = t);
        self.order[1..].iter().for_each(|step| self.missing[step.point] = 0.0);
        self.missing[start] = if start < n { self.net[0] } else { -self.net[0] };
        Ok(())
    }

    /// Column potentials at which every link is as dear as this, from those of one column of each part.
    pub fn potentials(&mut self, g: &mut [f64], price: impl Fn(&Link) -> f64) {
        let n = self.a.len();
        let mut all: Vec<f64> = vec![0.0; n].into_iter().chain(g.iter().copied()).collect();
        let parts: Vec<usize> = self.parts().collect();
        for part in parts {
            self.walk(part);
            let first = self.order.iter().position(|step| step.point >= n);
            let Some(first) = first.map(|place| self.order[place].point) else { continue };
            self.walk(first);
            for step in &self.order[1..] {
                let from = self.order[step.from].point;
                all[step.point] = price(&self.links[step.link as usize]) - all[from];
            }
        }
        g.copy_from_slice(&all[n..]);
    }

    /// The positive entries.
    pub fn plan(&self) -> Csr {
        let n = self.a.len();
        let mut out = Csr::empty();
        for links in &self.at[..n] {
            let row = links.iter().map(|at| self.links[*at as usize]);
            out.push_row(row.map(|link| ((link.v - n) as i64, link.t)));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masses_follow_the_links() {
        let (a, b) = ([0.5, 0.5], [0.4, 0.6]);
        let mut forest = Forest::new(&a, &b);
        for (i, v, t) in [(0, 2, 0.4), (0, 3, 0.0), (1, 3, 0.3)] {
            forest.add(Link { i, v, t });
        }
        forest.add(Link { i: 1, v: 2, t: 0.1 });
        assert_eq!(forest.links.len(), 3, "no cycle");
        assert_eq!(forest.gather(1), Ok(()));
        let plan = forest.plan();
        assert_eq!((plan.indptr, plan.indices), (vec![0, 2, 3], vec![0, 1, 1]));
        plan.data.iter().zip([0.4, 0.1, 0.5]).for_each(|(t, expected)| assert!((t - expected).abs() < 1e-15));
        let mut g = [2.0, 7.0];
        forest.potentials(&mut g, |link| (10 * link.i + link.v) as f64);
        // f_0 + g_0 = 2 and f_0 + g_1 = 3.
        assert!(g == [2.0, 3.0] || g == [6.0, 7.0]);
    }

    #[test]
    fn the_link_in_the_way_is_told() {
        let (a, b) = ([0.1, 0.9], [0.4, 0.6]);
        let mut forest = Forest::new(&a, &b);
        for (i, v, t) in [(0, 2, 0.05), (0, 3, 0.05), (1, 3, 0.9)] {
            forest.add(Link { i, v, t });
        }
        assert_eq!(forest.gather(1), Err(1));
        forest.remove(&[1]);
        let part = forest.part(0);
        assert!((forest.excess(part) + 0.3).abs() < 1e-15);
    }
}
