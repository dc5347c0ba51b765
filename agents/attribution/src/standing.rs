//! Limits and budgets at a block, for the plots.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use vagus_policy::{Policy, Snapshot, budget::Budget};

/// One hundredth of a percent of a full bucket.
const WAD_OF_BPS: u64 = 10u64.pow(14);

/// Limits and budgets at a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Largest weight of each strategy, bps of base; those of the policy in force.
    pub max_weights_bps: BTreeMap<Address, u64>,
    /// Least idle, bps of NAV.
    pub min_idle_bps: u64,
    /// Used of the vault's turnover budget, bps of it.
    pub turnover_used_bps: u64,
    /// Used of the vault's loss budget, bps of it.
    pub loss_used_bps: u64,
}

impl Standing {
    /// Under a policy in force, by what was seen.
    #[must_use]
    pub fn of(policy: &Policy, snapshot: &Snapshot) -> Self {
        let (limits, guard) = (&policy.limits, &snapshot.vault.guard_state);
        let used_bps = |bucket, bps| {
            let (base, at) = (snapshot.vault.nav.base_assets, snapshot.block.timestamp);
            Budget::at(bucket, base, bps, limits.window_seconds, at).level_wad / WAD_OF_BPS
        };
        let weights = policy.strategies.iter().map(|one| (one.strategy, one.max_weight_bps.into()));
        Self {
            max_weights_bps: weights.collect(),
            min_idle_bps: limits.min_idle_bps.into(),
            turnover_used_bps: used_bps(guard.turnover, limits.max_turnover_bps),
            loss_used_bps: used_bps(guard.loss, limits.max_loss_bps),
        }
    }
}
