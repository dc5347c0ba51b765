//! The journal in memory does what the one over SQL does: the same calls, in random order, right and wrong ones, get the
//! same answers and leave the same behind.

use std::fmt::Debug;

use alloy_primitives::{B256, keccak256};
use serde_json::json;
use vagus_allocator::Reason;
use vagus_draw::Draw;
use vagus_journal::{
    Adoption, Attempt, Intervention, InterventionAction, Journal, MemoryJournal, Outcome,
    OutcomeState, ReceiptSummary, RecordQuery, Result, TransactionIntent, TransactionUpdate,
};

use crate::fixture::{
    AGENT, CHAIN, OTHER_VAULT, Place, VAULT, block, hold_because, notes, rebalance,
};

/// What an answer says, errors in words.
fn said<T: Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

/// What both were told so far that later calls refer to.
#[derive(Default)]
struct Known {
    number: u64,
    decisions: Vec<B256>,
}

impl Known {
    fn decision(&self, draw: &mut Draw) -> B256 {
        let place = draw.below(self.decisions.len() as u64 + 1) as usize;
        self.decisions.get(place).copied().unwrap_or(B256::repeat_byte(9))
    }
}

fn receipt(draw: &mut Draw) -> ReceiptSummary {
    ReceiptSummary {
        transaction_hash: keccak256([draw.below(4) as u8]),
        block_number: 1,
        block_hash: B256::ZERO,
        block_timestamp: 100 + draw.below(40),
        is_success: draw.below(3) > 0,
        gas_used: draw.below(9),
        effective_gas_price_wei: 3,
        data_fee_wei: 0,
    }
}

async fn call(journal: &dyn Journal, draw: &mut Draw, known: &mut Known) -> String {
    let vault = [VAULT, OTHER_VAULT][draw.below(2) as usize];
    match draw.below(13) {
        0..=2 => {
            known.number += [0, 1, 1, 1, 2, 400][draw.below(6) as usize];
            let reason = [Reason::BelowHurdle, Reason::Cooldown, Reason::SimulationFailed];
            let hold = hold_because(vault, known.number, reason[draw.below(3) as usize]);
            let answer = journal.observe_hold(&hold, &notes()).await;
            known.decisions.extend(answer.as_ref().ok().and_then(|run| run.closed));
            said(answer)
        }
        3..=4 => {
            known.number += draw.below(2);
            let head = journal.head_hash(CHAIN, vault).await.unwrap();
            let previous = if draw.below(6) == 0 { B256::ZERO } else { head };
            let record = rebalance(vault, previous, known.number);
            let hash = record.hash().unwrap();
            known.decisions.push(hash);
            if draw.below(2) == 0 {
                return said(journal.append_decision(&record).await);
            }
            let named = if draw.below(8) == 0 { known.decision(draw) } else { hash };
            let state = json!({"phase": "intended"});
            let intent = TransactionIntent { decision: named, from: AGENT, state };
            let outcome = Outcome::new(hash, "0.1.0", OutcomeState::Submitted);
            said(journal.append_rebalance(&record, &intent, &outcome).await)
        }
        5 => {
            let state = json!({"phase": "intended"});
            let intent = TransactionIntent { decision: known.decision(draw), from: AGENT, state };
            said(journal.put_transaction(&intent).await)
        }
        6..=7 => {
            let nonce = Some(draw.below(3)).filter(|_| draw.below(5) > 0);
            let update = TransactionUpdate {
                state: json!({"phase": draw.below(3)}),
                nonce,
                is_terminal: draw.below(3) == 0,
            };
            let decision = known.decision(draw);
            if draw.below(2) == 0 {
                return said(journal.update_transaction(decision, &update).await);
            }
            let attempt = Attempt {
                hash: keccak256([draw.below(6) as u8]),
                decision,
                nonce: nonce.unwrap_or(1),
                max_fee_wei: 7,
                priority_fee_wei: 1,
                is_cancel: false,
                raw: vec![1, 2].into(),
            };
            said(journal.store_attempt(&attempt, &update).await)
        }
        8..=9 => {
            let state = [OutcomeState::Submitted, OutcomeState::Included, OutcomeState::Executed];
            let state = state[draw.below(3) as usize];
            let mut outcome = Outcome::new(known.decision(draw), "0.1.0", state);
            outcome.is_as_predicted = Some(draw.below(2) == 0).filter(|_| draw.below(2) == 0);
            outcome.receipt = Some(receipt(draw)).filter(|_| state != OutcomeState::Submitted);
            outcome.fills = (0..draw.below(2)).map(|_| receipt(draw)).collect();
            said(journal.append_outcome(&outcome).await)
        }
        10 => said(journal.mark_orphaned(known.decision(draw)).await),
        11 => {
            let adoption = Adoption {
                chain_id: CHAIN,
                vault,
                agent: AGENT,
                guard_nonce: draw.below(9),
                account_nonce: 2,
                block_number: 3,
                block_hash: B256::ZERO,
                note: "looked at".to_owned(),
            };
            let cursor = json!({"at": draw.below(9)});
            said(journal.adopt(&adoption).await)
                + &said(journal.put_cursor(CHAIN, AGENT, &cursor).await)
        }
        _ => match draw.below(3) {
            0 => said(journal.close_runs().await),
            _ => said(journal.drop_old_holds(CHAIN, vault, 3_600).await),
        },
    }
}

/// Everything that can be read.
async fn read(journal: &dyn Journal, known: &Known) -> String {
    let mut all = vec![said(journal.vaults().await)];
    for vault in [VAULT, OTHER_VAULT] {
        all.push(said(journal.last_decided_block(CHAIN, vault).await));
        all.push(said(journal.head_hash(CHAIN, vault).await));
        all.push(said(journal.open_run(CHAIN, vault).await));
        all.push(said(journal.adoptions(CHAIN, vault).await));
        all.push(said(journal.verify_chain(CHAIN, vault).await));
        let (from_block, to_block) = (Some(block(110).number), Some(block(2_000).number));
        for query in [
            RecordQuery::default(),
            RecordQuery { rebalances_only: true, newest_first: true, ..RecordQuery::default() },
            RecordQuery { from_block, to_block, limit: Some(2), ..RecordQuery::default() },
        ] {
            all.push(said(journal.records(CHAIN, vault, query).await));
        }
    }
    for decision in &known.decisions {
        all.push(said(journal.record(*decision).await));
        all.push(said(journal.outcome(*decision).await));
        all.push(said(journal.outcomes(*decision).await));
        all.push(said(journal.transaction(*decision).await));
        all.push(said(journal.attempts(*decision).await));
    }
    all.push(said(journal.transactions_in_flight(CHAIN).await));
    all.push(said(journal.nonces_in_flight(CHAIN, AGENT).await));
    all.push(said(journal.highest_nonce(CHAIN, AGENT).await));
    all.push(said(journal.cursor(CHAIN, AGENT).await));
    all.push(said(journal.standings(CHAIN).await));
    all.push(said(journal.fees_paid(CHAIN, AGENT, 110).await));
    all.join("\n")
}

fn intervention(seed: u64) -> Intervention {
    let action = [InterventionAction::Pause, InterventionAction::Resume][seed as usize % 2];
    let (person, reason) = ("ann".to_owned(), "a look".to_owned());
    Intervention { chain_id: CHAIN, vault: VAULT, action, person, reason, made_at: seed }
}

#[tokio::test]
async fn a_journal_in_memory_is_the_one_over_sql() {
    let mut refused = 0;
    for seed in 0..24 {
        let place = Place::sqlite();
        let (sql, memory) = (place.open().await, MemoryJournal::default());
        let (mut known, mut other) = (Known::default(), Known::default());
        (known.number, other.number) = (100, 100);
        let (mut draw, mut again) = (Draw::new(seed), Draw::new(seed));
        for step in 0..60 {
            let expected = call(&sql, &mut draw, &mut known).await;
            let found = call(&memory, &mut again, &mut other).await;
            assert_eq!(found, expected, "seed {seed}, call {step}");
            refused += u32::from(expected.starts_with("journal"));
            if step % 20 == 19 {
                let made = intervention(seed + step);
                assert_eq!(
                    said(memory.intervene(&made).await),
                    said(vagus_journal::intervene(&place.url, &made).await)
                );
            }
        }
        assert_eq!(read(&memory, &other).await, read(&sql, &known).await, "seed {seed}");
    }
    assert!(refused > 200, "only {refused} calls were refused");
}
