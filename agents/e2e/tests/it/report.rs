//! `keeper report` against a chain that is read by the test itself: the parts add up to the result, to the unit.

use std::{collections::BTreeMap, path::Path, process::Output};

use alloy::primitives::{I256, U256};
use serde_json::{Value, json};
use vagus_e2e::{
    keeper::Keeper,
    paths, playground,
    treasury::{IPolicyGuard, Vault, people},
    venues::{self, Token},
    world::World,
};

use crate::trace;

const HOUR: u64 = 3_600;

/// What the vault has at the end of a block: idle, then shares and their worth by strategy.
#[derive(Clone, Debug, PartialEq)]
struct State {
    idle: I256,
    shares: Vec<I256>,
    worth: Vec<I256>,
}

impl State {
    fn live(&self) -> I256 {
        self.worth.iter().fold(self.idle, |sum, worth| sum + *worth)
    }
}

fn int(number: U256) -> I256 {
    I256::try_from(number).unwrap()
}

async fn state(world: &World, block: u64) -> State {
    let (chain, vault) = (&world.clock.chain, world.treasury.vault);
    let at = json!(format!("0x{block:x}"));
    let balance = Token::balanceOfCall { account: vault };
    let idle = chain.call_at(world.venues.asset.address, balance, at.clone()).await.unwrap();
    let (mut shares, mut worth) = (Vec::new(), Vec::new());
    for (_, strategy, _) in &world.strategies {
        let call = Vault::balanceOfCall { account: vault };
        let held = chain.call_at(*strategy, call, at.clone()).await.unwrap();
        let call = Vault::convertToAssetsCall { shares: held };
        worth.push(int(chain.call_at(*strategy, call, at.clone()).await.unwrap()));
        shares.push(int(held));
    }
    State { idle: int(idle), shares, worth }
}

fn report(config: &Path, arguments: &[&str]) -> Output {
    let output = Keeper::ask(config, "report", arguments).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn number(value: &Value) -> I256 {
    I256::from_dec_str(value.as_str().unwrap_or_else(|| panic!("{value} is no amount"))).unwrap()
}

fn sum<'a>(rows: &'a Value, key: &'a str) -> I256 {
    rows.as_array().unwrap().iter().fold(I256::ZERO, |sum, row| sum + number(&row[key]))
}

/// Worth of a change of shares at the end of a block, rounded down: what is held there says the price.
fn worth_of(change: I256, shares: I256, worth: I256) -> I256 {
    if change.is_zero() {
        return I256::ZERO;
    }
    assert!(shares.is_positive(), "the test knows no price of what is gone");
    (change * worth).div_euclid(shares)
}

/// The report between two blocks, beside what the chain says of each block between them.
async fn check(
    world: &World,
    config: &Path,
    first: u64,
    last: u64,
    decided: &BTreeMap<u64, Option<String>>,
) -> Value {
    let (from, to) = (first.to_string(), last.to_string());
    let output = report(config, &["--from", &from, "--to", &to, "--format", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let opening = state(world, first).await;
    let closing = state(world, last).await;
    assert_eq!(number(&told["opening"]["assets"]), opening.live());
    assert_eq!(number(&told["closing"]["assets"]), closing.live());

    let (mut flowed, mut before) = (I256::ZERO, opening.clone());
    let (mut flows, mut decisions) = (BTreeMap::new(), BTreeMap::new());
    for block in first + 1..=last {
        let after = state(world, block).await;
        let changes: Vec<I256> = after
            .shares
            .iter()
            .zip(&before.shares)
            .map(|(after, before)| *after - *before)
            .collect();
        let idle = after.idle - before.idle;
        if decided.contains_key(&block) {
            decisions.insert(block, (idle, changes));
        } else if !idle.is_zero() || changes.iter().any(|change| !change.is_zero()) {
            let places = 0..changes.len();
            let worth = places
                .map(|i| worth_of(changes[i], after.shares[i], after.worth[i]))
                .fold(idle, |sum, worth| sum + worth);
            flowed += worth;
            flows.insert(block, worth);
        }
        before = after;
    }
    let result = closing.live() - opening.live() - flowed;

    // The chain's flows are the report's, block by block.
    let mut told_flows: BTreeMap<u64, I256> = BTreeMap::new();
    for row in told["flows"].as_array().unwrap() {
        *told_flows.entry(row["block"].as_u64().unwrap()).or_default() += number(&row["assets"]);
    }
    assert_eq!(told_flows, flows);
    assert_eq!(number(&told["result"]["result"]), result);
    let parts = number(&told["result"]["held"])
        + sum(&told["decisions"], "credit")
        + sum(&told["flows"], "gained");
    assert_eq!(parts, result, "the parts do not add up to the unit");
    let by_venue = sum(&told["venues"], "gained") + sum(&told["decisions"], "executed");
    assert_eq!(by_venue, result);
    for sums in ["actors", "policy_versions", "months"] {
        assert_eq!(sum(&told["sums"][sums], "credit"), sum(&told["decisions"], "credit"), "{sums}");
    }

    // Each fee is worth what the vault itself says at the end of its block.
    let mut fees = BTreeMap::from([("management", I256::ZERO), ("performance", I256::ZERO)]);
    for row in told["fees"].as_array().unwrap() {
        let block = row["block"].as_u64().unwrap();
        assert!(first < block && block <= last, "{row}");
        let call = Vault::convertToAssetsCall { shares: number(&row["shares"]).unsigned_abs() };
        let at = json!(format!("0x{block:x}"));
        let worth = world.clock.chain.call_at(world.treasury.vault, call, at).await.unwrap();
        assert_eq!(number(&row["assets"]), int(worth), "{row}");
        *fees.get_mut(row["kind"].as_str().unwrap()).unwrap() += number(&row["shares"]);
    }
    for (kind, shares) in fees {
        assert_eq!(number(&told["fee_shares"][kind]), shares, "{kind}");
    }

    // Each rebalance is credited with what it changed at the prices of the end, to within a unit for each strategy.
    let moved: Vec<&Value> = told["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["action"] == "rebalance" || row["action"] == "pull")
        .collect();
    assert_eq!(moved.len(), decisions.len());
    for (row, (block, (idle, changes))) in moved.iter().zip(&decisions) {
        assert_eq!(row["block"], *block);
        assert_eq!(row["decision"].as_str(), decided[block].as_deref());
        assert_eq!(number(&row["idle"]), *idle);
        let mut exact = *idle;
        for (place, change) in changes.iter().enumerate() {
            assert_eq!(number(&row["shares"][place]), *change);
            exact += worth_of(*change, closing.shares[place], closing.worth[place]);
        }
        let off = (number(&row["credit"]) - exact).abs();
        assert!(off <= int(U256::from(changes.len())), "block {block} is off by {off}");
    }
    told
}

/// The column `credit` of the CSV adds up to its last row.
fn check_csv(text: &str, result: I256) {
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let place = head.iter().position(|column| *column == "credit").unwrap();
    let credits: Vec<I256> =
        rows.map(|row| I256::from_dec_str(row[place]).unwrap_or_default()).collect();
    let (last, parts) = credits.split_last().unwrap();
    assert_eq!(parts.iter().fold(I256::ZERO, |sum, credit| sum + *credit), *last);
    assert_eq!(*last, result);
}

#[tokio::test]
async fn the_parts_of_a_report_add_up_to_what_the_chain_says() {
    let folder = paths::run_folder("report").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    world.hire_with(&config, &[]).unwrap();
    for seconds in [12, 12, HOUR, 6 * HOUR] {
        world.clock.advance(seconds).await.unwrap();
    }
    let middle = world.clock.head.number;

    // The world moves, and the keeper with it.
    let loan = world.assets(2_200_000);
    world.clock.ready(HOUR).await.unwrap();
    let hash = venues::borrow_aave(&world.clock.chain, &world.venues, 1, loan).await.unwrap();
    world.clock.land(hash, "borrow", HOUR).await.unwrap();
    for seconds in [12, 12, 12 * HOUR, 24 * HOUR] {
        world.clock.advance(seconds).await.unwrap();
    }
    // Of the last rebalance, since which nobody came or left, a trace says the same as the report, to the unit.
    let facts = world.rebalances().await.unwrap();
    let decision = facts.last().unwrap().decision.to_string();
    let output = Keeper::ask(&config, "trace", &[&decision, "--json"]).unwrap();
    let traced: Value = serde_json::from_slice(&output.stdout).unwrap();
    let earned = &traced["traces"][0]["earned"];
    assert!(earned["to_block"].as_u64() > earned["from_block"].as_u64(), "{earned}");
    assert!(
        trace::earned::compare(&config, &decision, earned),
        "something else happened: {earned}"
    );
    // An entry, a gift, an exit that draws on strategies, one in kind.
    world.deposit(people::DAVE, 1_500_000, 60).await.unwrap();
    let (deployer, asset, vault) =
        (world.venues.deployer, world.venues.asset.address, world.treasury.vault);
    let gift = Token::mintCall { account: vault, value: world.assets(1_234) };
    world.clock.act(deployer, asset, gift, 60).await.unwrap();
    for seconds in [2 * HOUR, 12, 12, 12 * HOUR] {
        world.clock.advance(seconds).await.unwrap();
    }
    let (carol, assets) = (world.person(people::CAROL), world.assets(1_500_000));
    let call = Vault::withdrawCall { assets, receiver: carol, owner: carol };
    world.clock.act(carol, vault, call, 60).await.unwrap();
    let bob = world.person(people::BOB);
    let shares = world.shares_of(bob).await.unwrap() / U256::from(3);
    let call = Vault::redeemInKindCall { shares, receiver: bob, owner: bob, skip: Vec::new() };
    world.clock.act(bob, vault, call, 60).await.unwrap();
    for seconds in [12, 12, HOUR, 24 * HOUR] {
        world.clock.advance(seconds).await.unwrap();
    }
    world.dismiss().await.unwrap();
    // The guardian brings part of a strategy back, which is a decision too.
    let (guardian, guard) = (world.person(people::GUARDIAN), world.treasury.guard);
    let assets = world.assets(400_000).to::<u128>();
    let call = IPolicyGuard::pullCall { index: 2, assets, minAssets: U256::ONE };
    world.clock.act(guardian, guard, call, 12).await.unwrap();
    let pulled = world.clock.head.number;
    let last = world.clock.mine(HOUR).await.unwrap().number;

    let facts = world.rebalances().await.unwrap();
    assert!(facts.len() >= 3, "{facts:#?}");
    let mut decided: BTreeMap<u64, Option<String>> =
        facts.iter().map(|fact| (fact.block, Some(fact.decision.to_string()))).collect();
    decided.insert(pulled, None);

    // From before the first deposit, and from the middle on.
    let told = check(&world, &config, world.began_block, last, &decided).await;
    let kinds: Vec<&str> =
        told["flows"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
    let expected =
        ["deposit", "deposit", "deposit", "deposit", "donation", "withdrawal", "in-kind"];
    assert_eq!(kinds, expected);
    assert!(told["holds"].as_array().unwrap().iter().any(|hold| !hold["declined"].is_null()));
    for row in told["decisions"].as_array().unwrap() {
        let is_pull = row["actor"]["kind"] == "guardian";
        assert_eq!(row["action"] == "pull", is_pull);
        assert_eq!(row["reason"].is_string(), !is_pull, "{row}");
        assert_eq!(row["gas_assets"].is_string(), !is_pull, "{row}");
        assert_ne!(number(&row["fee_wei"]), I256::ZERO, "{row}");
    }
    assert_eq!(told["venues"][0]["name"], world.strategies[0].0.as_str());
    let from_middle = check(&world, &config, middle, last, &decided).await;
    assert_ne!(number(&from_middle["result"]["held"]), I256::ZERO);

    // Left to itself it is the vault's whole life, which began with nothing; every form says the same.
    let whole: Value =
        serde_json::from_slice(&report(&config, &["--vault", "treasury", "--json"]).stdout)
            .unwrap();
    assert_eq!(whole["result"], told["result"]);
    assert_eq!(number(&whole["opening"]["assets"]), I256::ZERO);
    let result = number(&told["result"]["result"]);
    check_csv(&String::from_utf8(report(&config, &["--format", "csv"]).stdout).unwrap(), result);
    let text = String::from_utf8(report(&config, &[]).stdout).unwrap();
    assert!(text.contains("Aave Prime") && !text.contains('\u{1b}'), "{text}");
    let page = folder.join("report.html");
    let output = report(&config, &["--format", "html", "--out", page.to_str().unwrap()]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("written to"));
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<figure>").count(), 4);
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));

    let output = Keeper::ask(&config, "report", &["--from", &last.to_string()]).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = Keeper::ask(&config, "report", &["--from", "yesterday"]).unwrap();
    assert_eq!(output.status.code(), Some(2));
}
