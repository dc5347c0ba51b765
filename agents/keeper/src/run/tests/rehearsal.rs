//! The last looks before something is sent.

use super::*;

/// A plan is made on a block; before it goes out, a newer one is there.
async fn overtaken(change: impl FnOnce(&mut vagus_chain::memory::Model)) -> Keeper {
    let mut keeper = Keeper::start().await;
    // What a keeper has done before it decides: seen the chain, and compared it with its journal.
    keeper.chain.with(|model| model.state.agent.is_revoked = true);
    keeper.mine_and_round().await;
    keeper.chain.with(|model| model.state.agent.is_revoked = false);
    let head = keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    keeper.chain.with(|model| {
        change(model);
        model.mine(BLOCK_SECONDS);
    });
    keeper.keeper.as_mut().expect("started").block(&head, None).await.expect("a block");
    keeper
}

#[tokio::test]
async fn what_the_newest_head_refuses_is_not_sent_though_it_was_fine_where_it_was_decided() {
    let keeper = overtaken(|_| {}).await;
    assert_eq!((keeper.rebalances().await.len(), keeper.pool()), (1, 1), "nothing has changed");

    let keeper = overtaken(|model| model.state.guard_state.rebalance_count += 1).await;
    assert_eq!((keeper.rebalances().await.len(), keeper.pool()), (0, 0));
    let hold = keeper.hold().await;
    assert_eq!(hold.reason(), Reason::SimulationFailed);
    let closed = keeper.journal().close_runs_now().await;
    let outcomes = [keeper.outcome(*closed.last().expect("a run")).await];
    let note = outcomes[0].simulation.clone().expect("tried");
    assert_eq!(note.refusal.map(|refusal| refusal.rule), Some(Rule::Freshness));
    assert_eq!(note.block_number, hold.last().block().number + 1, "on the newer block");
}

#[tokio::test]
async fn what_would_fail_at_its_deadline_alone_is_not_sent() {
    // The guard refuses from the deadline on, or from one second past it.
    for (past_deadline, is_sent) in [(0, false), (1, true)] {
        let mut keeper = Keeper::start().await;
        let deadline =
            testing::NOW + u64::from(testing::inputs(keeper.key.address()).deadline_seconds);
        keeper.chain.with(|model| model.refuses_from = Some(deadline + past_deadline));
        keeper.round().await.expect("a round");
        assert_eq!(keeper.pool(), usize::from(is_sent));
        if is_sent {
            let [stored] = keeper.rebalances().await.try_into().expect("one");
            let Body::Rebalance { rebalance, .. } = &stored.record.body else { panic!("moves") };
            assert_eq!(rebalance.deadline, deadline);
        } else {
            assert_eq!(
                (keeper.reason().await, keeper.rebalances().await.len()),
                (Reason::SimulationFailed, 0)
            );
        }
    }
}
