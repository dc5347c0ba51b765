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

/// The rollup's oracle answers this, whatever it is asked.
async fn price_bytes(world: &World, fee_wei: U256) {
    let code = json!([vagus_chain::data_fee::OP_ORACLE, answering(fee_wei)]);
    let _: Value = world.clock.chain.rpc("anvil_setCode", code).await.unwrap();
}

#[tokio::test]
async fn a_rollups_price_of_bytes_is_part_of_the_cost() {
    let folder = paths::run_folder("keys").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    edit(&config, |text| text.replace("fee_model = \"l1\"", "fee_model = \"op\""));
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
        price_bytes(&world, fee_wei).await;
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

/// The doctor's line about gas: how it was found, and what.
fn gas_line(config: &Path) -> (String, String) {
    let output = Keeper::ask(config, "doctor", &["--json"]).unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let line = findings.iter().find(|line| line["subject"] == "gas").unwrap();
    (line["level"].as_str().unwrap().to_owned(), line["found"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_persons_move_and_the_doctor_count_a_rollups_price_of_bytes() {
    let folder = paths::run_folder("keys").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let agent = Keeper::agent().unwrap();
    // Of gas at the cap: how much the configuration says.
    edit(&config, |text| text.replace("fee_model = \"l1\"", "fee_model = \"op\""));
    let (level, found) = gas_line(&config);
    assert_eq!(level, "warn", "{found}");
    assert!(found.ends_with("what its bytes cost nobody tells"), "{found}");

    let finney = U256::from(10u8).pow(U256::from(15u8));
    price_bytes(&world, finney).await;
    let (level, found) = gas_line(&config);
    assert_eq!(level, "ok", "{found}");
    assert!(found.contains("of that for its bytes"), "{found}");
    // What pays for the gas of a rebalance, and not for its bytes beside it.
    let loaded = vagus_keeper::config::Config::load(&config).unwrap();
    let gas = loaded.chains[0].fees.worst_case_wei(loaded.vaults[0].gas.limit);
    let before = world.clock.chain.balance(agent).await.unwrap();
    world.clock.chain.fund(agent, U256::from(gas)).await.unwrap();
    assert_eq!(gas_line(&config).0, "fail");
    edit(&config, |text| text.replace("fee_model = \"op\"", "fee_model = \"l1\""));
    assert_eq!(gas_line(&config).0, "warn", "the gas alone it can pay for");
    edit(&config, |text| text.replace("fee_model = \"l1\"", "fee_model = \"op\""));
    world.clock.chain.fund(agent, before).await.unwrap();

    // A day's budget that the gas alone would fit into refuses the move; one with room for the bytes lets it go.
    let file = folder.join("move.toml");
    let (prime, symbol) = (world.strategies[1].0.clone(), world.venues.asset.symbol.clone());
    let text = format!(
        "vault = \"treasury\"\nperson = \"Ada\"\nreason = \"a drill\"\n\n[[legs]]\nstrategy = \"{prime}\"\n\
         direction = \"into\"\namount = \"1_000_000 {symbol}\"\n"
    );
    fs::write(&file, text).unwrap();
    let shown = file.display().to_string();
    let with_budget = |wei: u128| {
        let native = format!("{}.{:018}", wei / 10u128.pow(18), wei % 10u128.pow(18));
        let fees = format!("[chains.fees]\ndaily_budget = \"{native}\"\n");
        let text = fs::read_to_string(&config).unwrap().replace("[chains.fees]\n", &fees);
        let other = folder.join("budget.toml");
        fs::write(&other, text).unwrap();
        other
    };
    let output = Keeper::ask(&with_budget(gas), "move", &[&shown]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(12), "{said}");
    assert!(said.contains("FeeBudgetSpent"), "{said}");
    assert_eq!(world.clock.chain.waiting(agent).await.unwrap(), 0);

    let budget = with_budget(gas + 3 * 10u128.pow(15));
    let waiting =
        tokio::task::spawn_blocking(move || Keeper::ask(&budget, "move", &[&shown, "--json"]));
    while world.clock.chain.waiting(agent).await.unwrap() == 0 && !waiting.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    world.clock.mine(12).await.unwrap();
    let output = waiting.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    // In the record the bytes stand as the gas that costs as much.
    let book = vagus_e2e::book::Book::open(&world.folder).await.unwrap();
    let record = book.latest().await.unwrap().unwrap();
    let inputs = &record.first().inputs;
    let plain = loaded.vaults[0].gas.base;
    let added = u128::from(inputs.base_gas - plain) * inputs.gas_price_wei;
    assert!(added > 0 && added <= 10u128.pow(15) + inputs.gas_price_wei, "{added}");
    assert_eq!(world.rebalances().await.unwrap().len(), 1);
}
