//! Transactions: one per decision, one nonce each, nothing after the end.

use alloy_primitives::{Address, B256, keccak256};
use serde_json::json;
use vagus_journal::{
    Attempt, Journal as _, JournalError, Outcome, OutcomeState, ReadJournal as _, SqlJournal,
    TransactionIntent, TransactionUpdate,
};

use crate::fixture::{AGENT, CHAIN, OTHER_VAULT, Place, VAULT, hold, notes, rebalance};

async fn decided(journal: &SqlJournal, vault: Address, number: u64) -> B256 {
    let head = journal.head_hash(CHAIN, vault).await.unwrap();
    journal.append_decision(&rebalance(vault, head, number)).await.unwrap()
}

fn intent(decision: B256) -> TransactionIntent {
    TransactionIntent { decision, from: AGENT, state: json!({"phase": "intended"}) }
}

fn update(phase: &str, nonce: Option<u64>, is_terminal: bool) -> TransactionUpdate {
    TransactionUpdate { state: json!({ "phase": phase }), nonce, is_terminal }
}

fn attempt(decision: B256, nonce: u64, n: u8) -> Attempt {
    Attempt {
        hash: keccak256([n]),
        decision,
        nonce,
        max_fee_wei: u128::MAX,
        priority_fee_wei: 1,
        is_cancel: n > 1,
        raw: vec![2, n].into(),
    }
}

fn submitted(decision: B256) -> Outcome {
    Outcome::new(decision, "0.1.0", OutcomeState::Submitted)
}

#[tokio::test]
async fn a_decision_is_claimed_once() {
    for place in Place::all().await {
        let journal = place.open().await;
        let error = journal.put_transaction(&intent(keccak256("?"))).await.unwrap_err();
        assert!(matches!(error, JournalError::NoSuchDecision(_)), "{error}");
        journal.observe_hold(&hold(VAULT, 99), &notes()).await.unwrap();
        let run = journal.close_runs().await.unwrap()[0];
        let error = journal.put_transaction(&intent(run)).await.unwrap_err();
        assert!(matches!(error, JournalError::NoSuchDecision(_)), "a hold: {error}");
        let decision = decided(&journal, VAULT, 100).await;
        journal.put_transaction(&intent(decision)).await.unwrap();
        let error = journal.put_transaction(&intent(decision)).await.unwrap_err();
        assert!(matches!(error, JournalError::AlreadyClaimed(_)), "{error}");
        let stored = journal.transaction(decision).await.unwrap().unwrap();
        assert_eq!((stored.chain_id, stored.vault, stored.from), (CHAIN, VAULT, AGENT));
        assert_eq!((stored.nonce, stored.is_terminal), (None, false));
        assert_eq!(stored.state, json!({"phase": "intended"}));
        // Nor after its end.
        journal.update_transaction(decision, &update("expired", None, true)).await.unwrap();
        let error = journal.put_transaction(&intent(decision)).await.unwrap_err();
        assert!(matches!(error, JournalError::AlreadyClaimed(_)), "{error}");
    }
}

#[tokio::test]
async fn a_rebalance_is_stored_with_its_transaction_or_not_at_all() {
    for place in Place::all().await {
        let journal = place.open().await;
        let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
        let record = rebalance(VAULT, head, 100);
        let decision = record.hash().unwrap();

        let stranger = intent(keccak256("another decision"));
        let error =
            journal.append_rebalance(&record, &stranger, &submitted(decision)).await.unwrap_err();
        assert!(matches!(error, JournalError::NoSuchDecision(_)), "{error}");
        let other = submitted(keccak256("another decision"));
        let error = journal.append_rebalance(&record, &intent(decision), &other).await.unwrap_err();
        assert!(matches!(error, JournalError::NoSuchDecision(_)), "{error}");
        assert!(journal.record(decision).await.unwrap().is_none());
        assert_eq!(journal.head_hash(CHAIN, VAULT).await.unwrap(), head);

        assert_eq!(
            journal
                .append_rebalance(&record, &intent(decision), &submitted(decision))
                .await
                .unwrap(),
            decision
        );
        assert!(journal.record(decision).await.unwrap().is_some());
        assert!(journal.transaction(decision).await.unwrap().is_some());
        assert_eq!(journal.outcome(decision).await.unwrap(), Some(submitted(decision)));
        assert_eq!(journal.head_hash(CHAIN, VAULT).await.unwrap(), decision);

        let error = journal
            .append_rebalance(&record, &intent(decision), &submitted(decision))
            .await
            .unwrap_err();
        assert!(matches!(error, JournalError::AlreadyClaimed(_)), "{error}");
    }
}

#[tokio::test]
async fn a_nonce_is_held_by_one_transaction_until_its_end() {
    for place in Place::all().await {
        let journal = place.open().await;
        let first = decided(&journal, VAULT, 100).await;
        let second = decided(&journal, OTHER_VAULT, 100).await;
        for decision in [first, second] {
            journal.put_transaction(&intent(decision)).await.unwrap();
        }
        journal.update_transaction(first, &update("claimed", Some(7), false)).await.unwrap();
        let taken = update("claimed", Some(7), false);
        let error = journal.update_transaction(second, &taken).await.unwrap_err();
        assert!(matches!(error, JournalError::NonceTaken { nonce: 7, .. }), "{error}");
        assert_eq!(journal.transaction(second).await.unwrap().unwrap().nonce, None);
        journal.update_transaction(second, &update("claimed", Some(8), false)).await.unwrap();
        assert_eq!(journal.nonces_in_flight(CHAIN, AGENT).await.unwrap(), [7, 8]);
        assert_eq!(journal.nonces_in_flight(CHAIN, VAULT).await.unwrap(), [] as [u64; 0]);
        assert_eq!(journal.nonces_in_flight(1, AGENT).await.unwrap(), [] as [u64; 0]);
        // It never changes, nor is it forgotten.
        for other in [Some(9), None] {
            let change = update("pending", other, false);
            let error = journal.update_transaction(first, &change).await.unwrap_err();
            assert!(matches!(error, JournalError::NonceChanged { .. }), "{error}");
        }
        journal.update_transaction(first, &update("expired", Some(7), true)).await.unwrap();
        assert_eq!(journal.nonces_in_flight(CHAIN, AGENT).await.unwrap(), [8]);
        let third = decided(&journal, VAULT, 101).await;
        journal.put_transaction(&intent(third)).await.unwrap();
        journal.update_transaction(third, &update("claimed", Some(7), false)).await.unwrap();
        let in_flight = journal.transactions_in_flight(CHAIN).await.unwrap();
        let in_flight: Vec<_> = in_flight.iter().map(|stored| stored.decision).collect();
        assert_eq!(in_flight, [second, third]);
        assert_eq!(journal.transactions_in_flight(1).await.unwrap(), []);
    }
}

#[tokio::test]
async fn nothing_changes_after_the_end() {
    for place in Place::all().await {
        let journal = place.open().await;
        let decision = decided(&journal, VAULT, 100).await;
        let error = journal.update_transaction(decision, &update("claimed", Some(7), false)).await;
        assert!(matches!(error, Err(JournalError::NoSuchTransaction(_))));
        journal.put_transaction(&intent(decision)).await.unwrap();
        let end = update("final", Some(7), true);
        journal.update_transaction(decision, &end).await.unwrap();
        // The same again is not a change.
        journal.update_transaction(decision, &end).await.unwrap();
        let error = journal.update_transaction(decision, &update("pending", Some(7), false)).await;
        assert!(matches!(error, Err(JournalError::TransactionEnded(_))));
        let late = attempt(decision, 7, 1);
        let error = journal.store_attempt(&late, &update("signed", Some(7), false)).await;
        assert!(matches!(error, Err(JournalError::TransactionEnded(_))));
        assert_eq!(journal.attempts(decision).await.unwrap(), []);
    }
}

#[tokio::test]
async fn attempts_are_kept_in_order_with_the_state_that_knows_them() {
    for place in Place::all().await {
        let journal = place.open().await;
        let decision = decided(&journal, VAULT, 100).await;
        journal.put_transaction(&intent(decision)).await.unwrap();
        journal.update_transaction(decision, &update("claimed", Some(7), false)).await.unwrap();
        let signed = update("signed", Some(7), false);
        let error = journal.store_attempt(&attempt(decision, 8, 1), &signed).await.unwrap_err();
        assert!(matches!(error, JournalError::NonceChanged { .. }), "{error}");
        // What does nothing may make way for it with a lower nonce, and nothing else may.
        for (nonce, is_cancel) in [(6, false), (8, true)] {
            let other = Attempt { is_cancel, ..attempt(decision, nonce, 9) };
            let error = journal.store_attempt(&other, &signed).await.unwrap_err();
            assert!(matches!(error, JournalError::NonceChanged { .. }), "{error}");
        }
        let state = journal.transaction(decision).await.unwrap().unwrap().state;
        assert_eq!(state, json!({"phase": "claimed"}), "the state changed without the attempt");
        let attempts: Vec<_> = (1..4).map(|n| attempt(decision, 7, n)).collect();
        for attempt in &attempts {
            journal.store_attempt(attempt, &signed).await.unwrap();
            journal.store_attempt(attempt, &signed).await.unwrap();
        }
        assert_eq!(journal.attempts(decision).await.unwrap(), attempts);
        let state = journal.transaction(decision).await.unwrap().unwrap().state;
        assert_eq!(state, json!({"phase": "signed"}));
        let changed = Attempt { raw: vec![9].into(), ..attempts[0].clone() };
        let error = journal.store_attempt(&changed, &signed).await.unwrap_err();
        assert!(matches!(error, JournalError::AttemptChanged(_)), "{error}");
        assert_eq!(journal.attempts(decision).await.unwrap(), attempts);
        let way = Attempt { is_cancel: true, ..attempt(decision, 6, 9) };
        journal.store_attempt(&way, &signed).await.unwrap();
        assert_eq!(journal.attempts(decision).await.unwrap().last(), Some(&way));
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_is_not_done() {
    for place in Place::all().await {
        let journal = place.open().await;
        let decision = decided(&journal, VAULT, 100).await;
        for microseconds in (0..3_000).step_by(100) {
            let limit = std::time::Duration::from_micros(microseconds);
            let claim = intent(decision);
            let claimed = tokio::time::timeout(limit, journal.put_transaction(&claim)).await;
            let stored = journal.transaction(decision).await.unwrap();
            match claimed {
                Ok(Ok(())) => {
                    assert!(stored.is_some());
                    break;
                }
                // The server may finish the commit of a call that was dropped, even after the look
                // behind it; half of one it may not.
                Ok(Err(JournalError::AlreadyClaimed(claimed))) => {
                    assert_eq!(claimed, decision);
                    assert!(stored.is_some());
                    break;
                }
                Ok(Err(error)) => panic!("{error}"),
                Err(_) if stored.is_some() => break,
                Err(_) => {}
            }
        }
        match journal.put_transaction(&intent(decision)).await {
            Ok(()) | Err(JournalError::AlreadyClaimed(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let stored = journal.transaction(decision).await.unwrap().unwrap();
        assert_eq!(
            (stored.from, &stored.state, stored.nonce, stored.is_terminal),
            (AGENT, &json!({"phase": "intended"}), None, false)
        );
    }
}
