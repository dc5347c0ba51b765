//! The hashed part: one text, one hash, and a schema that says what may stand in it.

use std::path::{Path, PathBuf};

use alloy_primitives::{B256, U256, keccak256};
use serde_json::Value;
use vagus_allocator::{Action, Reason};
use vagus_journal::{Body, DecisionRecord, RECORD_SCHEMA_VERSION, RecordError, Upkeep};
use vagus_policy::{
    Curve, MorphoBlueCurve, MorphoBlueHolding, MorphoBlueMarketsCurve, Refusal, Rule,
};

use crate::fixture::{OTHER_VAULT, VAULT, block, hold, rebalance};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn hold_run() -> DecisionRecord {
    let (first, last) = (hold(VAULT, 100).observation, hold(VAULT, 103).observation);
    let body = Body::Hold { first, last: Some(last), count: 4 };
    DecisionRecord::new(hold(VAULT, 100).header, keccak256("before"), body)
}

/// Bytes and hash as they were when version 3 was fixed. A change here is a new schema version.
#[test]
fn bytes_and_hash_of_the_version_are_pinned() {
    let cases = [
        (
            "rebalance.v3.json",
            rebalance(VAULT, B256::ZERO, 100),
            "0xe26b2488d91c1b9a4ef689a0d2b716d6e40b38bca767222adcc94460aa422ccb",
        ),
        (
            "hold.v3.json",
            hold_run(),
            "0xedd9b95a745cfded5959f26cda377d92a966af9e49a135244605cded80077223",
        ),
    ];
    assert_eq!(RECORD_SCHEMA_VERSION, 3);
    for (name, record, hash) in cases {
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(golden(name), record.to_canonical().unwrap()).unwrap();
        }
        let pinned = std::fs::read_to_string(golden(name)).unwrap();
        assert_eq!(record.to_canonical().unwrap(), pinned, "{name}");
        assert_eq!(record.hash().unwrap().to_string(), hash, "{name}");
        assert_eq!(keccak256(&pinned).to_string(), hash, "{name}");
        assert_eq!(DecisionRecord::from_canonical(&pinned).unwrap(), record);
        record.validate().unwrap();
    }
}

/// RFC 8785, checked without the code that wrote it: keys in order, no white space, nothing but integers below 2^53.
#[test]
fn text_is_canonical() {
    fn walk(value: &Value, out: &mut String) {
        match value {
            Value::Object(fields) => {
                // No key holds a character beyond ASCII, where the RFC's order is that of the bytes.
                let mut names: Vec<_> = fields.keys().collect();
                names.sort();
                out.push('{');
                for (index, name) in names.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&format!("\"{name}\":"));
                    walk(&fields[name], out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    walk(item, out);
                }
                out.push(']');
            }
            Value::Number(number) => out.push_str(&number.as_u64().unwrap().to_string()),
            other => out.push_str(&other.to_string()),
        }
    }
    let text = rebalance(VAULT, B256::ZERO, 100).to_canonical().unwrap();
    let mut again = String::new();
    walk(&serde_json::from_str(&text).unwrap(), &mut again);
    assert_eq!(again, text);
}

#[test]
fn any_change_changes_the_hash() {
    let record = rebalance(VAULT, B256::ZERO, 100);
    let hash = record.hash().unwrap();
    assert_eq!(record.clone().hash().unwrap(), hash);
    assert_ne!(rebalance(VAULT, keccak256("x"), 100).hash().unwrap(), hash);
    assert_ne!(rebalance(VAULT, B256::ZERO, 101).hash().unwrap(), hash);
    assert_ne!(rebalance(OTHER_VAULT, B256::ZERO, 100).hash().unwrap(), hash);
    let mut dearer = record;
    let Body::Rebalance { observation, .. } = &mut dearer.body else { panic!("no rebalance") };
    observation.inputs.gas_price_wei += 1;
    assert_ne!(dearer.hash().unwrap(), hash);
}

#[test]
fn a_number_that_json_would_round_is_refused_one_past_the_limit() {
    let mut record = rebalance(VAULT, B256::ZERO, 100);
    let set = |record: &mut DecisionRecord, number: u64| {
        let Body::Rebalance { rebalance, .. } = &mut record.body else { panic!("no rebalance") };
        rebalance.deadline = number;
    };
    set(&mut record, (1 << 53) - 1);
    assert!(record.to_canonical().unwrap().contains("9007199254740991"));
    set(&mut record, 1 << 53);
    let error = record.hash().unwrap_err().to_string();
    assert_eq!(
        error,
        "the decision record cannot be hashed: $.body.rebalance.deadline is 9007199254740992, \
         expected an integer from 0 to 2^53 - 1"
    );
}

#[test]
fn only_the_one_text_is_read_back() {
    let text = rebalance(VAULT, B256::ZERO, 100).to_canonical().unwrap();
    let spaced = text.replacen(':', ": ", 1);
    let newer = text.replace("\"schema_version\":3", "\"schema_version\":4");
    // Version 1 had fewer fields: what is wrong is its version, not what it lacks.
    let older = text.replace("\"schema_version\":3", "\"schema_version\":1");
    let older = older.replace("\"pending_fee_shares\":\"0\",", "");
    assert!(older.len() + 10 < text.len());
    let more = text.replacen('{', "{\"a\":1,", 1);
    for (text, expected) in [
        (spaced, "not in canonical form"),
        (newer, "schema version 4, expected 3"),
        (older, "schema version 1, expected 3"),
        (more, "unknown field `a`"),
        (String::new(), "EOF"),
    ] {
        let error = DecisionRecord::from_canonical(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// With a strategy over two markets.
fn of_markets() -> DecisionRecord {
    let mut record = rebalance(VAULT, B256::ZERO, 100);
    let Body::Rebalance { observation, .. } = &mut record.body else { panic!("{record:?}") };
    let holding = |place: u8| MorphoBlueHolding {
        market_id: B256::repeat_byte(place),
        cap: U256::from(1_000),
        supply_shares: U256::from(2_000),
        curve: MorphoBlueCurve { last_update_at: 1_700_000_000, ..MorphoBlueCurve::default() },
    };
    let markets = vec![holding(1), holding(2)];
    observation.snapshot.vault.strategies[1].curve =
        Curve::MorphoBlueMarkets(MorphoBlueMarketsCurve { markets });
    record
}

#[test]
fn a_strategy_over_several_markets_is_read_back_as_it_was_written() {
    let record = of_markets();
    let text = record.to_canonical().unwrap();
    assert!(text.contains("\"source\":\"morpho-blue-markets\""), "{text}");
    assert_eq!(DecisionRecord::from_canonical(&text).unwrap(), record);
}

#[test]
fn both_kinds_follow_the_schema_and_what_is_missing_or_added_does_not() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/decision-record.v3.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut refused = rebalance(VAULT, B256::ZERO, 100);
    if let Body::Rebalance { observation, .. } = &mut refused.body {
        let (rule, one) = (Rule::Mandate, U256::from(1));
        observation.decision.refusal = Some(Refusal { rule, observed: one, limit: U256::ZERO });
    }
    let mut records = vec![rebalance(VAULT, B256::ZERO, 100), hold_run(), refused, of_markets()];
    records.extend(every_upkeep().map(upkeep));
    for record in records {
        let value: Value = serde_json::from_str(&record.to_canonical().unwrap()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        each_object(&value, &mut |pointer| {
            let mut added = value.clone();
            let fields = added.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            fields.insert("something_new".to_owned(), Value::Null);
            assert!(!validator.is_valid(&added), "{pointer} takes an unknown field");
            let names: Vec<_> =
                value.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
            for name in names {
                let mut missing = value.clone();
                missing.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(&name);
                assert!(!validator.is_valid(&missing), "{pointer}/{name} may be missing");
            }
        });
    }
    let text = rebalance(VAULT, B256::ZERO, 100).to_canonical().unwrap();
    let as_number = text.replace("\"idle\":\"590000000000\"", "\"idle\":590000000000");
    assert_ne!(as_number, text);
    assert!(!validator.is_valid(&serde_json::from_str(&as_number).unwrap()));
}

fn each_object(value: &Value, visit: &mut impl FnMut(&str)) {
    fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str)) {
        match value {
            Value::Object(fields) => {
                visit(pointer);
                fields.iter().for_each(|(k, v)| walk(v, &format!("{pointer}/{k}"), visit));
            }
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(i, v)| walk(v, &format!("{pointer}/{i}"), visit));
            }
            _ => {}
        }
    }
    walk(value, "", visit);
}

#[test]
fn a_record_cannot_say_two_things() {
    type Change = fn(&mut DecisionRecord);
    let cases: [(&str, Change); 9] = [
        ("schema_version", |r| r.schema_version = 1),
        ("snapshot.chain_id", |r| r.header.chain_id = 1),
        ("snapshot.vault.vault", |r| r.header.vault = OTHER_VAULT),
        ("inputs.agent", |r| observation(r).inputs.agent = OTHER_VAULT),
        ("decision.policy_hash", |r| observation(r).decision.policy_hash = B256::ZERO),
        ("decision.action", |r| observation(r).decision.reason = Reason::Optimal),
        ("rebalance.decision", |r| rebalance_of(r).decision = keccak256("itself")),
        ("rebalance.nonce", |r| rebalance_of(r).nonce += 1),
        ("rebalance.moves", |r| rebalance_of(r).moves[0].assets += 1),
    ];
    for (expected, change) in cases {
        let mut record = rebalance(VAULT, B256::ZERO, 100);
        change(&mut record);
        let Err(RecordError::Contradiction { what, .. }) = record.validate() else {
            panic!("{expected}: no contradiction");
        };
        assert_eq!(what, expected);
    }
}

fn every_upkeep() -> [Upkeep; 4] {
    let policy = alloy_primitives::Bytes::from_static(b"document");
    [
        Upkeep::Checkpoint {},
        Upkeep::Trim { index: 3 },
        Upkeep::FollowPrice { index: 4 },
        Upkeep::Activate { policy },
    ]
}

/// A call that anybody may make.
fn upkeep(upkeep: Upkeep) -> DecisionRecord {
    let mut record = hold_run();
    let mut seen = observation(&mut record).clone();
    seen.decision.reason = upkeep.reason();
    record.body = Body::Upkeep { observation: seen, upkeep, deadline: 1_700_000_000 };
    record
}

#[test]
fn upkeep_names_the_call_that_its_reason_says() {
    for call in every_upkeep() {
        let record = upkeep(call);
        record.validate().unwrap();
        let text = record.to_canonical().unwrap();
        assert_eq!(DecisionRecord::from_canonical(&text).unwrap(), record);
        let mut other = record.clone();
        observation(&mut other).decision.reason = Reason::Optimal;
        let Err(RecordError::Contradiction { what, .. }) = other.validate() else {
            panic!("no contradiction");
        };
        assert_eq!(what, "decision.reason");
    }
}

#[test]
fn a_run_cannot_say_two_things() {
    type Change = fn(&mut DecisionRecord);
    let cases: [(&str, Change); 5] = [
        ("last.decision", |r| last(r).decision.reason = Reason::Cooldown),
        ("last.snapshot.block.number", |r| last(r).snapshot.block = block(100)),
        ("snapshot.vault.guard", |r| last(r).snapshot.vault.guard = VAULT),
        ("count", |r| *count(r) = 1),
        ("decision.action is a rebalance", |r| {
            last(r).decision.action = Action::Rebalance { moves: Vec::new() };
            last(r).decision.reason = Reason::Income;
        }),
    ];
    for (expected, change) in cases {
        let mut record = hold_run();
        change(&mut record);
        let Err(RecordError::Contradiction { what, .. }) = record.validate() else {
            panic!("{expected}: no contradiction");
        };
        assert_eq!(what, expected);
    }
}

fn observation(record: &mut DecisionRecord) -> &mut vagus_journal::Observation {
    match &mut record.body {
        Body::Rebalance { observation, .. } | Body::Upkeep { observation, .. } => observation,
        Body::Hold { first, .. } => first,
    }
}

fn rebalance_of(record: &mut DecisionRecord) -> &mut vagus_policy::Rebalance {
    match &mut record.body {
        Body::Rebalance { rebalance, .. } => rebalance,
        Body::Upkeep { .. } | Body::Hold { .. } => panic!("no rebalance"),
    }
}

fn last(record: &mut DecisionRecord) -> &mut vagus_journal::Observation {
    match &mut record.body {
        Body::Hold { last: Some(last), .. } => last,
        _ => panic!("no run"),
    }
}

fn count(record: &mut DecisionRecord) -> &mut u64 {
    match &mut record.body {
        Body::Hold { count, .. } => count,
        Body::Rebalance { .. } | Body::Upkeep { .. } => panic!("no run"),
    }
}
