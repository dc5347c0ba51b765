//! A decision as a file that leaves the journal: its record, the records of the same vault that prove its place, the
//! document that was in force, and what came of it. Whoever has it needs nothing else but the chain.
//!
//! The records are consecutive: the one before the decision, if it is there, the decision's own, and those after it up to
//! the first whose hash the chain itself names, in the event of its rebalance. Each names the one before it, so that this
//! event vouches for all of them. The schema is `schema/record-file.v1.json`.

use alloy_primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Breach, DecisionRecord, Outcome, RecordError, canonical_hash};

/// Version of the file's shape. A change of any field is a new version.
pub const RECORD_FILE_VERSION: u32 = 1;

/// Name of the field that holds the hash of all others.
const FILE_HASH: &str = "file_hash";

/// A file that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is something else.
    #[error("it is no file of a decision: {0}")]
    Other(String),
    /// It is one of another version.
    #[error("it is a file of version {found}, expected {RECORD_FILE_VERSION}")]
    Version {
        /// Its version.
        found: u64,
    },
    /// It was one, and something in it was changed.
    #[error("it was changed: {0}")]
    Changed(String),
}

/// A record with the hash that it is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiledRecord {
    /// Its hash.
    pub hash: B256,
    /// The record, in whatever version it was written: its hash is taken of these very values.
    pub record: Value,
}

/// Where the chain names the hash of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The record: the last one of the file.
    pub decision: B256,
    /// Height of the block whose event names it.
    pub block_number: u64,
    /// The transaction that raised the event.
    pub transaction: B256,
}

/// A decision with everything that it takes to look into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordFile {
    /// [`RECORD_FILE_VERSION`].
    pub file_version: u32,
    /// Hash of the record that it is about.
    pub decision: B256,
    /// Consecutive records of one vault, oldest first.
    pub records: Vec<FiledRecord>,
    /// Where the chain names the last of them; none if it names none of those that followed yet.
    pub anchor: Option<Anchor>,
    /// Encoding of the policy in force, whose keccak-256 stands in the record; none if none was in force or it could not be
    /// had.
    pub policy: Option<Bytes>,
    /// What came of it, by the keeper's word; none while that is not known.
    pub outcome: Option<Outcome>,
}

impl RecordFile {
    /// As text: JSON for people and machines, closed by its own hash.
    ///
    /// # Errors
    /// [`RecordError::NotCanonical`] if a plain number in it is not an integer below 2^53.
    pub fn to_text(&self) -> Result<String, RecordError> {
        let unwritable = |error: serde_json::Error| RecordError::NotCanonical(error.to_string());
        let mut value = serde_json::to_value(self).map_err(unwritable)?;
        let hash = canonical_hash(&value)?;
        if let Value::Object(fields) = &mut value {
            fields.insert(FILE_HASH.to_owned(), Value::from(hash.to_string()));
        }
        serde_json::to_string_pretty(&value).map_err(unwritable)
    }

    /// Reads one. Its hash is compared first: what was changed by accident or without care is found whatever it is.
    ///
    /// # Errors
    /// [`FileError`], which tells another file from one that was changed.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let mut value: Value =
            serde_json::from_str(text).map_err(|error| FileError::Other(error.to_string()))?;
        let fields = value
            .as_object_mut()
            .filter(|fields| fields.contains_key("file_version"))
            .ok_or_else(|| FileError::Other("it has no file_version".to_owned()))?;
        let changed = |error: &dyn std::fmt::Display| FileError::Changed(error.to_string());
        let stated = fields.remove(FILE_HASH).unwrap_or_default();
        let version = fields.get("file_version").and_then(Value::as_u64);
        let found = canonical_hash(&value).map_err(|error| changed(&error))?;
        if stated != found.to_string() {
            return Err(FileError::Changed(format!("it hashes to {found}, but says {stated}")));
        }
        if let Some(found) = version.filter(|found| *found != u64::from(RECORD_FILE_VERSION)) {
            return Err(FileError::Version { found });
        }
        serde_json::from_value(value).map_err(|error| changed(&error))
    }

    /// The record that it is about, as it stands in the file; none if it is not there.
    #[must_use]
    pub fn filed(&self) -> Option<&FiledRecord> {
        self.records.iter().find(|filed| filed.hash == self.decision)
    }

    /// Everything wrong with the hashes of its records and with their order. Places count within the file, from zero.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut before: Option<B256> = None;
        for (sequence, filed) in (0..).zip(&self.records) {
            let expected = filed.hash;
            match canonical_hash(&filed.record) {
                Ok(found) if found == expected => {}
                Ok(found) => breaches.push(Breach::Altered { sequence, found, expected }),
                Err(error) => {
                    breaches.push(Breach::Unreadable { sequence, message: error.to_string() });
                }
            }
            match (before, previous_of(&filed.record)) {
                (_, Err(message)) => breaches.push(Breach::Unreadable { sequence, message }),
                (Some(expected), Ok(found)) if found != expected => {
                    breaches.push(Breach::Unlinked { sequence, found, expected });
                }
                _ => {}
            }
            before = Some(filed.hash);
        }
        if self.filed().is_none() {
            let sequence = 0;
            let message = format!("none of the records is the decision {}", self.decision);
            breaches.push(Breach::Unreadable { sequence, message });
        }
        match (self.anchor, before) {
            (Some(Anchor { decision: found, .. }), Some(expected)) if found != expected => {
                breaches.push(Breach::WrongHead { found, expected });
            }
            _ => {}
        }
        breaches
    }

    /// How many records follow the one that it is about.
    #[must_use]
    pub fn followers(&self) -> usize {
        let place = self.records.iter().position(|filed| filed.hash == self.decision);
        place.map_or(0, |place| self.records.len().saturating_sub(place + 1))
    }
}

impl FiledRecord {
    /// A record as it is filed.
    ///
    /// # Errors
    /// [`RecordError::NotCanonical`] if it cannot be hashed.
    pub fn new(record: &DecisionRecord) -> Result<Self, RecordError> {
        let text = record.to_canonical()?;
        let hash = keccak256(&text);
        let record = serde_json::from_str(&text)
            .map_err(|error| RecordError::NotCanonical(error.to_string()))?;
        Ok(Self { hash, record })
    }

    /// The record, if it is of the version that this release reads.
    ///
    /// # Errors
    /// [`RecordError::Unreadable`] if it is not.
    pub fn read(&self) -> Result<DecisionRecord, RecordError> {
        let text = serde_json_canonicalizer::to_string(&self.record)
            .map_err(|error| RecordError::NotCanonical(error.to_string()))?;
        DecisionRecord::from_canonical(&text)
    }

    /// Version of the record's shape, whether this release reads it or not; none if it says none.
    #[must_use]
    pub fn schema_version(&self) -> Option<u64> {
        self.record.get("schema_version").and_then(Value::as_u64)
    }
}

/// The one before, which stands in records of every version.
fn previous_of(record: &Value) -> Result<B256, String> {
    let previous = record.get("previous").cloned().unwrap_or_default();
    serde_json::from_value(previous).map_err(|error| format!("its previous: {error}"))
}
