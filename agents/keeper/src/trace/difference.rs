//! Where two values differ first, in words.

use serde::Serialize;
use serde_json::Value;

/// The first place at which two values differ, with what stands there in each; none if they are the same.
#[must_use]
pub(super) fn first_difference<T: Serialize>(found: &T, expected: &T) -> Option<String> {
    let (found, expected) =
        (serde_json::to_value(found).ok()?, serde_json::to_value(expected).ok()?);
    at("", &found, &expected)
}

fn at(path: &str, found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let names =
                found.keys().chain(expected.keys().filter(|name| !found.contains_key(*name)));
            let none = Value::Null;
            names.into_iter().find_map(|name| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                at(&path, found.get(name).unwrap_or(&none), expected.get(name).unwrap_or(&none))
            })
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            found.iter().zip(expected).enumerate().find_map(|(place, (found, expected))| {
                at(&format!("{path}[{place}]"), found, expected)
            })
        }
        (Value::Array(found), Value::Array(expected)) => {
            Some(format!("{path} has {} entries, expected {}", found.len(), expected.len()))
        }
        _ if found == expected => None,
        _ => Some(format!("{path} is {}, expected {}", plain(found), plain(expected))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Array(_) | Value::Object(_) => "something else".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_place_is_named() {
        let value = json!({ "a": [{ "b": "1", "c": null }], "d": true });
        assert_eq!(first_difference(&value, &value), None);
        let cases = [
            (json!({ "a": [{ "b": "2", "c": null }], "d": true }), "a[0].b is 1, expected 2"),
            (json!({ "a": [{ "b": "1", "c": 3 }], "d": true }), "a[0].c is none, expected 3"),
            (json!({ "a": [], "d": true }), "a has 1 entries, expected 0"),
            (json!({ "a": [{ "b": "1", "c": null }] }), "d is true, expected none"),
        ];
        for (other, words) in cases {
            assert_eq!(first_difference(&value, &other).as_deref(), Some(words));
        }
    }
}
