//! The allocator's recorded decisions as the records that they become: checks, rebalance and prediction are part of what is
//! hashed, and of what a version pins. A hash that changes is a new version of the algorithm: raise `ALGORITHM_VERSION`, run
//! `make corpus`, and keep what the old version recorded.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256};
use flate2::read::GzDecoder;
use serde::Deserialize;
use vagus_allocator::{ALGORITHM_VERSION, Decision, Inputs};
use vagus_journal::{
    Body, DecisionRecord,
    draft::{Draft, checked},
};
use vagus_policy::{Policy, Snapshot};

#[derive(Deserialize)]
struct Case {
    policy: Policy,
    snapshot: Snapshot,
    inputs: Inputs,
    decision: Decision,
}

fn at_crate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn cases(name: &str) -> impl Iterator<Item = Case> {
    let path = format!("../allocator/tests/corpus/{name}.v{ALGORITHM_VERSION}.jsonl.gz");
    let file = fs::File::open(at_crate(&path)).expect("make corpus writes it for a new version");
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// The record of a draft that follows no other.
fn record(draft: Draft) -> DecisionRecord {
    let header = draft.header(Address::repeat_byte(0x1e), B256::repeat_byte(0x1e));
    match draft.record(header.clone(), B256::ZERO).unwrap() {
        Some((record, ..)) => record,
        None => {
            let body = Body::Hold { first: draft.observation, last: None, count: 1 };
            DecisionRecord::new(header, B256::ZERO, body)
        }
    }
}

#[test]
fn records_of_the_recorded_decisions_are_what_they_were() {
    let (mut lines, mut rebalances) = (Vec::new(), 0);
    for name in ["decisions", "markets"] {
        for (number, Case { policy, snapshot, inputs, decision }) in cases(name).enumerate() {
            let record = record(checked(&policy, &snapshot, &inputs, decision));
            rebalances += usize::from(!record.is_hold());
            lines.push(format!("{name} {number} {}", record.hash().unwrap()));
        }
    }
    assert!(lines.len() >= 600 && rebalances >= 300, "{rebalances} of {}", lines.len());
    let path = at_crate(&format!("tests/corpus/records.v{ALGORITHM_VERSION}.txt"));
    if std::env::var_os("WRITE_CORPUS").is_some() && !path.exists() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::File::create_new(&path).unwrap();
        file.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    }
    let pinned = fs::read_to_string(&path).expect("make corpus writes it for a new version");
    let pinned: Vec<&str> = pinned.lines().collect();
    assert_eq!(pinned.len(), lines.len());
    for (now, before) in lines.iter().zip(pinned) {
        assert_eq!(now, before, "another record, and the version is still {ALGORITHM_VERSION}");
    }
}
