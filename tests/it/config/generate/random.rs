//! A small generator of numbers that gives the same ones everywhere (SplitMix64).

/// Random numbers from a seed.
pub(in crate::config) struct Random(u64);

impl Random {
    pub(in crate::config) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero to below the limit.
    pub(in crate::config) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(in crate::config) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(in crate::config) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}
