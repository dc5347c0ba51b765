//! The policy file as the checker reads it: by its own few lines, not by the keeper's parser.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};

/// What the checker holds a strategy to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyLimits {
    /// Whether deposits are allowed at all.
    pub is_active: bool,
    /// Largest part of the treasury, bps.
    pub max_weight_bps: u64,
    /// Smallest part of the treasury, bps.
    pub min_weight_bps: u64,
    /// Largest amount.
    pub cap: U256,
    /// Band around the reference, bps.
    pub price_band_bps: u64,
    /// First reference: assets ...
    pub reference_assets: U256,
    /// ... for shares.
    pub reference_shares: U256,
}

/// What the checker holds a treasury to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unix time at which the references began to follow prices.
    pub began_at: u64,
    /// Least seconds between two operations of an agent.
    pub cooldown_seconds: u64,
    /// Seconds in which a bucket leaks empty.
    pub window_seconds: u64,
    /// Largest turnover, bps.
    pub max_turnover_bps: u64,
    /// Largest loss, bps.
    pub max_loss_bps: u64,
    /// Smallest idle, bps.
    pub min_idle_bps: u64,
    /// Growth of a reference per day, 10^18 = 100 %.
    pub max_growth_wad: u64,
    /// Most that may be held for deposits to be taken.
    pub deposit_cap: U256,
    /// By strategy.
    pub strategies: BTreeMap<Address, StrategyLimits>,
    /// Agents with the last second of their mandate.
    pub agents: BTreeMap<Address, u64>,
}
