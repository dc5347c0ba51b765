//! Copies of a journal, what retention leaves of it, and how an older copy is recognised.

use alloy_primitives::{B256, keccak256};
use serde_json::json;
use vagus_journal::{
    Adoption, AlertChange, AlertStore as _, Attempt, Body, Continuity, Journal as _, JournalError,
    Known, OnChain, Outcome, OutcomeState, ReadJournal as _, RecordQuery, SqlJournal,
    TransactionIntent, TransactionUpdate, backup, judge, known, restore,
};

use crate::fixture::{
    AGENT, CHAIN, OTHER_VAULT, Place, VAULT, block, hold, hold_because, notes, rebalance,
};

/// Seconds of block time between the blocks of the fixture.
const BLOCK: u64 = 12;

fn attempt(decision: B256, nonce: u64) -> Attempt {
    Attempt {
        hash: keccak256(decision),
        decision,
        nonce,
        max_fee_wei: u128::MAX,
        priority_fee_wei: 1,
        is_cancel: false,
        raw: decision.to_vec().into(),
    }
}

/// A rebalance of the guard's nonce, signed with the account's.
async fn sent(journal: &SqlJournal, number: u64, guard_nonce: u64, nonce: u64) -> B256 {
    let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
    let mut record = rebalance(VAULT, head, number);
    if let Body::Rebalance { observation, rebalance, .. } = &mut record.body {
        observation.snapshot.vault.agent.nonce = guard_nonce;
        rebalance.nonce = guard_nonce;
    }
    let decision = record.hash().unwrap();
    let intent = TransactionIntent { decision, from: AGENT, state: json!("intended") };
    let outcome = Outcome::new(decision, "0.1.0", OutcomeState::Submitted);
    journal.append_rebalance(&record, &intent, &outcome).await.unwrap();
    let update =
        TransactionUpdate { state: json!("signed"), nonce: Some(nonce), is_terminal: false };
    journal.update_transaction(decision, &update).await.unwrap();
    journal.store_attempt(&attempt(decision, nonce), &update).await.unwrap();
    decision
}

async fn ended(journal: &SqlJournal, decision: B256, nonce: u64, state: OutcomeState) {
    let update = TransactionUpdate { state: json!("ended"), nonce: Some(nonce), is_terminal: true };
    journal.update_transaction(decision, &update).await.unwrap();
    journal.append_outcome(&Outcome::new(decision, "0.1.0", state)).await.unwrap();
}

/// A bit of everything: dropped holds, an executed rebalance, one in flight, an open run, another vault, an adoption.
async fn written(journal: &SqlJournal) -> B256 {
    for number in 100..110 {
        journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap();
        journal.close_runs().await.unwrap();
    }
    let executed = sent(journal, 111, 4, 7).await;
    ended(journal, executed, 7, OutcomeState::Executed).await;
    let in_flight = sent(journal, 112, 5, 8).await;
    journal.observe_hold(&hold(VAULT, 113), &notes()).await.unwrap();
    journal.observe_hold(&hold(OTHER_VAULT, 113), &notes()).await.unwrap();
    assert_eq!(journal.drop_old_holds(CHAIN, VAULT, 8 * BLOCK).await.unwrap(), 5);
    journal.put_cursor(CHAIN, AGENT, &json!({"at": 113})).await.unwrap();
    let adoption = Adoption {
        chain_id: CHAIN,
        vault: OTHER_VAULT,
        agent: AGENT,
        guard_nonce: 3,
        account_nonce: 4,
        block_number: 90,
        block_hash: block(90).hash,
        note: "looked at".to_owned(),
    };
    journal.adopt(&adoption).await.unwrap();
    let (identity, body) = ("StaleHead/a".to_owned(), Some(json!({"told": 7})));
    let change = AlertChange { identity, expected: None, body };
    assert!(journal.change_alerts(&[change]).await.unwrap()[0].is_some());
    in_flight
}

/// Everything that can be read of a journal.
async fn everything(journal: &SqlJournal) -> String {
    let mut all = Vec::new();
    for (chain_id, vault) in journal.vaults().await.unwrap() {
        let records = journal.records(chain_id, vault, RecordQuery::default()).await.unwrap();
        for stored in &records {
            let hash = stored.hash;
            all.push(format!("{:?}", journal.outcomes(hash).await.unwrap()));
            all.push(format!("{:?}", journal.transaction(hash).await.unwrap()));
            all.push(format!("{:?}", journal.attempts(hash).await.unwrap()));
        }
        all.push(format!("{records:?}"));
        all.push(format!("{:?}", journal.verify_chain(chain_id, vault).await.unwrap()));
        all.push(format!("{:?}", journal.open_run(chain_id, vault).await.unwrap()));
        all.push(format!("{:?}", journal.head_hash(chain_id, vault).await.unwrap()));
        all.push(format!("{:?}", journal.last_decided_block(chain_id, vault).await.unwrap()));
        all.push(format!("{:?}", journal.adoptions(chain_id, vault).await.unwrap()));
        all.push(format!("{:?}", journal.interventions(chain_id, vault).await.unwrap()));
    }
    all.push(format!("{:?}", journal.transactions_in_flight(CHAIN).await.unwrap()));
    all.push(format!("{:?}", journal.standings(CHAIN).await.unwrap()));
    all.push(format!("{:?}", journal.fees_paid(CHAIN, AGENT, 0).await.unwrap()));
    all.push(format!("{:?}", journal.cursor(CHAIN, AGENT).await.unwrap()));
    all.push(format!("{:?}", journal.alerts().await.unwrap().alerts));
    all.join("\n")
}

#[tokio::test]
async fn a_copy_holds_everything_and_goes_back_into_either_kind() {
    let folder = tempfile::tempdir().unwrap();
    for (n, place) in Place::all().await.into_iter().enumerate() {
        let journal = place.open().await;
        let in_flight = written(&journal).await;
        let file = folder.path().join(format!("backup-{n}.sqlite"));
        // While the keeper has it open.
        let report = backup(&place.url, &file).await.unwrap();
        assert_eq!((report.vaults, report.records, report.in_flight), (2, 12, 1));
        let expected = everything(&journal).await;
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        for target in Place::all().await {
            assert_eq!(restore(&file, &target.url).await.unwrap(), report);
            let restored = target.open().await;
            assert_eq!(everything(&restored).await, expected);
            // It is a journal like any other: the chain goes on, and what was in flight is ended.
            ended(&restored, in_flight, 8, OutcomeState::Executed).await;
            journal.close_runs().await.unwrap();
            restored.close_runs().await.unwrap();
            assert_eq!(
                restored.head_hash(CHAIN, VAULT).await.unwrap(),
                journal.head_hash(CHAIN, VAULT).await.unwrap()
            );
            assert!(restored.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
        }
        let error = backup(&place.url, &file).await.unwrap_err();
        assert!(matches!(error, JournalError::NotEmpty { .. }), "{error}");
    }
    // Nothing else is left beside the copies.
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.ends_with(".sqlite"), "{name}");
    }
}

#[tokio::test]
async fn a_journal_that_holds_something_is_not_replaced() {
    for place in Place::all().await {
        let journal = place.open().await;
        written(&journal).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.sqlite");
        backup(&place.url, &file).await.unwrap();
        if place.is_sqlite {
            let error = restore(&file, &place.url).await.unwrap_err().to_string();
            assert!(error.contains("in use by another process"), "{error}");
        }
        let before = everything(&journal).await;
        journal.close().await;
        let error = restore(&file, &place.url).await.unwrap_err().to_string();
        assert!(error.contains("holds nothing; move this one away first"), "{error}");
        assert_eq!(everything(&place.unleased().await).await, before);
    }
}

#[tokio::test]
async fn what_is_broken_is_not_copied() {
    for place in Place::all().await {
        written(&place.open().await).await;
        place.meddle("UPDATE records SET body = REPLACE(body, '\"gas_price_wei\":\"2000000014\"', '\"gas_price_wei\":\"1\"') WHERE sequence = 10").await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.sqlite");
        let error = backup(&place.url, &file).await.unwrap_err().to_string();
        assert!(error.contains("the chain of vault") && error.contains("record 10"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something is left");
    }
    // Nor is what is no copy.
    let place = Place::sqlite();
    let text = "no journal at all".repeat(100);
    std::fs::write(place.file(), &text).unwrap();
    let target = Place::sqlite();
    let error = restore(&place.file(), &target.url).await.unwrap_err().to_string();
    assert!(error.contains("damaged, or not a journal"), "{error}");
    assert_eq!(std::fs::read_to_string(place.file()).unwrap(), text);
}

#[tokio::test]
async fn old_holds_lose_their_bodies_and_the_chain_stays() {
    for place in Place::all().await {
        let journal = place.open().await;
        let mut hashes = Vec::new();
        for number in (100..300).step_by(2) {
            journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap();
            hashes.extend(journal.close_runs().await.unwrap());
        }
        let kept = sent(&journal, 300, 4, 7).await;
        journal.observe_hold(&hold(VAULT, 301), &notes()).await.unwrap();
        // The latest decision is at block 301; a hold of block 200 is 101 blocks older.
        let keep = 101 * BLOCK;
        assert_eq!(journal.drop_old_holds(CHAIN, VAULT, 201 * BLOCK).await.unwrap(), 0);
        // At most 64 in one step; at the limit it is kept.
        assert_eq!(journal.drop_old_holds(CHAIN, VAULT, keep).await.unwrap(), 50);
        assert_eq!(journal.drop_old_holds(CHAIN, VAULT, keep).await.unwrap(), 0);
        let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.records, report.dropped), (101, 50));
        let error = journal.record(hashes[49]).await.unwrap_err();
        assert!(matches!(error, JournalError::Dropped(hash) if hash == hashes[49]), "{error}");
        assert!(journal.record(hashes[50]).await.unwrap().is_some());
        assert!(journal.outcome(hashes[49]).await.unwrap().is_none());
        assert!(journal.outcome(hashes[50]).await.unwrap().is_some());
        let listed = journal.records(CHAIN, VAULT, RecordQuery::default()).await.unwrap();
        assert_eq!(listed.len(), 51);
        // A rebalance stays whole however old it is, and so does what was not dropped by a step.
        assert_eq!(journal.drop_old_holds(CHAIN, VAULT, 0).await.unwrap(), 50);
        assert!(journal.record(kept).await.unwrap().is_some());
        journal.close().await;
        place.meddle("UPDATE records SET previous = hash WHERE sequence = 20").await;
        let again = place.open().await;
        assert!(!again.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
        again.close().await;
        // Emptied by somebody else, it is found.
        place.meddle("UPDATE records SET body = '' WHERE sequence = 100").await;
        let again = place.open().await;
        let report = again.verify_chain(CHAIN, VAULT).await.unwrap();
        assert!(report.breaches.iter().any(|breach| breach.to_string().contains("record 100")));
    }
}

#[tokio::test]
async fn what_would_prove_something_is_not_dropped() {
    for place in Place::all().await {
        let journal = place.open().await;
        for number in 100..104 {
            journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap();
            journal.close_runs().await.unwrap();
        }
        journal.close().await;
        place.meddle("UPDATE records SET body = REPLACE(body, '\"gas_price_wei\":\"2000000014\"', '\"gas_price_wei\":\"1\"') WHERE sequence = 1").await;
        let journal = place.open().await;
        let error = journal.drop_old_holds(CHAIN, VAULT, 0).await.unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        assert_eq!(journal.verify_chain(CHAIN, VAULT).await.unwrap().dropped, 0);
    }
}

#[tokio::test]
async fn a_file_stops_growing_once_retention_works() {
    let place = Place::sqlite();
    let journal = place.open().await;
    let mut sizes = Vec::new();
    for number in 100..900 {
        // Every block another reason: every block a record.
        let reason = [vagus_allocator::Reason::BelowHurdle, vagus_allocator::Reason::Cooldown];
        let reason = reason[usize::try_from(number % 2).unwrap()];
        journal.observe_hold(&hold_because(VAULT, number, reason), &notes()).await.unwrap();
        journal.drop_old_holds(CHAIN, VAULT, 100 * BLOCK).await.unwrap();
        if number % 200 == 99 {
            let pages = std::fs::metadata(place.file()).unwrap().len();
            let log = std::fs::metadata(place.file().with_extension("sqlite-wal")).unwrap().len();
            sizes.push((pages, log));
        }
    }
    let (first, last) = (sizes[1], sizes[sizes.len() - 1]);
    let records = 800 - 200;
    // What stays of a hold is a line of a few hundred bytes, where its body has thousands.
    assert!(last.0 - first.0 < records * 700, "{sizes:?}");
    assert!(last.1 <= 16 << 20, "{sizes:?}");
}

#[test]
fn a_journal_may_know_more_than_the_chain_and_never_less() {
    let known = |guard_nonce, account_nonce| Known { guard_nonce, account_nonce };
    let chain = |guard_nonce, account_nonce| OnChain { guard_nonce, account_nonce };
    let behind = |rebalances, transactions| Continuity::Behind { rebalances, transactions };
    let cases = [
        (known(0, None), chain(0, 0), Continuity::Continues),
        // An account with a life of its own before the first rebalance.
        (known(0, None), chain(0, 9), Continuity::Continues),
        (known(5, Some(9)), chain(5, 9), Continuity::Continues),
        // In flight: known here, not executed there.
        (known(6, Some(10)), chain(5, 9), Continuity::Continues),
        (known(5, Some(9)), chain(6, 10), behind(1, 1)),
        // Transactions that were reverted or taken back leave no rebalance.
        (known(5, Some(9)), chain(5, 10), behind(0, 1)),
        (known(5, Some(10)), chain(6, 10), behind(1, 0)),
        // A new journal for an agent that has acted.
        (known(0, None), chain(3, 7), behind(3, 0)),
    ];
    for (known, chain, expected) in cases {
        assert_eq!(judge(known, chain), expected, "{known:?} {chain:?}");
    }
}

#[tokio::test]
async fn an_older_copy_does_not_know_what_was_done_after_it() {
    for place in Place::all().await {
        let journal = place.open().await;
        assert_eq!(known(&journal, CHAIN, VAULT, AGENT, AGENT).await.unwrap(), Known::default());
        let first = sent(&journal, 100, 0, 3).await;
        ended(&journal, first, 3, OutcomeState::Executed).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.sqlite");
        backup(&place.url, &file).await.unwrap();
        // After the copy: one is taken back, one is executed, one is in flight.
        let second = sent(&journal, 101, 1, 4).await;
        ended(&journal, second, 4, OutcomeState::Cancelled).await;
        let expected = Known { guard_nonce: 1, account_nonce: Some(5) };
        assert_eq!(known(&journal, CHAIN, VAULT, AGENT, AGENT).await.unwrap(), expected);
        let third = sent(&journal, 102, 1, 5).await;
        ended(&journal, third, 5, OutcomeState::Executed).await;
        sent(&journal, 103, 2, 6).await;
        let now = known(&journal, CHAIN, VAULT, AGENT, AGENT).await.unwrap();
        assert_eq!(now, Known { guard_nonce: 3, account_nonce: Some(7) });
        let chain = OnChain { guard_nonce: 2, account_nonce: 6 };
        assert_eq!(judge(now, chain), Continuity::Continues);
        let target = Place::sqlite();
        restore(&file, &target.url).await.unwrap();
        let restored = target.open().await;
        let old = known(&restored, CHAIN, VAULT, AGENT, AGENT).await.unwrap();
        assert_eq!(judge(old, chain), Continuity::Behind { rebalances: 1, transactions: 2 });
        let adoption = Adoption {
            chain_id: CHAIN,
            vault: VAULT,
            agent: AGENT,
            guard_nonce: 2,
            account_nonce: 6,
            block_number: 103,
            block_hash: block(103).hash,
            note: "looked at".to_owned(),
        };
        restored.adopt(&adoption).await.unwrap();
        assert_eq!(restored.adoptions(CHAIN, VAULT).await.unwrap(), [adoption]);
        let adopted = known(&restored, CHAIN, VAULT, AGENT, AGENT).await.unwrap();
        assert_eq!(judge(adopted, chain), Continuity::Continues);
        // What happens after it is unknown again.
        let later = OnChain { guard_nonce: 3, account_nonce: 7 };
        assert_eq!(judge(adopted, later), Continuity::Behind { rebalances: 1, transactions: 1 });
        // Another agent's word is another agent's.
        let other = known(&restored, CHAIN, VAULT, OTHER_VAULT, OTHER_VAULT).await.unwrap();
        assert_eq!(other, Known::default());
    }
}
