//! Leaky buckets: turnover and loss budgets. Arithmetic of `contracts/guard/Budgets.sol`.

use alloy_primitives::U256;

use crate::{
    math::{WAD, bps_down, mul_div_up},
    snapshot::Bucket,
};

/// A bucket as it stands at one moment, against its capacity at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What is left of the level after leaking, 10^18 = full.
    pub level_wad: u64,
    /// ⌊base × bps ÷ 10,000⌋, in the asset's smallest unit.
    pub capacity: U256,
}

/// What a charge would do to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What is used already, rounded up, and the charge; in the asset's smallest unit, at most 2^256 − 1.
    pub observed: U256,
    /// Level afterwards, 10^18 = full. Means nothing if `observed` is above the capacity.
    pub level_wad: u64,
}

impl Budget {
    /// A bucket at Unix time `at`. It leaks evenly, empty one window after it was full; a clock before
    /// `updated_at` and a window of zero leak nothing.
    #[must_use]
    pub fn at(bucket: Bucket, base: U256, bps: u16, window_seconds: u32, at: u64) -> Self {
        let elapsed = U256::from(at.saturating_sub(bucket.updated_at));
        let leaked = WAD
            .saturating_mul(elapsed)
            .checked_div(U256::from(window_seconds))
            .unwrap_or_default()
            .saturating_to::<u64>();
        Self { level_wad: bucket.level_wad.saturating_sub(leaked), capacity: bps_down(base, bps) }
    }

    /// ⌈level × capacity ÷ 10^18⌉, in the asset's smallest unit.
    #[must_use]
    pub fn used_up(&self) -> U256 {
        mul_div_up(U256::from(self.level_wad), self.capacity, WAD)
    }

    /// What still fits, in the asset's smallest unit.
    #[must_use]
    pub fn room_down(&self) -> U256 {
        self.capacity.saturating_sub(self.used_up())
    }

    /// What a charge of `amount` would do. It fits if `observed` is at most the capacity.
    #[must_use]
    pub fn charge(&self, amount: U256) -> Charge {
        let observed = self.used_up().saturating_add(amount);
        let added = if amount.is_zero() {
            0
        } else {
            mul_div_up(amount, WAD, self.capacity).saturating_to::<u64>()
        };
        Charge { observed, level_wad: self.level_wad.saturating_add(added) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL: u64 = 1_000_000_000_000_000_000;

    fn full(updated_at: u64) -> Bucket {
        Bucket { level_wad: FULL, updated_at }
    }

    #[test]
    fn full_bucket_is_empty_one_window_later_and_not_a_second_before() {
        let base = U256::from(1_000_000);
        assert_eq!(Budget::at(full(100), base, 10_000, 60, 160).level_wad, 0);
        assert!(Budget::at(full(100), base, 10_000, 60, 159).level_wad > 0);
        assert_eq!(Budget::at(full(100), base, 10_000, 60, 100).level_wad, FULL);
        assert_eq!(Budget::at(full(100), base, 10_000, 60, 40).level_wad, FULL);
        assert_eq!(Budget::at(full(100), base, 10_000, 0, 4_000).level_wad, FULL);
    }

    #[test]
    fn capacity_of_zero_takes_no_charge_but_zero() {
        let budget = Budget::at(Bucket::default(), U256::from(9_999), 1, 60, 0);
        assert_eq!(budget.capacity, U256::ZERO);
        assert_eq!(budget.charge(U256::ZERO), Charge { observed: U256::ZERO, level_wad: 0 });
        assert!(budget.charge(U256::ONE).observed > budget.capacity);
    }

    proptest! {
        #[test]
        fn charge_that_fits_never_overfills(
            level_wad in 0..=FULL, base in any::<u128>(), bps in 0_u16..=10_000, amount in any::<u128>(),
        ) {
            let bucket = Bucket { level_wad, updated_at: 0 };
            let budget = Budget::at(bucket, U256::from(base), bps, 1, 0);
            let amount = U256::from(amount).min(budget.room_down());
            let charge = budget.charge(amount);
            prop_assert!(charge.observed <= budget.capacity || level_wad == 0 && amount.is_zero());
            prop_assert!(charge.level_wad <= FULL);
        }

        #[test]
        fn no_span_takes_more_than_capacity_and_leak(
            steps in prop::collection::vec((0_u64..40_000, any::<u64>()), 1..40), base in 0_u64..,
        ) {
            let (window, bps) = (86_400_u32, 2_000_u16);
            let mut bucket = Bucket::default();
            let (mut at, mut spent) = (0_u64, U256::ZERO);
            let capacity = bps_down(U256::from(base), bps);
            for (pause, wish) in steps {
                at += pause;
                let budget = Budget::at(bucket, U256::from(base), bps, window, at);
                let amount = U256::from(wish).min(budget.room_down());
                bucket = Bucket { level_wad: budget.charge(amount).level_wad, updated_at: at };
                spent += amount;
            }
            // C × (1 + T ÷ W), cross-multiplied.
            prop_assert!(spent * U256::from(window) <= capacity * (U256::from(window) + U256::from(at)));
        }
    }
}
