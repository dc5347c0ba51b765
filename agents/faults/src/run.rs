//! A schedule from its first block until everything has ended.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

use alloy::primitives::Bytes;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use vagus_e2e::{
    anvil::{CHAIN_ID, Head},
    venues,
};
use vagus_journal::{JournalReader, ReadJournal as _};
use vagus_keeper::exit::Exit;
use vagus_schedules::{Finding, Ran};

use crate::{
    check::{self, Checked},
    keeper::{self, Hired, LEASE_SECONDS},
    plan::View,
    schedule::{Crash, FINALITY, Pool, Schedule, StoreKind, What},
    stage::{BLOCK_SECONDS, CALM_WEI, Stage, set_base_fee},
    store::Store,
};

/// Blocks after the last event within which everything has to have ended.
const TAIL: u64 = 40;
/// Time that the keeper has for a block while things go wrong, and while a question waits for an answer.
const PATIENCE: Duration = Duration::from_millis(700);
/// And while nobody could be done in time.
const LITTLE_PATIENCE: Duration = Duration::from_millis(150);
/// And when everything goes well, on a busy machine.
const LONG_PATIENCE: Duration = Duration::from_secs(20);
/// Starts of the keeper in one schedule.
const MOST_STARTS: usize = 12;

/// What was seen on the way.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Why the keeper stopped by itself, where that is wrong.
    pub(crate) stops: BTreeSet<String>,
    /// Blocks of the end that the keeper was not done with.
    pub(crate) stuck: Vec<u64>,
    /// Whether everything in flight ended.
    pub(crate) is_over: bool,
}

/// What ends at a block.
enum End {
    View(usize),
    Spike,
    Full,
    Pause,
}

struct Play<'a> {
    stage: &'a mut Stage,
    schedule: &'a Schedule,
    store: Store,
    reader: Option<JournalReader>,
    config: PathBuf,
    keeper: Option<Hired>,
    crashes: VecDeque<Crash>,
    starts: usize,
    accepts_rewrite: bool,
    /// Whether the journal could not be written while the keeper ran that runs now.
    had_bad_journal: bool,
    ends: BTreeMap<u64, Vec<End>>,
    base_fee_wei: u64,
    seconds: u64,
    head: Head,
    seen: Seen,
    logs: Vec<PathBuf>,
}

/// Runs a schedule on a stage, which is as before at its start.
///
/// # Errors
/// If chain, database or system fail on their own.
pub async fn play(stage: &mut Stage, schedule: &Schedule) -> Result<Ran> {
    stage.reset().await?;
    let name = format!("faults_{}", schedule.seed);
    let surroundings = &stage.surroundings;
    let store = match (schedule.store, &surroundings.server) {
        (StoreKind::Postgres, Some(server)) => Store::postgres(server, &name).await?,
        _ => Store::sqlite(surroundings.disk.clone(), surroundings.is_small, &name),
    };
    let config = stage.world.folder.join(format!("{name}.toml"));
    let urls: Vec<&str> =
        stage.proxies.iter().take(schedule.endpoints).map(|proxy| proxy.url.as_str()).collect();
    keeper::configure(&stage.world, &store.url, &urls, schedule.quorum, &config)?;
    let head = stage.start;
    let play = Play {
        stage,
        schedule,
        store,
        reader: None,
        config,
        keeper: None,
        crashes: schedule.crashes.iter().cloned().collect(),
        starts: 0,
        accepts_rewrite: false,
        had_bad_journal: false,
        ends: BTreeMap::new(),
        base_fee_wei: CALM_WEI,
        seconds: BLOCK_SECONDS,
        head,
        seen: Seen::default(),
        logs: Vec::new(),
    };
    play.run().await
}

impl Play<'_> {
    async fn run(mut self) -> Result<Ran> {
        for block in 0..self.schedule.blocks {
            self.end(block).await?;
            for event in self.schedule.events.iter().filter(|event| event.block == block) {
                self.happen(block, &event.what).await?;
            }
            let patience = if self.is_hopeless() { LITTLE_PATIENCE } else { PATIENCE };
            self.look(patience).await?;
            self.mine().await?;
        }
        self.recover().await?;
        for tail in 0..TAIL {
            self.look(LONG_PATIENCE).await?;
            if tail > FINALITY && self.seen.is_over {
                break;
            }
            self.mine().await?;
        }
        self.look(LONG_PATIENCE).await?;
        if let Some(mut keeper) = self.keeper.take()
            && let Err(error) = keeper.stop()
        {
            self.seen.stops.insert(error.to_string());
        }
        let checked = match self.store.reader().await {
            Some(reader) => check::all(self.stage, self.schedule, &reader, &self.seen).await?,
            None => {
                let unread = "the journal cannot be read at the end".to_owned();
                Checked { findings: vec![Finding(unread)], ..Checked::default() }
            }
        };
        let Checked { findings, executed, told } = checked;
        self.reader = None;
        self.store.remove().await?;
        if findings.is_empty() {
            self.logs.iter().chain([&self.config]).for_each(|file| {
                let _ = std::fs::remove_file(file);
            });
        }
        let plan = &self.stage.plan;
        Ok(Ran {
            findings,
            met: plan.met().into_iter().chain(told).collect(),
            executed,
            had_in_flight: plan.was_in_flight(),
            restarts: self.starts.saturating_sub(1) as u64,
            trace: alloy::primitives::B256::ZERO,
            calls: plan.calls(),
        })
    }

    async fn end(&mut self, block: u64) -> Result<()> {
        for end in self.ends.remove(&block).unwrap_or_default() {
            self.undo(end).await?;
        }
        Ok(())
    }

    async fn undo(&mut self, end: End) -> Result<()> {
        match end {
            End::View(endpoint) => self.stage.plan.set_view(endpoint, View::Whole),
            End::Spike => self.base_fee_wei = CALM_WEI,
            End::Full if self.store.is_full && !self.store.is_paused => self.store.free().await?,
            End::Pause if self.store.is_paused => self.store.resume().await?,
            End::Full | End::Pause => {}
        }
        Ok(())
    }

    /// From here on everything goes well.
    async fn recover(&mut self) -> Result<()> {
        self.stage.plan.disarm();
        self.base_fee_wei = CALM_WEI;
        self.undo(End::Pause).await?;
        self.undo(End::Full).await?;
        self.ends.clear();
        Ok(())
    }

    fn later(&mut self, block: u64, blocks: u64, end: End) {
        self.ends.entry(block.saturating_add(blocks)).or_default().push(end);
    }

    /// Whether no keeper could be done with a block.
    fn is_hopeless(&self) -> bool {
        let is_deaf = |endpoint| !matches!(self.stage.plan.view(endpoint), View::Whole);
        self.store.is_paused || self.store.is_full || (0..self.schedule.endpoints).all(is_deaf)
    }

    async fn happen(&mut self, block: u64, what: &What) -> Result<()> {
        let plan = self.stage.plan.clone();
        let mut kind = what.kind();
        let is_counted = match what {
            What::Answer { endpoint, method, nth, fault } => {
                plan.arm(*endpoint, method, *nth, *fault);
                false
            }
            What::Lags { endpoint, depth, blocks } => {
                self.see(block, *endpoint, View::Behind(*depth), *blocks);
                true
            }
            What::StandsStill { endpoint, blocks } => {
                self.see(block, *endpoint, View::UpTo(self.head.number), *blocks);
                true
            }
            What::Silent { endpoint, blocks } => {
                self.see(block, *endpoint, View::Silent, *blocks);
                true
            }
            What::Down { endpoint, blocks } => {
                self.see(block, *endpoint, View::Down, *blocks);
                true
            }
            What::Reorganised { depth, pool } => self.reorganise(*depth, *pool).await?,
            What::FeeSpike { factor, blocks } => {
                self.base_fee_wei = CALM_WEI.saturating_mul(*factor);
                self.later(block, *blocks, End::Spike);
                true
            }
            What::Full { blocks } => {
                self.later(block, *blocks, End::Full);
                // A database that no keeper has set up has nothing to fill.
                !self.store.is_full && self.reader().await.is_some() && self.store.fill().await?
            }
            What::Paused { blocks } => {
                self.later(block, *blocks, End::Pause);
                kind = self.store.pause_kind().to_owned();
                !self.store.is_paused && self.store.pause().await?
            }
            What::RatesTurn => {
                let loan = self.stage.world.assets(2_200_000);
                let (chain, venues) = (self.stage.chain(), &self.stage.world.venues);
                venues::borrow_aave(chain, venues, 1, loan).await?;
                self.seconds = 2_000;
                true
            }
        };
        if is_counted {
            plan.meet(kind);
        }
        Ok(())
    }

    fn see(&mut self, block: u64, endpoint: usize, view: View, blocks: u64) {
        self.stage.plan.set_view(endpoint, view);
        self.later(block, blocks, End::View(endpoint));
    }

    /// The branch that wins is at least as long.
    async fn reorganise(&mut self, depth: u64, pool: Pool) -> Result<bool> {
        let Some(transactions) = self.stage.replace(depth).await? else { return Ok(false) };
        self.head = self.stage.chain().head().await?;
        // Not the same block again.
        self.seconds = BLOCK_SECONDS + 1;
        if pool == Pool::AtOnce {
            self.give_back(&transactions).await;
        }
        for _ in 0..depth {
            self.mine().await?;
        }
        if pool == Pool::Later {
            self.give_back(&transactions).await;
        }
        Ok(true)
    }

    async fn give_back(&self, transactions: &[Bytes]) {
        for raw in transactions {
            // One that does not fit any more is forgotten.
            let _: Result<Value> =
                self.stage.chain().rpc("eth_sendRawTransaction", json!([raw])).await;
        }
    }

    async fn mine(&mut self) -> Result<()> {
        let chain = self.stage.chain();
        for request in self.stage.plan.arriving() {
            let _: Result<Value> =
                chain.rpc("eth_sendRawTransaction", request["params"].clone()).await;
        }
        // It is never the same twice in a row.
        let swing = self.head.number % 5 * (self.base_fee_wei / 64);
        set_base_fee(chain, self.base_fee_wei + swing).await?;
        chain.mine_at(self.head.timestamp + self.seconds).await?;
        self.head = chain.head().await?;
        self.seconds = BLOCK_SECONDS;
        Ok(())
    }

    async fn reader(&mut self) -> Option<&JournalReader> {
        if self.reader.is_none() {
            self.reader = self.store.reader().await;
        }
        self.reader.as_ref()
    }

    /// Lets the keeper work until it is done with the newest block, and starts it again when it has ended.
    async fn look(&mut self, patience: Duration) -> Result<()> {
        if self.keeper.is_none() && !self.start().await? {
            return Ok(());
        }
        let began = Instant::now();
        loop {
            self.had_bad_journal |= self.store.is_paused || self.store.is_full;
            if let Some(status) = self.keeper.as_mut().context("a keeper")?.ended()? {
                return self.died(status).await;
            }
            if self.is_done().await {
                return Ok(());
            }
            if began.elapsed() > patience {
                if patience == LONG_PATIENCE {
                    self.seen.stuck.push(self.head.number);
                }
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    }

    async fn start(&mut self) -> Result<bool> {
        if self.starts >= MOST_STARTS {
            return Ok(false);
        }
        self.starts += 1;
        self.had_bad_journal = false;
        let log = self.config.with_extension(format!("{}.log", self.starts));
        self.logs.push(log.clone());
        let accepts = std::mem::take(&mut self.accepts_rewrite);
        let (crash, planted) = (self.crashes.front(), self.stage.planted);
        self.keeper = Some(Hired::start(&self.config, log, crash, accepts, planted)?);
        Ok(true)
    }

    /// Whether the journal has a decision for the newest block, and nothing that is still to be sent.
    async fn is_done(&mut self) -> bool {
        if self.store.is_paused && self.schedule.store == StoreKind::Postgres {
            return false;
        }
        let (vault, hash) = (self.stage.world.treasury.vault, self.head.hash);
        let plan = self.stage.plan.clone();
        let Some(reader) = self.reader().await else { return false };
        let asked = tokio::time::timeout(Duration::from_secs(1), async {
            let flying = reader.transactions_in_flight(CHAIN_ID).await?;
            let decided = reader.last_decided_block(CHAIN_ID, vault).await?;
            vagus_journal::Result::Ok((flying, decided))
        });
        let Ok(Ok((flying, decided))) = asked.await else {
            self.reader = None;
            return false;
        };
        plan.set_in_flight(!flying.is_empty());
        let is_decided = decided.is_some_and(|block| block.hash == hash);
        let is_sent = |state: &Value| {
            !["intended", "claimed", "signed"].iter().any(|phase| state["phase"] == *phase)
        };
        self.seen.is_over = is_decided && flying.is_empty();
        is_decided && flying.iter().all(|transaction| is_sent(&transaction.state))
    }

    /// It is started again when the next block is there.
    async fn died(&mut self, status: ExitStatus) -> Result<()> {
        let keeper = self.keeper.take().context("a keeper")?;
        self.store.let_leases_run_out((LEASE_SECONDS + 1) * 1_000).await?;
        if status.signal() == Some(9) {
            match self.crashes.pop_front() {
                Some(crash) => self.stage.plan.meet(format!("crash {}", crash.place)),
                None => {
                    self.seen.stops.insert("it was killed by nobody".to_owned());
                }
            }
            return Ok(());
        }
        let words = keeper.last_words();
        let is = |exit: Exit| status.code() == Some(i32::from(exit.number()));
        // One that cannot start is started again by its service manager. One that works ends for nothing of this.
        let is_start = !keeper.has_worked();
        let is_shut = ["cannot be opened", "not writable"].iter().any(|part| words.contains(part));
        let is_unheard = is(Exit::Unreachable) || is(Exit::Internal) || is(Exit::Deployment);
        if is(Exit::ChainRewritten) && self.schedule.has_rewritten() {
            self.accepts_rewrite = true;
        } else if (is_start && is_unheard && self.schedule.has_bad_endpoints())
            || (is_start && is(Exit::Journal) && self.had_bad_journal && is_shut)
        {
            self.stage.plan.note(&words);
        } else {
            self.seen.stops.insert(format!("{status}: {words}"));
        }
        Ok(())
    }
}
