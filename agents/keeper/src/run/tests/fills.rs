//! A nonce that somebody else left open, and what filling it costs of the daily budget.

use alloy::primitives::{Address, Bytes};
use vagus_chain::{ChainWriter as _, lifecycle::TxState, signer::Unsigned};

use super::*;
use crate::{attribution::book::Book, config::Native};

/// Rebalance and filling at their worst, wei.
fn worst_wei() -> (u128, u128) {
    let config = testing::config();
    let fees = &config.chains[0].fees;
    (fees.worst_case_wei(config.vaults[0].gas.limit), fees.worst_fill_wei())
}

/// A keeper whose rebalance waits behind a nonce that somebody else had used, and whose block is gone.
async fn behind_an_orphan(budget_wei: u128) -> (Keeper, B256) {
    let mut keeper = Keeper::start().await;
    let with_budget = |chain, wei| {
        let mut world = testing::world_on(chain, keeper.key.address());
        world.config.fees.daily_budget = Some(Native { wei });
        world
    };
    // The first block is seen, and there is no room for anything.
    let (poor, world) = (with_budget(&keeper.chain, 1), with_budget(&keeper.chain, budget_wei));
    keeper.restart_in(poor, RunOptions::default()).await;
    keeper.round().await.expect("a round");
    let unsigned = Unsigned {
        chain_id: 31_337,
        nonce: 0,
        to: Address::repeat_byte(0x99),
        input: Bytes::new(),
        gas_limit: 21_000,
        max_fee_wei: 500_000_000_000,
        priority_fee_wei: 1,
    };
    let theirs = keeper.key.sign(&unsigned).await.expect("signs");
    keeper.chain.send_raw(&theirs.raw).await.expect("taken");
    keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    keeper.restart_in(world, RunOptions::default()).await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    assert_eq!(state(&keeper, stored.hash).await.nonce, Some(1), "behind theirs");
    keeper.chain.with(|model| {
        model.roll_back(1);
        model.mine(BLOCK_SECONDS);
    });
    (keeper, stored.hash)
}

async fn state(keeper: &Keeper, decision: B256) -> TxState {
    let stored = keeper.journal().transaction(decision).await.expect("reads").expect("there");
    serde_json::from_value(stored.state).expect("a state")
}

async fn rounds(keeper: &mut Keeper, count: u32) {
    for _ in 0..count {
        keeper.mine_and_round().await;
    }
}

#[tokio::test]
async fn a_gap_is_filled_at_the_budget_and_not_one_wei_past_it() {
    let (rebalance, fill) = worst_wei();
    for (budget, expected) in [(rebalance + fill - 1, 0), (rebalance + fill, 1)] {
        let (mut keeper, decision) = behind_an_orphan(budget).await;
        rounds(&mut keeper, 12).await;
        assert_eq!(state(&keeper, decision).await.fills.len(), expected, "{budget}");
        // From outside: nothing behind the gap is mined without it.
        assert_eq!(keeper.executed(), expected, "{budget}");
    }
}

#[tokio::test]
async fn what_filling_can_cost_counts_until_it_is_final_and_what_it_cost_after() {
    let (rebalance, fill) = worst_wei();
    for (budget, expected) in [(2 * rebalance + fill - 1, 1), (2 * rebalance + fill, 2)] {
        let (mut keeper, _) = behind_an_orphan(budget).await;
        rounds(&mut keeper, 12).await;
        keeper.chain.with(|model| model.state.idle += U256::from(10_000 * USDC));
        rounds(&mut keeper, 10).await;
        assert_eq!(keeper.rebalances().await.len(), expected, "{budget}");
    }

    let (mut keeper, decision) = behind_an_orphan(2 * rebalance + fill).await;
    rounds(&mut keeper, 12).await;
    keeper.finalize();
    rounds(&mut keeper, 1).await;
    // From outside: both transactions, and what the chain took for each.
    let mut taken: Vec<_> = keeper.chain.with(|model| {
        let receipts = model.receipts().into_iter();
        receipts.map(|of| (of.hash, u128::from(of.gas_used) * of.gas_price_wei)).collect()
    });
    let mut paid =
        keeper.journal().fees_paid(31_337, keeper.key.address(), 0).await.expect("reads");
    taken.sort();
    paid.sort();
    assert_eq!((paid.len(), &paid), (2, &taken));
    let outcome = keeper.outcome(decision).await;
    assert_eq!(outcome.fills.len(), 1);
    let whole: u128 = taken.iter().map(|(_, wei)| wei).sum();
    assert_eq!(outcome.fee_wei(), Some(whole));
    // And what a report finds of it.
    let book = Book::read(keeper.journal(), 31_337, vault(), (0, 1_000_000)).await.expect("reads");
    let known = &book.known[&decision];
    let told: U256 = known.paid().map(|mined| mined.fee_wei).sum();
    assert_eq!((known.fills.len(), told), (1, U256::from(whole)));
}
