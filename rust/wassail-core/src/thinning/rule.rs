//! How the halvings decide.

/// How the halvings decide.
#[derive(Clone)]
pub struct Rule<'a> {
    /// Halvings: 2^levels leaves.
    pub levels: usize,
    /// Points that are split.
    pub points: usize,
    /// 2 log(2/δ) of each level of the whole tree.
    multipliers: &'a [f64],
    uniforms: &'a [f64],
    pitch: usize,
    /// Points that the whole tree splits.
    total: usize,
    /// Where in the whole tree this one hangs.
    level: usize,
    node: usize,
}

impl<'a> Rule<'a> {
    /// A rule for n points from one multiplier and `pitch` uniform numbers, at least n / 2, a level. Pair i of node c of level l
    /// takes number `l * pitch + (c p >> (l + 1)) + i`, p being the points that are split.
    pub fn new(n: usize, multipliers: &'a [f64], uniforms: &'a [f64], pitch: usize) -> Self {
        let levels = multipliers.len();
        let total = n >> levels << levels;
        Self { levels, points: total, multipliers, uniforms, pitch, total, level: 0, node: 0 }
    }

    /// 2^levels.
    pub fn leaves(&self) -> usize {
        1 << self.levels
    }

    /// 2 log(2/δ).
    pub fn multiplier(&self, level: usize) -> f64 {
        self.multipliers[self.level + level]
    }

    /// The number of a pair.
    pub fn uniform(&self, level: usize, node: usize, pair: usize) -> f64 {
        let (level, node) = (self.level + level, (self.node << level) + node);
        self.uniforms[level * self.pitch + node * (self.total >> (level + 1)) + pair]
    }

    /// The first levels of the tree.
    pub fn top(&self, levels: usize) -> Self {
        Self { levels, ..self.clone() }
    }

    /// The tree below one of the leaves that `levels` halvings give.
    pub fn below(&self, levels: usize, leaf: usize) -> Self {
        let (level, node) = (self.level + levels, (self.node << levels) + leaf);
        Self { levels: self.levels - levels, points: self.points >> levels, level, node, ..self.clone() }
    }
}
