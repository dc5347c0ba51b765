//! Canonical JSON, RFC 8785, for values whose numbers are all exact.

use alloy_primitives::{B256, keccak256};
use serde::Serialize;
use serde_json::Value;

use super::RecordError;

/// The largest integer that every JSON reader holds exactly: 2^53 − 1 (RFC 7493, section 2.2).
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// Canonical JSON of a value. RFC 8785 writes numbers as IEEE doubles, which would silently round a larger integer, and
/// two different records would share one hash: such a number is refused.
pub(super) fn to_canonical<T: Serialize>(value: &T) -> Result<String, RecordError> {
    let value = serde_json::to_value(value)
        .map_err(|error| RecordError::NotCanonical(error.to_string()))?;
    refuse_inexact(&value, "$")?;
    serde_json_canonicalizer::to_string(&value)
        .map_err(|error| RecordError::NotCanonical(error.to_string()))
}

/// Keccak-256 of the canonical JSON (RFC 8785) of any value, as records are hashed.
///
/// # Errors
/// [`RecordError::NotCanonical`] if a plain number is not an integer below 2^53.
pub fn canonical_hash<T: Serialize>(value: &T) -> Result<B256, RecordError> {
    Ok(keccak256(to_canonical(value)?))
}

fn refuse_inexact(value: &Value, path: &str) -> Result<(), RecordError> {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(number) if number <= LARGEST_NUMBER => Ok(()),
            _ => Err(RecordError::NotCanonical(format!(
                "{path} is {number}, expected an integer from 0 to 2^53 - 1"
            ))),
        },
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| refuse_inexact(item, &format!("{path}[{index}]"))),
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(name, field)| refuse_inexact(field, &format!("{path}.{name}"))),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}
