//! Things by a number that each of them has: a counting sort.

/// Places of things by their group, ascending within one.
pub struct Groups {
    start: Vec<u32>,
    places: Vec<u32>,
}

impl Groups {
    /// Sorts things that belong to these groups, of `count`.
    pub fn new(of: impl Iterator<Item = u32> + Clone, count: usize) -> Self {
        let mut start = vec![0; count + 1];
        of.clone().for_each(|group| start[group as usize + 1] += 1);
        (0..count).for_each(|group| start[group + 1] += start[group]);
        let (mut places, mut fill) = (vec![0; start[count] as usize], start.clone());
        for (at, group) in of.enumerate() {
            let place = &mut fill[group as usize];
            places[*place as usize] = at as u32;
            *place += 1;
        }
        Self { start, places }
    }

    /// Where the things of a group are among all.
    pub fn range(&self, group: usize) -> std::ops::Range<usize> {
        self.start[group] as usize..self.start[group + 1] as usize
    }

    /// The things of a group.
    pub fn of(&self, group: usize) -> &[u32] {
        &self.places[self.range(group)]
    }

    /// All things, group after group.
    pub fn all(&self) -> &[u32] {
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_within_a_group() {
        let groups = Groups::new([2, 0, 2, 3, 2].into_iter(), 5);
        let members: Vec<&[u32]> = (0..5).map(|group| groups.of(group)).collect();
        assert_eq!(members, [&[1][..], &[], &[0, 2, 4], &[3], &[]]);
        assert_eq!(groups.range(2), 1..4);
        assert_eq!(groups.all(), [1, 0, 2, 4, 3]);
    }
}
