//! Which plan goes first when there is not room for all.

use alloy::primitives::U256;
use vagus_allocator::{NativePrice, Reason};
use vagus_journal::Observation;

/// Wei of one native token.
const NATIVE_ONE: u64 = 1_000_000_000_000_000_000;

/// Order of plans of different vaults: what brings a vault inside its limits before what earns, then what earns more in
/// the native token, the one unit that all vaults of a chain share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    is_repair: bool,
    /// Gain over the horizon less costs, wei, rounded down; zero if the price is not known.
    value_wei_down: U256,
}

impl Rank {
    /// Of what was decided.
    pub(super) fn of(observation: &Observation) -> Self {
        let decision = &observation.decision;
        let value = decision
            .candidates
            .first()
            .map_or(U256::ZERO, |best| best.gain.saturating_sub(best.cost));
        let value_wei_down = match observation.inputs.native_price {
            NativePrice::Native => value,
            NativePrice::Fixed { assets_per_native } => value
                .saturating_mul(U256::from(NATIVE_ONE))
                .checked_div(U256::from(assets_per_native))
                .unwrap_or_default(),
            NativePrice::Missing => U256::ZERO,
        };
        let is_repair = decision.reason.is_rebalance() && decision.reason != Reason::Income;
        Self { is_repair, value_wei_down }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn observed(reason: Reason, gain: u64, cost: u64, price: NativePrice) -> Observation {
        let agent = Default::default();
        let (policy, snapshot) = (testing::policy(agent), testing::snapshot(agent));
        let draft = vagus_journal::draft::draft(Some(&policy), &snapshot, &testing::inputs(agent));
        let mut observation = draft.observation;
        observation.decision.reason = reason;
        observation.inputs.native_price = price;
        let best = &mut observation.decision.candidates[0];
        (best.gain, best.cost) = (U256::from(gain), U256::from(cost));
        observation
    }

    #[test]
    fn repair_comes_first_and_then_what_earns_more_whatever_the_asset() {
        let cheap = NativePrice::Fixed { assets_per_native: 1_000 };
        let dear = NativePrice::Fixed { assets_per_native: 10 };
        let ranks = [
            observed(Reason::RepairIdle, 0, 5, cheap),
            // Ten units at a tenth of a native token are more than fifty at a thousandth.
            observed(Reason::Income, 11, 1, dear),
            observed(Reason::Income, 150, 100, cheap),
            observed(Reason::Income, 149, 100, cheap),
            observed(Reason::Income, 1_000, 0, NativePrice::Missing),
        ];
        let ranks: Vec<_> = ranks.iter().map(Rank::of).collect();
        assert!(ranks.windows(2).all(|pair| pair[0] > pair[1]), "{ranks:?}");
    }
}
