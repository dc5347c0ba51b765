//! Every single leaf of a file, changed one at a time, by somebody careless and by somebody who puts the hashes right.

use serde_json::Value;
use vagus_journal::canonical_hash;

use super::{
    walk::{is_keepers_word, leaves, others, sealed},
    *,
};

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
