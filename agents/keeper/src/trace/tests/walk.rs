//! Every value of a decision's file, and what might stand in its place. Shared by the tests of the crate and those on a real
//! chain.

use alloy::primitives::U256;
use serde_json::Value;
use vagus_journal::canonical_hash;

/// Pointers to every value that holds no other.
pub(crate) fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, field)| leaves(field, &format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(place, item)| leaves(item, &format!("{pointer}/{place}"), found));
        }
        _ => found.push(pointer.to_owned()),
    }
}

/// Other codes of the kind of a code.
fn like(code: &str) -> Vec<&'static str> {
    let kinds: [&[&'static str]; 6] = [
        &[
            "Income",
            "RepairIdle",
            "Optimal",
            "BelowHurdle",
            "Cooldown",
            "Paused",
            "InFlight",
            "NoQuorum",
            "VaultUnread",
            "SimulationFailed",
            "Person",
        ],
        &["Active", "ExitOnly", "Paused"],
        &["Mode", "Weight", "Idle", "Turnover", "Loss", "Price", "Freshness"],
        &["native", "fixed", "missing", "unknown", "aave-v3", "morpho-blue", "morpho-blue-markets"],
        &["rebalance", "hold", "upkeep"],
        // Whether what was mined is final is the keeper's word.
        &["executed", "reverted", "held", "expired"],
    ];
    let fitting = kinds.into_iter().filter(|kind| kind.contains(&code));
    fitting.flatten().copied().filter(|other| *other != code).collect()
}

/// Other values that may stand in a leaf's place.
pub(crate) fn others(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::Bool(is) => vec![Value::from(!is)],
        Value::Number(number) => {
            let number = number.as_u64().expect("whole");
            vec![
                Value::from(number + 1),
                Value::from(number.saturating_sub(1).max(u64::from(number == 0))),
            ]
        }
        Value::Null => vec![Value::from(1), Value::from("1"), Value::from(true)],
        Value::String(text) => {
            let mut others = vec![Value::from(format!("{text}x"))];
            if let Ok(amount) = text.parse::<U256>() {
                others.push(Value::from(amount.wrapping_add(U256::ONE).to_string()));
                others.push(Value::from(amount.wrapping_sub(U256::ONE).to_string()));
            } else if text.starts_with("0x") {
                let (start, last) = text.split_at(text.len() - 1);
                others.push(Value::from(format!("{start}{}", if last == "1" { "2" } else { "1" })));
            } else {
                others.extend(like(text).into_iter().map(Value::from));
            }
            others
        }
        Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

/// What of an outcome nobody but the keeper can know, or the chain does not tell of every network.
pub(crate) fn is_keepers_word(pointer: &str) -> bool {
    let Some(what) = pointer.strip_prefix("/outcome/") else { return false };
    let is_attempts_own = what.starts_with("attempts/") && !what.ends_with("/hash");
    let names = ["keeper_version", "finalized_number", "is_as_predicted", "is_orphaned"];
    is_attempts_own
        || names.contains(&what)
        || what == "receipt/data_fee_wei"
        || ["simulation", "settlement/actual", "revert", "person", "shadow"]
            .iter()
            .any(|part| what.starts_with(part))
}

/// The file's text with the hash of the file put right.
pub(crate) fn sealed(mut value: Value) -> String {
    value.as_object_mut().expect("an object").remove("file_hash");
    let hash = canonical_hash(&value).map(|hash| hash.to_string()).unwrap_or_default();
    value["file_hash"] = Value::from(hash);
    value.to_string()
}
