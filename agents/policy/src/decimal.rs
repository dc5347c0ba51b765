//! Amounts in JSON as decimal strings: every reader of every language keeps all digits.
//!
//! Use with `#[serde(with = "decimal")]` on [`u128`](u128), [`U256`](alloy_primitives::U256) and
//! [`I256`](alloy_primitives::I256) fields.

use std::{
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
};

use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

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
    deserializer.deserialize_str(Text(PhantomData))
}

/// An amount out of its text, wherever that lies: a record has hundreds of them.
struct Text<T>(PhantomData<T>);

impl<T: FromStr + Display> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal amount as a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let amount = text
            .parse::<T>()
            .map_err(|_| E::custom(format!("expected a decimal amount, found {text:?}")))?;
        // Digits without a leading zero are what the amount is written as; anything else is compared with that.
        let has_digits_alone = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = has_digits_alone && (text.len() == 1 || !text.starts_with('0'));
        if !is_plain && amount.to_string() != text {
            return Err(E::custom(format!("expected {amount}, found {text:?}")));
        }
        Ok(amount)
    }
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

#[cfg(test)]
mod tests {
    use alloy_primitives::{I256, U256};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Amounts {
        #[serde(with = "super")]
        unsigned: U256,
        #[serde(with = "super")]
        signed: I256,
    }

    fn read(unsigned: &str, signed: &str) -> Result<Amounts, String> {
        let text = format!("{{\"unsigned\":{unsigned:?},\"signed\":{signed:?}}}");
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn one_amount_has_one_text() {
        let largest = U256::MAX.to_string();
        for text in ["0", "7", "10", largest.as_str()] {
            assert_eq!(read(text, "0").unwrap().unsigned.to_string(), text);
        }
        for text in ["-1", "0", "1", "-120", I256::MIN.to_string().as_str()] {
            assert_eq!(read("0", text).unwrap().signed.to_string(), text);
        }
        for text in ["", "00", "01", "+1", "-1", "0x1", "0b1", "1_0", " 1", "1 ", "1.0", "١"] {
            assert!(read(text, "0").is_err(), "{text:?}");
        }
        for text in ["", "-", "-0", "+1", "-01", "00", "0x1", "1_0"] {
            assert!(read("0", text).is_err(), "{text:?}");
        }
        assert!(read(&format!("{largest}0"), "0").is_err());
    }
}
