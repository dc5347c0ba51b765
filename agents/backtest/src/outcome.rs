//! What a backtest came to.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use vagus_allocator::{NativePrice, Reason};
use vagus_attribution::{Event, History, Holdings, Point, Standing};
use vagus_journal::run::Held;
use vagus_policy::{BlockRef, decimal};

/// How the backtest's decisions stand to the recorded ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Records of the history whose decision was made again.
    pub decisions: u64,
    /// Of those: came out with the recorded hash.
    pub same: u64,
    /// Records that were taken over: what only the recorded keeper knew, or what a person or anybody may do.
    pub taken_over: u64,
    /// The first one that came out otherwise.
    pub first_difference: Option<Difference>,
    /// The block from which on the positions are the backtest's own; none if they are the recorded ones to the end.
    pub own_from: Option<u64>,
    /// Recorded rebalances whose effect was compared with the formulas'.
    pub executions: u64,
    /// Most that a leg's shares differed from the formula's, in assets, rounded up.
    #[serde(with = "decimal")]
    pub largest_gap: U256,
}

/// A decision that came out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The block it was made at; of a run its last.
    pub block: u64,
    /// Hash in the journal.
    pub recorded: B256,
    /// Hash that came out; none if nothing of the kind was decided.
    pub found: Option<B256>,
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Lines that were decided about.
    pub decided: u64,
    /// Of those: with a plan.
    pub plans: u64,
    /// Records that were hashed: rebalances, and runs of holds.
    pub records: u64,
    /// Plans that were carried out.
    pub executed: u64,
    /// Plans that guard or venue refused when they were to be carried out.
    pub reverted: u64,
}

/// Where an event of the history comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What was decided; none of a flow.
    pub decided: Option<Decided>,
}

/// A decision that was carried out, or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Hash of its record.
    pub decision: B256,
    /// Who.
    pub agent: Address,
    /// Why.
    pub reason: Reason,
    /// Version of the policy in force.
    pub policy_version: u64,
    /// What gas cost in the asset.
    pub native_price: NativePrice,
    /// What its transaction cost, wei: as recorded, else the gas that was expected at the price of its block.
    #[serde(with = "decimal")]
    pub fee_wei: U256,
    /// Whether it did what it was to do.
    pub is_executed: bool,
}

/// What a backtest came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happened to the vault.
    pub history: History,
    /// Of each event.
    pub sources: Vec<Source>,
    /// Of each point.
    pub standings: Vec<Option<Standing>>,
    /// Holds, oldest first.
    pub holds: Vec<Held>,
    /// First and last block.
    pub ends: [BlockRef; 2],
    /// Beside the record.
    pub compared: Compared,
    /// What was counted.
    pub followed: Followed,
    /// Hash of the last record.
    pub head: B256,
}

/// What a backtest has come to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) opening: Holdings,
    pub(crate) points: Vec<Point>,
    pub(crate) standings: Vec<Option<Standing>>,
    pub(crate) events: Vec<Event>,
    pub(crate) sources: Vec<Source>,
    pub(crate) holds: Vec<Held>,
    pub(crate) compared: Compared,
    pub(crate) followed: Followed,
}
