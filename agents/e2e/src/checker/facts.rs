//! What happened, block by block, as tokens and venues tell it.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::Log,
    sol,
    sol_types::SolEvent,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::anvil::Anvil;

sol! {
    /// EIP-20 and EIP-4626, as far as the checker reads them.
    #[allow(missing_docs)]
    interface Standard {
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
        event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function convertToAssets(uint256 shares) external view returns (uint256);
        function totalSupply() external view returns (uint256);
    }
}

/// What is watched.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The vault.
    pub vault: Address,
    /// Its guard: where a mandate is used.
    pub guard: Address,
    /// Holder of the allowances to strategies.
    pub conduit: Address,
    /// The asset.
    pub asset: Address,
    /// Every strategy that any policy names.
    pub strategies: Vec<Address>,
}

/// One move of capital inside an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Venue.
    pub strategy: Address,
    /// Into it or out of it.
    pub is_deposit: bool,
    /// Amount by the venue's own event.
    pub assets: U256,
}

/// A transaction that moved the vault's capital.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Transaction.
    pub hash: B256,
    /// Who sent it.
    pub sender: Address,
    /// Contract it was sent to.
    pub to: Address,
    /// What moved.
    pub legs: Vec<Leg>,
}

/// State after a block, and what happened in it.
#[derive(Clone, Debug)]
pub struct BlockFacts {
    /// Height.
    pub number: u64,
    /// Unix time.
    pub timestamp: u64,
    /// The vault's balance of the asset.
    pub idle: U256,
    /// The conduit's balance of the asset.
    pub in_conduit: U256,
    /// By strategy: the vault's shares and their value by the venue's own word.
    pub positions: BTreeMap<Address, (U256, U256)>,
    /// By strategy: what the vault lets it take.
    pub allowances: BTreeMap<Address, U256>,
    /// Capital moved by someone who is not leaving.
    pub operations: Vec<Operation>,
    /// Whether a depositor entered, left, or shares were burned.
    pub has_flows: bool,
    /// Whether a depositor entered.
    pub has_entries: bool,
    /// Asset or strategy shares that left the vault for somebody who is neither strategy, conduit nor a leaver.
    pub strays: Vec<(Address, Address, U256)>,
}

impl BlockFacts {
    /// Idle and all positions.
    #[must_use]
    pub fn total(&self) -> U256 {
        self.positions.values().fold(self.idle, |sum, (_, value)| sum + value)
    }

    /// Value of one position.
    #[must_use]
    pub fn value(&self, strategy: Address) -> U256 {
        self.positions.get(&strategy).map(|(_, value)| *value).unwrap_or_default()
    }
}

/// Reads the blocks of a range, both ends included.
///
/// # Errors
/// If the chain does not answer for one of them.
pub async fn gather(
    chain: &Anvil,
    subject: &Subject,
    first: u64,
    last: u64,
) -> Result<Vec<BlockFacts>> {
    let mut facts = Vec::new();
    for number in first..=last {
        facts.push(
            at_block(chain, subject, number).await.with_context(|| format!("block {number}"))?,
        );
    }
    Ok(facts)
}

async fn at_block(chain: &Anvil, subject: &Subject, number: u64) -> Result<BlockFacts> {
    let tag = json!(format!("0x{number:x}"));
    let vault = subject.vault;
    let balance = |token: Address, account: Address| {
        chain.call_at(token, Standard::balanceOfCall { account }, tag.clone())
    };
    let mut positions = BTreeMap::new();
    let mut allowances = BTreeMap::new();
    for strategy in &subject.strategies {
        let shares = balance(*strategy, vault).await?;
        let value =
            chain.call_at(*strategy, Standard::convertToAssetsCall { shares }, tag.clone()).await?;
        positions.insert(*strategy, (shares, value));
        let call = Standard::allowanceCall { owner: vault, spender: *strategy };
        allowances.insert(*strategy, chain.call_at(subject.asset, call, tag.clone()).await?);
    }
    let mut facts = BlockFacts {
        number,
        timestamp: chain.block(tag.clone()).await?.timestamp,
        idle: balance(subject.asset, vault).await?,
        in_conduit: balance(subject.asset, subject.conduit).await?,
        positions,
        allowances,
        operations: Vec::new(),
        has_flows: false,
        has_entries: false,
        strays: Vec::new(),
    };
    let receipts: Vec<Value> = chain.rpc("eth_getBlockReceipts", json!([tag])).await?;
    for receipt in receipts {
        read_receipt(subject, &receipt, &mut facts)?;
    }
    Ok(facts)
}

fn read_receipt(subject: &Subject, receipt: &Value, facts: &mut BlockFacts) -> Result<()> {
    let logs: Vec<Log> =
        serde_json::from_value(receipt["logs"].clone()).context("logs of a receipt")?;
    let vault = subject.vault;
    let mut legs: Vec<Leg> = Vec::new();
    let mut burned = false;
    let mut entered = false;
    let mut left: Vec<(Address, Address, U256)> = Vec::new();
    for log in &logs {
        let from_venue = log.address() != vault && log.address() != subject.asset;
        if let Ok(event) = Standard::Transfer::decode_log(&log.inner) {
            if log.address() == vault {
                burned |= event.to.is_zero();
                entered |= event.from.is_zero();
            } else if event.from == vault
                && !event.to.is_zero()
                && event.to != subject.conduit
                && (log.address() == subject.asset || subject.strategies.contains(&log.address()))
            {
                left.push((log.address(), event.to, event.value));
            }
        } else if let Some(leg) = leg_of(log).filter(|_| from_venue).filter(|leg| leg.0 == vault) {
            legs.push(leg.1);
        }
    }
    facts.has_flows |= burned || entered;
    facts.has_entries |= entered;
    if !burned {
        facts.strays.extend(left);
        if !legs.is_empty() {
            let field = |key: &str| -> Result<Address> {
                receipt[key].as_str().unwrap_or_default().parse().context("address of a receipt")
            };
            facts.operations.push(Operation {
                hash: receipt["transactionHash"].as_str().unwrap_or_default().parse()?,
                sender: field("from")?,
                to: field("to")?,
                legs,
            });
        }
    }
    Ok(())
}

/// The move that an EIP-4626 event tells of, with the owner of the shares.
fn leg_of(log: &Log) -> Option<(Address, Leg)> {
    let strategy = log.address();
    if let Ok(event) = Standard::Deposit::decode_log(&log.inner) {
        return Some((event.owner, Leg { strategy, is_deposit: true, assets: event.assets }));
    }
    let event = Standard::Withdraw::decode_log(&log.inner).ok()?;
    Some((event.owner, Leg { strategy, is_deposit: false, assets: event.assets }))
}
