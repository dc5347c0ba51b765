//! A small random source, the same on every machine (Steele, Lea and Flood's SplitMix64).

use alloy_primitives::U256;

#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end` − 1; 0 if there is nothing to choose from.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// From `first` to `last`, both included.
    pub(crate) fn within(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    pub(crate) fn bps(&mut self, first: u16, last: u16) -> u16 {
        u16::try_from(self.within(u64::from(first), u64::from(last))).unwrap_or(last)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index(list.len())]
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// From 1 to `most`, small ones and the largest being likelier than evenly spread; 0 if `most` is.
    pub(crate) fn amount(&mut self, most: U256) -> U256 {
        match self.below(10) {
            _ if most.is_zero() => U256::ZERO,
            0 => most,
            1 => most.min(U256::from(self.within(1, 3))),
            _ => {
                let wide = U256::from_limbs([self.next(), self.next(), self.next(), 0]);
                (wide >> self.index(64)) % most + U256::ONE
            }
        }
    }

    /// Any number, all lengths in bits being equally likely.
    pub(crate) fn word(&mut self) -> U256 {
        let wide = U256::from_limbs([self.next(), self.next(), self.next(), self.next()]);
        wide >> self.index(256)
    }
}
