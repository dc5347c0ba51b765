//! A keeper as a process under load: chains of many vaults, asked through counters, and what each block took.

pub mod bench;
pub mod block;
pub mod soak;
mod tide;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use anyhow::{Context, Result, bail, ensure};

use crate::{
    ask,
    counter::{Asked, Counter},
    keeper::Keeper,
    many::{self, Many},
};
use block::Taken;

/// Longest wait for a keeper to be done with a block.
const PATIENCE: Duration = Duration::from_secs(120);
/// Questions in vain after which it is done.
const POLLS: usize = 3;

/// A running keeper with its chains.
#[derive(Debug)]
pub struct Load<'a> {
    chains: Vec<Watched<'a>>,
    keeper: Keeper,
    /// Where its HTTP listens.
    pub http: String,
    /// Its journal.
    pub journal: PathBuf,
}

#[derive(Debug)]
struct Watched<'a> {
    world: &'a Many,
    counter: Counter,
}

impl<'a> Load<'a> {
    /// Starts a keeper of the first `count` vaults of each world, with a journal of this name in `folder`.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(
        folder: &Path,
        name: &str,
        worlds: &[&'a Many],
        count: usize,
        keep_holds_days: u32,
    ) -> Result<Self> {
        Keeper::keep_key(folder)?;
        let http = ask::free_address().await?;
        let mut text = many::header(name)?;
        text.push_str(&format!(
            "keep_holds_days = {keep_holds_days}\n\n[http]\nlisten = \"{http}\"\n"
        ));
        let mut chains = Vec::new();
        for world in worlds {
            let counter = Counter::start(&world.chain.url).await?;
            text.push_str(&world.section(count, LENS_GAS, &[&counter.url]));
            chains.push(Watched { world, counter });
        }
        let config = folder.join(format!("{name}.toml"));
        std::fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
        // The vaults were filled before there was a keeper.
        let note = ["--note", "the world's own beginning"];
        let adopted = Keeper::ask_under(&config, &["journal", "adopt"], &note)?;
        let said = String::from_utf8_lossy(&adopted.stderr);
        ensure!(adopted.status.success(), "keeper journal adopt: {said}");
        let keeper = Keeper::start_with(&config, folder, &[])?;
        let load = Self { chains, keeper, http, journal: folder.join(format!("{name}.db")) };
        ask::until(&load.http, "/health", 200, PATIENCE).await?;
        // No block may come while it reads the first one: anvil answers a question about its newest block with the state of
        // the next, if that comes meanwhile.
        for chain in &load.chains {
            let head = chain.world.chain.head().await?;
            chain.settled(head.hash, &load.keeper).await?;
        }
        Ok(load)
    }

    /// Mines one block on every chain, so many seconds after the last, and waits until the keeper is done with all of
    /// them. What each took.
    ///
    /// # Errors
    /// If the keeper is not done with them in time.
    pub async fn block(&mut self, seconds: u64) -> Result<Vec<Taken>> {
        let mut heads = Vec::new();
        for Watched { world, .. } in &self.chains {
            let head = world.chain.head().await?;
            world.chain.mine_at(head.timestamp + seconds).await?;
            heads.push(world.chain.head().await?.hash);
        }
        let mut taken = Vec::new();
        for (chain, head) in self.chains.iter().zip(heads) {
            taken.push(chain.settled(head, &self.keeper).await?);
        }
        Ok(taken)
    }

    /// A value of `/proc/<pid>/status` of the keeper, kilobytes.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn kilobytes(&self, name: &str) -> Result<u64> {
        let file = format!("/proc/{}/status", self.keeper.id());
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("{name} in {file}"))
    }

    /// Stops the keeper in good order.
    ///
    /// # Errors
    /// If it does not stop.
    pub fn stop(mut self) -> Result<PathBuf> {
        self.keeper.stop()?;
        Ok(self.journal)
    }
}

/// Gas of one page of the lens, as nodes come.
const LENS_GAS: u64 = 50_000_000;

impl Watched<'_> {
    async fn settled(&self, head: B256, keeper: &Keeper) -> Result<Taken> {
        let began = Instant::now();
        let mut asked: Vec<Asked> = Vec::new();
        loop {
            asked.extend(self.counter.take_timed());
            let polls = asked.iter().rev().take_while(|one| block::is_poll_at(one, head)).count();
            if polls > POLLS {
                return block::taken(&asked, head).context("a block that was never asked for");
            }
            if began.elapsed() > PATIENCE {
                let log = keeper.log().display();
                bail!("the keeper is not done with {head} after {PATIENCE:?}; see {log}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
