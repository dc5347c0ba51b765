//! Limits and budgets at a block, for the plots.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};
use vagus_policy::{Policy, Snapshot, budget::Budget};

/// One hundredth of a percent of a full bucket.
const WAD_OF_BPS: u64 = 10u64.pow(14);

/// Limits and budgets at a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The most that each strategy may hold by the policy in force, bps of base, rounded down: its largest weight or its cap,
    /// whichever is less.
    pub max_weights_bps: BTreeMap<Address, u64>,
    /// Least idle, bps of NAV.
    pub min_idle_bps: u64,
    /// Used of the vault's turnover budget, bps of it.
    pub turnover_used_bps: u64,
    /// Used of the vault's loss budget, bps of it.
    pub loss_used_bps: u64,
    /// Used of the turnover budget of the agent that was asked for, bps of it; none if the policy in force does not name it.
    pub agent_turnover_used_bps: Option<u64>,
    /// Used of its loss budget, likewise.
    pub agent_loss_used_bps: Option<u64>,
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
        let base = snapshot.vault.nav.base_assets;
        let cap_bps = |cap: u128| {
            let scaled = U256::from(cap).saturating_mul(U256::from(10_000));
            scaled.checked_div(base).map_or(u64::MAX, |bps| bps.saturating_to())
        };
        let weights = policy
            .strategies
            .iter()
            .map(|one| (one.strategy, u64::from(one.max_weight_bps).min(cap_bps(one.cap))));
        let state = &snapshot.vault.agent;
        let agent = policy.agents.iter().find(|one| one.agent == state.agent);
        Self {
            max_weights_bps: weights.collect(),
            min_idle_bps: limits.min_idle_bps.into(),
            turnover_used_bps: used_bps(guard.turnover, limits.max_turnover_bps),
            loss_used_bps: used_bps(guard.loss, limits.max_loss_bps),
            agent_turnover_used_bps: agent.map(|of| used_bps(state.turnover, of.max_turnover_bps)),
            agent_loss_used_bps: agent.map(|of| used_bps(state.loss, of.max_loss_bps)),
        }
    }
}
