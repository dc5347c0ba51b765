//! Calls that anybody may make: when there is nothing else to do, and once.

use super::*;

fn refreshed_at(keeper: &Keeper) -> u64 {
    keeper.chain.with(|model| model.state.nav.refreshed_at)
}

/// Everything placed, final, and nothing to do; a day has passed.
async fn idle_for_a_day() -> Keeper {
    let mut keeper = Keeper::start().await;
    for _ in 0..8 {
        keeper.mine_and_round().await;
    }
    keeper.finalize();
    keeper.mine_and_round().await;
    assert_eq!(keeper.rebalances().await.len(), 1);
    keeper.chain.with(|model| model.mine(23 * 3_600));
    keeper
}

#[tokio::test]
async fn a_vault_is_refreshed_within_the_day_once_and_by_a_record_of_its_own() {
    let mut keeper = idle_for_a_day().await;
    let before = refreshed_at(&keeper);
    keeper.round().await.expect("a round");
    let sent = keeper.rebalances().await;
    let stored = sent.last().expect("sent").clone();
    assert_eq!((sent.len(), stored.record.reason()), (2, Reason::Checkpoint));
    assert!(keeper.outcome(stored.hash).await.simulation.is_some_and(|note| note.is_success));
    keeper.mine_and_round().await;
    // From outside: the vault was refreshed in that block.
    let now = keeper.chain.with(|model| model.head().block.timestamp);
    assert_eq!(refreshed_at(&keeper), now);
    assert!(now - before < 86_400 + 2_000);
    keeper.finalize();
    for _ in 0..3 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Executed);
    assert_eq!(keeper.rebalances().await.len(), 2, "once");
    let report = keeper.journal().verify_chain(31_337, vault()).await.expect("reads");
    assert!(report.is_intact(), "{:?}", report.breaches);
    let said = keeper.said.text();
    assert_eq!(said.matches("upkeep     Checkpoint").count(), 1, "{said}");
    // The next rebalance is the guard's next, and the journal can explain both.
    keeper.chain.with(|model| model.state.idle += U256::from(500_000 * USDC));
    keeper.restart().await;
    for _ in 0..3 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.executed(), 2);
}

#[tokio::test]
async fn after_a_crash_a_checkpoint_goes_on_and_is_made_once() {
    let mut keeper = idle_for_a_day().await;
    keeper.round().await.expect("a round");
    keeper.chain.with(|model| model.drop_pool());
    keeper.restart().await;
    for _ in 0..8 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.rebalances().await.len(), 2);
    let mined = keeper.chain.with(|model| model.receipts().len());
    assert_eq!(mined, 2, "one rebalance, one checkpoint");
}

#[tokio::test]
async fn a_paused_vault_is_not_refreshed() {
    let mut keeper = idle_for_a_day().await;
    let url = format!("sqlite:{}", keeper.folder.path().join("journal.db").display());
    let pause = vagus_journal::Intervention {
        chain_id: 31_337,
        vault: vault(),
        action: vagus_journal::InterventionAction::Pause,
        person: "Ada".to_owned(),
        reason: "a drill".to_owned(),
        made_at: 1,
    };
    vagus_journal::intervene(&url, &pause).await.expect("written");
    keeper.mine_and_round().await;
    assert_eq!(keeper.hold().await.reason(), Reason::Paused);
    assert_eq!(keeper.rebalances().await.len(), 1);
}
