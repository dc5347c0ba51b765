//! Canonical JSON, RFC 8785, for values whose numbers are all exact.

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
    let value = serde_json::to_value(value)
        .map_err(|error| RecordError::NotCanonical(error.to_string()))?;
    let written = match examine(&value, &mut Vec::new())? {
        // Integers below 2^53 and strings are written by serde_json as RFC 8785 wants them (sections 3.2.2.2 and 3.2.2.3), at a
        // third of the cost; a test holds the one against the other.
        Order::IsCanonical => serde_json::to_string(&value),
        Order::MayDiffer => serde_json_canonicalizer::to_string(&value),
    };
    written.map_err(|error| RecordError::NotCanonical(error.to_string()))
}

/// Keccak-256 of the canonical JSON (RFC 8785) of any value, as records are hashed.
///
/// # Errors
/// [`RecordError::NotCanonical`] if a plain number is not an integer below 2^53.
pub fn canonical_hash<T: Serialize>(value: &T) -> Result<B256, RecordError> {
    Ok(keccak256(to_canonical(value)?))
}

/// Whether the names of all objects stand as RFC 8785 sorts them, by UTF-16 units (section 3.2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// They rise, and are ASCII, for which bytes and units are the same.
    IsCanonical,
    MayDiffer,
}

/// Refuses numbers that are not exact, and says how names are sorted. `path` is where the value stands.
fn examine<'a>(value: &'a Value, path: &mut Vec<Step<'a>>) -> Result<Order, RecordError> {
    let mut order = Order::IsCanonical;
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
                order = order.and(examine(item, path)?);
                path.pop();
            }
        }
        Value::Object(fields) => {
            let mut before = "";
            for (name, field) in fields {
                if !name.is_ascii() || name.as_str() < before {
                    order = Order::MayDiffer;
                }
                before = name;
                path.push(Step::Field(name));
                order = order.and(examine(field, path)?);
                path.pop();
            }
        }
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
    Ok(order)
}

impl Order {
    fn and(self, other: Self) -> Self {
        if self == Self::IsCanonical { other } else { self }
    }
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
