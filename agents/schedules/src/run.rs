//! A schedule from its first block until everything has ended.

mod happen;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::Arc,
    time::Duration,
};

use alloy::primitives::B256;
use vagus_chain::{
    AgentKey, Chain, EndpointUrl, Endpoints, HttpChain,
    lifecycle::{Phase, TxState},
    memory::MemoryChain,
};
use vagus_journal::{MemoryJournal, ReadJournal as _, StoredTransaction};
use vagus_keeper::{
    exit::Exit,
    report::Reporter,
    run::{ChainLoop, RunError, RunOptions},
    testing::{self, BLOCK_SECONDS},
};

use crate::{
    Finding, Schedule,
    check::{self, Seen},
    gate::FaultyGate,
    plan::Plan,
    schedule::WINDOW,
    wire::FaultyWire,
};

use happen::BASE_FEE_WEI;

/// Blocks after the last event within which everything has to have ended.
const TAIL: u64 = 60;
/// Rounds per block: what fails is tried again, as the keeper's own loop would.
const ROUNDS: u32 = 4;
/// Longest that a round may take on the clock that the schedule turns.
const ROUND_LIMIT: Duration = Duration::from_secs(600);

/// What a schedule came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What is wrong; nothing, if all is well.
    pub findings: Vec<Finding>,
    /// How often each kind of fault was met.
    pub met: BTreeMap<String, u64>,
    /// Rebalances executed in the chain that stands at the end.
    pub executed: u64,
    /// Whether a transaction was in flight when a fault was met.
    pub had_in_flight: bool,
    /// Starts of the keeper after the first.
    pub restarts: u64,
    /// Of every call and every answer, in order.
    pub trace: B256,
    /// Number of calls.
    pub calls: u64,
}

/// A keeper's whole surroundings.
pub(crate) struct World {
    pub(crate) schedule: Schedule,
    pub(crate) chain: Arc<MemoryChain>,
    pub(crate) journal: MemoryJournal,
    pub(crate) key: Arc<AgentKey>,
    pub(crate) seen: Seen,
    plan: Arc<Plan>,
    keeper: Option<ChainLoop>,
    accepts_rewrite: bool,
    ends: BTreeMap<u64, Vec<End>>,
    asleep_until: u64,
    restarts: u64,
    had_in_flight: bool,
}

/// What ends at a block.
enum End {
    Lag(usize),
    Down(usize),
    Crowd,
    Spike,
}

impl World {
    fn new(schedule: Schedule) -> Self {
        let key = Arc::new(AgentKey::numbered(7));
        let (agent, plan) = (key.address(), Arc::new(Plan::default()));
        let mut policy = testing::policy(agent);
        policy.limits.cooldown_seconds = 36;
        policy.limits.window_seconds = 300;
        let mut snapshot = testing::snapshot(agent);
        snapshot.vault.guard_state.policy_hash = vagus_policy::hash(&policy);
        let chain = Arc::new(MemoryChain::new(policy, snapshot));
        let journal = MemoryJournal::default().behind(Arc::new(FaultyGate::new(plan.clone())));
        Self {
            seen: Seen::default(),
            schedule,
            chain,
            journal,
            key,
            plan,
            keeper: None,
            accepts_rewrite: false,
            ends: BTreeMap::new(),
            asleep_until: 0,
            restarts: 0,
            had_in_flight: false,
        }
    }

    /// A new process of the keeper; what it needs is in the journal and on the chain.
    fn start(&mut self) -> ChainLoop {
        let agent = self.key.address();
        let mut world = testing::world_on(&self.chain, agent);
        world.config.profile.reorg_window = u32::try_from(WINDOW).unwrap_or(u32::MAX);
        world.config.profile.deadline_seconds = 72;
        let timeout = world.config.profile.timeout();
        let endpoints = (0..self.schedule.endpoints).map(|place| {
            let wire = FaultyWire { place, chain: self.chain.clone(), plan: self.plan.clone() };
            let url = EndpointUrl::parse(&format!("http://endpoint-{place}")).ok();
            url.map(|url| Arc::new(HttpChain::over(Arc::new(wire), url, timeout)) as Arc<dyn Chain>)
        });
        world.endpoints = Endpoints::new(endpoints.flatten().collect())
            .with_quorum(self.schedule.quorum)
            .with_stale_after(world.config.profile.stale_after());
        let name = world.config.name.clone();
        let accepted_rewrites = if self.accepts_rewrite { vec![name] } else { Vec::new() };
        self.accepts_rewrite = false;
        let reporter = Arc::new(Reporter::new(true, Box::new(io::sink())));
        let journal = Arc::new(self.journal.clone());
        ChainLoop::new(world, journal, self.key.clone(), reporter)
            .with(RunOptions { accepted_rewrites, ..RunOptions::default() })
    }

    /// Lets the keeper look, as often as it needs, and starts it again when it was killed.
    async fn look(&mut self) {
        for _ in 0..ROUNDS {
            let mut keeper = match self.keeper.take() {
                Some(keeper) => keeper,
                None => self.start(),
            };
            let (plan, cancels) = (self.plan.clone(), self.cancels().await);
            let result = tokio::select! {
                biased;
                () = plan.killed() => None,
                result = tokio::time::timeout(ROUND_LIMIT, keeper.round()) => Some(result),
            };
            self.demand_no_late_cancel(&cancels).await;
            let is_alone = match result {
                // It is started again when the next block is there.
                None => {
                    self.restarts = self.restarts.saturating_add(1);
                    break;
                }
                Some(Err(_)) => {
                    self.seen.stuck = self.seen.stuck.saturating_add(1);
                    continue;
                }
                Some(Ok(Ok(is_new))) => !is_new,
                Some(Ok(Err(error))) if error.is_retried() => false,
                Some(Ok(Err(error))) => {
                    self.stopped(error).await;
                    continue;
                }
            };
            self.keeper = Some(keeper);
            if is_alone {
                self.demand_no_late_wait().await;
                break;
            }
        }
    }

    /// Number of cancellations signed, by rebalance in flight that is mined.
    async fn cancels(&self) -> HashMap<B256, usize> {
        let flying = self.journal.transactions_in_flight(31_337).await.unwrap_or_default();
        let receipts = self.chain.with(|model| model.receipts());
        let count = |stored: &StoredTransaction| {
            let state: TxState = serde_json::from_value(stored.state.clone()).ok()?;
            let cancels = state.attempts.iter().filter(|attempt| attempt.is_cancel).count();
            let is_mined = receipts
                .iter()
                .any(|mined| state.attempts.iter().any(|attempt| attempt.hash == mined.hash));
            is_mined.then_some((stored.decision, cancels))
        };
        flying.iter().filter_map(count).collect()
    }

    /// Nothing that is mined is taken back: the chain does not move while a keeper looks at it.
    async fn demand_no_late_cancel(&mut self, before: &HashMap<B256, usize>) {
        if self.schedule.has_bad_endpoints() {
            return;
        }
        for (decision, cancels) in self.cancels().await {
            if before.get(&decision).is_some_and(|before| *before < cancels) {
                self.seen.cancelled_late.insert(decision);
            }
        }
    }

    /// Nothing waits beyond its deadline, by the chain's clock, as if it were still wanted.
    async fn demand_no_late_wait(&mut self) {
        let flying = self.journal.transactions_in_flight(31_337).await.unwrap_or_default();
        let head = self.chain.with(|model| model.head());
        for stored in flying {
            let Ok(state) = serde_json::from_value::<TxState>(stored.state) else {
                self.seen.stops.insert(format!("state of {} cannot be read", stored.decision));
                continue;
            };
            let is_head = state.head.number == head.block.number;
            let is_waiting = matches!(state.phase, Phase::Signed | Phase::Pending);
            if is_head && is_waiting && state.deadline < head.block.timestamp {
                self.seen.late.insert(stored.decision);
            }
        }
    }

    /// The keeper has stopped by itself; where a person is asked to look, one has looked.
    async fn stopped(&mut self, error: RunError) {
        let failure = error.into_failure();
        self.restarts = self.restarts.saturating_add(1);
        match failure.exit {
            Exit::ChainRewritten if self.seen.has_rewritten => self.accepts_rewrite = true,
            // Somebody else uses the key: a journal that was restored from a copy would look the same.
            Exit::Journal if self.seen.has_foreign && failure.to_string().contains("behind") => {
                let world = testing::world_on(&self.chain, self.key.address());
                let head = self.chain.with(|model| model.head());
                let adopted = vagus_keeper::run::adopt(&world, &self.journal, &head, "known").await;
                if let Err(failure) = adopted {
                    self.seen.stops.insert(failure.to_string());
                }
            }
            _ => {
                self.seen.stops.insert(failure.to_string());
            }
        }
    }

    async fn is_over(&self) -> bool {
        let flying = self.journal.transactions_in_flight(31_337).await;
        flying.is_ok_and(|flying| flying.is_empty())
    }

    async fn run(mut self) -> Ran {
        let events = self.schedule.events.clone();
        for block in 0..self.schedule.blocks {
            self.end(block);
            for event in events.iter().filter(|event| event.block == block) {
                self.happen(block, &event.what).await;
            }
            if block >= self.asleep_until {
                self.look().await;
            }
            self.had_in_flight |= !self.is_over().await && !self.plan.met().is_empty();
            self.mine();
            tokio::time::advance(Duration::from_secs(BLOCK_SECONDS)).await;
        }
        self.plan.disarm();
        self.chain.with(|model| (model.is_mining, model.base_fee_wei) = (true, BASE_FEE_WEI));
        let mut tail = 0;
        // What is decided late has to end as well, so the end is looked at where there is one.
        while tail < TAIL && !(tail > self.schedule.finality && self.is_over().await) {
            self.look().await;
            self.mine();
            tokio::time::advance(Duration::from_secs(BLOCK_SECONDS)).await;
            tail = tail.saturating_add(1);
        }
        let account = self.keeper.as_ref().map(ChainLoop::account);
        let (findings, executed) = check::all(&self, account).await;
        let (trace, calls) = self.plan.trace();
        Ran {
            findings,
            met: self.plan.met(),
            executed,
            had_in_flight: self.had_in_flight,
            restarts: self.restarts,
            trace,
            calls,
        }
    }
}

/// Runs a schedule on this thread, on a clock of its own.
///
/// # Panics
/// If there is no runtime to be had.
#[must_use]
#[allow(clippy::expect_used)]
pub fn run(schedule: &Schedule) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime on this thread alone");
    runtime.block_on(World::new(schedule.clone()).run())
}
