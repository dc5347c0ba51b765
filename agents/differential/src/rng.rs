//! Amounts and words from a seed.

use alloy_primitives::U256;
pub(crate) use vagus_draw::Draw as Rng;

/// What a case is made of beside plain numbers.
pub(crate) trait Amounts {
    /// From `first` to `last` bps, both included.
    fn bps(&mut self, first: u16, last: u16) -> u16;
    /// From 1 to `most`, small ones and the largest being likelier than evenly spread; 0 if `most` is.
    fn amount(&mut self, most: U256) -> U256;
    /// Any number, all lengths in bits being equally likely.
    fn word(&mut self) -> U256;
}

impl Amounts for Rng {
    fn bps(&mut self, first: u16, last: u16) -> u16 {
        u16::try_from(self.within(u64::from(first), u64::from(last))).unwrap_or(last)
    }

    fn amount(&mut self, most: U256) -> U256 {
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

    fn word(&mut self) -> U256 {
        let wide = U256::from_limbs([self.next(), self.next(), self.next(), self.next()]);
        wide >> self.index(256)
    }
}
