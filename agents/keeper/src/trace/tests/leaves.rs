//! Every single leaf of a file, changed one at a time, by somebody careless and by somebody who puts the hashes right.

use serde_json::Value;
use vagus_journal::canonical_hash;

use super::*;

/// Pointers to every value that holds no other.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
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
fn others(leaf: &Value) -> Vec<Value> {
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
fn is_keepers_word(pointer: &str) -> bool {
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
fn sealed(mut value: Value) -> String {
    value.as_object_mut().expect("an object").remove("file_hash");
    let hash = canonical_hash(&value).map(|hash| hash.to_string()).unwrap_or_default();
    value["file_hash"] = Value::from(hash);
    value.to_string()
}

/// What the command would end with.
async fn ends_with(desk: &Desk, text: &str) -> u8 {
    match RecordFile::parse(text) {
        Ok(file) => desk.verdict(&file).await.number(),
        Err(FileError::Changed(_)) => Verdict::Altered.number(),
        Err(_) => Exit::Usage.number(),
    }
}

async fn every_leaf(is: impl Fn(&DecisionRecord) -> bool) {
    let desk = Desk::new().await;
    let file = desk.anchored_with(is).await;
    let place = file.records.iter().position(|filed| filed.hash == file.decision).expect("there");
    let own = format!("/records/{place}/record/");
    let text = file.to_text().expect("written");
    let value: Value = serde_json::from_str(&text).expect("json");
    assert_eq!(ends_with(&desk, &sealed(value.clone())).await, 0);
    let mut pointers = Vec::new();
    leaves(&value, "", &mut pointers);
    let (mut changes, mut forgeries) = (0, 0);
    for pointer in &pointers {
        let leaf = value.pointer(pointer).expect("there").clone();
        for (place_of_other, other) in others(&leaf).into_iter().enumerate() {
            let mut changed = value.clone();
            *changed.pointer_mut(pointer).expect("there") = other.clone();
            changes += 1;
            let what = format!("{pointer}: {leaf} to {other}");
            // Nothing is put right. That is found by hashes alone, which are as wrong for any other value; and in the records
            // around the own one it is found with the hash of the file put right, below.
            let is_neighbours = pointer.starts_with("/records/") && !pointer.starts_with(&own);
            if place_of_other == 0 && !is_neighbours {
                assert_eq!(ends_with(&desk, &changed.to_string()).await, 3, "{what}");
            }
            // The hash of the file is put right, that of the record is left alone.
            if pointer.starts_with("/records/") {
                let is_found = place_of_other > 0
                    || match RecordFile::parse(&sealed(changed)) {
                        Ok(file) => !file.breaches().is_empty(),
                        Err(error) => matches!(error, FileError::Changed(_)),
                    };
                assert!(is_found, "{what}, sealed");
            } else if !is_keepers_word(pointer) && pointer != "/file_hash" {
                assert_ne!(ends_with(&desk, &sealed(changed)).await, 0, "{what}, sealed");
            }
            // All hashes are put right.
            if let Some(inner) = pointer.strip_prefix(&own) {
                let mut record = file.records[place].record.clone();
                *record.pointer_mut(&format!("/{inner}")).expect("there") = other;
                if canonical_hash(&record).is_err() {
                    continue;
                }
                let code = desk.verdict(&forged(&file, record)).await.number();
                assert!(matches!(code, 3 | 6), "{what}, forged: {code}");
                forgeries += 1;
            }
        }
    }
    assert!(pointers.len() > 200 && changes > 400 && forgeries > 300, "{changes} {forgeries}");
    println!("{} leaves, {changes} changes, {forgeries} forgeries", pointers.len());
}

#[tokio::test]
async fn every_leaf_of_a_rebalance_that_is_changed_is_found() {
    every_leaf(|record| matches!(record.body, Body::Rebalance { .. })).await;
}

#[tokio::test]
async fn every_leaf_of_a_run_of_holds_that_is_changed_is_found() {
    every_leaf(|record| record.blocks() > 1).await;
}

#[tokio::test]
async fn every_leaf_of_an_upkeep_that_is_changed_is_found() {
    every_leaf(|record| matches!(record.body, Body::Upkeep { .. })).await;
}
