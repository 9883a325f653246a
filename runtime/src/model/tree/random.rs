//! The random numbers of scikit-learn's trees, so that the same seed grows the
//! same trees.
//!
//! A seed enters through NumPy's legacy [`RandomState`]; inside a tree a 32-bit
//! xorshift (Marsaglia 2003) draws features and thresholds.

pub(super) use crate::transform::RandomState;

/// The largest number that [`Xorshift`] draws.
const XORSHIFT_MOST: u32 = 0x7fff_ffff;

/// A member of an ensemble has a seed below this.
const SEEDS: u32 = i32::MAX as u32;

/// The generator inside one tree.
pub(super) struct Xorshift(u32);

impl RandomState {
    /// `randint(0, bound)`, for a `bound` of at least one.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        // No more than what it is given.
        self.interval(bound.saturating_sub(1).into()) as u32
    }

    /// The seed of a member, as an ensemble draws it for each.
    pub(super) fn seed(&mut self) -> u32 {
        self.below(SEEDS)
    }

    /// `sample_without_replacement(of, n)`: different numbers below `of`, in no
    /// particular order. Which way they are drawn depends on their share, as in
    /// scikit-learn.
    pub(super) fn sample(&mut self, of: u32, n: u32) -> Vec<u32> {
        let share = f64::from(n) / f64::from(of.max(1));
        if share > 0.01 && share < 0.99 {
            let mut all: Vec<u32> = (0..of).collect();
            self.shuffle(&mut all);
            all.truncate(n as usize);
            all
        } else if share < 0.2 {
            self.sample_few(of, n)
        } else {
            self.sample_most(of, n)
        }
    }

    fn sample_few(&mut self, of: u32, n: u32) -> Vec<u32> {
        let mut taken = rustc_hash::FxHashSet::default();
        let mut sample = Vec::with_capacity(n as usize);
        while sample.len() < n as usize {
            let drawn = self.below(of);
            if taken.insert(drawn) {
                sample.push(drawn);
            }
        }
        sample
    }

    fn sample_most(&mut self, of: u32, n: u32) -> Vec<u32> {
        let mut sample: Vec<u32> = (0..n).collect();
        for next in n..of {
            let at = self.below(next + 1);
            if at < n {
                sample[at as usize] = next;
            }
        }
        sample
    }
}

impl Xorshift {
    /// The generator of the tree that has this seed.
    pub(super) fn of_tree(seed: u32) -> Self {
        Xorshift(RandomState::new(seed).below(XORSHIFT_MOST))
    }

    /// A whole number from `low` to just below `high`, which is above `low`.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.draw() as usize % (high - low).max(1)
    }

    /// A number from `low` to `high`, both possible.
    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        (high - low) * f64::from(self.draw()) / f64::from(XORSHIFT_MOST) + low
    }

    fn draw(&mut self) -> u32 {
        // Of zero nothing but zero would follow.
        let mut word = if self.0 == 0 { 1 } else { self.0 };
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        self.0 = word;
        word % (XORSHIFT_MOST + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // `np.random.RandomState(42)`, NumPy 2.1.3.
    #[test]
    fn draws_what_numpy_draws() {
        let mut random = RandomState::new(42);
        let words: Vec<u32> = (0..4).map(|_| random.next_u32()).collect();
        assert_eq!(words, WORDS_OF_42);
        let mut random = RandomState::new(42);
        let drawn: Vec<u32> = (0..8).map(|_| random.below(100)).collect();
        assert_eq!(drawn, [51, 92, 14, 71, 60, 20, 82, 86]);
        let mut items: Vec<u32> = (0..10).collect();
        RandomState::new(42).shuffle(&mut items);
        assert_eq!(items, [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
    }

    const WORDS_OF_42: [u32; 4] = [1_608_637_542, 3_421_126_067, 4_083_286_876, 787_846_414];

    #[test]
    fn one_number_to_choose_from_costs_no_draw() {
        let mut random = RandomState::new(7);
        assert_eq!(random.below(1), 0);
        assert_eq!(random.next_u32(), RandomState::new(7).next_u32());
    }

    #[test]
    fn a_sample_has_no_number_twice() {
        for (of, n) in [(1_000, 3), (100, 50), (100, 100), (2, 1), (1, 1)] {
            let mut sample = RandomState::new(1).sample(of, n);
            sample.sort_unstable();
            sample.dedup();
            assert_eq!(sample.len(), n as usize);
            assert!(sample.iter().all(|number| *number < of));
        }
    }
}
