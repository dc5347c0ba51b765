//! Decisions and outcomes.

use alloy_primitives::{B256, keccak256};
use vagus_allocator::Reason;
use vagus_journal::{
    Body, DecisionRecord, ErrorKind, Journal, JournalError, JournalReader, Outcome, OutcomeState,
    ReadJournal, RecordQuery,
};

use crate::fixture::{AGENT, CHAIN, OTHER_VAULT, Place, VAULT, block, hold, notes, rebalance};

#[tokio::test]
async fn a_decision_is_appended_once_and_read_back_whole() {
    for place in Place::all().await {
        let journal: Box<dyn Journal> = Box::new(place.open().await);
        assert_eq!(journal.head_hash(CHAIN, VAULT).await.unwrap(), B256::ZERO);
        let record = rebalance(VAULT, B256::ZERO, 100);
        let hash = journal.append_decision(&record).await.unwrap();
        assert_eq!(hash, record.hash().unwrap());
        assert_eq!(journal.append_decision(&record).await.unwrap(), hash);
        let stored = journal.record(hash).await.unwrap().unwrap();
        assert_eq!((stored.sequence, stored.hash), (0, hash));
        assert_eq!(stored.record, record);
        assert_eq!(journal.head_hash(CHAIN, VAULT).await.unwrap(), hash);
        assert_eq!(journal.record(B256::ZERO).await.unwrap(), None);
        let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
        assert_eq!((report.records, report.head, report.is_intact()), (1, hash, true));
    }
}

#[tokio::test]
async fn a_record_that_does_not_continue_the_chain_changes_nothing() {
    for place in Place::all().await {
        let journal = place.open().await;
        journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
        let error = journal.append_decision(&rebalance(VAULT, B256::ZERO, 101)).await.unwrap_err();
        assert!(matches!(error, JournalError::StaleHead { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Refused);
        // The run is still open, and the block is still the hold's.
        assert!(journal.open_run(CHAIN, VAULT).await.unwrap().is_some());
        assert_eq!(journal.last_decided_block(CHAIN, VAULT).await.unwrap(), Some(block(100)));
        let hold = journal.open_run(CHAIN, VAULT).await.unwrap().unwrap();
        let error = journal.append_decision(&hold).await.unwrap_err();
        assert!(matches!(error, JournalError::NotARebalance), "{error}");
        let mut wrong = rebalance(VAULT, B256::ZERO, 101);
        wrong.header.vault = OTHER_VAULT;
        let error = journal.append_decision(&wrong).await.unwrap_err();
        assert!(matches!(error, JournalError::Record(_)), "{error}");
    }
}

#[tokio::test]
async fn vaults_have_chains_of_their_own() {
    for place in Place::all().await {
        let journal = place.open().await;
        for vault in [VAULT, OTHER_VAULT] {
            let mut previous = B256::ZERO;
            for number in 100..103 {
                previous =
                    journal.append_decision(&rebalance(vault, previous, number)).await.unwrap();
            }
            let report = journal.verify_chain(CHAIN, vault).await.unwrap();
            assert_eq!((report.records, report.head, report.is_intact()), (3, previous, true));
        }
    }
}

#[tokio::test]
async fn records_are_listed_by_block_kind_order_and_number() {
    for place in Place::all().await {
        let journal = place.open().await;
        for number in [100, 101, 102] {
            journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap();
        }
        for number in [103, 104] {
            let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
            journal.append_decision(&rebalance(VAULT, head, number)).await.unwrap();
        }
        let all = RecordQuery::default();
        let cases = [
            (all, vec![100, 103, 104]),
            (RecordQuery { from_block: Some(102), ..all }, vec![100, 103, 104]),
            (RecordQuery { from_block: Some(103), ..all }, vec![103, 104]),
            (RecordQuery { to_block: Some(103), ..all }, vec![100, 103]),
            (RecordQuery { to_block: Some(99), ..all }, vec![]),
            (RecordQuery { rebalances_only: true, ..all }, vec![103, 104]),
            (RecordQuery { newest_first: true, limit: Some(2), ..all }, vec![104, 103]),
            (RecordQuery { limit: Some(1), ..all }, vec![100]),
            (RecordQuery { before_sequence: Some(1), ..all }, vec![100]),
            (RecordQuery { before_sequence: Some(2), ..all }, vec![100, 103]),
            (RecordQuery { before_sequence: Some(0), ..all }, vec![]),
            (RecordQuery { reason: Some(Reason::Income), ..all }, vec![103, 104]),
            (RecordQuery { reason: Some(Reason::Cooldown), ..all }, vec![]),
        ];
        for (query, expected) in cases {
            let found = journal.records(CHAIN, VAULT, query).await.unwrap();
            let first = |stored: &DecisionRecord| stored.first().block().number;
            let found: Vec<_> = found.iter().map(|stored| first(&stored.record)).collect();
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

#[tokio::test]
async fn another_process_can_follow_the_decided_block() {
    let place = Place::sqlite();
    let error = JournalReader::open_read_only(&place.file()).await.unwrap_err().to_string();
    assert!(error.contains("cannot be opened"), "{error}");
    assert!(!place.file().exists(), "a reader made a file");
    let journal = place.open().await;
    let reader = JournalReader::open_read_only(&place.file()).await.unwrap();
    assert_eq!(reader.last_decided_block(CHAIN, VAULT).await.unwrap(), None);
    journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
    assert_eq!(reader.last_decided_block(CHAIN, VAULT).await.unwrap(), Some(block(100)));
    let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
    assert_eq!(reader.head_hash(CHAIN, VAULT).await.unwrap(), head);
    journal.append_decision(&rebalance(VAULT, head, 101)).await.unwrap();
    assert_eq!(reader.last_decided_block(CHAIN, VAULT).await.unwrap(), Some(block(101)));
    assert!(reader.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
    // Also when the writer is gone, with its write-ahead log.
    journal.close().await;
    let late = JournalReader::open_read_only(&place.file()).await.unwrap();
    for reader in [reader, late] {
        assert_eq!(reader.last_decided_block(CHAIN, VAULT).await.unwrap(), Some(block(101)));
    }
}

#[tokio::test]
async fn outcomes_replace_each_other_until_one_is_terminal() {
    for place in Place::all().await {
        let journal = place.open().await;
        let unknown = Outcome::new(keccak256("?"), "0.1.0", OutcomeState::Submitted);
        let error = journal.append_outcome(&unknown).await.unwrap_err();
        assert!(matches!(error, JournalError::NoSuchDecision(_)), "{error}");
        let record = rebalance(VAULT, B256::ZERO, 100);
        let hash = journal.append_decision(&record).await.unwrap();
        assert_eq!(journal.outcome(hash).await.unwrap(), None);
        let outcome = |state| Outcome::new(hash, "0.1.0", state);
        let states = [
            OutcomeState::Submitted,
            OutcomeState::Included,
            // A reorganisation.
            OutcomeState::Submitted,
            OutcomeState::Submitted,
            OutcomeState::Executed,
        ];
        for state in states {
            journal.append_outcome(&outcome(state)).await.unwrap();
            assert_eq!(journal.outcome(hash).await.unwrap(), Some(outcome(state)));
        }
        // The same again was not written twice.
        assert_eq!(journal.outcomes(hash).await.unwrap().len(), 4);
        let error = journal.append_outcome(&outcome(OutcomeState::Reverted)).await.unwrap_err();
        assert!(matches!(error, JournalError::OutcomeEnded(_)), "{error}");
        let orphaned = Outcome { is_orphaned: true, ..outcome(OutcomeState::Executed) };
        journal.append_outcome(&orphaned).await.unwrap();
        let error = journal.append_outcome(&outcome(OutcomeState::Executed)).await.unwrap_err();
        assert!(matches!(error, JournalError::OutcomeEnded(_)), "{error}");
        assert_eq!(journal.outcome(hash).await.unwrap(), Some(orphaned));
    }
}

#[tokio::test]
async fn two_tasks_under_one_lease_make_one_chain() {
    for place in Place::all().await {
        if place.is_sqlite {
            continue;
        }
        let one = place.open().await;
        let two = one.clone();
        let append = |journal: vagus_journal::SqlJournal| async move {
            let mut appended = 0;
            for number in 100..130 {
                let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
                let record = rebalance(VAULT, head, number);
                let Body::Rebalance { .. } = record.body else { panic!("no rebalance") };
                match journal.append_decision(&record).await {
                    Ok(_) => appended += 1,
                    Err(error) => assert_ne!(error.kind(), ErrorKind::Fatal, "{error}"),
                }
            }
            (journal, appended)
        };
        let ((one, mine), (_, yours)) = tokio::join!(append(one), append(two));
        let report = one.verify_chain(CHAIN, VAULT).await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        // A record that both wrote is one record.
        assert!(report.records <= mine + yours && report.records >= 30, "{report:?}");
    }
}

#[tokio::test]
async fn a_cursor_is_kept_by_chain_and_account_and_the_newest_counts() {
    for place in Place::all().await {
        let journal = place.open().await;
        assert_eq!(journal.cursor(CHAIN, AGENT).await.unwrap(), None);
        for number in [1, 2] {
            let cursor = serde_json::json!({ "number": number });
            journal.put_cursor(CHAIN, AGENT, &cursor).await.unwrap();
            journal.put_cursor(CHAIN + 1, AGENT, &serde_json::json!([])).await.unwrap();
            assert_eq!(journal.cursor(CHAIN, AGENT).await.unwrap(), Some(cursor));
        }
        assert_eq!(journal.cursor(CHAIN + 1, AGENT).await.unwrap(), Some(serde_json::json!([])));
        assert_eq!(journal.cursor(CHAIN, VAULT).await.unwrap(), None);
    }
}

/// Not in the middle of a commit: it takes far longer than one.
#[tokio::test]
async fn the_log_of_a_file_is_taken_over_when_that_is_asked_for() {
    let place = Place::sqlite();
    let journal = place.open().await;
    let bytes = || std::fs::read(place.file()).unwrap();
    journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
    let before = bytes();
    for number in 101..400 {
        journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap();
    }
    assert!(bytes() == before, "a commit has taken the log over");
    journal.tidy().await.unwrap();
    let after = bytes();
    assert!(after != before, "299 holds are in the log alone");
    // Not for a few rows.
    journal.observe_hold(&hold(VAULT, 400), &notes()).await.unwrap();
    journal.tidy().await.unwrap();
    assert!(bytes() == after, "the log is taken over for one hold");
}
