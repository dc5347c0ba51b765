//! Limits and budgets at a block of the report, by the lens and the policy in force.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use vagus_chain::{ChainReader as _, ChainResult, Header};
use vagus_policy::{Policy, Snapshot, budget::Budget};

use crate::world::{ChainWorld, VaultWorld};

/// One hundredth of a percent of a full bucket.
const WAD_OF_BPS: u64 = 10u64.pow(14);

/// Limits and budgets at a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Largest weight of each strategy, bps of base; those of the policy in force.
    pub(crate) max_weights_bps: BTreeMap<Address, u64>,
    /// Least idle, bps of NAV.
    pub(crate) min_idle_bps: u64,
    /// Used of the vault's turnover budget, bps of it.
    pub(crate) turnover_used_bps: u64,
    /// Used of the vault's loss budget, bps of it.
    pub(crate) loss_used_bps: u64,
}

/// At the end of a block; none before the vault was there, or while no policy is in force or the lens cannot read it.
///
/// # Errors
/// Those of the chain that are no answer about the vault.
pub(crate) async fn standing(
    world: &ChainWorld,
    vault: &VaultWorld,
    header: &Header,
) -> ChainResult<Option<Standing>> {
    use vagus_chain::ChainError::{Malformed, Refused};
    let queries = [world.query(vault)];
    let sightings = match world.endpoints.snapshots(vault.entry.lens, &queries, header).await {
        Ok(sightings) => sightings,
        // Before the lens was there it answers nothing, and nothing of the attribution depends on it.
        Err(Malformed { .. } | Refused { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(Ok(snapshot)) = sightings.first() else { return Ok(None) };
    let policy = world.policy(snapshot).await?;
    Ok(policy.map(|policy| of(&policy, snapshot)))
}

fn of(policy: &Policy, snapshot: &Snapshot) -> Standing {
    let (limits, guard) = (&policy.limits, &snapshot.vault.guard_state);
    let used_bps = |bucket, bps| {
        let (base, at) = (snapshot.vault.nav.base_assets, snapshot.block.timestamp);
        Budget::at(bucket, base, bps, limits.window_seconds, at).level_wad / WAD_OF_BPS
    };
    let weights = policy.strategies.iter().map(|one| (one.strategy, one.max_weight_bps.into()));
    Standing {
        max_weights_bps: weights.collect(),
        min_idle_bps: limits.min_idle_bps.into(),
        turnover_used_bps: used_bps(guard.turnover, limits.max_turnover_bps),
        loss_used_bps: used_bps(guard.loss, limits.max_loss_bps),
    }
}
