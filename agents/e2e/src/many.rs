//! Many vaults over eight real strategies, each with a position in every one: two Aave V3 static tokens and six Morpho
//! Blue markets.

use std::path::{Path, PathBuf};

use alloy::{
    hex,
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol,
    sol_types::{SolCall, SolValue},
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vagus_policy::{
    Move, Policy, Rebalance,
    toml::{Context as Names, parse},
};

use crate::{
    anvil::Anvil,
    keeper::Keeper,
    paths,
    treasury::{self, GuardActs, IPolicyGuard, Vault, people},
    venues::{self, Grant, Token, Venues},
};

sol!(
    /// The factory.
    #[allow(missing_docs)]
    ITreasuryFactory,
    "../chain/abi/ITreasuryFactory.json"
);

sol! {
    #[allow(missing_docs)]
    interface HasConduit {
        function conduit() external view returns (address);
    }

    #[allow(missing_docs)]
    struct MarketParams {
        address loanToken;
        address collateralToken;
        address oracle;
        address irm;
        uint256 lltv;
    }
}

/// Strategies of each vault.
pub const STRATEGIES: usize = 8;
/// Whole assets in each vault.
const DEPOSIT: u64 = 80_000;
/// Whole assets that go into each strategy.
const POSITION: u64 = 5_000;
/// Whole assets that others lend in each Morpho market, far more than all vaults together.
pub const SUPPLY: u64 = 100_000_000;
/// So far below the rate model's target that a loan for a day now and then leaves rates where they are over months.
const UTILIZATION_BPS: u32 = 7_500;
/// Gas of a transaction: a vault with its guard takes 19 million.
const TRANSACTION_GAS: u64 = 30_000_000;

/// The world: a chain whose blocks are mined when told to, and its vaults.
#[derive(Debug)]
pub struct Many {
    /// The chain.
    pub chain: Anvil,
    /// Folder of the world.
    pub folder: PathBuf,
    /// File that names all vaults.
    pub deployment: PathBuf,
    /// The vaults.
    pub vaults: Vec<Address>,
    /// The markets below them.
    pub venues: Venues,
}

impl Many {
    /// Builds it.
    ///
    /// # Errors
    /// If a deployment fails.
    pub async fn build(folder: &Path, count: usize) -> Result<Self> {
        Self::build_on(Anvil::start(folder).await?, folder, count).await
    }

    /// The same on a chain that was just started.
    ///
    /// # Errors
    /// If a deployment fails.
    pub async fn build_on(chain: Anvil, folder: &Path, count: usize) -> Result<Self> {
        let assets = DEPOSIT * count as u64;
        let grant = Grant { account: people::ALICE as u32, assets };
        let venues = venues::deploy_file(&chain, &world()?, &[grant], folder)?;
        let (_, deployment) = treasury::deploy(&chain, &venues, folder)?;
        let strategies = strategies(&chain, &venues).await?;
        let entries = vaults(&chain, &deployment, count).await?;
        let policy = policy(&venues, &strategies)?;
        govern(&chain, &entries, &policy).await?;
        for entry in &entries {
            deposit(&chain, entry, &venues).await?;
        }
        // Capital seasons for an hour, and the references are as young as the positions.
        advance(&chain, 7_200).await?;
        for entry in &entries {
            place(&chain, entry, &venues).await?;
        }
        chain.take_clock().await?;
        let vaults = entries.iter().map(|entry| entry.vault).collect();
        Ok(Self { chain, folder: folder.to_path_buf(), deployment, vaults, venues })
    }

    /// A keeper's configuration for the first vaults, asking these endpoints.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn configure(&self, count: usize, lens_gas: u64, endpoints: &[&str]) -> Result<PathBuf> {
        let mut text = header(&format!("journal-{count}-{lens_gas}"))?;
        text.push_str(&self.section(count, lens_gas, endpoints));
        let file = self.folder.join(format!("keeper-{count}-{lens_gas}.toml"));
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        Ok(file)
    }

    /// What such a configuration says of this chain and its first vaults.
    #[must_use]
    pub fn section(&self, count: usize, lens_gas: u64, endpoints: &[&str]) -> String {
        let (id, symbol) = (self.chain.chain_id, &self.venues.asset.symbol);
        let mut text = format!(
            r#"
[[chains]]
name = "local-{id}"
chain_id = {id}

[chains.profile]
block_seconds = 12
finality = "tag"
reorg_window = 64
fee_model = "l1"
deadline_seconds = 300
poll_ms = 1
lens_gas = {lens_gas}

[chains.fees]
max_fee_gwei = "60"
priority_fee_gwei = "1"
cancel_max_fee_gwei = "120"
"#
        );
        for url in endpoints {
            text.push_str(&format!("\n[[chains.endpoints]]\nurl = \"{url}\"\n"));
        }
        for (place, vault) in self.vaults.iter().take(count).enumerate() {
            text.push_str(&format!(
                r#"
[[vaults]]
name = "v{id}-{place}"
chain = "local-{id}"
deployment = "{deployment}"
vault = "{vault}"
smallest_move = "1000 {symbol}"
native_price = {{ source = "fixed", assets_per_native = "3000 {symbol}" }}
gas = {{ base = 250_000, leg = 350_000, limit = 6_000_000 }}
"#,
                deployment = self.deployment.display(),
            ));
        }
        text
    }
}

/// Beginning of a keeper's configuration: the play key, and a journal of this name.
///
/// # Errors
/// Never in practice: the key is fixed.
pub fn header(journal: &str) -> Result<String> {
    let agent = Keeper::agent()?;
    Ok(format!(
        r#"[agent]
address = "{agent}"
keystore = "agent.keystore"
password_file = "agent.password"

[journal]
url = "sqlite:{journal}.db"
"#
    ))
}

/// The demo's world with six Morpho markets instead of one.
fn world() -> Result<Value> {
    let file = paths::root().join("venues/worlds/demo.json");
    let mut world: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let market = world["morpho"][0].clone();
    world["morpho"] = (1..=STRATEGIES - 2)
        .map(|number| {
            let mut market = market.clone();
            market["name"] = format!("WETHW/USDW {number}").into();
            market["supply"] = json!([SUPPLY, SUPPLY]);
            market["utilizationBps"] = json!([UTILIZATION_BPS, UTILIZATION_BPS]);
            market
        })
        .collect();
    Ok(world)
}

/// Creation code from the build.
fn creation_code(contract: &str) -> Result<Vec<u8>> {
    let file = paths::root().join(format!("out/{contract}.sol/{contract}.json"));
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("reading {}; run `make contracts` first", file.display()))?;
    let artefact: Value = serde_json::from_str(&text)?;
    let code = artefact["bytecode"]["object"].as_str().context("an artefact without code")?;
    Ok(hex::decode(code)?)
}

async fn transact(chain: &Anvil, from: Address, to: Option<Address>, data: Bytes) -> Result<Value> {
    let mut transaction = json!({ "from": from, "data": data, "gas": U256::from(TRANSACTION_GAS) });
    if let Some(to) = to {
        transaction["to"] = json!(to);
    }
    let hash: B256 = chain.rpc("eth_sendTransaction", json!([transaction])).await?;
    // A block of its own for each comes with the transaction; anvil is a moment late now and then.
    for _ in 0..200 {
        let receipt: Value = chain.rpc("eth_getTransactionReceipt", json!([hash])).await?;
        if !receipt.is_null() {
            ensure!(receipt["status"] == "0x1", "a transaction to {to:?} reverted: {receipt}");
            return Ok(receipt);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    anyhow::bail!("transaction {hash} was not mined")
}

async fn strategies(chain: &Anvil, venues: &Venues) -> Result<Vec<(Address, u8)>> {
    let mut addresses: Vec<Address> = venues.aave.iter().map(|market| market.stata_token).collect();
    let deployer = chain.accounts[people::DEPLOYER];
    let code = creation_code("MorphoBlueStrategy")?;
    for market in &venues.morpho {
        let terms = &market.market_params;
        let params = MarketParams {
            loanToken: terms.loan_token,
            collateralToken: terms.collateral_token,
            oracle: terms.oracle,
            irm: terms.irm,
            lltv: terms.lltv.parse()?,
        };
        let arguments = (market.morpho, params, market.name.clone(), "mUSDW".to_owned());
        let data = [code.clone(), arguments.abi_encode_params()].concat();
        let receipt = transact(chain, deployer, None, data.into()).await?;
        let address = receipt["contractAddress"].as_str().context("a receipt without address")?;
        addresses.push(address.parse()?);
    }
    ensure!(addresses.len() == STRATEGIES, "{} strategies", addresses.len());
    let mut strategies = Vec::new();
    for address in addresses {
        strategies.push((address, chain.call(address, Token::decimalsCall {}).await?));
    }
    Ok(strategies)
}

struct Entry {
    vault: Address,
    guard: Address,
    timelock: Address,
}

/// As many vaults by the deployed factory, with the parameters of the first one; the deployment file names all of them.
async fn vaults(chain: &Anvil, deployment: &Path, count: usize) -> Result<Vec<Entry>> {
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(deployment)?)?;
    let first = file["vaults"][0].clone();
    let account = |key: &str| -> Result<Address> {
        first[key].as_str().with_context(|| format!("no {key}"))?.parse().context("an address")
    };
    let (factory, timelock) = (account("factory")?, account("timelock")?);
    let (guardian, asset) = (account("guardian")?, account("asset")?);
    let (vault_code, guard_code) = (creation_code("TreasuryVault")?, creation_code("PolicyGuard")?);
    let ceilings: vagus_policy::Ceilings = serde_json::from_value(first["ceilings"].clone())?;
    let mut entries = vec![Entry { vault: account("vault")?, guard: account("guard")?, timelock }];
    let mut named = vec![first.clone()];
    for number in 1..count {
        let parameters = ITreasuryFactory::TreasuryParameters {
            asset,
            name: format!("Treasury {number}"),
            symbol: format!("T{number}"),
            decimalsOffset: 6,
            owner: timelock,
            guardian,
            ceilings: ITreasuryFactory::Ceilings {
                maxTurnoverBps: ceilings.max_turnover_bps,
                maxLossBps: ceilings.max_loss_bps,
                minWindowSeconds: ceilings.min_window_seconds,
                minPolicyDelaySeconds: ceilings.min_policy_delay_seconds,
                maxPolicyDelaySeconds: ceilings.max_policy_delay_seconds,
                maxManagementFeeBps: ceilings.max_management_fee_bps,
                maxPerformanceFeeBps: ceilings.max_performance_fee_bps,
                graceSeconds: ceilings.grace_seconds,
            },
            salt: keccak256(number.to_be_bytes()),
        };
        let predicted = ITreasuryFactory::predictCall { parameters: parameters.clone() };
        let predicted = chain.call(factory, predicted).await?;
        let deployer = chain.accounts[people::DEPLOYER];
        let call = ITreasuryFactory::deployVaultCall {
            parameters: parameters.clone(),
            vaultCode: vault_code.clone().into(),
        };
        transact(chain, deployer, Some(factory), call.abi_encode().into()).await?;
        let call =
            ITreasuryFactory::deployGuardCall { parameters, guardCode: guard_code.clone().into() };
        transact(chain, deployer, Some(factory), call.abi_encode().into()).await?;
        let (vault, guard) = (predicted.vault, predicted.guard);
        let conduit = chain.call(vault, HasConduit::conduitCall {}).await?;
        let mut entry = first.clone();
        for (what, address) in [("vault", vault), ("guard", guard), ("conduit", conduit)] {
            let code: Bytes = chain.rpc("eth_getCode", json!([address, "latest"])).await?;
            entry[what] = json!(address);
            entry["codeHashes"][what] = json!(keccak256(code));
        }
        named.push(entry);
        entries.push(Entry { vault, guard, timelock });
    }
    file["vaults"] = named.into();
    std::fs::write(deployment, serde_json::to_string_pretty(&file)?)?;
    Ok(entries)
}

/// A policy that lists all strategies and lets the agent move once a day.
fn policy(venues: &Venues, strategies: &[(Address, u8)]) -> Result<Policy> {
    let symbol = &venues.asset.symbol;
    let mut names =
        Names::new(symbol.clone(), venues.asset.decimals).with_account("keeper", Keeper::agent()?);
    let mut text = format!(
        r#"schema_version = 1
[limits]
mode = "active"
cooldown = "1d"
window = "1d"
max_turnover = "100 %"
max_loss = "0.2 %"
min_idle = "5 %"
max_growth = "0.5 %"
max_drawdown = "2 %"
entry_halt = "1d"
seasoning = "1h"
max_nav_age = "1h"
policy_delay = "1d"
deposit_cap = "20_000_000 {symbol}"
"#
    );
    for (place, (address, decimals)) in strategies.iter().enumerate() {
        names = names.with_strategy(format!("s{place}"), *address, *decimals);
        text.push_str(&format!(
            r#"
[[strategies]]
strategy = "s{place}"
max_weight = "60 %"
cap = "8_000_000 {symbol}"
price_band = "1 %"
reference = {{ assets = "1 {symbol}", shares = "1" }}
"#
        ));
    }
    let scope: Vec<String> = (0..strategies.len()).map(|place| format!("\"s{place}\"")).collect();
    text.push_str(&format!(
        r#"
[[agents]]
agent = "keeper"
expires = "2036-06-30"
scope = [{}]
max_turnover = "100 %"
max_loss = "0.1 %"

[objective]
kind = "yield"
hurdle = "0.01 %"
horizon = "30d"
"#,
        scope.join(", ")
    ));
    Ok(parse(&text, "many.toml", &names)?)
}

async fn advance(chain: &Anvil, seconds: u64) -> Result<()> {
    let head = chain.head().await?;
    chain.mine_at(head.timestamp + seconds).await
}

async fn impersonate(chain: &Anvil, account: Address) -> Result<()> {
    let _: Value = chain.rpc("anvil_impersonateAccount", json!([account])).await?;
    chain.fund(account, U256::from(10u8).pow(U256::from(20u8))).await
}

/// Puts the policy in force everywhere, as the timelock would.
async fn govern(chain: &Anvil, entries: &[Entry], policy: &Policy) -> Result<()> {
    let encoding = vagus_policy::encode(policy);
    let submit = [&IPolicyGuard::submitPolicyCall::SELECTOR[..], &encoding].concat();
    let activate = [&IPolicyGuard::activatePolicyCall::SELECTOR[..], &encoding].concat();
    for entry in entries {
        impersonate(chain, entry.timelock).await?;
        transact(chain, entry.timelock, Some(entry.guard), submit.clone().into()).await?;
    }
    if let Some(first) = entries.first() {
        let delay = chain.call(first.guard, GuardActs::policyDelaySecondsCall {}).await?;
        advance(chain, delay.into()).await?;
    }
    for entry in entries {
        transact(chain, entry.timelock, Some(entry.guard), activate.clone().into()).await?;
    }
    Ok(())
}

async fn deposit(chain: &Anvil, entry: &Entry, venues: &Venues) -> Result<()> {
    let who = chain.accounts[people::ALICE];
    let assets = U256::from(DEPOSIT) * U256::from(10u8).pow(U256::from(venues.asset.decimals));
    let approve = Token::approveCall { spender: entry.vault, value: assets };
    transact(chain, who, Some(venues.asset.address), approve.abi_encode().into()).await?;
    let deposit = Vault::depositCall { assets, receiver: who };
    transact(chain, who, Some(entry.vault), deposit.abi_encode().into()).await?;
    Ok(())
}

/// Takes a position in every strategy, as the agent.
async fn place(chain: &Anvil, entry: &Entry, venues: &Venues) -> Result<()> {
    let agent = Keeper::agent()?;
    impersonate(chain, agent).await?;
    let unit = 10u128.pow(venues.asset.decimals.into());
    let state = chain.call(entry.guard, IPolicyGuard::guardStateCall {}).await?;
    let head = chain.head().await?;
    let rebalance = Rebalance {
        policy_version: state.policyVersion,
        nonce: 0,
        vault_count: state.rebalanceCount,
        deadline: head.timestamp + 86_400,
        decision: B256::ZERO,
        moves: (0..STRATEGIES as u8)
            .map(|index| Move { index, is_deposit: true, assets: u128::from(POSITION) * unit })
            .collect(),
    };
    let data = vagus_chain::guard::encode_rebalance(&rebalance);
    transact(chain, agent, Some(entry.guard), data).await?;
    Ok(())
}
