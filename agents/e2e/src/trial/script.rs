//! The shortened story: an allocation, a loan that moves rates, a withdrawal, a quiet day, and everybody leaves.

use alloy::primitives::U256;
use anyhow::{Result, ensure};

use super::{Kill, KillPlan, Supervisor};
use crate::{
    keeper::Keeper,
    treasury::{Vault, people},
    venues,
    world::World,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// Who has money in it.
const DEPOSITORS: [(&str, usize); 3] =
    [("Alice", people::ALICE), ("Bob", people::BOB), ("Carol", people::CAROL)];

/// Starts the keeper that is to be killed, and who looks after it.
pub(super) fn hire(world: &mut World, plan: &KillPlan) -> Result<()> {
    let config = Keeper::prepare(world)?;
    let mut variables = Vec::new();
    if let Kill::At(place) = &plan.kill {
        variables.push(("VAGUS_CRASH_AT", place.as_str()));
    }
    world.clock.supervisor = Some(Supervisor::new(&config, &world.folder, plan));
    world.clock.keeper = Some(Keeper::start_with(&config, &world.folder, &variables)?);
    Ok(())
}

/// What happens while the keeper is at work; at the end all it did is final.
pub(super) async fn work(world: &mut World) -> Result<()> {
    // The first allocation.
    pass(world, &[12, 12, HOUR, 6 * HOUR]).await?;

    let loan = world.assets(2_200_000);
    world.clock.ready(HOUR).await?;
    let hash = venues::borrow_aave(&world.clock.chain, &world.venues, 0, loan).await?;
    world.clock.land(hash, "borrow", HOUR).await?;
    pass(world, &[12, 12, HOUR, 12 * HOUR]).await?;

    let (carol, assets) = (world.person(people::CAROL), world.assets(1_500_000));
    let vault = world.treasury.vault;
    ensure!(
        assets > world.asset_of(vault).await?,
        "the withdrawal should be larger than idle, or the keeper never allocated"
    );
    let call = Vault::withdrawCall { assets, receiver: carol, owner: carol };
    world.clock.act(carol, vault, call, MINUTE).await?;
    pass(world, &[12, 12, HOUR, 12 * HOUR]).await?;

    // A quiet day, and blocks enough for the last rebalance to be final.
    pass(world, &[24 * HOUR, 12, 12, 12, 12, 12]).await
}

/// Everybody leaves, Bob in kind; what he got he redeems at the venues.
pub(super) async fn farewell(world: &mut World) -> Result<()> {
    let vault = world.treasury.vault;
    for person in [people::ALICE, people::CAROL] {
        let who = world.person(person);
        let shares = world.shares_of(who).await?;
        let call = Vault::redeemCall { shares, receiver: who, owner: who };
        world.clock.act(who, vault, call, MINUTE).await?;
    }
    let who = world.person(people::BOB);
    let shares = world.shares_of(who).await?;
    let call = Vault::redeemInKindCall { shares, receiver: who, owner: who, skip: Vec::new() };
    world.clock.act(who, vault, call, MINUTE).await?;
    for (_, strategy, _) in world.strategies.clone() {
        let chain = &world.clock.chain;
        let shares = chain.call(strategy, Vault::balanceOfCall { account: who }).await?;
        if !shares.is_zero() {
            let call = Vault::redeemCall { shares, receiver: who, owner: who };
            world.clock.act(who, strategy, call, MINUTE).await?;
        }
    }
    for (name, person) in DEPOSITORS {
        let who = world.person(person);
        ensure!(world.shares_of(who).await?.is_zero(), "{name} could not leave wholly");
    }
    Ok(())
}

/// What each depositor has now. Each brought all it had, so all of it was paid out.
pub(super) async fn payouts(world: &World) -> Result<Vec<(&'static str, U256)>> {
    let mut payouts = Vec::new();
    for (name, person) in DEPOSITORS {
        payouts.push((name, world.asset_of(world.person(person)).await?));
    }
    Ok(payouts)
}

async fn pass(world: &mut World, seconds: &[u64]) -> Result<()> {
    for step in seconds {
        world.clock.advance(*step).await?;
    }
    world.clock.settle().await
}
