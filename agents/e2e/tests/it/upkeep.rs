//! Calls that anybody may make, made by the keeper on a real chain: checkpoint, activation, trim.

use alloy::{
    primitives::{Address, B256, U256},
    sol,
    sol_types::SolEvent,
};
use serde_json::{Value, json};
use vagus_e2e::{
    keeper::Keeper,
    paths, playground,
    treasury::{GuardActs, IPolicyGuard},
    world::World,
};
use vagus_policy::Mode;

sol! {
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
