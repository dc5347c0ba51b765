//! The action: a list of moves, bound to a policy version, a nonce, a deadline and a decision; and what it did.
//! Field for field the Solidity structs of `contracts/types/Rebalance.sol`.

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

use crate::decimal;

/// Most moves in one rebalance.
pub const MAX_MOVES: usize = 16;
/// On a withdraw leg: all shares.
pub const ALL_ASSETS: u128 = u128::MAX;
/// `vault_count` of a plan that does not name the vault's rebalance count.
pub const ANY_COUNT: u64 = u64::MAX;

/// One move between idle and a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Move {
    /// Place of the strategy in the policy's list.
    pub index: u8,
    /// True: idle into the strategy. False: out of it.
    pub is_deposit: bool,
    /// Amount in the asset's smallest unit; [`ALL_ASSETS`] on a withdraw leg means all shares.
    #[serde(with = "decimal")]
    pub assets: u128,
}

/// What an agent asks the guard for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebalance {
    /// Version of the policy that the moves were planned under.
    pub policy_version: u64,
    /// The agent's next nonce at the guard, from zero.
    pub nonce: u64,
    /// Rebalance count of the vault the plan was made on, or [`ANY_COUNT`] (written as a decimal string).
    #[serde(with = "decimal")]
    pub vault_count: u64,
    /// Last second, Unix time, at which it may execute.
    pub deadline: u64,
    /// Hash of the decision record behind it. Zero inside the record itself, which cannot hold its own hash.
    pub decision: B256,
    /// One to sixteen, withdrawals first.
    pub moves: Vec<Move>,
}

/// What one leg did. Values are `previewRedeem(balance)` of the vault's position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegReceipt {
    /// Amount asked; for "all", the amount the strategy reported.
    #[serde(with = "decimal")]
    pub assets: U256,
    /// Value of the position before the leg.
    #[serde(with = "decimal")]
    pub value_before: U256,
    /// Value of the position after the leg.
    #[serde(with = "decimal")]
    pub value_after: U256,
    /// Shares held before the leg.
    #[serde(with = "decimal")]
    pub shares_before: U256,
    /// Shares held after the leg.
    #[serde(with = "decimal")]
    pub shares_after: U256,
}

/// A member of a group, read after the legs because one of them deposited into the group and none touched this member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberReading {
    /// Place of the strategy in the policy's list.
    pub index: u8,
    /// Whether balance and value could be read; if not, both are zero here.
    pub is_readable: bool,
    /// `previewRedeem(balance)` of the vault's position.
    #[serde(with = "decimal")]
    pub value: U256,
    /// Shares held.
    #[serde(with = "decimal")]
    pub shares: U256,
}

/// What an execution did, or is predicted to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Net asset value by the checkpoint in force before the legs.
    #[serde(with = "decimal")]
    pub nav: U256,
    /// NAV × seasoned share of supply; what caps and budgets are fractions of.
    #[serde(with = "decimal")]
    pub base: U256,
    /// The vault's balance of the asset before the legs.
    #[serde(with = "decimal")]
    pub idle_before: U256,
    /// The same after the legs.
    #[serde(with = "decimal")]
    pub idle_after: U256,
    /// One per move, in order.
    pub legs: Vec<LegReceipt>,
    /// Untouched members of the groups deposited into, in policy order.
    pub members: Vec<MemberReading>,
}
