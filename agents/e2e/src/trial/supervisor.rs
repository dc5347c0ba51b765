//! Looks after a keeper that is killed: notices its end, leaves the treasury alone for a while, starts another.

use std::{
    fmt,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, U256};
use anyhow::{Result, bail};
use serde_json::json;
use vagus_journal::{JournalReader, ReadJournal};

use super::{Kill, KillPlan, Moment};
use crate::{
    anvil::{Anvil, CHAIN_ID, Head},
    keeper::Keeper,
};

/// How a keeper ended before it was told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// Newest block when it was noticed.
    pub block: u64,
    /// Signal that ended it; none if it ended by itself.
    pub signal: Option<i32>,
    /// What it left in the journal.
    pub left: String,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signal {
            Some(signal) => write!(f, "signal {signal}")?,
            None => write!(f, "ended by itself")?,
        }
        write!(f, " at block {}, which left {}", self.block, self.left)
    }
}

/// Kills as planned, and restarts.
#[derive(Debug)]
pub struct Supervisor {
    config: PathBuf,
    folder: PathBuf,
    /// Deaths that were planned.
    most_deaths: usize,
    /// The kill that is still to come.
    moment: Option<Moment>,
    blocks_down: u64,
    /// Blocks that are still to be mined with nobody there; none while a keeper is.
    down: Option<u64>,
    /// Blocks since the keeper was hired.
    blocks: u64,
    deaths: Vec<Death>,
    restarts: u32,
    /// When the newest block was mined.
    mined: Instant,
    slowest: Duration,
}

impl Supervisor {
    /// For the keeper of a config in a world's folder.
    #[must_use]
    pub fn new(config: &Path, folder: &Path, plan: &KillPlan) -> Self {
        let moment = match plan.kill {
            Kill::Moment { moment, .. } => Some(moment),
            Kill::Never | Kill::At(_) => None,
        };
        Self {
            config: config.to_path_buf(),
            folder: folder.to_path_buf(),
            most_deaths: usize::from(plan.kill != Kill::Never),
            moment,
            blocks_down: plan.blocks_down,
            down: None,
            blocks: 0,
            deaths: Vec::new(),
            restarts: 0,
            mined: Instant::now(),
            slowest: Duration::ZERO,
        }
    }

    /// How keepers ended before they were told to.
    #[must_use]
    pub fn deaths(&self) -> &[Death] {
        &self.deaths
    }

    /// Keepers started after one that had died.
    #[must_use]
    pub const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Longest time a keeper took for a block.
    #[must_use]
    pub const fn slowest(&self) -> Duration {
        self.slowest
    }

    /// A block was mined: if its moment has come the keeper is killed.
    ///
    /// # Errors
    /// If the system refuses.
    pub async fn mined(&mut self, keeper: &mut Keeper) -> Result<()> {
        self.blocks += 1;
        self.mined = Instant::now();
        if let Some(left) = &mut self.down {
            *left = left.saturating_sub(1);
        }
        if self.moment.is_some_and(|moment| moment.block == self.blocks) {
            let moment = self.moment.take();
            tokio::time::sleep(moment.map_or(Duration::ZERO, |moment| moment.delay)).await;
            keeper.kill()?;
        }
        Ok(())
    }

    /// Whether there is nobody to wait for at this block. A keeper found dead is replaced once its time has come.
    ///
    /// # Errors
    /// If it died more often than planned, or cannot be started again.
    pub async fn is_absent(&mut self, keeper: &mut Keeper, head: &Head) -> Result<bool> {
        if self.down.is_none() {
            let Some(status) = keeper.ended()? else { return Ok(false) };
            if self.deaths.len() >= self.most_deaths {
                bail!("the keeper ended unasked ({status}); see {}", keeper.log().display());
            }
            let left = self.left(head).await.unwrap_or_else(|error| format!("{error:#}"));
            self.deaths.push(Death { block: head.number, signal: status.signal(), left });
            self.down = Some(self.blocks_down);
        }
        if self.down.is_some_and(|left| left > 0) {
            return Ok(true);
        }
        *keeper = Keeper::start_with(&self.config, &self.folder, &[])?;
        self.restarts += 1;
        self.down = None;
        self.mined = Instant::now();
        Ok(false)
    }

    /// Whether what the journal holds as sent is in the pool or mined. A restarted keeper hands over again what its
    /// predecessor may not have handed over.
    ///
    /// # Errors
    /// If journal or chain cannot be read.
    pub async fn is_handed_over(&self, chain: &Anvil, agent: Address) -> Result<bool> {
        if self.restarts == 0 {
            return Ok(true);
        }
        let reader = JournalReader::open_read_only(&self.folder.join("journal.db")).await?;
        let highest =
            reader.transactions_in_flight(CHAIN_ID).await?.iter().filter_map(|t| t.nonce).max();
        let Some(highest) = highest else { return Ok(true) };
        let known: U256 = chain.rpc("eth_getTransactionCount", json!([agent, "pending"])).await?;
        Ok(known > U256::from(highest))
    }

    /// The keeper has dealt with the newest block.
    pub fn settled(&mut self) {
        self.slowest = self.slowest.max(self.mined.elapsed());
    }

    /// What a dead keeper left, in words.
    async fn left(&self, head: &Head) -> Result<String> {
        let path = self.folder.join("journal.db");
        if !path.exists() {
            return Ok("no journal".to_owned());
        }
        let reader = JournalReader::open_read_only(&path).await?;
        let mut phases = Vec::new();
        for transaction in reader.transactions_in_flight(CHAIN_ID).await? {
            let phase = &transaction.state["phase"];
            let name = phase.as_str().map(str::to_owned);
            let name = name.or_else(|| phase.as_object()?.keys().next().cloned());
            phases.push(name.unwrap_or_else(|| phase.to_string()));
        }
        let mut decided = None;
        for (chain, vault) in reader.vaults().await? {
            decided = reader.last_decided_block(chain, vault).await?;
        }
        let is_decided = decided.is_some_and(|block| block.hash == head.hash);
        Ok(format!(
            "{} and {}",
            if is_decided { "its decision" } else { "no decision for it" },
            if phases.is_empty() { "nothing in flight".to_owned() } else { phases.join(", ") },
        ))
    }
}
