//! Sources of random choices and random numbers.

/// Choices from bytes of a fuzzer while there are some, from a generator (SplitMix64) after that.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    bytes: &'a [u8],
    state: u64,
}

/// One step of SplitMix64: a bijection whose output looks random.
pub fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

impl<'a> Source<'a> {
    /// Choices from a seed.
    pub fn of_seed(seed: u64) -> Self {
        Self { bytes: &[], state: mix(seed) }
    }

    /// Choices from bytes.
    pub fn of_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, state: 0 }
    }

    /// The next 64 random bits; with bytes, only the first byte differs from the generator's.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        match self.bytes.split_first() {
            Some((&byte, rest)) => {
                self.bytes = rest;
                u64::from(byte)
            }
            None => mix(self.state),
        }
    }

    /// A number below `count`, which is at least 1.
    pub fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    /// Whether an event of probability `1/odds` happens.
    pub fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == odds - 1
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Numbers that depend on a seed, a stream and an index, so that a smaller array holds a subset of the same numbers.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    seed: u64,
}

impl Numbers {
    /// The stream `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { seed: mix(seed ^ mix(stream)) }
    }

    /// 64 random bits.
    pub fn bits(&self, index: usize) -> u64 {
        mix(self.seed ^ mix(index as u64))
    }

    /// A number in [0, 1).
    pub fn unit(&self, index: usize) -> f64 {
        (self.bits(index) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `count`.
    pub fn below(&self, index: usize, count: usize) -> usize {
        (self.bits(index) % count as u64) as usize
    }
}
