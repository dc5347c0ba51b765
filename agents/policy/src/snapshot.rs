//! One vault, its guard and its strategies at one block: everything a decision rests on, raw.
//!
//! Lens decoding, allocator, rules and record use this one type. Its layout is part of the decision record's
//! schema: a changed field is a new record version.

use alloy_primitives::{Address, B256, I256, U256};
use serde::{Deserialize, Serialize};

use crate::{decimal, document::Mode};

/// A block, proven by the lens's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Hash of its header.
    pub hash: B256,
    /// Hash of the block before.
    pub parent_hash: B256,
    /// Unix time of the block: the only time a decision knows.
    pub timestamp: u64,
}

/// The vault's asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetInfo {
    /// ERC-20.
    pub address: Address,
    /// Its symbol, for people.
    pub symbol: String,
    /// Its decimals.
    pub decimals: u8,
}

/// How the vault stands as if refreshed in the block; see `contracts/types/Nav.sol`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NavState {
    /// Idle and all readable positions.
    #[serde(with = "decimal")]
    pub live_assets: U256,
    /// min(live, mark).
    #[serde(with = "decimal")]
    pub nav_assets: U256,
    /// What entries pay by.
    #[serde(with = "decimal")]
    pub entry_assets: U256,
    /// NAV × seasoned share of supply.
    #[serde(with = "decimal")]
    pub base_assets: U256,
    /// Shares in existence, with the fee shares that a refresh in the block would mint.
    #[serde(with = "decimal")]
    pub supply: U256,
    /// Those fee shares.
    #[serde(with = "decimal")]
    pub pending_fee_shares: U256,
    /// Price above which the performance fee is due.
    #[serde(with = "decimal")]
    pub high_water_price: U256,
    /// Seasoned supply ÷ supply, 10^18 = all.
    #[serde(with = "decimal")]
    pub seasoned_wad: U256,
    /// (assets + 1) × 2^128 ÷ (shares + virtual shares).
    #[serde(with = "decimal")]
    pub mark_price: U256,
    /// Likewise, last observation.
    #[serde(with = "decimal")]
    pub observation_price: U256,
    /// Likewise, last observation of an earlier block.
    #[serde(with = "decimal")]
    pub previous_price: U256,
    /// Unix time of the last refresh, zero before the first.
    pub refreshed_at: u64,
    /// Whether deposits are possible.
    pub is_entry_open: bool,
    /// Whether every strategy that is not written off could be read.
    pub is_readable: bool,
}

/// NAV and base as a rebalance in this block would use them without a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// NAV by the stored checkpoint.
    #[serde(with = "decimal")]
    pub nav: U256,
    /// Base by the stored checkpoint.
    #[serde(with = "decimal")]
    pub base: U256,
    /// If false, a rebalance refreshes first and uses [`NavState`].
    pub is_fresh: bool,
}

/// A leaky bucket; the arithmetic is documented in `contracts/interfaces/IPolicyGuard.sol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Level at `updated_at`, 10^18 = full.
    #[serde(with = "decimal")]
    pub level_wad: u64,
    /// Unix time.
    pub updated_at: u64,
}

/// State of the guard that concerns the whole vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardState {
    /// Counts every change of what is in force.
    pub policy_version: u64,
    /// Hash of the document in force.
    pub policy_hash: B256,
    /// Block of the event that carries the document.
    pub policy_block: u64,
    /// Mode in force, the guardian's overlay included.
    pub mode: Mode,
    /// Rebalances, trims and pulls so far.
    pub rebalance_count: u64,
    /// Turnover of the vault.
    pub turnover: Bucket,
    /// Loss of the vault.
    pub loss: Bucket,
}

/// State of the agent's mandate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentState {
    /// The account asked for.
    pub agent: Address,
    /// Whether the policy in force names it.
    pub exists: bool,
    /// Whether it was revoked or resigned since.
    pub is_revoked: bool,
    /// Nonce of its next rebalance.
    pub nonce: u64,
    /// Unix time of its last rebalance, zero before the first.
    pub last_rebalance_at: u64,
    /// Its turnover.
    pub turnover: Bucket,
    /// Its loss.
    pub loss: Bucket,
}

/// Raw inputs of Aave V3's rate; see `contracts/interfaces/ITreasuryLens.sol`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "documented field by field at the lens struct it mirrors")]
pub struct AaveV3Curve {
    #[serde(with = "decimal")]
    pub configuration: U256,
    #[serde(with = "decimal")]
    pub optimal_usage_ray: U256,
    #[serde(with = "decimal")]
    pub base_rate_ray: U256,
    #[serde(with = "decimal")]
    pub slope1_ray: U256,
    #[serde(with = "decimal")]
    pub slope2_ray: U256,
    #[serde(with = "decimal")]
    pub variable_borrow_index_ray: U256,
    #[serde(with = "decimal")]
    pub variable_borrow_rate_ray: U256,
    #[serde(with = "decimal")]
    pub scaled_debt: U256,
    #[serde(with = "decimal")]
    pub virtual_balance: U256,
    #[serde(with = "decimal")]
    pub deficit: U256,
    pub last_update_at: u64,
    #[serde(with = "decimal")]
    pub total_a_token_supply: U256,
    #[serde(with = "decimal")]
    pub accrued_to_treasury: U256,
    #[serde(with = "decimal")]
    pub liquidity_index_ray: U256,
}

/// Raw inputs of Morpho Blue's rate under the adaptive curve; see `contracts/interfaces/ITreasuryLens.sol`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "documented field by field at the lens struct it mirrors")]
pub struct MorphoBlueCurve {
    #[serde(with = "decimal")]
    pub total_supply_assets: U256,
    #[serde(with = "decimal")]
    pub total_supply_shares: U256,
    #[serde(with = "decimal")]
    pub total_borrow_assets: U256,
    #[serde(with = "decimal")]
    pub total_borrow_shares: U256,
    pub last_update_at: u64,
    #[serde(with = "decimal")]
    pub fee_wad: U256,
    #[serde(with = "decimal")]
    pub rate_at_target_wad: I256,
}

/// One market of a strategy over several of them; see `contracts/interfaces/ITreasuryLens.sol`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MorphoBlueHolding {
    /// The market's id.
    pub market_id: B256,
    /// Most that deposits may bring the strategy's position in it to, smallest unit of the asset.
    #[serde(with = "decimal")]
    pub cap: U256,
    /// What the strategy holds there, for all of its own holders.
    #[serde(with = "decimal")]
    pub supply_shares: U256,
    /// Raw inputs of the market's rate.
    pub curve: MorphoBlueCurve,
}

/// Raw inputs of the rate of a strategy of ours over several Morpho Blue markets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MorphoBlueMarketsCurve {
    /// In the strategy's order: deposits fill them from the first on, withdrawals empty them from the last on.
    pub markets: Vec<MorphoBlueHolding>,
}

/// The curve of a strategy, by source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "one per strategy, of which there are at most 32")]
pub enum Curve {
    /// Nothing known: no income is expected of it and nothing is moved in or out for income.
    Unknown,
    /// Aave V3 through its static token.
    AaveV3(AaveV3Curve),
    /// Morpho Blue through our strategy.
    MorphoBlue(MorphoBlueCurve),
    /// Several markets of Morpho Blue through our strategy.
    MorphoBlueMarkets(MorphoBlueMarketsCurve),
}

/// What a strategy pays for a number of shares that follows from the guard's reference alone: the price that the guard's
/// `followPrice` sees, whatever the vault holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPrice {
    /// See [`crate::price::unit_shares_up`].
    #[serde(with = "decimal")]
    pub shares: U256,
    /// `previewRedeem(shares)`.
    #[serde(with = "decimal")]
    pub assets: U256,
}

/// A strategy as vault and guard see it, in policy order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyState {
    /// The ERC-4626.
    pub strategy: Address,
    /// Symbol of its shares, for people.
    pub symbol: String,
    /// Decimals of its shares.
    pub decimals: u8,
    /// False if an amount could not be read; the amounts are zero then.
    pub is_readable: bool,
    /// The vault's shares.
    #[serde(with = "decimal")]
    pub shares: U256,
    /// `convertToAssets(shares)`.
    #[serde(with = "decimal")]
    pub convert_assets: U256,
    /// `previewRedeem(shares)`: the position's value in the guard's rules.
    #[serde(with = "decimal")]
    pub redeem_assets: U256,
    /// What the vault can withdraw now.
    #[serde(with = "decimal")]
    pub max_withdraw_assets: U256,
    /// What the vault can deposit now; 2^256 − 1 if there is no limit.
    #[serde(with = "decimal")]
    pub max_deposit_assets: U256,
    /// Price reference of the guard, value × 2^128 ÷ shares.
    #[serde(with = "decimal")]
    pub reference_price: U256,
    /// Unix time at which the reference was set or last followed the price.
    pub reference_at: u64,
    /// The price apart from what is held; none if it could not be read, or was not asked for (lens version 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_price: Option<ReadPrice>,
    /// Raw inputs of its income curve.
    pub curve: Curve,
}

/// A vault with its guard and strategies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultState {
    /// The vault.
    pub vault: Address,
    /// Its guard.
    pub guard: Address,
    /// Its asset.
    pub asset: AssetInfo,
    /// The vault's own balance of the asset.
    #[serde(with = "decimal")]
    pub idle: U256,
    /// As if refreshed in the block.
    pub nav: NavState,
    /// As stored.
    pub checkpoint: Checkpoint,
    /// The guard.
    pub guard_state: GuardState,
    /// The agent's mandate.
    pub agent: AgentState,
    /// In policy order.
    pub strategies: Vec<StrategyState>,
}

/// One vault at one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of the lens's answer.
    pub lens_version: u32,
    /// Chain.
    pub chain_id: u64,
    /// The pinned block.
    pub block: BlockRef,
    /// Base fee of the block, wei.
    #[serde(with = "decimal")]
    pub base_fee_wei: u128,
    /// The vault.
    pub vault: VaultState,
}
