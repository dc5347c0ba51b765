//! Runs of holds: one record for what did not change.

use alloy_primitives::{B256, keccak256};
use vagus_allocator::{Limiting, Reason};
use vagus_journal::{
    Body, Journal as _, JournalError, LONGEST_RUN_SECONDS, OutcomeState, ReadJournal as _,
    RecordQuery, Simulation,
};
use vagus_policy::{Rule, Snapshot};

use crate::fixture::{
    CHAIN, OTHER_VAULT, Place, VAULT, block, hold, hold_because, notes, rebalance,
};

#[tokio::test]
async fn holds_of_one_reason_are_one_record_closed_by_a_rebalance() {
    for place in Place::all().await {
        let journal = place.open().await;
        let mut counts = Vec::new();
        for number in 100..105 {
            counts.push(journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap().count);
        }
        assert_eq!(counts, [1, 2, 3, 4, 5]);
        assert_eq!(journal.records(CHAIN, VAULT, RecordQuery::default()).await.unwrap(), []);
        let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
        let hash = journal.append_decision(&rebalance(VAULT, head, 105)).await.unwrap();
        let records = journal.records(CHAIN, VAULT, RecordQuery::default()).await.unwrap();
        assert_eq!(records.iter().map(|r| r.hash).collect::<Vec<_>>(), [head, hash]);
        assert_eq!(records.iter().map(|r| r.sequence).collect::<Vec<_>>(), [0, 1]);
        let Body::Hold { first, last: Some(last), count } = &records[0].record.body else {
            panic!("no run");
        };
        assert_eq!(*first, hold(VAULT, 100).observation);
        assert_eq!(*last, hold(VAULT, 104).observation);
        assert_eq!(*count, 5);
        assert_eq!(records[1].record.previous, head);
        assert_eq!(journal.outcome(head).await.unwrap().unwrap().state, OutcomeState::Held);
        assert!(journal.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
    }
}

#[tokio::test]
async fn holds_of_a_block_are_stored_all_or_none() {
    for place in Place::all().await {
        let journal = place.open().await;
        let mut wrong = hold(OTHER_VAULT, 100);
        wrong.observation.snapshot.chain_id += 1;
        let both = [(hold(VAULT, 100), notes()), (wrong, notes())];
        assert!(journal.observe_holds(&both).await.is_err());
        for vault in [VAULT, OTHER_VAULT] {
            assert_eq!(journal.open_run(CHAIN, vault).await.unwrap(), None);
            assert_eq!(journal.last_decided_block(CHAIN, vault).await.unwrap(), None);
        }

        // A vault that is there twice goes on with the run that it has just begun.
        let three = [(VAULT, 100), (OTHER_VAULT, 100), (VAULT, 101)];
        let three = three.map(|(vault, number)| (hold(vault, number), notes()));
        let runs = journal.observe_holds(&three).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.count).collect::<Vec<_>>(), [1, 1, 2]);
        let decided = journal.last_decided_block(CHAIN, VAULT).await.unwrap();
        assert_eq!(decided, Some(block(101)));
        assert_eq!(journal.observe_holds(&[]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_run_ends_with_its_reason_its_limit_its_policy_or_its_chain_of_blocks() {
    let other_reason = hold_because(VAULT, 101, Reason::Cooldown);
    let mut other_limit = hold(VAULT, 101);
    other_limit.observation.decision.bindings[0].limiting = Limiting::Rule(Rule::Weight);
    let mut other_policy = hold(VAULT, 101);
    other_policy.header.policy_version = 4;
    other_policy.observation.snapshot.vault.guard_state.policy_version = 4;
    let mut reorganised = hold(VAULT, 101);
    reorganised.observation.snapshot.block.parent_hash = keccak256("another block 100");
    let mut replaced = hold(VAULT, 100);
    replaced.observation.snapshot.block.hash = keccak256("another block 100");
    let earlier = hold(VAULT, 99);
    for place in Place::all().await {
        let journal = place.open().await;
        for next in [&other_reason, &other_limit, &other_policy, &reorganised, &replaced, &earlier]
        {
            let begun = journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
            let run = journal.observe_hold(next, &notes()).await.unwrap();
            assert_eq!((run.count, run.closed), (1, Some(begun.hash)));
            journal.close_runs().await.unwrap();
        }
        // What changes with every block does not end a run; nor do blocks that nobody looked at.
        journal.observe_hold(&hold(VAULT, 200), &notes()).await.unwrap();
        let mut other_amount = hold(VAULT, 207);
        other_amount.observation.decision.bindings[0].observed += alloy_primitives::U256::from(1);
        assert_eq!(journal.observe_hold(&other_amount, &notes()).await.unwrap().count, 2);
        assert!(journal.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
    }
}

#[tokio::test]
async fn a_run_lasts_less_than_an_hour_of_block_time() {
    let at = |number: u64, timestamp: u64| {
        let mut hold = hold(VAULT, number);
        let snapshot: &mut Snapshot = &mut hold.observation.snapshot;
        snapshot.block.timestamp = timestamp;
        hold
    };
    for place in Place::all().await {
        let journal = place.open().await;
        let begin = 1_700_000_000;
        journal.observe_hold(&at(100, begin), &notes()).await.unwrap();
        let inside = at(200, begin + LONGEST_RUN_SECONDS - 1);
        assert_eq!(journal.observe_hold(&inside, &notes()).await.unwrap().count, 2);
        let outside = at(201, begin + LONGEST_RUN_SECONDS);
        let run = journal.observe_hold(&outside, &notes()).await.unwrap();
        assert_eq!(run.count, 1);
        assert!(run.closed.is_some());
    }
}

#[tokio::test]
async fn the_same_block_again_changes_nothing() {
    for place in Place::all().await {
        let journal = place.open().await;
        journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
        let first = journal.observe_hold(&hold(VAULT, 101), &notes()).await.unwrap();
        let again = journal.observe_hold(&hold(VAULT, 101), &notes()).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(again.count, 2);
    }
}

#[tokio::test]
async fn closing_freezes_the_hash_that_was_told() {
    for place in Place::all().await {
        let journal = place.open().await;
        let mut told = Vec::new();
        for vault in [VAULT, OTHER_VAULT] {
            told.push(journal.observe_hold(&hold(vault, 100), &notes()).await.unwrap().hash);
        }
        assert_eq!(journal.close_runs().await.unwrap(), told);
        assert_eq!(journal.close_runs().await.unwrap(), [] as [B256; 0]);
        assert_eq!(journal.vaults().await.unwrap(), [(CHAIN, VAULT), (CHAIN, OTHER_VAULT)]);
        for (vault, hash) in [(VAULT, told[0]), (OTHER_VAULT, told[1])] {
            assert_eq!(journal.head_hash(CHAIN, vault).await.unwrap(), hash);
            assert_eq!(journal.record(hash).await.unwrap().unwrap().record.hash().unwrap(), hash);
            assert_eq!(journal.open_run(CHAIN, vault).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn a_simulation_that_confirmed_a_hold_is_its_outcome() {
    let simulation = Simulation {
        block_number: 100,
        block_hash: block(100).hash,
        is_success: false,
        gas_used: None,
        refusal: None,
        output: vec![1, 2, 3].into(),
        message: Some("R2".to_owned()),
    };
    for place in Place::all().await {
        let journal = place.open().await;
        let mut confirmed = notes();
        confirmed.simulation = Some(simulation.clone());
        journal
            .observe_hold(&hold_because(VAULT, 100, Reason::NoMandate), &confirmed)
            .await
            .unwrap();
        // Later blocks of the run were not simulated again.
        journal.observe_hold(&hold_because(VAULT, 101, Reason::NoMandate), &notes()).await.unwrap();
        let hash = journal.close_runs().await.unwrap()[0];
        let outcome = journal.outcome(hash).await.unwrap().unwrap();
        assert_eq!(outcome.simulation, Some(simulation.clone()));
        assert_eq!(outcome.keeper_version, "0.1.0");
        // The next run does not inherit it.
        journal.observe_hold(&hold(VAULT, 102), &notes()).await.unwrap();
        let hash = journal.close_runs().await.unwrap()[0];
        assert_eq!(journal.outcome(hash).await.unwrap().unwrap().simulation, None);
    }
}

#[tokio::test]
async fn a_hold_that_contradicts_itself_is_refused() {
    for place in Place::all().await {
        let journal = place.open().await;
        let mut wrong = hold(VAULT, 100);
        wrong.header.chain_id = 1;
        let error = journal.observe_hold(&wrong, &notes()).await.unwrap_err();
        assert!(matches!(error, JournalError::Record(_)), "{error}");
        assert_eq!(journal.last_decided_block(CHAIN, VAULT).await.unwrap(), None);
    }
}
