//! A decision as a file: its shape, its own hash, and the chain of records in it.

use std::path::Path;

use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use vagus_journal::{
    Anchor, AttemptSummary, Breach, FileError, FiledRecord, Outcome, OutcomeState, Person,
    RECORD_FILE_VERSION, ReceiptSummary, RecordFile, Revert, RevertCause, ShadowNotes, Simulation,
};
use vagus_policy::{Refusal, Rule};

use crate::fixture::{AGENT, VAULT, rebalance};

/// Three records of a vault, about the second, with an outcome that says everything an outcome can.
fn file() -> RecordFile {
    let mut previous = B256::ZERO;
    let mut records = Vec::new();
    for number in 100..103 {
        let filed = FiledRecord::new(&rebalance(VAULT, previous, number)).unwrap();
        previous = filed.hash;
        records.push(filed);
    }
    let refusal = Some(Refusal {
        rule: Rule::Weight,
        observed: Default::default(),
        limit: Default::default(),
    });
    let simulation = Simulation {
        block_number: 101,
        block_hash: B256::repeat_byte(1),
        is_success: false,
        gas_used: Some(1),
        refusal,
        output: Bytes::from_static(&[1, 2]),
        message: Some("reverted".to_owned()),
    };
    let mut outcome = Outcome::new(records[1].hash, "1.2.3", OutcomeState::Reverted);
    outcome.simulation = Some(simulation.clone());
    outcome.attempts = vec![AttemptSummary {
        hash: B256::repeat_byte(2),
        from: AGENT,
        nonce: 7,
        max_fee_wei: 2,
        priority_fee_wei: 1,
        is_cancel: false,
    }];
    outcome.receipt = Some(ReceiptSummary {
        transaction_hash: B256::repeat_byte(2),
        block_number: 102,
        block_hash: B256::repeat_byte(3),
        block_timestamp: 1,
        is_success: false,
        gas_used: 5,
        effective_gas_price_wei: 6,
        data_fee_wei: 0,
    });
    outcome.is_as_predicted = Some(false);
    outcome.revert = Some(Revert { cause: RevertCause::Price, refusal, message: None });
    outcome.person = Some(Person { name: "Ada".to_owned(), reason: "a reason".to_owned() });
    outcome.shadow = Some(ShadowNotes { tried: Some(simulation), ..ShadowNotes::default() });
    RecordFile {
        file_version: RECORD_FILE_VERSION,
        decision: records[1].hash,
        anchor: Some(Anchor {
            decision: records[2].hash,
            block_number: 103,
            transaction: B256::repeat_byte(4),
        }),
        records,
        policy: Some(Bytes::from_static(&[1, 2, 3])),
        outcome: Some(outcome),
    }
}

fn schema(name: &str) -> jsonschema::Validator {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn a_file_is_read_back_as_it_was_written_and_follows_the_schema() {
    let (file_schema, record_schema) =
        (schema("record-file.v1.json"), schema("decision-record.v3.json"));
    let whole = file();
    let bare = RecordFile {
        records: whole.records[..2].to_vec(),
        anchor: None,
        policy: None,
        outcome: None,
        ..whole.clone()
    };
    for file in [whole, bare] {
        let text = file.to_text().unwrap();
        assert_eq!(RecordFile::parse(&text), Ok(file.clone()));
        assert!(file.breaches().is_empty(), "{:?}", file.breaches());
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = file_schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        for filed in value["records"].as_array().unwrap() {
            assert!(record_schema.is_valid(&filed["record"]));
        }
        for name in value.as_object().unwrap().keys() {
            let mut missing = value.clone();
            missing.as_object_mut().unwrap().remove(name);
            assert!(!file_schema.is_valid(&missing), "{name} may be missing");
        }
        let mut more = value;
        more["something_new"] = Value::Null;
        assert!(!file_schema.is_valid(&more));
    }
}

#[test]
fn another_file_is_told_from_one_that_was_changed() {
    for other in ["", "[]", "{}", "{\"schema\":1}", "not json"] {
        let error = RecordFile::parse(other).unwrap_err();
        assert!(matches!(error, FileError::Other(_)), "{other}: {error}");
    }
    let text = file().to_text().unwrap();
    let changed = text.replacen("\"1.2.3\"", "\"1.2.4\"", 1);
    assert!(matches!(RecordFile::parse(&changed), Err(FileError::Changed(_))));
    let newer = RecordFile { file_version: 2, ..file() }.to_text().unwrap();
    assert_eq!(RecordFile::parse(&newer), Err(FileError::Version { found: 2 }));
    // White space is no change.
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(RecordFile::parse(&value.to_string()), Ok(file()));
}

#[test]
fn what_is_wrong_with_the_records_is_named_with_its_place() {
    type Change = fn(&mut RecordFile);
    type Is = fn(&Breach) -> bool;
    let cases: [(&str, Change, Is); 6] = [
        (
            "tampered with",
            |file| file.records[1].record["header"]["chain_id"] = 1.into(),
            |breach| matches!(breach, Breach::Altered { sequence: 1, .. }),
        ),
        (
            "under its new hash",
            |file| {
                file.records[1] = FiledRecord::new(&rebalance(VAULT, B256::ZERO, 100)).unwrap();
                file.decision = file.records[1].hash;
            },
            |breach| matches!(breach, Breach::Unlinked { sequence: 1, .. }),
        ),
        (
            "reordered",
            |file| file.records.swap(0, 1),
            |breach| matches!(breach, Breach::Unlinked { sequence: 1, .. }),
        ),
        (
            "dropped",
            |file| drop(file.records.remove(1)),
            |breach| matches!(breach, Breach::Unlinked { sequence: 1, .. }),
        ),
        (
            "about another",
            |file| file.decision = B256::ZERO,
            |breach| matches!(breach, Breach::Unreadable { .. }),
        ),
        (
            "cut off",
            |file| drop(file.records.pop()),
            |breach| matches!(breach, Breach::WrongHead { .. }),
        ),
    ];
    for (name, change, is) in cases {
        let mut file = file();
        change(&mut file);
        let breaches = file.breaches();
        assert!(breaches.iter().any(is), "{name}: {breaches:?}");
    }
}
