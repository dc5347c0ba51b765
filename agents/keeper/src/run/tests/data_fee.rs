//! A rollup that charges for bytes, beside the gas.

use super::*;
use crate::{
    board::{Board, Purse},
    config::{FeeModel, Native},
};

/// A keeper on a rollup whose oracle says so, with a daily budget if one is said.
async fn start(fee_wei: Option<u128>, budget_wei: Option<u128>) -> Keeper {
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.data_fee_wei = fee_wei);
    let mut world = testing::world_on(&keeper.chain, keeper.key.address());
    world.config.profile.fee_model = FeeModel::Op;
    world.config.fees.daily_budget = budget_wei.map(|wei| Native { wei });
    keeper.restart_in(world, RunOptions::default()).await;
    keeper
}

#[tokio::test]
async fn bytes_that_cost_more_than_the_gain_are_not_sent() {
    let mut keeper = start(Some(1_000_000_000_000), None).await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    // It stands in the record as the gas that costs as much.
    let plain = testing::inputs(Default::default());
    let inputs = &stored.record.first().inputs;
    assert!(inputs.base_gas > plain.base_gas && inputs.leg_gas > plain.leg_gas);

    let mut keeper = start(Some(1_000_000_000_000_000_000_000), None).await;
    keeper.round().await.expect("a round");
    assert_eq!((keeper.rebalances().await.len(), keeper.executed()), (0, 0));
    assert_eq!(keeper.hold().await.reason(), Reason::BelowHurdle);
}

#[tokio::test]
async fn bytes_whose_price_nobody_tells_are_not_sent_for_income() {
    let mut keeper = start(None, None).await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.hold().await.reason(), Reason::NoNativePrice);
    keeper.chain.with(|model| model.data_fee_wei = Some(1));
    keeper.mine_and_round().await;
    assert_eq!(keeper.rebalances().await.len(), 1);
}

#[tokio::test]
async fn the_daily_budget_counts_bytes_before_and_after() {
    const FEE: u128 = 1_000_000_000_000_000;
    let world = testing::world(&AgentKey::random()).1;
    let gas = world.config.fees.worst_case_wei(world.vaults[0].config.gas.limit);
    // The gas alone would fit.
    let mut keeper = start(Some(FEE), Some(gas)).await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.hold().await.reason(), Reason::FeeBudgetSpent);
    let mut keeper = start(Some(FEE), Some(gas + 3 * FEE)).await;
    keeper.round().await.expect("a round");
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    let receipt = keeper.outcome(stored.hash).await.receipt.expect("mined");
    assert_eq!(receipt.data_fee_wei, FEE);
    let of_gas = u128::from(receipt.gas_used) * receipt.effective_gas_price_wei;
    let paid = keeper.journal().fees_paid(31_337, keeper.key.address(), 0).await.expect("reads");
    assert_eq!(paid, [(receipt.transaction_hash, of_gas + FEE)]);
}

/// What the board shows of the account after a block.
async fn purse(fee_wei: Option<u128>) -> Purse {
    let mut keeper = start(fee_wei, None).await;
    keeper.keeper = None;
    let mut world = testing::world_on(&keeper.chain, keeper.key.address());
    world.config.profile.fee_model = FeeModel::Op;
    let board = Arc::new(Board::new(std::slice::from_ref(&world)));
    let reporter = Reporter::new(false, Box::new(keeper.said.clone())).with_board(board.clone());
    let journal = keeper.journal.clone().expect("started");
    let mut chain = ChainLoop::new(world, journal, keeper.key.clone(), Arc::new(reporter));
    chain.round().await.expect("a round");
    board.views()[0].purse.expect("shown")
}

#[tokio::test]
async fn an_account_is_low_before_it_cannot_pay_for_its_bytes() {
    const FEE: u128 = 1_000_000_000_000_000;
    let world = testing::world(&AgentKey::random()).1;
    let gas = world.config.fees.worst_case_wei(world.vaults[0].config.gas.limit);
    let low = |purse: Purse| u128::try_from(purse.low_wei).expect("an amount");
    // Nobody tells: the gas alone, of ten rebalances.
    assert_eq!(low(purse(None).await), 10 * gas);
    let with_bytes = low(purse(Some(FEE)).await);
    assert!(with_bytes >= 10 * (gas + FEE), "{with_bytes}");
    // The longest plan has twice the legs of the one that is asked about, and they are not all of its bytes.
    assert!(with_bytes < 10 * (gas + 2 * FEE), "{with_bytes}");
}
