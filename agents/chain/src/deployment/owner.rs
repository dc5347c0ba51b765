//! Who owns the guards of a treasury, and who may act through that owner, as the deployment file has it.

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use vagus_policy::decimal;

/// What kind of owner it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnerKind {
    /// The timelock of a Governor.
    Governor,
    /// A timelock that accounts propose to.
    Timelock,
    /// A Safe.
    Safe,
}

/// The owner of every guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnerDeployment {
    /// What kind of owner it is.
    pub kind: OwnerKind,
    /// The timelock, or the Safe.
    pub address: Address,
    /// Keccak-256 of its runtime code.
    pub code_hash: B256,
    /// Of a Governor or a timelock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timelock: Option<TimelockDeployment>,
    /// Of a Governor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<GovernorDeployment>,
    /// Of a Safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe: Option<SafeDeployment>,
}

/// Everybody with a role in a timelock that administers itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimelockDeployment {
    /// Newest block before it was made.
    pub from_block: u64,
    /// What everything waits, seconds.
    pub delay_seconds: u64,
    /// Who may schedule.
    pub proposers: Vec<Address>,
    /// Who may cancel.
    pub cancellers: Vec<Address>,
    /// Who may execute; the zero address stands for anyone.
    pub executors: Vec<Address>,
}

/// A Governor and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GovernorDeployment {
    /// The Governor.
    pub address: Address,
    /// Keccak-256 of its runtime code.
    pub code_hash: B256,
    /// Its votes token.
    pub votes: Address,
    /// Keccak-256 of that one's runtime code.
    pub votes_code_hash: B256,
    /// Between a proposal and its vote, in the clock of the votes token.
    pub voting_delay: u64,
    /// Length of a vote, likewise.
    pub voting_period: u64,
    /// Quorum in percent of the supply; none if it is counted otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum_percent: Option<u64>,
    /// Votes needed to propose, smallest unit.
    #[serde(with = "decimal")]
    pub proposal_threshold: U256,
}

/// The signers of a Safe without modules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SafeDeployment {
    /// Its owners.
    pub owners: Vec<Address>,
    /// The contract whose code it runs.
    pub singleton: Address,
    /// Keccak-256 of that one's runtime code.
    pub singleton_code_hash: B256,
    /// How many of them have to sign.
    pub threshold: u64,
}
