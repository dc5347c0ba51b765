//! A newer configuration takes effect between two rounds.

use super::*;
use crate::config::Config;

/// A keeper that hears of newer configurations.
async fn start() -> (Keeper, watch::Sender<Option<Arc<Config>>>) {
    let mut keeper = Keeper::start().await;
    let (newer, heard) = watch::channel(None);
    let world = testing::world_on(&keeper.chain, keeper.key.address());
    let options = RunOptions { reload: Some(heard), ..RunOptions::default() };
    keeper.restart_in(world, options).await;
    (keeper, newer)
}

fn changed(change: impl FnOnce(&mut Config)) -> Option<Arc<Config>> {
    let mut config = testing::config();
    change(&mut config);
    Some(Arc::new(config))
}

#[tokio::test]
async fn a_fee_cap_that_is_taken_over_is_what_is_offered_from_then_on() {
    const GWEI: u128 = 1_000_000_000;
    let (mut keeper, newer) = start().await;
    keeper.chain.with(|model| model.base_fee_wei = 100 * GWEI);
    // The market is above the cap of 60: whatever is offered is not mined.
    for _ in 0..4 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.executed(), 0);
    let offered = |outcome: Outcome| -> Vec<u128> {
        outcome.attempts.iter().map(|attempt| attempt.max_fee_wei).collect()
    };
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    assert_eq!(offered(keeper.outcome(stored.hash).await), [60 * GWEI]);

    newer.send_replace(changed(|config| {
        let fees = &mut config.chains[0].fees;
        (fees.max_fee_gwei.wei, fees.cancel_max_fee_gwei.wei) = (250 * GWEI, 500 * GWEI);
        fees.daily_budget = None;
    }));
    for _ in 0..4 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.executed(), 1);
    let all = offered(keeper.outcome(stored.hash).await);
    assert!(all.len() > 1 && all[1..].iter().all(|fee| (100 * GWEI..=250 * GWEI).contains(fee)));
}

#[tokio::test]
async fn a_headroom_that_is_taken_over_is_left_free_from_then_on() {
    // Idle has a floor of 50,000; a tenth of headroom leaves a tenth of the turnover free, too.
    for (headroom_bps, least, most) in [(10, 50_000, 51_000), (1_000, 100_000, 101_000)] {
        let (mut keeper, newer) = start().await;
        newer.send_replace(changed(|config| config.vaults[0].headroom_bps = headroom_bps));
        keeper.round().await.expect("a round");
        keeper.mine_and_round().await;
        assert_eq!(keeper.executed(), 1);
        let idle = keeper.idle();
        assert!((U256::from(least * USDC)..U256::from(most * USDC)).contains(&idle), "{idle}");
    }
}
