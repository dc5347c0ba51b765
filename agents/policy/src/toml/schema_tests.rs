//! The schema for editors against the parser: the same keys, the same words, the same forms of values.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Context, parse,
    text::{read_amount, read_bps, read_duration, read_time, read_wad},
    words::{AGENT, GROUP, KINDS, LIMITS, MODES, OBJECTIVE, REFERENCE, ROOT, STATUSES, STRATEGY},
};
use crate::testing::address;

const SCHEMA: &str = include_str!("../../schema/policy.v1.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn at<'a>(schema: &'a Value, pointer: &str) -> &'a Value {
    schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"))
}

fn keys(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

fn words(schema: &Value) -> Vec<String> {
    schema["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn schema_and_parser_know_the_same_keys_and_words() {
    let schema = schema();
    let tables: [(&str, &[&str]); 7] = [
        ("", &ROOT),
        ("/properties/limits", &LIMITS),
        ("/properties/strategies/items", &STRATEGY),
        ("/properties/strategies/items/properties/reference", &REFERENCE),
        ("/properties/groups/items", &GROUP),
        ("/properties/agents/items", &AGENT),
        ("/properties/objective", &OBJECTIVE),
    ];
    for (pointer, known) in tables {
        let table = at(&schema, pointer);
        let known: BTreeSet<String> = known.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys(table), known, "{pointer}");
        assert_eq!(table["additionalProperties"], false, "{pointer}");
    }
    let mode = words(at(&schema, "/properties/limits/properties/mode"));
    assert_eq!(mode, MODES.map(|(word, _)| word));
    let status = words(at(&schema, "/properties/strategies/items/properties/status"));
    assert_eq!(status, STATUSES.map(|(word, _)| word));
    let kind = words(at(&schema, "/properties/objective/properties/kind"));
    assert_eq!(kind, KINDS.map(|(word, _)| word));
}

/// Both objectives, with every key that there is.
fn documents() -> [Value; 2] {
    let whole = json!({
        "schema_version": 1,
        "asset": { "symbol": "USDC", "decimals": 6 },
        "names": { "keeper": address(9), "aave_a": { "address": address(1), "decimals": 6 } },
        "limits": {
            "mode": "active", "cooldown": "10m", "window": "1d", "max_turnover": "100 %",
            "max_loss": "0.5 %", "min_idle": "5 %", "max_growth": "0.5 %", "max_drawdown": "1 %",
            "entry_halt": "1d", "seasoning": "1h", "max_nav_age": "1h", "policy_delay": "1d",
            "deposit_cap": "100_000_000 USDC", "management_fee": "1 %", "performance_fee": "10 %",
            "fee_recipient": "keeper",
        },
        "strategies": [{
            "strategy": "aave_a", "status": "active", "max_weight": "60 %", "min_weight": "5 %",
            "cap": "50_000_000 USDC", "price_band": "1 %",
            "reference": { "assets": "1 USDC", "shares": "1" }, "groups": ["aave"],
        }],
        "groups": [{ "name": "aave", "max_weight": "60 %", "cap": "50_000_000 USDC" }],
        "agents": [{
            "agent": "keeper", "expires": "2035-01-01", "scope": ["aave_a"],
            "max_turnover": "100 %", "max_loss": "0.5 %",
        }],
        "objective": { "kind": "yield", "hurdle": "0.01 %", "horizon": "30d", "band": "0 %" },
    });
    let mut targets = whole.clone();
    targets["objective"] = json!({
        "kind": "target-weights", "hurdle": "0 %", "horizon": "0s", "band": "1 %",
        "target_weights": { "aave_a": "50 %" },
    });
    [whole, targets]
}

fn is_parsed(document: &Value) -> bool {
    let text = toml::to_string(document).unwrap();
    super::read(&text, "p", None).is_ok()
}

/// Every place in a document that a key can be taken from.
fn places(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(table) => {
            for key in table.keys() {
                found.push((path.to_owned(), key.clone()));
            }
            table.iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Value::Array(list) => list.iter().enumerate().map(|(i, it)| (i.to_string(), it)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in members {
        places(value, &format!("{path}/{key}"), found);
    }
}

#[test]
fn schema_and_parser_ask_for_the_same_keys() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let (mut needed, mut spare) = (0, 0);
    for document in documents() {
        assert!(is_parsed(&document), "{}", toml::to_string(&document).unwrap());
        let errors: Vec<_> = validator.iter_errors(&document).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut all = Vec::new();
        places(&document, "", &mut all);
        for (path, key) in all {
            let mut without = document.clone();
            without.pointer_mut(&path).unwrap().as_object_mut().unwrap().remove(&key);
            let mut strange = document.clone();
            let table = strange.pointer_mut(&path).unwrap().as_object_mut().unwrap();
            let value = table.remove(&key).unwrap();
            table.insert(format!("{key}_x"), value);
            // What a name or a sum means is not for a schema to say: there it may let pass what the parser refuses.
            let is_free = ["/names", "/objective/target_weights"].contains(&path.as_str());
            let is_meaning = ["asset", "names", "groups", "fee_recipient"].contains(&key.as_str())
                || (path.starts_with("/names") && key == "decimals");
            if !is_free && !is_meaning {
                assert_eq!(validator.is_valid(&without), is_parsed(&without), "{path}/{key}");
                if is_parsed(&without) { spare += 1 } else { needed += 1 }
            }
            if !is_free {
                assert!(!validator.is_valid(&strange) && !is_parsed(&strange), "{path}/{key}_x");
            }
        }
    }
    assert!(needed > 50 && spare > 10, "{needed} {spare}");
}

#[test]
fn schema_and_parser_take_the_same_values() {
    let schema = schema();
    let pattern = |name: &str| {
        let alone = json!({ "$defs": schema["$defs"], "$ref": format!("#/$defs/{name}") });
        jsonschema::validator_for(&alone).unwrap()
    };
    type Read = fn(&str) -> bool;
    let samples: [(&str, Read, &[&str]); 5] = [
        (
            "percentage",
            |text| read_bps(text).is_ok(),
            &[
                "40 %",
                "0.25 %",
                "40%",
                "1_0 %",
                "100.0_0 %",
                "40",
                "-1 %",
                "0.001 %",
                "1__0 %",
                "_1 %",
                "% 1",
                "",
                "1. %",
                ".5 %",
                "1e2 %",
            ],
        ),
        (
            "growth",
            |text| read_wad(text).is_ok(),
            &["0.5 %", "0.0000000000000001 %", "0.00000000000000001 %", "1", "1,5 %", "%"],
        ),
        (
            "amount",
            |text| {
                let unit = text.split_whitespace().nth(1).unwrap_or("USDC");
                read_amount(text, unit, 6).is_ok()
            },
            &[
                "1 USDC",
                "25_000_000 USDC",
                "0.000001 USDC",
                "7 units",
                "1USDC",
                "USDC",
                "1 2 USDC",
                "-1 USDC",
                "1_ USDC",
            ],
        ),
        (
            "duration",
            |text| read_duration(text).is_ok(),
            &[
                "30d", "1h", "1d12h", "1d 12h", "0s", "1d2h3m4s", "h", "1h1d", "1h1h", "1.5h",
                "1w", "", "600",
            ],
        ),
        (
            "time",
            |text| read_time(text).is_ok(),
            &[
                "2027-01-01",
                "2027-01-01T12:00:00Z",
                "unix 17",
                "2027-1-1",
                "01.01.2027",
                "2027-01-01T12:00:00",
                "unix",
                "2027",
            ],
        ),
    ];
    for (name, read, texts) in samples {
        let validator = pattern(name);
        let (mut taken, mut refused) = (0, 0);
        for text in texts {
            let is_read = read(text);
            assert_eq!(validator.is_valid(&json!(text)), is_read, "{name}: {text:?}");
            if is_read { taken += 1 } else { refused += 1 }
        }
        assert!(taken > 1 && refused > 1, "{name}");
    }
}

#[test]
fn the_schema_takes_the_example() {
    let text = include_str!("../../examples/demo.toml");
    let document: toml::Table = toml::from_str(text).unwrap();
    let document = serde_json::to_value(document).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(validator.is_valid(&document));
    let context = Context::new("USDC", 6)
        .with_account("keeper", address(9))
        .with_strategy("aave_a", address(1), 6)
        .with_strategy("aave_b", address(2), 6)
        .with_strategy("morpho", address(3), 18);
    assert!(parse(text, "demo.toml", &context).is_ok());
}
