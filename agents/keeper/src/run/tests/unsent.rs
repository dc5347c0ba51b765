//! Plans that are written down and not sent.

use alloy::primitives::Bytes;
use vagus_chain::{Chain, ChainWriter as _, Endpoints, signer::Unsigned};
use vagus_journal::ShadowNotes;

use super::*;
use crate::mode::Mode;

async fn in_mode(keeper: &mut Keeper, mode: Mode) {
    let world = testing::world_on(&keeper.chain, keeper.key.address());
    keeper.restart_in(world, RunOptions { mode, ..RunOptions::default() }).await;
}

async fn in_shadow() -> Keeper {
    let key = Arc::new(AgentKey::random());
    let (chain, _) = testing::world(&key);
    let (folder, said) = (TempDir::new().expect("a folder"), Said::default());
    let mut keeper = Keeper { chain, key, journal: None, keeper: None, said, folder };
    in_mode(&mut keeper, Mode::Shadow).await;
    keeper
}

async fn notes(keeper: &Keeper) -> ShadowNotes {
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    keeper.outcome(stored.hash).await.shadow.unwrap_or_default()
}

async fn refusal(keeper: &mut Keeper) -> Failure {
    let error = keeper.round().await.expect_err("refused");
    assert!(!error.is_retried());
    error.into_failure()
}

#[tokio::test]
async fn a_shadow_sends_nothing_and_says_what_would_have_come_of_it() {
    let mut keeper = in_shadow().await;
    let idle = keeper.idle();
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    let outcome = keeper.outcome(stored.hash).await;
    assert_eq!(outcome.state, OutcomeState::InShadow);
    assert!(outcome.simulation.is_some_and(|note| note.is_success));
    assert_eq!(outcome.shadow, None);
    let Body::Rebalance { rebalance, predicted, .. } = &stored.record.body else {
        panic!("a rebalance");
    };

    // The same call on the next block; until its deadline nothing else is decided.
    keeper.mine_and_round().await;
    let tried = notes(&keeper).await;
    assert!(tried.tried.as_ref().is_some_and(|note| note.is_success), "{tried:?}");
    assert_eq!((tried.is_as_predicted, &tried.end), (Some(true), &None));
    assert_eq!(keeper.hold().await.reason(), Reason::InFlight);
    // After a restart it goes on.
    in_mode(&mut keeper, Mode::Shadow).await;
    let now = keeper.chain.with(|model| model.head().block.timestamp);
    keeper.chain.with(|model| model.mine(rebalance.deadline - now));
    keeper.round().await.expect("a round");
    assert_eq!(notes(&keeper).await.end, None, "at its deadline it could still be mined");
    keeper.chain.with(|model| model.mine(1));
    keeper.round().await.expect("a round");
    let stored = keeper.rebalances().await;
    let first = keeper.outcome(stored[0].hash).await.shadow.expect("notes");
    let end = first.end.expect("an end");
    assert_eq!(keeper.outcome(stored[0].hash).await.state, OutcomeState::Shadowed);
    assert_eq!((end.rebalances, end.idle), (0, idle), "nobody moved anything");
    assert_eq!(end.idle_predicted, predicted.idle_after);
    assert_eq!(end.legs.len(), rebalance.moves.len());
    for (leg, expected) in end.legs.iter().zip(&predicted.legs) {
        assert_eq!((leg.before, leg.predicted), (expected.value_before, expected.value_after));
        assert_eq!(leg.actual, leg.before);
    }
    assert_eq!(stored.len(), 2, "what is still worth doing is decided again");
    let (pool, receipts) = keeper.chain.with(|model| (model.pool_size(), model.receipts().len()));
    assert_eq!((pool, receipts, keeper.idle()), (0, 0, idle));
    let in_flight = keeper.journal().transactions_in_flight(31_337).await.expect("reads");
    assert!(in_flight.is_empty());
}

#[tokio::test]
async fn a_shadow_sees_that_its_plan_would_have_failed_by_then() {
    let mut keeper = in_shadow().await;
    keeper.round().await.expect("a round");
    keeper.chain.with(|model| model.state.guard_state.rebalance_count += 1);
    keeper.mine_and_round().await;
    let tried = notes(&keeper).await.tried.expect("tried");
    assert_eq!(tried.refusal.map(|refusal| refusal.rule), Some(Rule::Freshness), "{tried:?}");
}

#[tokio::test]
async fn a_shadow_and_a_keeper_that_sends_have_journals_of_their_own() {
    let mut keeper = in_shadow().await;
    keeper.round().await.expect("a round");
    keeper.restart().await;
    let refused = refusal(&mut keeper).await;
    assert_eq!(refused.exit, Exit::Journal);
    assert!(refused.sentence.contains("is a shadow's"), "{refused}");
    assert_eq!(keeper.chain.with(|model| model.pool_size()), 0);

    // In a journal beside it everything begins as ever.
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.chain.with(|model| model.pool_size()), 1);
    in_mode(&mut keeper, Mode::Shadow).await;
    let refused = refusal(&mut keeper).await;
    assert!(refused.sentence.contains("one of its own"), "{refused}");
}

async fn proposing() -> Keeper {
    let mut keeper = in_shadow().await;
    let folder = keeper.folder.path().join("proposals");
    in_mode(&mut keeper, Mode::Propose(folder)).await;
    keeper
}

fn proposals(keeper: &Keeper) -> Vec<serde_json::Value> {
    let Ok(folder) = std::fs::read_dir(keeper.folder.path().join("proposals")) else {
        return Vec::new();
    };
    let files = folder.map(|file| file.expect("a file").path());
    let read = |file| std::fs::read_to_string(file).expect("text");
    files.map(|file| serde_json::from_str(&read(file)).expect("json")).collect()
}

/// People send exactly what stands in the file.
async fn sign(keeper: &Keeper, batch: &serde_json::Value) -> B256 {
    let call = &batch["transactions"][0];
    let data: Bytes = call["data"].as_str().expect("data").parse().expect("hex");
    let to = call["to"].as_str().expect("to").parse().expect("an address");
    let unsigned = Unsigned {
        chain_id: 31_337,
        nonce: 0,
        to,
        input: data,
        gas_limit: 6_000_000,
        max_fee_wei: 100_000_000_000,
        priority_fee_wei: 1_000_000_000,
    };
    let signed = keeper.key.sign(&unsigned).await.expect("signed");
    keeper.chain.send_raw(&signed.raw).await.expect("sent");
    signed.hash
}

#[tokio::test]
async fn a_proposal_waits_for_people_and_its_execution_is_found() {
    let mut keeper = proposing().await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Proposed);
    assert_eq!(keeper.chain.with(|model| model.pool_size()), 0);
    let [batch] = proposals(&keeper).try_into().expect("one file");
    assert_eq!(batch["meta"]["checksum"], serde_json::json!(crate::proposal::checksum(&batch)));
    assert_eq!(batch["chainId"], "31337");
    let words = batch["meta"]["description"].as_str().expect("words");
    assert!(words.contains("into Aave") && words.contains(&stored.hash.to_string()), "{words}");
    keeper.mine_and_round().await;
    assert_eq!(keeper.hold().await.reason(), Reason::InFlight);
    // A file that got lost before anybody signed is there again after a restart.
    let folder = keeper.folder.path().join("proposals");
    std::fs::remove_dir_all(&folder).expect("removed");
    in_mode(&mut keeper, Mode::Propose(folder)).await;
    keeper.mine_and_round().await;
    assert_eq!(proposals(&keeper), std::slice::from_ref(&batch));

    let executed = sign(&keeper, &batch).await;
    keeper.mine_and_round().await;
    let outcome = keeper.outcome(stored.hash).await;
    assert_eq!(outcome.state, OutcomeState::Included);
    assert_eq!(outcome.receipt.map(|mined| mined.transaction_hash), Some(executed));
    assert_eq!(outcome.is_as_predicted, Some(true));
    assert!(outcome.settlement.is_some());
    keeper.finalize();
    keeper.mine_and_round().await;
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Executed);
    let said = keeper.said.text();
    assert_eq!(said.matches("is final").count(), 1, "{said}");
}

#[tokio::test]
async fn a_proposal_that_nobody_signs_expires_when_that_is_final_and_another_is_made() {
    let mut keeper = proposing().await;
    keeper.round().await.expect("a round");
    let first = keeper.rebalances().await.remove(0);
    let Body::Rebalance { rebalance, .. } = &first.record.body else { panic!("a rebalance") };
    let now = keeper.chain.with(|model| model.head().block.timestamp);
    keeper.chain.with(|model| model.mine(rebalance.deadline + 1 - now));
    keeper.round().await.expect("a round");
    assert_eq!(keeper.rebalances().await.len(), 2);
    assert_eq!(proposals(&keeper).len(), 2);
    assert_eq!(keeper.outcome(first.hash).await.state, OutcomeState::Proposed, "not final yet");
    keeper.finalize();
    keeper.mine_and_round().await;
    assert_eq!(keeper.outcome(first.hash).await.state, OutcomeState::Expired);
}

/// Starts again with two endpoints, both of which have to agree.
async fn beside(keeper: &mut Keeper, first: &Arc<MemoryChain>, second: &Arc<MemoryChain>) {
    let mut world = testing::world_on(&keeper.chain, keeper.key.address());
    world.endpoints = Endpoints::new(vec![first.clone() as Arc<dyn Chain>, second.clone()]);
    let mode = Mode::Propose(keeper.folder.path().join("proposals"));
    keeper.restart_in(world, RunOptions { mode, ..RunOptions::default() }).await;
}

#[tokio::test]
async fn people_are_asked_to_sign_nothing_that_endpoints_contradict_each_other_about() {
    let mut keeper = proposing().await;
    let (agent, chain) = (keeper.key.address(), keeper.chain.clone());
    let mut lie = testing::snapshot(agent);
    lie.vault.idle += U256::ONE;
    let liar = Arc::new(MemoryChain::new(testing::policy(agent), lie));
    beside(&mut keeper, &chain, &liar).await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.hold().await.reason(), Reason::EndpointsDisagree);
    assert_eq!((proposals(&keeper).len(), keeper.rebalances().await.len()), (0, 0));
    // Silence is no lie, and no second voice either.
    liar.set_down(true);
    keeper.mine_and_round().await;
    assert_eq!(keeper.hold().await.reason(), Reason::NoQuorum);
    assert_eq!(proposals(&keeper).len(), 0);
    // With one that says the same the plan becomes a file.
    let honest = testing::world(&keeper.key).0;
    honest.with(|model| model.mine(BLOCK_SECONDS));
    beside(&mut keeper, &chain, &honest).await;
    keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    honest.with(|model| model.mine(BLOCK_SECONDS));
    keeper.round().await.expect("a round");
    assert_eq!((proposals(&keeper).len(), keeper.rebalances().await.len()), (1, 1));
}

#[tokio::test]
async fn a_proposal_whose_execution_one_endpoint_hides_has_not_expired() {
    let mut keeper = proposing().await;
    let (chain, blind) = (keeper.chain.clone(), testing::world(&keeper.key).0);
    beside(&mut keeper, &blind, &chain).await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    let [batch] = proposals(&keeper).try_into().expect("one file");
    let Body::Rebalance { rebalance, .. } = &stored.record.body else { panic!("a rebalance") };
    // The one that is asked first never hears of what people sent.
    sign(&keeper, &batch).await;
    let now = keeper.chain.with(|model| model.head().block.timestamp);
    for endpoint in [&chain, &blind] {
        endpoint.with(|model| {
            model.mine(BLOCK_SECONDS);
            model.mine(rebalance.deadline + 1 - now);
            let head = model.head().block.number;
            model.finalize(head);
        });
    }
    for _ in 0..3 {
        keeper.round().await.expect("a round");
        assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Proposed);
        assert_eq!(keeper.hold().await.reason(), Reason::EndpointsDisagree);
        assert_eq!(proposals(&keeper).len(), 1, "nobody is asked a second time");
        for endpoint in [&chain, &blind] {
            endpoint.with(|model| model.mine(BLOCK_SECONDS));
        }
    }
    beside(&mut keeper, &chain, &chain.clone()).await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Executed);
}
