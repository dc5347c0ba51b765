//! A chain that is set back after every schedule, with proxies in front of it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy::primitives::{Address, B256, Bytes, U256};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vagus_e2e::{
    anvil::{Anvil, Head},
    checker::{BlockFacts, Era, Subject as Watched},
    trial::Base,
    watch,
    world::World,
};

use crate::{
    keeper,
    plan::Plan,
    proxy::{Proxy, Subject},
};

/// Base fee while nothing is special.
pub(crate) const CALM_WEI: u64 = 1_000_000_000;
/// Seconds between blocks.
pub(crate) const BLOCK_SECONDS: u64 = 12;
/// Blocks before the first one of a schedule: more than any reorganisation takes back.
const BEFORE: u64 = 12;

/// What a stage is given to work with.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where files of journals go.
    pub disk: PathBuf,
    /// Whether that has a disk of its own, which can be filled.
    pub is_small: bool,
    /// Address of a PostgreSQL of its own.
    pub server: Option<String>,
}

/// One world, for one schedule after the other.
#[derive(Debug)]
pub struct Stage {
    pub(crate) world: World,
    pub(crate) plan: Arc<Plan>,
    pub(crate) proxies: [Proxy; 2],
    pub(crate) surroundings: Surroundings,
    pub(crate) watched: Watched,
    pub(crate) eras: Vec<Era>,
    /// The newest block before a schedule.
    pub(crate) start: Head,
    /// What happened before the chain was taken over.
    pub(crate) facts: Vec<BlockFacts>,
    /// The agent's transactions before a schedule.
    pub(crate) first_nonce: u64,
    /// Which fault is awake in the keeper, if it is a copy that has some.
    pub planted: u32,
    kept: U256,
}

impl Stage {
    /// The world of a base once more, on a chain of its own and in a folder of its own.
    ///
    /// # Errors
    /// If the chain does not start.
    pub async fn open(base: &Base, folder: &Path, surroundings: Surroundings) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let world = base.open(folder).await?;
        let kept = world.clock.chain.rpc("evm_snapshot", json!([])).await?;
        let start = lead_in(&world.clock.chain).await?;
        let (chain, plan) = (&world.clock.chain, Arc::new(Plan::default()));
        let subject = Subject { asset: world.venues.asset.address, vault: world.treasury.vault };
        let proxies = [
            Proxy::start(0, &chain.url, plan.clone(), subject).await?,
            Proxy::start(1, &chain.url, plan.clone(), subject).await?,
        ];
        let (watched, eras) = (watch::subject(&world), watch::eras(&world, base.chapters())?);
        let first_nonce = nonce(chain).await?;
        let facts = base.facts().to_vec();
        Ok(Self {
            world,
            plan,
            proxies,
            surroundings,
            watched,
            eras,
            start,
            facts,
            first_nonce,
            planted: 0,
            kept,
        })
    }

    pub(crate) const fn chain(&self) -> &Anvil {
        &self.world.clock.chain
    }

    /// What was noted in the schedule that ran last.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.plan.notes()
    }

    /// The lowest block that a schedule may replace.
    pub(crate) const fn lowest(&self) -> u64 {
        self.start.number - BEFORE + 1
    }

    /// As it was before any schedule.
    pub(crate) async fn reset(&mut self) -> Result<()> {
        self.plan.clear();
        let chain = &self.world.clock.chain;
        let _: Value = chain.rpc("anvil_dropAllTransactions", json!([])).await?;
        let is_back: bool = chain.rpc("evm_revert", json!([self.kept])).await?;
        ensure!(is_back, "the chain was not set back");
        self.kept = chain.rpc("evm_snapshot", json!([])).await?;
        let head = lead_in(chain).await?;
        ensure!(head == self.start, "the chain was set back to {head:?}, not {:?}", self.start);
        Ok(())
    }

    /// Replaces the newest blocks by as many. Whether there were so many.
    pub(crate) async fn replace(&self, depth: u64) -> Result<Option<Vec<Bytes>>> {
        let chain = self.chain();
        let head = chain.head().await?;
        if head.number.saturating_sub(depth) + BEFORE <= self.start.number {
            return Ok(None);
        }
        let mut transactions = Vec::new();
        for number in head.number - depth + 1..=head.number {
            for (hash, _) in self::transactions(chain, number).await? {
                let raw: Option<Bytes> =
                    chain.rpc("eth_getRawTransactionByHash", json!([hash])).await?;
                transactions.extend(raw);
            }
        }
        let _: Value = chain.rpc("anvil_rollback", json!([depth])).await?;
        Ok(Some(transactions))
    }
}

/// A kept state cannot be gone back to from below it: the blocks that may be replaced come after it.
async fn lead_in(chain: &Anvil) -> Result<Head> {
    let mut head = chain.head().await?;
    for _ in 0..BEFORE {
        set_base_fee(chain, CALM_WEI).await?;
        chain.mine_at(head.timestamp + BLOCK_SECONDS).await?;
        head = chain.head().await?;
    }
    Ok(head)
}

pub(crate) async fn set_base_fee(chain: &Anvil, wei: u64) -> Result<()> {
    let _: Value =
        chain.rpc("anvil_setNextBlockBaseFeePerGas", json!([format!("0x{wei:x}")])).await?;
    Ok(())
}

/// The agent's next nonce by the newest block.
pub(crate) async fn nonce(chain: &Anvil) -> Result<u64> {
    let count: U256 =
        chain.rpc("eth_getTransactionCount", json!([keeper::agent()?, "latest"])).await?;
    Ok(count.saturating_to())
}

/// Transactions of a block, and who sent them.
pub(crate) async fn transactions(chain: &Anvil, number: u64) -> Result<Vec<(B256, Address)>> {
    let at = json!([format!("0x{number:x}"), true]);
    let block: Value = chain.rpc("eth_getBlockByNumber", at).await?;
    let list = block["transactions"].as_array().context("a block without a list")?;
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.iter().map(|one| Ok((word(&one["hash"]).parse()?, word(&one["from"]).parse()?))).collect()
}
