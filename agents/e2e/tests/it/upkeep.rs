//! The keeper's own checkpoint, on a real chain.

use alloy::{primitives::Address, sol, sol_types::SolEvent};
use serde_json::{Value, json};
use vagus_e2e::{keeper::Keeper, paths, playground, world::World};

sol! {
    event Checkpointed(uint256 liveAssets, uint256 markPrice, uint256 observationPrice);
}

/// Successful transactions of the agent straight to the vault in which it was refreshed.
async fn refreshes(world: &World, agent: Address) -> usize {
    let (vault, mut count) = (world.treasury.vault, 0);
    for number in 0..=world.clock.head.number {
        let tag = json!(format!("0x{number:x}"));
        let receipts: Vec<Value> =
            world.clock.chain.rpc("eth_getBlockReceipts", json!([tag])).await.unwrap();
        let is = |receipt: &Value, key: &str, account: Address| {
            receipt[key].as_str().and_then(|text| text.parse().ok()) == Some(account)
        };
        let topic = Checkpointed::SIGNATURE_HASH.to_string();
        count += receipts
            .iter()
            .filter(|one| is(one, "from", agent) && is(one, "to", vault) && one["status"] == "0x1")
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
