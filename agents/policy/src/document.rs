//! The policy document: the boundaries that governance votes on. Field for field the Solidity struct of
//! `contracts/types/Policy.sol`, which says more about each; its identity is the keccak-256 of the ABI encoding.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::decimal;

/// Version of the encoding. A change of any field, of the order of fields or of a unit is a new version.
pub const POLICY_SCHEMA_VERSION: u16 = 1;
/// Most strategies in a policy, written-off ones included.
pub const MAX_STRATEGIES: usize = 32;
/// Most groups in a policy.
pub const MAX_GROUPS: usize = 16;
/// Most agents in a policy.
pub const MAX_AGENTS: usize = 16;
/// 100 % in basis points.
pub const BPS: u16 = 10_000;

/// What agents may do at all. Ordered from open to closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// Every move inside the limits.
    Active,
    /// Only withdraw legs.
    ExitOnly,
    /// Nothing.
    Paused,
}

/// What may be done with a strategy. Ordered from open to closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StrategyStatus {
    /// Deposits and withdrawals.
    Active,
    /// Withdrawals only; its cap counts as zero.
    ExitOnly,
    /// Counts zero for exits, and may not be touched.
    WrittenOff,
}

/// What agents are asked to achieve inside the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ObjectiveKind {
    /// The highest income over the horizon.
    Yield,
    /// Weights inside a band around targets.
    TargetWeights,
}

/// Limits of the whole treasury.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// What agents may do at all.
    pub mode: Mode,
    /// Least seconds between two rebalances of one agent.
    pub cooldown_seconds: u32,
    /// Seconds in which a full bucket leaks empty.
    pub window_seconds: u32,
    /// Capacity of the vault's turnover bucket, bps of base.
    pub max_turnover_bps: u16,
    /// Capacity of the vault's loss bucket, bps of base.
    pub max_loss_bps: u16,
    /// Idle that must remain after a rebalance that deposits, bps of NAV.
    pub min_idle_bps: u16,
    /// Fastest recognised growth of share price and price references per day, 10^18 = 100 %.
    pub max_growth_wad: u64,
    /// Fall of the mark per `entry_halt_seconds`, bps.
    pub max_drawdown_bps: u16,
    /// Seconds over which the mark may fall by `max_drawdown_bps`.
    pub entry_halt_seconds: u32,
    /// Seconds after which new supply counts fully towards base.
    pub seasoning_seconds: u32,
    /// Age in seconds up to which a rebalance uses the checkpoint unrefreshed.
    pub max_nav_age_seconds: u32,
    /// Seconds a loosening policy waits.
    pub policy_delay_seconds: u32,
    /// Most NAV that deposits may reach, in the asset's smallest unit.
    #[serde(with = "decimal")]
    pub deposit_cap: u128,
    /// Yearly management fee, bps of assets.
    pub management_fee_bps: u16,
    /// Performance fee above the high-water mark, bps of the gain.
    pub performance_fee_bps: u16,
    /// Receiver of fee shares.
    pub fee_recipient: Address,
}

/// One strategy and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyPolicy {
    /// The ERC-4626.
    pub strategy: Address,
    /// What may be done with it.
    pub status: StrategyStatus,
    /// Most it may hold after a deposit into it, bps of base.
    pub max_weight_bps: u16,
    /// Least it may hold after a withdrawal from it, bps of NAV.
    pub min_weight_bps: u16,
    /// Most it may hold after a deposit into it, in the asset's smallest unit.
    #[serde(with = "decimal")]
    pub cap: u128,
    /// Widest distance of its share price from the reference, bps of the reference.
    pub price_band_bps: u16,
    /// First price reference: this many assets (smallest unit, above zero) ...
    #[serde(with = "decimal")]
    pub reference_assets: u128,
    /// ... for this many shares (smallest unit, above zero).
    #[serde(with = "decimal")]
    pub reference_shares: u128,
    /// Bit i set: member of the i-th group.
    pub groups: u16,
}

/// A set of strategies that share a risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPolicy {
    /// At most 31 bytes of UTF-8, left-aligned, zero-padded.
    pub name: B256,
    /// Most its members may hold together after a deposit into one, bps of base.
    pub max_weight_bps: u16,
    /// The same in the asset's smallest unit.
    #[serde(with = "decimal")]
    pub cap: u128,
}

/// What one agent may do, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPolicy {
    /// The account.
    pub agent: Address,
    /// Last second, Unix time below 2^40, at which it may act.
    pub expires_at: u64,
    /// Bit i set: may touch the i-th strategy.
    pub scope: u32,
    /// Capacity of its own turnover bucket, bps of base.
    pub max_turnover_bps: u16,
    /// Capacity of its own loss bucket, bps of base.
    pub max_loss_bps: u16,
}

/// What agents are asked to achieve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Yield or target weights.
    pub kind: ObjectiveKind,
    /// Yield: least gain over the horizon above all costs, bps of the assets moved.
    pub hurdle_bps: u16,
    /// Yield: seconds over which a move has to pay for itself.
    pub horizon_seconds: u32,
    /// Target weights: distance from the target inside which nothing has to be done, bps of NAV.
    pub band_bps: u16,
    /// Target weights: one per strategy in policy order, bps of NAV; empty under yield.
    pub target_weights_bps: Vec<u16>,
}

/// The boundaries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// [`POLICY_SCHEMA_VERSION`].
    pub schema_version: u16,
    /// Limits of the whole treasury.
    pub limits: Limits,
    /// At most 32; the order is the order in which exits draw on them.
    pub strategies: Vec<StrategyPolicy>,
    /// At most 16.
    pub groups: Vec<GroupPolicy>,
    /// At most 16.
    pub agents: Vec<AgentPolicy>,
    /// What agents are asked to achieve.
    pub objective: Objective,
}

/// What no vote can lift; fixed when the guard is deployed. Units as in [`Limits`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ceilings {
    /// Largest turnover per window.
    pub max_turnover_bps: u16,
    /// Largest loss per window.
    pub max_loss_bps: u16,
    /// Shortest window.
    pub min_window_seconds: u32,
    /// Shortest delay, above zero; also the delay at birth.
    pub min_policy_delay_seconds: u32,
    /// Longest delay.
    pub max_policy_delay_seconds: u32,
    /// Highest yearly management fee.
    pub max_management_fee_bps: u16,
    /// Highest performance fee.
    pub max_performance_fee_bps: u16,
    /// Seconds after the delay in which a waiting policy can be activated.
    pub grace_seconds: u32,
}
