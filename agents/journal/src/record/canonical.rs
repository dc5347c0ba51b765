//! Canonical JSON, RFC 8785, for values whose numbers are all exact.

mod object;
mod writer;

use std::fmt;

use alloy_primitives::{B256, keccak256};
use serde::Serialize;
use serde_json::Value;

use super::RecordError;

/// The largest integer that every JSON reader holds exactly: 2^53 − 1 (RFC 7493, section 2.2).
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// Canonical JSON of a value. RFC 8785 writes numbers as IEEE doubles, which would silently round a larger integer, and
/// two different records would share one hash: such a number is refused.
pub(super) fn to_canonical<T: Serialize>(value: &T) -> Result<String, RecordError> {
    if let Ok(text) = writer::write(value) {
        return Ok(text);
    }
    let value = serde_json::to_value(value)
        .map_err(|error| RecordError::NotCanonical(error.to_string()))?;
    refuse_inexact(&value, &mut Vec::new())?;
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

/// Refuses numbers that are not exact. `path` is where the value stands.
fn refuse_inexact<'a>(value: &'a Value, path: &mut Vec<Step<'a>>) -> Result<(), RecordError> {
    match value {
        Value::Number(number) if number.as_u64().is_none_or(|number| number > LARGEST_NUMBER) => {
            let place: String = path.iter().map(ToString::to_string).collect();
            return Err(RecordError::NotCanonical(format!(
                "${place} is {number}, expected an integer from 0 to 2^53 - 1"
            )));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                refuse_inexact(item, path)?;
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(Step::Field(name));
                refuse_inexact(field, path)?;
                path.pop();
            }
        }
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
    Ok(())
}

/// A step into a value.
enum Step<'a> {
    Index(usize),
    Field(&'a str),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Field(name) => write!(f, ".{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..=LARGEST_NUMBER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x1f\"/\\\\\u{7f}\u{2028}é]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            let name = prop_oneof!["[a-zA-Z0-9_\"]{0,4}", any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..6)
                    .prop_map(|fields| { Value::Object(fields.into_iter().collect()) }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn both_ways_of_writing_are_one(value in any_value()) {
            let expected = serde_json_canonicalizer::to_string(&value).map_err(|e| e.to_string());
            prop_assert_eq!(to_canonical(&value).map_err(|e| e.to_string()), expected);
        }
    }

    /// Every shape that serde knows, with names that do not stand in order.
    #[derive(Serialize)]
    struct Shapes {
        z: u8,
        newtype: Newtype,
        unit: (),
        pair: (u16, Option<bool>),
        shown: Shown,
        kinds: Vec<Kind>,
        #[serde(flatten)]
        more: std::collections::BTreeMap<String, i32>,
        letter: char,
        a: Option<u64>,
    }

    #[derive(Serialize)]
    struct Newtype(u32);

    #[derive(Serialize)]
    struct Shown {
        #[serde(serialize_with = "vagus_policy::decimal::serialize")]
        text: &'static str,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        Unit,
        New(u64),
        Named { y: u8, x: String },
        Many(u8, u8),
    }

    #[test]
    fn every_shape_is_written_as_the_library_writes_it() {
        let kinds = || vec![Kind::Unit, Kind::New(LARGEST_NUMBER)];
        let named = || vec![Kind::Named { y: 1, x: "\n\"\u{1f600}".to_owned() }];
        let many = || vec![Kind::Many(1, 2)];
        let mixed: fn() -> _ = || [("b".to_owned(), 3), ("zz".to_owned(), 0)];
        let names: fn() -> _ = || [("\u{fb33}".to_owned(), 1), ("\"".to_owned(), 2)];
        let twice: fn() -> _ = || [("a".to_owned(), 4), ("c".to_owned(), 5)];
        let texts = ["1000", "a\"b", "\u{7f}", "é", ""];
        for (kinds, is_direct) in [(kinds(), true), (named(), true), (many(), false)] {
            let mut value = Shapes {
                z: 1,
                newtype: Newtype(7),
                unit: (),
                pair: (2, Some(true)),
                shown: Shown { text: "" },
                kinds,
                more: mixed().into(),
                letter: '\t',
                a: None,
            };
            for text in texts {
                value.shown.text = text;
                let expected =
                    serde_json_canonicalizer::to_string(&value).map_err(|e| e.to_string());
                assert_eq!(to_canonical(&value).map_err(|e| e.to_string()), expected);
                assert_eq!(writer::write(&value).is_ok(), is_direct);
            }
            for more in [names(), twice()] {
                value.more = more.into();
                assert!(writer::write(&value).is_err());
            }
        }
    }

    #[test]
    fn names_are_sorted_by_units_of_utf_16() {
        // By bytes the first stands before the second, by units after it (RFC 8785, section 3.2.3).
        let value = json!({ "\u{fb33}": 1, "\u{1f600}": 2, "a": { "c": 3, "b": 4 } });
        let written = to_canonical(&value).map_err(|error| error.to_string());
        assert_eq!(
            written.as_deref(),
            Ok("{\"a\":{\"b\":4,\"c\":3},\"\u{1f600}\":2,\"\u{fb33}\":1}")
        );
    }

    #[test]
    fn a_number_that_is_not_exact_is_named_by_its_place() {
        for (number, is_exact) in [(LARGEST_NUMBER, true), (LARGEST_NUMBER + 1, false)] {
            let written = to_canonical(&json!({ "a": [0, { "b": number }] }));
            assert_eq!(written.is_ok(), is_exact);
            if let Err(error) = written {
                assert!(error.to_string().contains("$.a[1].b is 9007199254740992"), "{error}");
            }
        }
    }
}
