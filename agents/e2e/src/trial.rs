//! Trials: a shortened story on a real chain, in which the keeper is killed once, without warning.
//!
//! The world is built once, up to the moment before a keeper is hired, and its chain's state is kept. Each trial
//! starts a chain of its own from that state, so that trials differ in nothing but the kill.

mod base;
mod kill;
mod script;
mod supervisor;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{B256, U256},
    rpc::types::Log,
    sol_types::SolEvent,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vagus_journal::{JournalReader, ReadJournal};

use crate::{
    anvil::CHAIN_ID,
    book::{Book, Recorded},
    checker::{gather, judge},
    keeper::Keeper,
    paths,
    treasury::GuardActs,
    watch,
    world::World,
};

pub use base::Base;
pub use kill::{Kill, KillPlan, Moment, Rhythm};
pub use supervisor::{Death, Supervisor};

/// One execution, from the guard's own event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Decision it carried.
    pub decision: B256,
    /// The guard's nonce of the agent that it used.
    pub nonce: u64,
    /// Block it was mined in.
    pub block: u64,
}

/// All that a trial came to, read from outside the keeper.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What was planned.
    pub plan: KillPlan,
    /// Where config, journal and logs are kept.
    pub folder: PathBuf,
    /// How the keeper ended before it was told to, in order.
    pub deaths: Vec<Death>,
    /// Keepers started after one that had died.
    pub restarts: u32,
    /// Executions in order.
    pub executed: Vec<Executed>,
    /// Closed records of the journal, oldest first.
    pub records: Vec<Recorded>,
    /// Whether every hash and link of the journal is as it should be.
    pub is_intact: bool,
    /// Transactions that the journal holds as not ended.
    pub in_flight: usize,
    /// Transactions of the agent that were mined and reverted.
    pub refusals: u64,
    /// Operations on the vault's capital that the checker saw.
    pub operations: usize,
    /// Broken limits over all blocks, in words.
    pub breaches: Vec<String>,
    /// What `keeper plan --json` said before the exits.
    pub answer: Value,
    /// What each depositor left with, in the asset's smallest unit.
    pub payouts: Vec<(&'static str, U256)>,
    /// Which blocks there were, and at which a rebalance was under way.
    pub rhythm: Rhythm,
    /// Longest time the keeper took for one block.
    pub slowest: Duration,
    /// How long the trial took.
    pub took: Duration,
}

impl Trial {
    /// Plays the story from the kept state with a kill.
    ///
    /// # Errors
    /// If somebody's transaction reverts, or the keeper ends otherwise than planned.
    pub async fn play(base: &Base, plan: KillPlan) -> Result<Self> {
        let started = Instant::now();
        let folder = paths::run_folder("trials")?;
        let mut world = base.open(&folder).await?;
        let hired_at = world.clock.head.number;
        script::hire(&mut world, &plan)?;
        script::work(&mut world).await?;
        world.dismiss().await?;
        let worked_until = world.clock.head.number;
        let answer = ask_for_a_plan(&world)?;
        script::farewell(&mut world).await?;

        let supervisor = world.clock.supervisor.take().context("a trial without a supervisor")?;
        let book = Book::open(&folder).await?;
        let records = book.records().await?;
        let reader = JournalReader::open_read_only(&folder.join("journal.db")).await?;
        let in_flight = reader.transactions_in_flight(CHAIN_ID).await?.len();
        let (breaches, operations) = watched(base, &world).await?;
        let executed = executed(&world).await?;
        let rhythm = Rhythm::of(hired_at, worked_until, &records);
        let trial = Self {
            plan,
            folder,
            deaths: supervisor.deaths().to_vec(),
            restarts: supervisor.restarts(),
            executed,
            records,
            is_intact: book.is_intact().await?,
            in_flight,
            refusals: world.reverted_of(Keeper::agent()?).await?,
            operations,
            breaches,
            answer,
            payouts: script::payouts(&world).await?,
            rhythm,
            slowest: supervisor.slowest(),
            took: started.elapsed(),
        };
        Ok(trial)
    }

    /// One line about it.
    #[must_use]
    pub fn line(&self) -> String {
        let deaths: Vec<String> = self.deaths.iter().map(Death::to_string).collect();
        let ends: Vec<String> = self
            .records
            .iter()
            .filter(|record| !record.is_hold)
            .map(|record| record.outcome.map_or("none".to_owned(), |end| format!("{end:?}")))
            .collect();
        format!(
            "{}: {}; {} restarts, {} rebalances ({}), slowest block {} ms, {}.{} s",
            self.plan,
            if deaths.is_empty() { "nothing died".to_owned() } else { deaths.join(", ") },
            self.restarts,
            self.executed.len(),
            ends.join(", "),
            self.slowest.as_millis(),
            self.took.as_secs(),
            self.took.subsec_millis() / 100,
        )
    }
}

fn ask_for_a_plan(world: &World) -> Result<Value> {
    let output = Keeper::ask(&world.folder.join("keeper.toml"), "plan", &["--json"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "keeper plan ended with {}: {said}", output.status);
    serde_json::from_slice(&output.stdout).context("what keeper plan said is no JSON")
}

/// Breaches over all blocks of the trial and those before it, and how often capital moved.
async fn watched(base: &Base, world: &World) -> Result<(Vec<String>, usize)> {
    let subject = watch::subject(world);
    let mut facts = base.facts().to_vec();
    let first = facts.last().context("a world without blocks")?.number + 1;
    facts.extend(gather(&world.clock.chain, &subject, first, world.clock.head.number).await?);
    let eras = watch::eras(world, base.chapters())?;
    let breaches = judge(&subject, &facts, &eras).iter().map(ToString::to_string).collect();
    Ok((breaches, facts.iter().map(|block| block.operations.len()).sum()))
}

/// What the guard says was executed.
async fn executed(world: &World) -> Result<Vec<Executed>> {
    let filter = json!([{
        "fromBlock": "0x0",
        "address": world.treasury.guard,
        "topics": [GuardActs::Rebalanced::SIGNATURE_HASH],
    }]);
    let logs: Vec<Log> = world.clock.chain.rpc("eth_getLogs", filter).await?;
    let agent = Keeper::agent()?;
    logs.iter()
        .map(|log| {
            let event = GuardActs::Rebalanced::decode_log(&log.inner)?;
            ensure!(event.agent == agent, "{} rebalanced, who is nobody", event.agent);
            let block = log.block_number.context("a log without a block")?;
            Ok(Executed { decision: event.decision, nonce: event.nonce, block })
        })
        .collect()
}
