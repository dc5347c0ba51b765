//! How a vault stands, as it is shown.

use alloy::primitives::{Address, B256, U256};
use serde::Serialize;
use vagus_allocator::Reason;
use vagus_journal::{OutcomeState, Standing};
use vagus_policy::{AssetInfo, BlockRef, Mode, decimal};

/// A budget: what fits now, of what. Smallest unit.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Room {
    /// What still fits.
    #[serde(with = "decimal")]
    pub left: U256,
    /// What would fit into an empty bucket.
    #[serde(with = "decimal")]
    pub capacity: U256,
}

/// The agent's mandate.
#[derive(Clone, Debug, Serialize)]
pub struct Mandate {
    /// Last second at which it may act, Unix time.
    pub expires_at: u64,
    /// Whether it may act at the block's time.
    pub is_valid: bool,
    /// Whether it was revoked.
    pub is_revoked: bool,
    /// Nonce of its next rebalance.
    pub nonce: u64,
    /// What it may move now: the smaller of its own and the vault's budget.
    pub turnover: Room,
    /// What it may lose now, likewise.
    pub loss: Room,
}

/// What is held in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Holding {
    /// Name for people.
    pub name: String,
    /// Its address; none for idle.
    pub strategy: Option<Address>,
    /// Held, smallest unit.
    #[serde(with = "decimal")]
    pub assets: U256,
    /// Weight, bps of NAV.
    pub weight_bps: Option<u64>,
    /// Largest weight, bps of base; for idle: the smallest, bps of NAV.
    pub limit_bps: Option<u64>,
}

/// One decision of the journal.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// Hash of its record.
    pub decision: B256,
    /// First block.
    pub first_block: u64,
    /// Last block.
    pub last_block: u64,
    /// Why.
    pub reason: Reason,
    /// Whether something was moved.
    pub is_rebalance: bool,
    /// What came of it.
    pub outcome: Option<OutcomeState>,
}

/// A transaction that has not ended.
#[derive(Clone, Debug, Serialize)]
pub struct InFlight {
    /// The decision it is for.
    pub decision: B256,
    /// Nonce of the account.
    pub nonce: Option<u64>,
    /// Where it stands, in words.
    pub phase: String,
    /// Attempts signed.
    pub attempts: usize,
}

/// How one vault stands.
#[derive(Clone, Debug, Serialize)]
pub struct StatusView {
    /// Name in the configuration.
    pub vault: String,
    /// Treasury in the deployment file.
    pub treasury: String,
    /// Name of the chain in the configuration.
    pub chain: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Newest block.
    pub head: BlockRef,
    /// Age of the newest block by this machine's clock, seconds; none if that clock is behind the chain's.
    pub head_age_seconds: Option<u64>,
    /// Newest settled block.
    pub finalized_number: u64,
    /// The vault's asset.
    pub asset: AssetInfo,
    /// Net asset value.
    #[serde(with = "decimal")]
    pub nav: U256,
    /// Version of the policy in force, zero for none.
    pub policy_version: u64,
    /// Its hash.
    pub policy_hash: B256,
    /// Mode in force.
    pub mode: Mode,
    /// Account that acts.
    pub agent: Address,
    /// Its mandate; none if the policy in force names no such agent.
    pub mandate: Option<Mandate>,
    /// Idle, then the strategies in policy order.
    pub holdings: Vec<Holding>,
    /// Newest first; none if there is no journal yet.
    pub decisions: Option<Vec<Decided>>,
    /// Rebalances under way.
    pub in_flight: Vec<InFlight>,
    /// What persons and the last rebalances say of it.
    pub standing: Standing,
    /// Whether it is held with `ModelMistrust`.
    pub is_mistrusted: bool,
    /// Whether the journal is a shadow's, which sends nothing.
    pub is_shadow: bool,
}
