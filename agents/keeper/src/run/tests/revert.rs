//! Rebalances that were simulated and revert all the same: who is named.

use vagus_chain::memory::Model;
use vagus_journal::RevertCause;

use super::*;

/// Something happens in the block that mines the rebalance, right before it.
async fn reverted_by(seconds: u64, happens: impl FnOnce(&mut Model)) -> (Outcome, Outcome, Keeper) {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    keeper.chain.with(|model| {
        happens(model);
        model.mine(seconds);
    });
    // From outside: it was mined, and it did nothing.
    let receipts = keeper.chain.with(|model| model.receipts());
    assert_eq!((receipts.len(), receipts[0].is_success), (1, false));
    keeper.round().await.expect("a round");
    let included = keeper.outcome(stored.hash).await;
    assert_eq!(included.state, OutcomeState::Included);
    keeper.chain.with(|model| model.is_reverting = false);
    keeper.finalize();
    keeper.mine_and_round().await;
    let last = keeper.outcome(stored.hash).await;
    (included, last, keeper)
}

async fn cause_of(seconds: u64, happens: impl FnOnce(&mut Model)) -> Outcome {
    let (included, last, _) = reverted_by(seconds, happens).await;
    assert_eq!(last.state, OutcomeState::Reverted);
    assert_eq!(
        last.revert, included.revert,
        "known when it is mined, and not said otherwise later"
    );
    last
}

fn half(model: &mut Model) -> U256 {
    model.state.idle / U256::from(2)
}

#[tokio::test]
async fn each_cause_is_found_on_the_chain() {
    let exit = cause_of(BLOCK_SECONDS, |model| {
        let half = half(model);
        model.state.idle -= half;
        model.state.nav.supply -= half;
    });
    let revert = exit.await.revert.expect("looked into");
    assert_eq!(revert.cause, RevertCause::Exit);
    assert_eq!(revert.refusal.map(|refusal| refusal.rule), Some(Rule::Idle));

    let agent = cause_of(BLOCK_SECONDS, |model| model.state.guard_state.rebalance_count += 1);
    let revert = agent.await.revert.expect("looked into");
    assert_eq!(revert.cause, RevertCause::OtherAgent);
    assert_eq!(revert.refusal.map(|refusal| refusal.rule), Some(Rule::Freshness));

    // The vault is worth half of what it was: the same move is more than its turnover.
    let price = cause_of(BLOCK_SECONDS, |model| {
        model.state.checkpoint.nav /= U256::from(2);
        model.state.checkpoint.base /= U256::from(2);
    });
    let revert = price.await.revert.expect("looked into");
    assert_eq!(revert.cause, RevertCause::Price);
    assert_eq!(revert.refusal.map(|refusal| refusal.rule), Some(Rule::Turnover));

    let governance = cause_of(BLOCK_SECONDS, |model| model.state.agent.is_revoked = true);
    let revert = governance.await.revert.expect("looked into");
    assert_eq!(revert.cause, RevertCause::Governance);

    let late = cause_of(301, |_| {});
    assert_eq!(late.await.revert.expect("looked into").cause, RevertCause::Deadline);
}

#[tokio::test]
async fn what_nothing_explains_is_ours_and_said_so() {
    let (_, last, keeper) = reverted_by(BLOCK_SECONDS, |model| model.is_reverting = true).await;
    let revert = last.revert.expect("looked into");
    assert_eq!((revert.cause, revert.refusal), (RevertCause::Ours, None));
    let said = keeper.said.text();
    assert!(said.contains("REVERTED, Ours"), "{said}");
}

#[tokio::test]
async fn an_endpoint_that_cannot_say_is_asked_again() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    keeper.chain.with(|model| {
        model.state.guard_state.rebalance_count += 1;
        model.mine(BLOCK_SECONDS);
    });
    // Late until the endpoints are not asked again for it.
    for _ in 0..8 {
        keeper.chain.fail_next("simulate", Fault::Late);
    }
    keeper.round().await.expect("a round");
    keeper.chain.clear_faults();
    keeper.mine_and_round().await;
    let outcome = keeper.outcome(stored.hash).await;
    assert_eq!(outcome.state, OutcomeState::Included);
    assert_eq!(outcome.revert.expect("looked into").cause, RevertCause::OtherAgent);
}
