//! What is known of a vault that was not seen. What is decided about one that was: [`vagus_journal::draft`].

use alloy::primitives::{Address, B256, U256};
use vagus_chain::{Header as ChainHeader, VaultDeployment};
use vagus_policy::{
    AgentState, AssetInfo, Bucket, Checkpoint, GuardState, Mode, NavState, Snapshot, VaultState,
};

use crate::world::VaultWorld;

/// A snapshot of a vault that was not seen: its place, and nothing else.
#[must_use]
pub fn blank(chain_id: u64, vault: &VaultWorld, head: &ChainHeader, agent: Address) -> Snapshot {
    let VaultDeployment { vault, guard, asset, lens_version, .. } = vault.entry;
    unseen(chain_id, Place { vault, guard, asset, lens_version }, head, agent)
}

/// What is known of a vault without looking at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The vault.
    pub vault: Address,
    /// Its guard.
    pub guard: Address,
    /// Its asset.
    pub asset: Address,
    /// Version of its lens.
    pub lens_version: u32,
}

/// As [`blank`], of a place.
#[must_use]
pub fn unseen(chain_id: u64, place: Place, head: &ChainHeader, agent: Address) -> Snapshot {
    Snapshot {
        lens_version: place.lens_version,
        chain_id,
        block: head.block,
        base_fee_wei: head.base_fee_wei,
        vault: VaultState {
            vault: place.vault,
            guard: place.guard,
            asset: AssetInfo { address: place.asset, symbol: String::new(), decimals: 0 },
            idle: U256::ZERO,
            // Not readable, and no entries: what a vault is taken for of which nothing is known.
            nav: NavState::default(),
            checkpoint: Checkpoint::default(),
            guard_state: GuardState {
                policy_version: 0,
                policy_hash: B256::ZERO,
                policy_block: 0,
                mode: Mode::Paused,
                rebalance_count: 0,
                turnover: Bucket::default(),
                loss: Bucket::default(),
            },
            agent: AgentState { agent, ..AgentState::default() },
            strategies: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests;
