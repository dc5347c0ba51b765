//! Who signs: a Safe by its owners, and one key after another, on a real chain against a real guard.

use std::{fs, path::Path};

use alloy::primitives::{Address, B256, U256, keccak256};
use serde_json::{Value, json};
use vagus_e2e::{
    counter::Counter,
    keeper::Keeper,
    paths, playground,
    policies::Policies,
    safe,
    treasury::{GuardActs, people},
    world::World,
};
use vagus_policy::Policy;

/// The sender of a transaction.
async fn sender(world: &World, transaction: B256) -> Address {
    let found: Value =
        world.clock.chain.rpc("eth_getTransactionByHash", json!([transaction])).await.unwrap();
    found["from"].as_str().unwrap().parse().unwrap()
}

fn edit(config: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(config).unwrap();
    let changed = change(text.clone());
    assert_ne!(changed, text, "nothing changed");
    fs::write(config, changed).unwrap();
}

/// Reason of the newest decision.
async fn reason(world: &World) -> String {
    let book = vagus_e2e::book::Book::open(&world.folder).await.unwrap();
    format!("{:?}", book.latest().await.unwrap().unwrap().reason())
}

#[tokio::test]
async fn a_safe_acts_by_the_word_of_its_owners_and_the_keeper_only_brings_it() {
    let folder = paths::run_folder("keys").unwrap();
    let mut world = World::build(&folder).await.unwrap();
    let keeper = Keeper::agent().unwrap();
    let owner = Keeper::keystore(&folder, "owner.keystore", keccak256("an owner")).unwrap();
    let owners = vec![keeper, world.person(people::DAVE), owner];
    let safe = safe::deploy(&mut world, owners, 2).await.unwrap();
    world.policies = Policies::new(&world.venues.asset, &world.strategies, safe);
    playground::open(&mut world).await.unwrap();

    // One owner of the two that it takes: the Safe says no, and nothing is sent.
    let config = Keeper::prepare(&world).unwrap();
    let contract = format!("[agent.contract]\naddress = \"{safe}\"\nform = \"safe\"\n\n[journal]");
    edit(&config, |text| text.replace("[journal]", &contract));
    world.hire_with(&config, &[]).unwrap();
    for _ in 0..2 {
        world.clock.advance(12).await.unwrap();
    }
    world.clock.settle().await.unwrap();
    assert_eq!(reason(&world).await, "SimulationFailed");
    assert_eq!(world.clock.chain.waiting(keeper).await.unwrap(), 0);
    world.dismiss().await.unwrap();

    // Two of them, in whatever order they are named.
    let signer = |address: Address, file: &str| {
        format!(
            "[[agent.contract.signers]]\naddress = \"{address}\"\nkeystore = \"{file}\"\n\
             password_file = \"agent.password\"\n"
        )
    };
    let signers = signer(owner, "owner.keystore") + &signer(keeper, "agent.keystore");
    edit(&config, |text| text.replace("form = \"safe\"\n", &format!("form = \"safe\"\n{signers}")));
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    world.clock.settle().await.unwrap();
    let [rebalance] = world.rebalances().await.unwrap().try_into().expect("one");
    assert_eq!(rebalance.agent, safe, "its mandate, its nonce, its name");
    assert_eq!(sender(&world, rebalance.transaction).await, keeper);
    assert_eq!(world.reverted_of(keeper).await.unwrap(), 0);
    let output = Keeper::ask(&config, "status", &["--json"]).unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["vaults"][0]["agent"], json!(safe), "{status}");

    // A restart in between changes nothing: it goes on with the Safe's next nonce.
    world.dismiss().await.unwrap();
    world.deposit(people::DAVE, 500_000, 60).await.unwrap();
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(2 * 3_600).await.unwrap();
    world.clock.advance(60).await.unwrap();
    world.dismiss().await.unwrap();
    let rebalances = world.rebalances().await.unwrap();
    assert!(rebalances.len() > 1 && rebalances.iter().all(|one| one.agent == safe));
    assert_eq!(world.reverted_of(keeper).await.unwrap(), 0);
}

/// The first policy with a second agent, whose mandate is that of the first.
fn with_second(policy: &Policy, agent: Address) -> Policy {
    let mut policy = policy.clone();
    let mut second = policy.agents[0].clone();
    second.agent = agent;
    policy.agents.push(second);
    policy
}

#[tokio::test]
async fn a_key_is_replaced_while_both_mandates_overlap() {
    let folder = paths::run_folder("keys").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let old = Keeper::agent().unwrap();
    let new = Keeper::keystore(&folder, "new.keystore", keccak256("the next key")).unwrap();
    world.clock.chain.fund(new, U256::from(10u8).pow(U256::from(20u8))).await.unwrap();
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    assert_eq!(world.rebalances().await.unwrap().len(), 1);

    // The vote gives the new account a mandate beside the old one; the old keeper works until then and after.
    let (_, first) = world.policies.first().unwrap();
    let both = with_second(&first, new);
    assert!(!world.vote(&both, "A second agent").await.unwrap(), "it waits");
    world.activate(&both).await.unwrap();
    world.deposit(people::DAVE, 300_000, 60).await.unwrap();
    world.clock.advance(2 * 3_600).await.unwrap();
    world.clock.advance(60).await.unwrap();
    let before = world.rebalances().await.unwrap();
    assert!(before.len() > 1 && before.iter().all(|one| one.agent == old));

    // The same journal goes on with the new key.
    world.dismiss().await.unwrap();
    edit(&config, |text| {
        text.replace(&old.to_string(), &new.to_string()).replace("agent.keystore", "new.keystore")
    });
    let doctor = Keeper::ask(&config, "doctor", &[]).unwrap();
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    world.clock.agent = new;
    world.hire_with(&config, &[]).unwrap();
    world.deposit(people::DAVE, 400_000, 60).await.unwrap();
    world.clock.advance(2 * 3_600).await.unwrap();
    world.clock.advance(60).await.unwrap();
    let after = world.rebalances().await.unwrap();
    assert!(after.len() > before.len());
    assert!(after[before.len()..].iter().all(|one| one.agent == new));

    // The old mandate ends: the new one is untouched by it.
    let (guardian, guard) = (world.treasury.guardian, world.treasury.guard);
    let revoke = GuardActs::revokeAgentCall { agent: old };
    world.clock.act(guardian, guard, revoke, 60).await.unwrap();
    world.deposit(people::DAVE, 500_000, 60).await.unwrap();
    world.clock.advance(2 * 3_600).await.unwrap();
    world.clock.advance(60).await.unwrap();
    world.dismiss().await.unwrap();
    let last = world.rebalances().await.unwrap();
    assert!(last.len() > after.len() && last[after.len()..].iter().all(|one| one.agent == new));
    for account in [old, new] {
        assert_eq!(world.reverted_of(account).await.unwrap(), 0);
    }
    // Started again by mistake, the old key sends nothing.
    edit(&config, |text| {
        text.replace(&new.to_string(), &old.to_string()).replace("new.keystore", "agent.keystore")
    });
    world.clock.agent = old;
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(60).await.unwrap();
    world.clock.settle().await.unwrap();
    assert_eq!(reason(&world).await, "NoMandate");
    assert_eq!(world.rebalances().await.unwrap().len(), last.len());
    world.dismiss().await.unwrap();
}

fn sent(asked: &[Value]) -> usize {
    asked.iter().filter(|one| one["method"] == "eth_sendRawTransaction").count()
}

#[tokio::test]
async fn with_a_private_endpoint_no_public_one_sees_the_bytes() {
    let folder = paths::run_folder("keys").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let url = world.clock.chain.url.clone();
    let public = Counter::start(&url).await.unwrap();
    let private = Counter::start(&url).await.unwrap();
    let section = format!("[chains.private]\nurl = \"{}\"\n\n[[chains.endpoints]]", private.url);
    edit(&config, |text| text.replace(&url, &public.url).replace("[[chains.endpoints]]", &section));
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    world.dismiss().await.unwrap();
    assert_eq!(world.rebalances().await.unwrap().len(), 1);
    let (public, private) = (public.take(), private.take());
    assert!(sent(&private) >= 1 && sent(&private) == private.len(), "asked nothing else");
    assert!(public.len() > 10, "everything else is asked of it");
    let raws = private.iter().map(|one| one["params"][0].as_str().unwrap().to_owned());
    let raws: Vec<String> = raws.map(|raw| raw.trim_start_matches("0x").to_owned()).collect();
    for asked in &public {
        assert_ne!(asked["method"], "eth_sendRawTransaction");
        assert!(raws.iter().all(|raw| !asked.to_string().contains(raw)));
    }
}

/// Code that answers every call with one word.
fn answering(word: U256) -> String {
    format!("0x7f{word:064x}5f5260205ff3")
}

#[tokio::test]
async fn a_rollups_price_of_bytes_is_part_of_the_cost() {
    let folder = paths::run_folder("keys").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    edit(&config, |text| text.replace("fee_model = \"l1\"", "fee_model = \"op\""));
    let oracle = vagus_chain::data_fee::OP_ORACLE;
    let ether = U256::from(10u8).pow(U256::from(18u8));
    // Nobody is there; then one that asks for more than a month earns; then a usual one.
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.settle().await.unwrap();
    assert_eq!(reason(&world).await, "NoNativePrice");
    for (fee_wei, expected) in [
        (ether * U256::from(1_000u32), "BelowHurdle"),
        (U256::from(10u8).pow(U256::from(12u8)), "Income"),
    ] {
        let code = json!([oracle, answering(fee_wei)]);
        let _: Value = world.clock.chain.rpc("anvil_setCode", code).await.unwrap();
        world.clock.advance(12).await.unwrap();
        world.clock.settle().await.unwrap();
        if expected == "Income" {
            world.clock.advance(60).await.unwrap();
            assert_eq!(world.rebalances().await.unwrap().len(), 1);
        } else {
            assert_eq!(reason(&world).await, expected);
            assert!(world.rebalances().await.unwrap().is_empty());
        }
    }
    world.dismiss().await.unwrap();
}
