//! What an attempt offers to pay, and by how much a replacement offers more.

use serde::{Deserialize, Serialize};

/// What a transaction offers under EIP-1559, wei per gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fees {
    /// Most for base fee and tip together.
    pub max_fee_wei: u128,
    /// Most for the tip.
    pub priority_fee_wei: u128,
}

impl Fees {
    /// Whether a block at this base fee would not pay the whole tip, so that the market has left the offer behind.
    #[must_use]
    pub const fn is_behind(self, base_fee_wei: u128) -> bool {
        base_fee_wei.saturating_add(self.priority_fee_wei) > self.max_fee_wei
    }

    /// The higher of each: what a replacement has to beat.
    #[must_use]
    pub fn highest(self, other: Self) -> Self {
        Self {
            max_fee_wei: self.max_fee_wei.max(other.max_fee_wei),
            priority_fee_wei: self.priority_fee_wei.max(other.priority_fee_wei),
        }
    }
}

/// How fees are offered. The caps are the operator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeePolicy {
    /// Cap of a rebalance's max fee, wei per gas.
    pub max_fee_wei: u128,
    /// Tip of a first attempt, wei per gas; at most `max_fee_wei`.
    pub priority_fee_wei: u128,
    /// Cap of a cancellation's max fee, wei per gas; at least [`bumped_up`] of `max_fee_wei`, or an attempt at its cap
    /// cannot be cancelled.
    pub cancel_max_fee_wei: u128,
    /// Blocks after which the same bytes are broadcast again.
    pub rebroadcast_blocks: u64,
}

impl FeePolicy {
    /// Offer of a first attempt: twice the base fee and the tip, inside the cap. The base fee grows by at most an eighth
    /// per block (EIP-1559, `BASE_FEE_MAX_CHANGE_DENOMINATOR` = 8), so twice lasts five full blocks: 1.125^5 < 2.
    #[must_use]
    pub fn first(&self, base_fee_wei: u128) -> Fees {
        self.offer(base_fee_wei, self.priority_fee_wei, self.max_fee_wei)
    }

    /// Offer of a replacement of attempts whose highest offer is `highest`: at least [`bumped_up`] of both fees, more if
    /// the market asks for it, inside the cap; none if the cap does not allow that.
    #[must_use]
    pub fn replacement(&self, highest: Fees, base_fee_wei: u128, cap_wei: u128) -> Option<Fees> {
        let least = Fees {
            max_fee_wei: bumped_up(highest.max_fee_wei),
            priority_fee_wei: bumped_up(highest.priority_fee_wei),
        };
        if least.max_fee_wei > cap_wei || least.priority_fee_wei > cap_wei {
            return None;
        }
        let tip_wei = least.priority_fee_wei.max(self.priority_fee_wei);
        Some(self.offer(base_fee_wei, tip_wei, cap_wei).highest(least))
    }

    fn offer(&self, base_fee_wei: u128, tip_wei: u128, cap_wei: u128) -> Fees {
        let wanted_wei = base_fee_wei.saturating_mul(2).saturating_add(tip_wei);
        Fees { max_fee_wei: wanted_wei.min(cap_wei), priority_fee_wei: tip_wei.min(cap_wei) }
    }
}

/// The least fee that replaces this one: 12.5 % more, rounded up, and at least one wei. Nodes refuse less: geth asks for
/// 10 % on both fees (`--txpool.pricebump`, default 10) and strictly more than before, OpenEthereum asked for 12.5 %. An
/// eighth is also the most that the base fee grows by in one block (EIP-1559).
#[must_use]
pub const fn bumped_up(fee_wei: u128) -> u128 {
    let eighth_up_wei = fee_wei.div_ceil(8);
    fee_wei.saturating_add(if eighth_up_wei == 0 { 1 } else { eighth_up_wei })
}
