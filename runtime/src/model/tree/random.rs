//! The random numbers of scikit-learn's trees, so that the same seed grows the
//! same trees.
//!
//! A seed enters through NumPy's legacy `RandomState`, which is MT19937
//! (Matsumoto and Nishimura 1998) with masked rejection for bounded integers;
//! inside a tree a 32-bit xorshift (Marsaglia 2003) draws features and
//! thresholds.

/// The largest number that [`Xorshift`] draws.
const XORSHIFT_MOST: u32 = 0x7fff_ffff;

/// A member of an ensemble has a seed below this.
const SEEDS: u32 = i32::MAX as u32;

const WORDS: usize = 624;
const AHEAD: usize = 397;

/// NumPy's `RandomState(seed)`, as far as trees need it.
pub(super) struct RandomState {
    words: [u32; WORDS],
    next: usize,
}

/// The generator inside one tree.
pub(super) struct Xorshift(u32);

impl RandomState {
    pub(super) fn new(seed: u32) -> Self {
        let mut words = [seed; WORDS];
        for at in 1..WORDS {
            let last = words[at - 1];
            let mixed = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30));
            words[at] = mixed.wrapping_add(at as u32);
        }
        RandomState { words, next: WORDS }
    }

    /// `randint(0, bound)`, for a `bound` of at least one.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let most = bound.saturating_sub(1);
        if most == 0 {
            return 0;
        }
        let mask = u32::MAX >> most.leading_zeros();
        loop {
            let drawn = self.word() & mask;
            if drawn <= most {
                return drawn;
            }
        }
    }

    /// The seed of a member, as an ensemble draws it for each.
    pub(super) fn seed(&mut self) -> u32 {
        self.below(SEEDS)
    }

    /// `shuffle`, in place.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u32 + 1) as usize);
        }
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

    fn word(&mut self) -> u32 {
        if self.next == WORDS {
            self.renew();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn renew(&mut self) {
        for at in 0..WORDS {
            let next = self.words[(at + 1) % WORDS];
            let mixed = (self.words[at] & 0x8000_0000) | (next & 0x7fff_ffff);
            let odd = if mixed & 1 == 0 { 0 } else { 0x9908_b0df };
            self.words[at] = self.words[(at + AHEAD) % WORDS] ^ (mixed >> 1) ^ odd;
        }
        self.next = 0;
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
        let words: Vec<u32> = (0..4).map(|_| random.word()).collect();
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
        assert_eq!(random.word(), RandomState::new(7).word());
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
