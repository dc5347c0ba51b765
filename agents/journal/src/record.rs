//! The decision record: the hashed part.
//!
//! Its hash is the keccak-256 of its canonical JSON by RFC 8785. Amounts are decimal strings; the few plain numbers
//! (heights, times, counts) stay below 2^53, where every JSON reader agrees on them. Nothing in it comes from a wall
//! clock or from the machine. The schema is `schema/decision-record.v3.json`.

mod canonical;
mod consistency;

pub use canonical::canonical_hash;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::{Deserialize, Serialize};
use vagus_allocator::{Action, Decision, Inputs, Limiting, Reason};
use vagus_policy::{BlockRef, Move, Rebalance, Receipt, Rule, Snapshot, decimal};

/// Version of the record's shape. A change of any field, here or in what it is made of, is a new version.
pub const RECORD_SCHEMA_VERSION: u32 = 3;

/// A record that cannot be, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It cannot be written as canonical JSON.
    #[error("the decision record cannot be hashed: {0}")]
    NotCanonical(String),
    /// The text is no record of this version.
    #[error("the text is no decision record: {0}")]
    Unreadable(String),
    /// Two of its parts contradict each other.
    #[error("the decision record contradicts itself: {what} is {found}, expected {expected}")]
    Contradiction {
        /// Which part.
        what: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
}

/// One rule as it was checked before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The rule.
    pub rule: Rule,
    /// What the plan reaches; the unit is the rule's.
    #[serde(with = "decimal")]
    pub observed: U256,
    /// What the guard allows.
    #[serde(with = "decimal")]
    pub limit: U256,
    /// What is left between the two, as the checker counts it; zero for rules that either hold or do not.
    #[serde(with = "decimal")]
    pub headroom: U256,
    /// Whether it held.
    pub is_met: bool,
}

/// Who decides about what, by which code and policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`vagus_allocator::ALGORITHM_VERSION`] of the code that decided.
    pub algorithm_version: u32,
    /// Chain.
    pub chain_id: u64,
    /// The vault.
    pub vault: Address,
    /// Its guard.
    pub guard: Address,
    /// The lens that the snapshot was read through.
    pub lens: Address,
    /// Hash of the lens's runtime code.
    pub lens_code_hash: B256,
    /// Account that acts.
    pub agent: Address,
    /// Version of the policy in force.
    pub policy_version: u64,
    /// Hash of the policy in force.
    pub policy_hash: B256,
}

/// What was seen at one block, and what was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The vault at the block; the block's number, hash and time are in it.
    pub snapshot: Snapshot,
    /// What the decision was made from beside policy and snapshot.
    pub inputs: Inputs,
    /// What a person asked for; none where the keeper decides by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Vec<Move>>,
    /// What was decided.
    pub decision: Decision,
    /// The guard's rules as checked for the plan; under a hold those of the plan declined, if one was checked.
    pub checks: Vec<Check>,
}

impl Observation {
    /// The block it was made at.
    #[must_use]
    pub const fn block(&self) -> BlockRef {
        self.snapshot.block
    }
}

/// A call that anybody may make and that keeps a vault in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Upkeep {
    /// The vault's `checkpoint`.
    Checkpoint {},
    /// The guard's `trim`.
    Trim {
        /// Place of the strategy in the policy's list.
        index: u8,
    },
    /// The guard's `followPrice`.
    FollowPrice {
        /// Place of the strategy in the policy's list.
        index: u8,
    },
    /// The guard's `activatePolicy`.
    Activate {
        /// Encoding of the document that waits; its keccak-256 is the policy's hash.
        policy: Bytes,
    },
}

impl Upkeep {
    /// Its reason code.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Checkpoint {} => Reason::Checkpoint,
            Self::Trim { .. } => Reason::Trim,
            Self::FollowPrice { .. } => Reason::FollowPrice,
            Self::Activate { .. } => Reason::Activate,
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant, reason = "records are few and travel by reference")]
pub enum Body {
    /// A list of moves.
    Rebalance {
        /// What it was decided from.
        observation: Observation,
        /// What the guard is asked for. Its `decision` is zero: a record cannot hold its own hash.
        rebalance: Rebalance,
        /// What the execution is expected to do.
        predicted: Receipt,
    },
    /// A call that anybody may make.
    Upkeep {
        /// What it was decided from.
        observation: Observation,
        /// The call.
        upkeep: Upkeep,
        /// Last second, block time, at which it is still wanted.
        deadline: u64,
    },
    /// Nothing, for one block or for a run of them with the same reason and the same binding limit.
    Hold {
        /// The first block of the run.
        first: Observation,
        /// The last block of the run, if it has more than one.
        last: Option<Observation>,
        /// Number of blocks observed.
        count: u64,
    },
}

/// The hashed part of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRecord {
    /// [`RECORD_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Who decides about what.
    pub header: Header,
    /// Hash of the record before it of the same vault, zero for the first.
    pub previous: B256,
    /// What was done.
    pub body: Body,
}

impl DecisionRecord {
    /// A record of this version.
    #[must_use]
    pub const fn new(header: Header, previous: B256, body: Body) -> Self {
        Self { schema_version: RECORD_SCHEMA_VERSION, header, previous, body }
    }

    /// Its canonical JSON.
    ///
    /// # Errors
    /// [`RecordError::NotCanonical`] if a plain number is not an integer below 2^53.
    pub fn to_canonical(&self) -> std::result::Result<String, RecordError> {
        canonical::to_canonical(self)
    }

    /// Its hash: keccak-256 of the canonical JSON.
    ///
    /// # Errors
    /// As [`Self::to_canonical`].
    pub fn hash(&self) -> std::result::Result<B256, RecordError> {
        Ok(keccak256(self.to_canonical()?))
    }

    /// Reads a record back. Only its one canonical text is taken.
    ///
    /// # Errors
    /// [`RecordError::Unreadable`] if it is none of this version or written in any other way.
    pub fn from_canonical(text: &str) -> std::result::Result<Self, RecordError> {
        /// What stands in records of every version.
        #[derive(Deserialize)]
        struct Versioned {
            schema_version: u32,
        }
        let unreadable = |error: serde_json::Error| RecordError::Unreadable(error.to_string());
        let read: std::result::Result<Self, _> = serde_json::from_str(text);
        let schema_version = match &read {
            Ok(record) => record.schema_version,
            Err(_) => serde_json::from_str::<Versioned>(text).map_err(unreadable)?.schema_version,
        };
        if schema_version != RECORD_SCHEMA_VERSION {
            return Err(RecordError::Unreadable(format!(
                "schema version {schema_version}, expected {RECORD_SCHEMA_VERSION}"
            )));
        }
        let record = read.map_err(unreadable)?;
        if record.to_canonical()? != text {
            return Err(RecordError::Unreadable("it is not in canonical form".to_owned()));
        }
        Ok(record)
    }

    /// The first block it was made at.
    #[must_use]
    pub const fn first(&self) -> &Observation {
        match &self.body {
            Body::Rebalance { observation, .. } | Body::Upkeep { observation, .. } => observation,
            Body::Hold { first, .. } => first,
        }
    }

    /// The last block it was made at; the first one's again if there is only one.
    #[must_use]
    pub const fn last(&self) -> &Observation {
        match &self.body {
            Body::Rebalance { observation, .. } | Body::Upkeep { observation, .. } => observation,
            Body::Hold { last: Some(last), .. } => last,
            Body::Hold { first, last: None, .. } => first,
        }
    }

    /// Number of blocks it stands for.
    #[must_use]
    pub const fn blocks(&self) -> u64 {
        match &self.body {
            Body::Rebalance { .. } | Body::Upkeep { .. } => 1,
            Body::Hold { count, .. } => *count,
        }
    }

    /// Whether it is a hold.
    #[must_use]
    pub const fn is_hold(&self) -> bool {
        matches!(self.body, Body::Hold { .. })
    }

    /// Why it decided as it did.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.first().decision.reason
    }

    /// Says whether its parts agree with each other: header with snapshot, inputs and decision; the rebalance with the
    /// moves decided; reason with action; a run's blocks with each other.
    ///
    /// # Errors
    /// [`RecordError::Contradiction`], naming the first one found.
    pub fn validate(&self) -> std::result::Result<(), RecordError> {
        consistency::validate(self)
    }
}

/// A hold at one block; the journal makes runs of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldObservation {
    /// Who decides about what.
    pub header: Header,
    /// What was seen and decided.
    pub observation: Observation,
}

/// What holds of one run have in common: reason and binding limit (not its amounts, which change with every block).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunKey {
    /// Why.
    pub reason: Reason,
    /// The most important limit, with the strategy it binds at.
    pub binding: Option<(Limiting, Option<u8>)>,
    /// The rule that refuses, if that is the reason.
    pub refusal: Option<Rule>,
    /// Whether the hold is proven.
    pub is_proven: bool,
}

impl RunKey {
    /// The key of a decision.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        Self {
            reason: decision.reason,
            binding: decision.bindings.first().map(|binding| (binding.limiting, binding.index)),
            refusal: decision.refusal.map(|refusal| refusal.rule),
            is_proven: matches!(decision.action, Action::Hold { is_proven: true, .. }),
        }
    }
}
