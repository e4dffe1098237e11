//! Which nodes of a graph are connected, while arcs are added (union and find, with path halving).

/// Sets of nodes that are connected so far.
pub struct Sets(Vec<u32>);

impl Sets {
    /// Each node on its own.
    pub fn new(count: usize) -> Self {
        Self((0..count as u32).collect())
    }

    /// The node that stands for the set of `v`.
    pub fn find(&mut self, mut v: u32) -> u32 {
        while self.0[v as usize] != v {
            let above = self.0[v as usize];
            self.0[v as usize] = self.0[above as usize];
            v = above;
        }
        v
    }

    /// Puts the set of `child` below that of `parent`; false if they are one already.
    pub fn join(&mut self, child: u32, parent: u32) -> bool {
        let (child, parent) = (self.find(child), self.find(parent));
        self.0[child as usize] = parent;
        child != parent
    }

    /// The nodes that stand for the sets, in ascending order.
    pub fn representatives(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.0).filter(|(v, above)| v == *above).map(|(v, _)| v)
    }
}
