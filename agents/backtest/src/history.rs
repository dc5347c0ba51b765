//! A history: what was seen of one vault, block by block, as JSON lines.
//!
//! The first line is the [`Head`]: what never changes, the documents in force by their hash, and in words what the numbers
//! are. The second line is the first block; every further one is a JSON merge patch (RFC 7396) of the block before it, in
//! which strategies stand by their place, so that a line holds only what has changed. The last line is the [`End`]: the
//! number of blocks, and the keccak-256 of all lines before it.

mod line;
mod read;
mod write;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use vagus_allocator::{Inputs, Reason};
use vagus_policy::{AssetInfo, Move, Snapshot, decimal};

pub use read::{Reader, Summary};
pub use write::Writer;

/// Version of the form. A change of any field is a new version.
pub const HISTORY_VERSION: u32 = 1;

/// What the numbers of a history are, in words, for whoever reads the file.
const UNITS: [(&str, &str); 8] = [
    (
        "amounts",
        "decimal strings in the smallest unit of the asset, shares in the smallest unit of their strategy",
    ),
    ("prices", "assets * 2^128 / shares, both in smallest units"),
    ("rays", "10^27 is 100 % a year"),
    ("wads", "10^18 is one"),
    ("bps", "10,000 is 100 %"),
    ("wei", "wei, of gas prices wei per gas"),
    ("times", "Unix seconds"),
    ("blocks", "blocks that a line stands for: those between it and the line before, and itself"),
];

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`HISTORY_VERSION`].
    pub vagus_history: u32,
    /// Name of the vault, for people.
    pub name: String,
    /// Name of the chain, for people.
    pub chain: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// The vault.
    pub vault: Address,
    /// Its guard.
    pub guard: Address,
    /// Its asset.
    pub asset: AssetInfo,
    /// Version of the lens's answers.
    pub lens_version: u32,
    /// The lens.
    pub lens: Address,
    /// Hash of its code.
    pub lens_code_hash: B256,
    /// Account that acts.
    pub agent: Address,
    /// Every strategy of the history, in the order in which they were first listed.
    pub strategies: Vec<Named>,
    /// Accounts by the names that policy files may use for them, beside the strategies'.
    pub accounts: BTreeMap<String, Address>,
    /// Documents that were in force, in the guard's encoding, by their hash.
    pub policies: BTreeMap<B256, Bytes>,
    /// What the numbers are, in words.
    pub units: BTreeMap<String, String>,
}

/// A strategy with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The ERC-4626.
    pub strategy: Address,
    /// Its name, for people and policy files.
    pub name: String,
    /// Symbol of its shares.
    pub symbol: String,
    /// Decimals of its shares.
    pub decimals: u8,
}

/// What the numbers are, in words.
#[must_use]
pub fn units() -> BTreeMap<String, String> {
    UNITS.iter().map(|(key, words)| ((*key).to_owned(), (*words).to_owned())).collect()
}

/// What was decided at a block when it was new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Hash of its record; of a run of holds that went on when the history was written, as it stood.
    pub decision: B256,
    /// Hash of the record before it.
    pub previous: B256,
    /// Version of the algorithm that decided.
    pub algorithm_version: u32,
    /// Why.
    pub reason: Reason,
    /// What was to be moved; nothing under a hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    /// What its transaction cost, wei; none while it is not mined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Wei>,
}

/// An amount of the native token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wei(#[serde(with = "decimal")] pub u128);

/// One block of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What was seen at it.
    pub snapshot: Snapshot,
    /// What was decided from beside it.
    pub inputs: Inputs,
    /// Blocks it stands for: those between it and the one before that were decided likewise, and itself.
    pub blocks: u64,
    /// What was decided at it; none in a generated history.
    pub recorded: Option<Recorded>,
}

/// The last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Lines between the head and this one.
    pub end: u64,
    /// Keccak-256 of all lines before this one, each with its line feed.
    pub hash: B256,
}
