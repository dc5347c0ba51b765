//! What keeps a vault from being acted on, and what is remembered of fees: on both databases, across restarts.

use alloy_primitives::{Address, B256, keccak256};
use serde_json::json;
use vagus_journal::{
    AttemptSummary, Intervention, InterventionAction, Journal as _, Outcome, OutcomeState,
    ReadJournal as _, ReceiptSummary, SqlJournal, Standing, TransactionIntent, intervene,
};

use crate::fixture::{AGENT, CHAIN, OTHER_VAULT, Place, VAULT, rebalance};

async fn sent(journal: &SqlJournal, vault: Address, number: u64) -> B256 {
    let head = journal.head_hash(CHAIN, vault).await.unwrap();
    let decision = journal.append_decision(&rebalance(vault, head, number)).await.unwrap();
    let intent = TransactionIntent { decision, from: AGENT, state: json!({}) };
    journal.put_transaction(&intent).await.unwrap();
    decision
}

/// Mined at a time, with 1,000 gas at 7 wei.
fn mined(decision: B256, state: OutcomeState, is_success: bool, at: u64) -> Outcome {
    let mut outcome = Outcome::new(decision, "0.1.0", state);
    outcome.receipt = Some(ReceiptSummary {
        transaction_hash: keccak256(decision),
        block_number: 1,
        block_hash: B256::ZERO,
        block_timestamp: at,
        is_success,
        gas_used: 1_000,
        effective_gas_price_wei: 7,
        data_fee_wei: 0,
    });
    outcome
}

fn made(vault: Address, action: InterventionAction, made_at: u64) -> Intervention {
    let (person, reason) = ("Ada".to_owned(), "it's late; \"really\"".to_owned());
    Intervention { chain_id: CHAIN, vault, action, person, reason, made_at }
}

async fn standing(journal: &SqlJournal, vault: Address) -> Standing {
    let standings = journal.standings(CHAIN).await.unwrap();
    let known = standings.into_iter().find(|standing| standing.vault == vault);
    known.unwrap_or(Standing::clear(vault))
}

#[tokio::test]
async fn a_person_pauses_and_resumes_while_a_keeper_has_the_journal_open() {
    for place in Place::all().await {
        let journal = place.open().await;
        assert_eq!(journal.standings(CHAIN).await.unwrap(), []);
        let pause = made(VAULT, InterventionAction::Pause, 5);
        intervene(&place.url, &pause).await.unwrap();
        assert_eq!(standing(&journal, VAULT).await.pause(), Some(&pause), "seen at once");
        assert_eq!(standing(&journal, OTHER_VAULT).await.pause(), None);
        assert_eq!(journal.standings(CHAIN + 1).await.unwrap(), []);
        journal.close().await;
        // As durable as everything else, and the keeper writes on.
        let journal = place.open().await;
        assert_eq!(standing(&journal, VAULT).await.pause(), Some(&pause));
        let resume = made(VAULT, InterventionAction::Resume, 4);
        intervene(&place.url, &resume).await.unwrap();
        assert_eq!(standing(&journal, VAULT).await.pause(), None);
        assert_eq!(journal.interventions(CHAIN, VAULT).await.unwrap(), [pause, resume]);
        sent(&journal, VAULT, 100).await;
    }
}

#[tokio::test]
async fn a_vault_can_be_paused_before_a_keeper_ever_ran() {
    for place in Place::all().await {
        intervene(&place.url, &made(VAULT, InterventionAction::Pause, 5)).await.unwrap();
        let journal = place.open().await;
        assert!(standing(&journal, VAULT).await.pause().is_some());
        sent(&journal, VAULT, 100).await;
        assert!(journal.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
    }
}

#[tokio::test]
async fn two_reverts_or_three_surprises_speak_against_a_vault_until_it_is_resumed() {
    for place in Place::all().await {
        let journal = place.open().await;
        for (number, is_enough) in [(100, false), (101, true)] {
            let decision = sent(&journal, VAULT, number).await;
            let outcome = mined(decision, OutcomeState::Included, false, number);
            journal.append_outcome(&outcome).await.unwrap();
            // Final, it is still one.
            let outcome = Outcome { state: OutcomeState::Reverted, ..outcome };
            journal.append_outcome(&outcome).await.unwrap();
            assert_eq!(standing(&journal, VAULT).await.is_mistrusted(), is_enough);
        }
        for (number, is_enough) in [(100, false), (101, false), (102, true)] {
            let decision = sent(&journal, OTHER_VAULT, number).await;
            let mut outcome = mined(decision, OutcomeState::Executed, true, number);
            outcome.is_as_predicted = Some(false);
            journal.append_outcome(&outcome).await.unwrap();
            assert_eq!(standing(&journal, OTHER_VAULT).await.is_mistrusted(), is_enough);
        }
        assert_eq!(standing(&journal, VAULT).await.reverted, 2, "of one vault alone");
        journal.close().await;
        let journal = place.open().await;
        intervene(&place.url, &made(VAULT, InterventionAction::Resume, 5)).await.unwrap();
        assert!(!standing(&journal, VAULT).await.is_mistrusted());
        assert!(standing(&journal, OTHER_VAULT).await.is_mistrusted(), "each by itself");
        // It begins anew: one more is one.
        let decision = sent(&journal, VAULT, 103).await;
        journal.append_outcome(&mined(decision, OutcomeState::Reverted, false, 103)).await.unwrap();
        assert_eq!(standing(&journal, VAULT).await.reverted, 1);
    }
}

#[tokio::test]
async fn what_is_reorganised_away_and_what_was_taken_back_speaks_against_nobody() {
    for place in Place::all().await {
        let journal = place.open().await;
        let decision = sent(&journal, VAULT, 100).await;
        journal.append_outcome(&mined(decision, OutcomeState::Included, false, 100)).await.unwrap();
        assert_eq!(standing(&journal, VAULT).await.reverted, 1);
        journal
            .append_outcome(&Outcome::new(decision, "0.1.0", OutcomeState::Submitted))
            .await
            .unwrap();
        assert_eq!(standing(&journal, VAULT).await.reverted, 0);
        // A cancellation that somehow failed used the nonce up all the same.
        let mut outcome = mined(decision, OutcomeState::Cancelled, false, 101);
        outcome.attempts = vec![AttemptSummary {
            hash: keccak256(decision),
            from: AGENT,
            nonce: 1,
            max_fee_wei: 1,
            priority_fee_wei: 1,
            is_cancel: true,
        }];
        journal.append_outcome(&outcome).await.unwrap();
        assert_eq!(standing(&journal, VAULT).await.reverted, 0);
    }
}

#[tokio::test]
async fn a_cleared_revert_that_becomes_final_stays_cleared() {
    for place in Place::all().await {
        let journal = place.open().await;
        let decision = sent(&journal, VAULT, 100).await;
        let outcome = mined(decision, OutcomeState::Included, false, 100);
        journal.append_outcome(&outcome).await.unwrap();
        intervene(&place.url, &made(VAULT, InterventionAction::Resume, 5)).await.unwrap();
        let outcome = Outcome { state: OutcomeState::Reverted, ..outcome };
        journal.append_outcome(&outcome).await.unwrap();
        assert_eq!(standing(&journal, VAULT).await.reverted, 0);
    }
}

#[tokio::test]
async fn fees_are_counted_once_when_they_are_final_and_by_the_blocks_time() {
    for place in Place::all().await {
        let journal = place.open().await;
        let decision = sent(&journal, VAULT, 100).await;
        let mut included = mined(decision, OutcomeState::Included, true, 1_000);
        // A nonce before it was filled, for half of that.
        let filled = ReceiptSummary {
            transaction_hash: B256::repeat_byte(1),
            block_timestamp: 1_001,
            gas_used: 500,
            ..included.receipt.unwrap()
        };
        included.fills = vec![filled];
        journal.append_outcome(&included).await.unwrap();
        assert_eq!(journal.fees_paid(CHAIN, AGENT, 0).await.unwrap(), [], "not final");
        let executed = Outcome { state: OutcomeState::Executed, ..included };
        journal.append_outcome(&executed).await.unwrap();
        journal.mark_orphaned(decision).await.unwrap();
        let paid = vec![(keccak256(decision), 7_000), (B256::repeat_byte(1), 3_500)];
        journal.close().await;
        let journal = place.open().await;
        assert_eq!(journal.fees_paid(CHAIN, AGENT, 999).await.unwrap(), paid);
        assert_eq!(journal.fees_paid(CHAIN, AGENT, 1_000).await.unwrap(), paid[1..]);
        assert_eq!(journal.fees_paid(CHAIN, AGENT, 1_001).await.unwrap(), []);
        assert_eq!(journal.fees_paid(CHAIN + 1, AGENT, 0).await.unwrap(), []);
        assert_eq!(journal.fees_paid(CHAIN, VAULT, 0).await.unwrap(), []);
    }
}
