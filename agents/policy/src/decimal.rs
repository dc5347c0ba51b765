//! Amounts in JSON as decimal strings: every reader of every language keeps all digits.
//!
//! Use with `#[serde(with = "decimal")]` on [`u128`](u128), [`U256`](alloy_primitives::U256) and
//! [`I256`](alloy_primitives::I256) fields.

use std::{fmt::Display, str::FromStr};

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes the amount as a decimal string.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Display, S: Serializer>(amount: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// Reads an amount from a decimal string.
///
/// # Errors
/// If the text is no canonical decimal number of the type: a prefix, a sign that is not needed, a leading zero, a
/// separator or white space is refused, so that one amount has one text.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr + Display,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let amount = text
        .parse::<T>()
        .map_err(|_| D::Error::custom(format!("expected a decimal amount, found {text:?}")))?;
    if amount.to_string() != text {
        return Err(D::Error::custom(format!("expected {amount}, found {text:?}")));
    }
    Ok(amount)
}
