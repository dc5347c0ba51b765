//! Calls that anybody may make, made by the keeper on a real chain: checkpoint, activation, trim, prices to follow.

use alloy::{
    primitives::{Address, B256, U256},
    sol,
    sol_types::SolEvent,
};
use serde_json::{Value, json};
use vagus_e2e::{
    keeper::Keeper,
    paths, playground,
    treasury::{GuardActs, IPolicyGuard, people},
    world::World,
};
use vagus_policy::Mode;

sol! {
    event PriceFollowed(
        address indexed by, address indexed strategy, uint256 priceBefore, uint256 priceAfter
    );
    event Checkpointed(uint256 liveAssets, uint256 markPrice, uint256 observationPrice);
}

/// Successful transactions of the agent straight to the vault in which it was refreshed.
async fn refreshes(world: &World, agent: Address) -> usize {
    successes(world, agent, world.treasury.vault, Checkpointed::SIGNATURE_HASH).await
}

/// Successful transactions of an account straight to a contract in which an event was raised.
async fn successes(world: &World, agent: Address, contract: Address, topic: B256) -> usize {
    let mut count = 0;
    for number in 0..=world.clock.head.number {
        let tag = json!(format!("0x{number:x}"));
        let receipts: Vec<Value> =
            world.clock.chain.rpc("eth_getBlockReceipts", json!([tag])).await.unwrap();
        let is = |receipt: &Value, key: &str, account: Address| {
            receipt[key].as_str().and_then(|text| text.parse().ok()) == Some(account)
        };
        let topic = topic.to_string();
        count += receipts
            .iter()
            .filter(|one| {
                is(one, "from", agent) && is(one, "to", contract) && one["status"] == "0x1"
            })
            .filter(|one| one["logs"].to_string().contains(&topic))
            .count();
    }
    count
}

#[tokio::test]
async fn a_vault_that_nobody_refreshes_is_refreshed_by_its_keeper() {
    let folder = paths::run_folder("upkeep").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("checkpoint_hours = 0"));
    let text = text.replace("checkpoint_hours = 0", "checkpoint_hours = 2");
    std::fs::write(&config, text).unwrap();
    world.clock.keeper = Some(Keeper::start_with(&config, &folder, &[]).unwrap());
    let agent = Keeper::agent().unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    assert_eq!(world.rebalances().await.unwrap().len(), 1);
    assert_eq!(refreshes(&world, agent).await, 0, "it is fresh");
    world.clock.advance(2 * 3_600).await.unwrap();
    world.clock.advance(60).await.unwrap();
    assert_eq!(refreshes(&world, agent).await, 1);
    world.clock.advance(60).await.unwrap();
    world.dismiss().await.unwrap();
    assert_eq!(refreshes(&world, agent).await, 1, "once");
    assert_eq!(world.reverted_of(agent).await.unwrap(), 0);
}

#[tokio::test]
async fn a_policy_that_waits_is_put_in_force_and_what_it_caps_is_trimmed() {
    let folder = paths::run_folder("upkeep").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("checkpoint_hours = 0", "checkpoint_hours = 0\nactivate = true");
    std::fs::write(&config, &text).unwrap();
    world.clock.keeper = Some(Keeper::start_with(&config, &folder, &[]).unwrap());
    let (agent, guard) = (Keeper::agent().unwrap(), world.treasury.guard);
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    assert_eq!(world.rebalances().await.unwrap().len(), 1);
    let held = world.holdings().await.unwrap();
    let (place, most) = held.strategies.iter().enumerate().max_by_key(|(_, held)| **held).unwrap();
    let cap = *most / U256::from(2);

    // Agents may do nothing under it, so that no repair comes before the trim. A higher deposit cap makes it wait.
    let (_, mut policy) = world.policies.first().unwrap();
    policy.limits.mode = Mode::Paused;
    policy.limits.deposit_cap *= 2;
    policy.strategies[place].cap = cap.to::<u128>();
    assert!(!world.vote(&policy, "Close, and halve the largest position").await.unwrap());
    let in_force = async |world: &World| {
        let state = world.clock.chain.call(guard, IPolicyGuard::guardStateCall {}).await.unwrap();
        state.policyHash == vagus_policy::hash(&policy)
    };
    let delay = world.clock.chain.call(guard, GuardActs::policyDelaySecondsCall {}).await.unwrap();
    world.clock.advance(u64::from(delay) - 60).await.unwrap();
    world.clock.advance(12).await.unwrap();
    assert!(!in_force(&world).await, "its delay is not over");
    world.clock.advance(60).await.unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(12).await.unwrap();
    assert!(in_force(&world).await, "nobody but the keeper could have done it");
    let activated = IPolicyGuard::PolicyAdopted::SIGNATURE_HASH;
    assert_eq!(successes(&world, agent, guard, activated).await, 1);

    // A trim is not made until it is wanted.
    let trimmed = IPolicyGuard::StrategyTrimmed::SIGNATURE_HASH;
    world.clock.advance(12).await.unwrap();
    assert!(world.holdings().await.unwrap().strategies[place] > cap);
    world.dismiss().await.unwrap();
    std::fs::write(&config, text.replace("activate = true", "trim = true")).unwrap();
    world.clock.keeper = Some(Keeper::start_with(&config, &folder, &[]).unwrap());
    let before = world.holdings().await.unwrap();
    let rebalances = world.rebalances().await.unwrap().len();
    for seconds in [12, 60, 3_600, 60] {
        world.clock.advance(seconds).await.unwrap();
    }
    world.dismiss().await.unwrap();
    assert_eq!(successes(&world, agent, guard, trimmed).await, 1, "interest above the cap is left");
    let after = world.holdings().await.unwrap();
    let (least, most) = (cap - cap / U256::from(10_000), cap + cap / U256::from(10_000));
    let now = after.strategies[place];
    assert!(now >= least && now <= most, "{now} is not about {cap}");
    assert!(after.idle >= before.idle + before.strategies[place] - most, "it went elsewhere");
    assert_eq!(world.rebalances().await.unwrap().len(), rebalances, "agents are closed out");
    assert_eq!(world.reverted_of(agent).await.unwrap(), 0);
}

/// Every strategy's price stands two percent above the reference that the guard has of it, and nothing is held: so the band of one
/// percent keeps deposits out, and no leg will ever move a reference.
#[tokio::test]
async fn strategies_whose_prices_ran_away_are_followed_day_by_day_and_then_entered() {
    let folder = paths::run_folder("upkeep").unwrap();
    let mut world = World::build(&folder).await.unwrap();
    let (_, mut policy) = world.policies.first().unwrap();
    for entry in &mut policy.strategies {
        assert_eq!(entry.price_band_bps, 100);
        entry.reference_assets = entry.reference_assets * 98 / 100;
    }
    world.vote(&policy, "Adopt it with references of long ago").await.unwrap();
    world.activate(&policy).await.unwrap();
    world.deposit(people::ALICE, 4_000_000, 60).await.unwrap();
    world.clock.advance(3_600).await.unwrap();
    let config = Keeper::prepare(&world).unwrap();
    world.clock.keeper = Some(Keeper::start_with(&config, &folder, &[]).unwrap());
    let (agent, guard) = (Keeper::agent().unwrap(), world.treasury.guard);
    let followed = PriceFollowed::SIGNATURE_HASH;
    let follows = async |world: &World| successes(world, agent, guard, followed).await;
    let strategies = policy.strategies.len();

    for _ in 0..4 {
        world.clock.advance(12).await.unwrap();
    }
    assert_eq!(world.rebalances().await.unwrap().len(), 0, "R13 keeps it out");
    assert_eq!(follows(&world).await, 0, "the references are not a day old");
    // Half a percent a day: 0.98, 0.9849, 0.9898, 0.9948; the last one has the price, 1, inside its band.
    for day in 1..=2 {
        world.clock.advance(86_400).await.unwrap();
        for _ in 0..3 * strategies {
            world.clock.advance(12).await.unwrap();
        }
        assert_eq!(follows(&world).await, day * strategies, "each of them, once a day");
        assert_eq!(world.rebalances().await.unwrap().len(), 0, "still out of the band");
    }
    world.clock.advance(86_400).await.unwrap();
    for _ in 0..6 * strategies {
        world.clock.advance(12).await.unwrap();
    }
    world.dismiss().await.unwrap();
    assert!(!world.rebalances().await.unwrap().is_empty(), "it was entered");
    let held = world.holdings().await.unwrap();
    let placed: U256 = held.strategies.iter().sum();
    assert!(placed > held.idle, "{held:?}");
    assert_eq!(world.reverted_of(agent).await.unwrap(), 0);
}
