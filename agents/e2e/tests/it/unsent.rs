//! A shadow, and proposals that the owners of a real Safe sign, on a real chain.

use std::{fs, path::Path};

use alloy::{
    primitives::{Address, Bytes, U256},
    sol,
};
use serde_json::Value;
use vagus_e2e::{
    keeper::Keeper, paths, playground, policies::Policies, process::Running, safe,
    treasury::people, world::World,
};

sol! {
    interface Executing {
        function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures)
            external
            payable
            returns (bool success);
    }
}

fn start(config: &Path, options: &[&str], log: &Path) -> Running {
    let mut command = vagus_e2e::process::command(paths::keeper().unwrap());
    command.arg("run").arg("--config").arg(config).args(options);
    Running::start("keeper", &mut command, log).unwrap()
}

/// The newest rebalance of a journal with everything that is written of it.
fn newest(config: &Path, options: &[&str]) -> Option<Value> {
    let journal = |verb: &str, more: &[&str]| {
        let mut command = std::process::Command::new(paths::keeper().unwrap());
        command.args(["journal", verb, "--json", "--config"]).arg(config).args(more).args(options);
        command.output().unwrap().stdout
    };
    let list: Value = serde_json::from_slice(&journal("list", &["--rebalances"])).ok()?;
    let decision = list["decisions"][0]["decision"].as_str()?.to_owned();
    serde_json::from_slice(&journal("show", &[decision.as_str()])).ok()
}

fn state(shown: &Value) -> &str {
    let outcomes = shown["outcomes"].as_array().unwrap();
    outcomes.last().map_or("", |last| last["state"].as_str().unwrap())
}

/// Whether a shadow's plan went through where it could have been mined.
fn is_tried(shown: &Value) -> bool {
    let outcomes = shown["outcomes"].as_array().unwrap();
    outcomes.last().is_some_and(|last| last["shadow"]["tried"]["is_success"] == true)
}

/// Mines until the journal says so.
async fn until(
    world: &mut World,
    config: &Path,
    options: &[&str],
    seconds: u64,
    is: impl Fn(&Value) -> bool,
) -> Value {
    for _ in 0..60 {
        world.clock.mine(seconds).await.unwrap();
        for _ in 0..20 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            if let Some(shown) = newest(config, options).filter(&is) {
                return shown;
            }
        }
    }
    panic!("it did not come to that: {:#}", newest(config, options).unwrap_or_default());
}

#[tokio::test]
async fn a_shadow_leaves_the_chain_alone_and_a_real_run_begins_as_ever() {
    let folder = paths::run_folder("unsent").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    // It needs no key.
    fs::rename(folder.join("agent.keystore"), folder.join("away")).unwrap();
    let before = world.holdings().await.unwrap();
    let mut shadow = start(&config, &["--shadow"], &folder.join("shadow.log"));
    let of_shadow = ["--shadow"];
    let shown = until(&mut world, &config, &of_shadow, 12, is_tried).await;
    let last = shown["outcomes"].as_array().unwrap().last().unwrap();
    assert_eq!(last["shadow"]["is_as_predicted"], true, "{last:#}");
    let decision = shown["decision"].as_str().unwrap().to_owned();
    let ended = |shown: &Value| shown["decision"] != *decision || state(shown) == "shadowed";
    until(&mut world, &config, &of_shadow, 120, ended).await;
    let options = ["--shadow", "--config"];
    let mut command = std::process::Command::new(paths::keeper().unwrap());
    let page = command.args(["journal", "show", &decision]).args(options).arg(&config).output();
    let page = String::from_utf8(page.unwrap().stdout).unwrap();
    assert!(page.contains("nothing was signed or sent") && page.contains("predicted"), "{page}");
    assert!(page.contains("0 rebalances by others"), "{page}");
    let page = Keeper::ask(&config, "status", &["--shadow"]).unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("of a shadow"), "{page}");
    assert!(shadow.stop(std::time::Duration::from_secs(10)).unwrap().success());
    assert!(world.rebalances().await.unwrap().is_empty());
    let agent = Keeper::agent().unwrap();
    let count: U256 = world
        .clock
        .chain
        .rpc("eth_getTransactionCount", serde_json::json!([agent, "pending"]))
        .await
        .unwrap();
    assert_eq!(count, U256::ZERO);
    assert_eq!(world.holdings().await.unwrap().idle, before.idle);

    // A real run with the same configuration.
    fs::rename(folder.join("away"), folder.join("agent.keystore")).unwrap();
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    assert_eq!(world.rebalances().await.unwrap().len(), 1);
    world.dismiss().await.unwrap();
}

#[tokio::test]
async fn a_proposal_is_executed_by_a_safe_and_found() {
    let folder = paths::run_folder("unsent").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let owners = vec![world.person(people::ALICE), world.person(people::BOB)];
    let safe = safe::deploy(&mut world, owners, 1).await.unwrap();
    // Governance gives the Safe the mandate that the keeper's key had.
    let (_, mut policy) = world.policies.first().unwrap();
    policy.agents[0].agent = safe;
    world.vote(&policy, "People sign from now on").await.unwrap();
    world.activate(&policy).await.unwrap();
    let text = fs::read_to_string(&config).unwrap();
    let agent = Keeper::agent().unwrap().to_string();
    assert!(text.contains(&agent));
    fs::write(&config, text.replace(&agent, &safe.to_string())).unwrap();
    fs::remove_file(folder.join("agent.keystore")).unwrap();

    propose_and_execute(&mut world, &config, safe).await;
}

#[tokio::test]
async fn a_contract_agent_shadows_and_proposes_without_any_of_its_keys() {
    let folder = paths::run_folder("unsent").unwrap();
    let mut world = World::build(&folder).await.unwrap();
    let owners = vec![world.person(people::ALICE), world.person(people::BOB)];
    let safe = safe::deploy(&mut world, owners, 1).await.unwrap();
    world.policies = Policies::new(&world.venues.asset, &world.strategies, safe);
    playground::open(&mut world).await.unwrap();
    let config = Keeper::prepare(&world).unwrap();
    let contract = format!("[agent.contract]\naddress = \"{safe}\"\nform = \"safe\"\n\n[journal]");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("[journal]", &contract)).unwrap();
    // Neither the word of its owners nor the account that would bring it is there.
    fs::remove_file(folder.join("agent.keystore")).unwrap();

    let mut shadow = start(&config, &["--shadow"], &folder.join("shadow.log"));
    let of_shadow = ["--shadow"];
    let shown = until(&mut world, &config, &of_shadow, 12, is_tried).await;
    let outcomes = shown["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.last().unwrap()["shadow"]["is_as_predicted"], true, "{outcomes:#?}");
    assert_eq!(shown["record"]["header"]["agent"], safe.to_string().to_lowercase(), "{shown:#}");
    assert!(shadow.stop(std::time::Duration::from_secs(10)).unwrap().success());
    assert!(world.rebalances().await.unwrap().is_empty());

    propose_and_execute(&mut world, &config, safe).await;
    let [fact] = world.rebalances().await.unwrap().try_into().unwrap();
    assert_eq!(fact.agent, safe, "its mandate, its nonce, its name");
}

/// A keeper proposes to a Safe of one signature of two owners, the first of them sends what stands in the file, and the
/// keeper finds it.
async fn propose_and_execute(world: &mut World, config: &Path, safe: Address) {
    let folder = world.folder.clone();
    let proposals = folder.join("proposals");
    let options = ["--propose", proposals.to_str().unwrap(), "--sign-within", "2"];
    let mut keeper = start(config, &options, &folder.join("proposing.log"));
    let shown = until(world, config, &[], 12, |shown| state(shown) == "proposed").await;
    let file = fs::read_dir(&proposals).unwrap().next().unwrap().unwrap().path();
    let batch: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(batch["meta"]["createdFromSafeAddress"], safe.to_string());
    let decision = shown["decision"].as_str().unwrap();
    assert!(batch["meta"]["description"].as_str().unwrap().contains(decision));

    // An hour later an owner sends what stands in the file; for a Safe of one signature the sender's word is enough.
    world.clock.mine(3_600).await.unwrap();
    let call = &batch["transactions"][0];
    let text = |key: &str| call[key].as_str().unwrap().to_owned();
    let to: Address = text("to").parse().unwrap();
    assert_eq!(to, world.treasury.guard);
    let data: Bytes = text("data").parse().unwrap();
    let owner = world.person(people::ALICE);
    let mut signature = [0_u8; 65];
    signature[12..32].copy_from_slice(owner.as_slice());
    signature[64] = 1;
    let execute = Executing::execTransactionCall {
        to,
        value: U256::ZERO,
        data,
        operation: 0,
        safeTxGas: U256::ZERO,
        baseGas: U256::ZERO,
        gasPrice: U256::ZERO,
        gasToken: Address::ZERO,
        refundReceiver: Address::ZERO,
        signatures: signature.to_vec().into(),
    };
    let receipt = world.clock.act(owner, safe, execute, 12).await.unwrap();
    let [fact] = world.rebalances().await.unwrap().try_into().unwrap();
    assert_eq!(fact.decision.to_string(), decision);
    let is_final = |shown: &Value| shown["decision"] == *decision && state(shown) == "executed";
    let mut shown = Value::Null;
    for _ in 0..30 {
        world.clock.mine(12).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let output = std::process::Command::new(paths::keeper().unwrap())
            .args(["journal", "show", decision, "--json", "--config"])
            .arg(config)
            .output()
            .unwrap();
        shown = serde_json::from_slice(&output.stdout).unwrap();
        if is_final(&shown) {
            break;
        }
    }
    assert!(is_final(&shown), "{shown:#}");
    let last = shown["outcomes"].as_array().unwrap().last().unwrap();
    let hash = format!("{:#x}", receipt.transaction_hash);
    assert_eq!(last["receipt"]["transaction_hash"], hash, "{last:#}");
    assert_eq!(last["is_as_predicted"], true, "{last:#}");
    assert!(keeper.stop(std::time::Duration::from_secs(10)).unwrap().success());
}
