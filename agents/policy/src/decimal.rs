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

/// The same for a list of amounts.
pub mod list {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeSeq};

    /// Writes each amount as a decimal string.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(
        amounts: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(amounts.len()))?;
        for amount in amounts {
            list.serialize_element(&Written(amount))?;
        }
        list.end()
    }

    /// Reads amounts from decimal strings.
    ///
    /// # Errors
    /// As [`super::deserialize`], for the first one that is refused.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr + Display,
        D: Deserializer<'de>,
    {
        let read = Vec::<Read<T>>::deserialize(deserializer)?;
        Ok(read.into_iter().map(|Read(amount)| amount).collect())
    }

    struct Written<'a, T>(&'a T);

    impl<T: Display> Serialize for Written<'_, T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            super::serialize(self.0, serializer)
        }
    }

    struct Read<T>(T);

    impl<'de, T: FromStr + Display> Deserialize<'de> for Read<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            super::deserialize(deserializer).map(Self)
        }
    }
}
