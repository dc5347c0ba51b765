//! Killed at any moment, the journal is left readable, with nothing half done and nothing that was told done missing.
//!
//! The child is this test program again, writing as fast as it can and saying after each call what it has done; the
//! parent kills it without warning.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use alloy_primitives::{B256, keccak256};
use serde_json::json;
use vagus_journal::{
    Attempt, Journal as _, JournalReader, Outcome, OutcomeState, ReadJournal as _, RecordQuery,
    SqlJournal, TransactionIntent, TransactionUpdate,
};

use crate::fixture::{AGENT, CHAIN, Place, VAULT, hold, notes, rebalance};

const FILE: &str = "VAGUS_TEST_CRASH_JOURNAL";
const STEPS: [&str; 8] = ["hold", "hold", "append", "put", "claim", "attempt", "outcome", "end"];

/// Not a test: what the child does.
#[tokio::test]
#[ignore = "run by the tests of this module as a process of its own"]
async fn child() {
    let Ok(url) = std::env::var(FILE) else { return };
    let journal = SqlJournal::connect(&url).await.unwrap();
    journal.close_runs().await.unwrap();
    let start = journal.last_decided_block(CHAIN, VAULT).await.unwrap();
    let mut number = start.map_or(100, |block| block.number + 1);
    let mut out = std::io::stdout();
    loop {
        let mut decision = B256::ZERO;
        for step in STEPS {
            match step {
                "hold" => drop(journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap()),
                "append" => {
                    let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
                    let record = rebalance(VAULT, head, number);
                    decision = journal.append_decision(&record).await.unwrap();
                }
                "put" => {
                    let intent =
                        TransactionIntent { decision, from: AGENT, state: json!("intended") };
                    journal.put_transaction(&intent).await.unwrap();
                }
                "claim" => journal
                    .update_transaction(decision, &update("claimed", number, false))
                    .await
                    .unwrap(),
                "attempt" => {
                    let attempt = attempt(decision, number);
                    let signed = update("signed", number, false);
                    journal.store_attempt(&attempt, &signed).await.unwrap();
                }
                "outcome" => {
                    let outcome = Outcome::new(decision, "0.1.0", OutcomeState::Submitted);
                    journal.append_outcome(&outcome).await.unwrap();
                }
                _ => journal
                    .update_transaction(decision, &update("final", number, true))
                    .await
                    .unwrap(),
            }
            writeln!(out, "done {step} {number} {decision}").unwrap();
            out.flush().unwrap();
            if matches!(step, "hold" | "append") {
                number += 1;
            }
        }
    }
}

fn update(state: &str, nonce: u64, is_terminal: bool) -> TransactionUpdate {
    TransactionUpdate { state: json!(state), nonce: Some(nonce), is_terminal }
}

fn attempt(decision: B256, nonce: u64) -> Attempt {
    Attempt {
        hash: keccak256(decision),
        decision,
        nonce,
        max_fee_wei: 2,
        priority_fee_wei: 1,
        is_cancel: false,
        raw: decision.to_vec().into(),
    }
}

fn start(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(FILE, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The last call that the child had finished when it was killed: after so many calls and so much longer.
fn killed_after(url: &str, calls: usize, longer: Duration) -> (String, u64, B256) {
    let mut child = start(url);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut done = Vec::new();
    while done.len() < calls {
        let line = lines.next().expect("the child ended by itself").unwrap();
        done.extend(line.find("done ").map(|at| line[at..].to_owned()));
    }
    std::thread::sleep(longer);
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died counts, a line that it did not finish does not.
    done.extend(lines.map_while(Result::ok).filter(|line| line.starts_with("done ")));
    parsed(&done)
}

fn parsed(done: &[String]) -> (String, u64, B256) {
    let read = |line: &String| {
        let mut words = line.split(' ').skip(1);
        let step = words.next()?.to_owned();
        let number = words.next()?.parse().ok()?;
        Some((step, number, words.next()?.parse().ok()?))
    };
    done.iter().rev().find_map(read).expect("nothing was done")
}

async fn check(place: &Place, (step, number, decision): &(String, u64, B256)) {
    let context = format!("killed after {step} of {number}");
    // A reader first: it must not need the writer's repair.
    let reader = JournalReader::open_read_only(Path::new(&place.file())).await.unwrap();
    assert!(reader.verify_chain(CHAIN, VAULT).await.unwrap().is_intact(), "{context}");
    drop(reader);
    let journal = place.open().await;
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert!(report.is_intact(), "{context}: {report:?}");
    journal.close_runs().await.unwrap();
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert!(report.is_intact(), "{context}: {report:?}");
    let decided = journal.last_decided_block(CHAIN, VAULT).await.unwrap().unwrap().number;
    assert!(decided >= number.saturating_sub(1), "{context}: decided {decided}");
    if *decision != B256::ZERO {
        check_transaction(&journal, step, *decision, &context).await;
    }
    // Everything in flight is whole: a signed state has its bytes, and the other way round.
    for stored in journal.transactions_in_flight(CHAIN).await.unwrap() {
        let attempts = journal.attempts(stored.decision).await.unwrap();
        let is_signed = stored.state == json!("signed");
        assert_eq!(attempts.len(), usize::from(is_signed), "{context}");
        assert_eq!(stored.nonce.is_some(), stored.state != json!("intended"), "{context}");
        // The child's next life claims nonces above; this one ends here.
        let end =
            TransactionUpdate { state: json!("ended"), nonce: stored.nonce, is_terminal: true };
        journal.update_transaction(stored.decision, &end).await.unwrap();
    }
    let records = journal.records(CHAIN, VAULT, RecordQuery::default()).await.unwrap();
    for stored in records.iter().filter(|stored| stored.record.is_hold()) {
        let outcome = journal.outcome(stored.hash).await.unwrap().unwrap();
        assert_eq!(outcome.state, OutcomeState::Held, "{context}");
    }
    journal.close().await;
}

/// What the child was told done is there.
async fn check_transaction(journal: &SqlJournal, step: &str, decision: B256, context: &str) {
    let place = STEPS.iter().rposition(|known| *known == step).unwrap();
    assert!(journal.record(decision).await.unwrap().is_some(), "{context}");
    let stored = journal.transaction(decision).await.unwrap();
    assert!(stored.is_some() || place < 3, "{context}");
    let attempts = journal.attempts(decision).await.unwrap();
    assert!(attempts.len() == 1 || place < 5, "{context}");
    if let Some(attempt) = attempts.first() {
        assert_eq!(attempt.raw.to_vec(), decision.to_vec(), "{context}");
    }
    assert!(journal.outcome(decision).await.unwrap().is_some() || place < 6, "{context}");
    assert!(stored.is_some_and(|stored| stored.is_terminal) || place < 7, "{context}");
}

/// After each of the calls, twice round.
#[tokio::test]
async fn killed_after_each_call() {
    let place = Place::sqlite();
    for calls in 1..=STEPS.len() * 2 {
        let done = killed_after(&place.url, calls, Duration::ZERO);
        check(&place, &done).await;
    }
}

/// Anywhere inside a call.
#[tokio::test]
async fn killed_at_any_moment() {
    let place = Place::sqlite();
    for round in 0_u64..24 {
        let longer = Duration::from_micros(round * 397 % 4_001);
        let done = killed_after(&place.url, 1 + usize::try_from(round % 5).unwrap(), longer);
        check(&place, &done).await;
    }
}

/// The lock ends with the process, not with its good will.
#[tokio::test]
async fn a_killed_process_leaves_no_lock() {
    let place = Place::sqlite();
    let mut child = start(&place.url);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains("done ") {}
    let error = SqlJournal::connect(&place.url).await.unwrap_err().to_string();
    assert!(error.contains(&format!("in use by another process ({})", child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    place.open().await.close().await;
}
