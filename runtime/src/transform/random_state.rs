//! [`RandomState`]: the numbers that NumPy's legacy generator draws.
//!
//! The Mersenne Twister MT19937 (Matsumoto and Nishimura, ACM TOMACS 8, 1998)
//! seeded and used as `numpy.random.RandomState` does, whose stream NumPy has
//! promised not to change (NEP 19). scikit-learn draws from it wherever a
//! `random_state` is given.

const N: usize = 624;
const M: usize = 397;

/// A stream of random numbers, the same for the same seed.
#[derive(Clone, Debug)]
pub struct RandomState {
    state: [u32; N],
    next: usize,
    /// The second of a pair of normal numbers.
    spare: Option<f64>,
}

impl RandomState {
    /// As `RandomState(seed)` of a whole number.
    pub fn new(seed: u32) -> RandomState {
        let mut state = [seed; N];
        for place in 1..N {
            let before = state[place - 1];
            state[place] = (before ^ before >> 30)
                .wrapping_mul(1_812_433_253)
                .wrapping_add(place as u32);
        }
        RandomState {
            state,
            next: N,
            spare: None,
        }
    }

    /// As `RandomState([...])`: the reference's `init_by_array`. An empty key
    /// is a key of one zero.
    pub fn from_key(key: &[u32]) -> RandomState {
        let key = if key.is_empty() { &[0] } else { key };
        let mut state = RandomState::new(19_650_218).state;
        let mut place = 1;
        for step in 0..N.max(key.len()) {
            let word = step % key.len();
            let before = state[place - 1];
            let mixed = (before ^ before >> 30).wrapping_mul(1_664_525);
            state[place] = (state[place] ^ mixed)
                .wrapping_add(key[word])
                .wrapping_add(word as u32);
            advance(&mut state, &mut place);
        }
        for _ in 1..N {
            let before = state[place - 1];
            let mixed = (before ^ before >> 30).wrapping_mul(1_566_083_941);
            state[place] = (state[place] ^ mixed).wrapping_sub(place as u32);
            advance(&mut state, &mut place);
        }
        state[0] = 0x8000_0000;
        RandomState {
            state,
            next: N,
            spare: None,
        }
    }

    /// 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= word << 7 & 0x9d2c_5680;
        word ^= word << 15 & 0xefc6_0000;
        word ^ word >> 18
    }

    /// A number in [0, 1), of 53 bits: `random_sample()`.
    pub fn random_sample(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// A whole number from 0 to `most`: `randint(0, most + 1)`. Numbers beyond
    /// are drawn again, after a mask.
    pub fn interval(&mut self, most: u64) -> u64 {
        let Some(mask) = u64::MAX.checked_shr(most.leading_zeros()) else {
            return 0;
        };
        loop {
            let drawn = match u32::try_from(most) {
                Ok(_) => u64::from(self.next_u32()),
                Err(_) => u64::from(self.next_u32()) << 32 | u64::from(self.next_u32()),
            };
            if drawn & mask <= most {
                return drawn & mask;
            }
        }
    }

    /// Shuffles in place: `shuffle(items)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            let other = self.interval(place as u64);
            items.swap(place, usize::try_from(other).unwrap_or(place));
        }
    }

    /// The numbers below `n`, shuffled: `permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..n).collect();
        self.shuffle(&mut numbers);
        numbers
    }

    /// At most `size` of the numbers below `n`, none twice:
    /// `choice(n, size, replace=False)`.
    pub fn choice(&mut self, n: usize, size: usize) -> Vec<usize> {
        let mut numbers = self.permutation(n);
        numbers.truncate(size);
        numbers
    }

    /// Of mean 0 and deviation 1, by Marsaglia's polar method:
    /// `standard_normal()`.
    pub fn standard_normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.random_sample() - 1.0;
            let y = 2.0 * self.random_sample() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(factor * x);
                return factor * y;
            }
        }
    }

    fn twist(&mut self) {
        for place in 0..N {
            let mixed = self.state[place] & 0x8000_0000 | self.state[(place + 1) % N] & 0x7fff_ffff;
            let odd = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[place] = self.state[(place + M) % N] ^ mixed >> 1 ^ odd;
        }
        self.next = 0;
    }
}

/// The next place, and round again.
fn advance(state: &mut [u32; N], place: &mut usize) {
    *place += 1;
    if *place == N {
        state[0] = state[N - 1];
        *place = 1;
    }
}
