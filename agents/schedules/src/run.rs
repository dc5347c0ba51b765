//! A schedule from its first block until everything has ended.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::Arc,
    time::Duration,
};

use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::json;
use vagus_chain::{
    AgentKey, Chain, EndpointUrl, Endpoints, HttpChain,
    lifecycle::{Phase, TxState},
    memory::MemoryChain,
    signer::Unsigned,
};
use vagus_journal::{MemoryJournal, ReadJournal as _, StoredTransaction};
use vagus_keeper::{
    exit::Exit,
    report::Reporter,
    run::{ChainLoop, RunError, RunOptions},
    testing::{self, BLOCK_SECONDS},
};
use vagus_policy::Curve;

use crate::{
    Finding, Schedule, What,
    check::{self, Seen},
    gate::FaultyGate,
    plan::Plan,
    schedule::WINDOW,
    wire::FaultyWire,
};

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

    fn end(&mut self, block: u64) {
        for end in self.ends.remove(&block).unwrap_or_default() {
            match end {
                End::Lag(place) => self.plan.set_lag(place, 0),
                End::Down(place) => self.plan.set_down(place, false),
                End::Crowd => self.chain.with(|model| model.is_mining = true),
                End::Spike => self.chain.with(|model| model.base_fee_wei = BASE_FEE_WEI),
            }
        }
    }

    fn later(&mut self, block: u64, blocks: u64, end: End) {
        self.ends.entry(block.saturating_add(blocks)).or_default().push(end);
    }

    async fn happen(&mut self, block: u64, what: &What) {
        let is_counted = match what {
            What::Answer { endpoint, method, nth, fault } => {
                self.plan.arm_answer(*endpoint, method, *nth, *fault);
                false
            }
            What::Write { call, nth, fault } => {
                self.plan.arm_write(call, *nth, *fault);
                false
            }
            What::Crash { call, is_after, nth } => {
                self.plan.arm_crash(call, *nth, *is_after);
                false
            }
            What::Lags { endpoint, depth, blocks } => {
                self.plan.set_lag(*endpoint, *depth);
                self.later(block, *blocks, End::Lag(*endpoint));
                true
            }
            What::Down { endpoint, blocks } => {
                self.plan.set_down(*endpoint, true);
                self.later(block, *blocks, End::Down(*endpoint));
                true
            }
            What::Reorganised { depth, is_pooled } => self.reorganise(*depth, *is_pooled),
            What::Rewritten { below } => {
                let depth = self.chain.with(|model| {
                    let above = model.head().block.number - model.finalized().block.number;
                    usize::try_from(above).unwrap_or_default().saturating_add(*below)
                });
                self.seen.has_rewritten = true;
                self.reorganise(depth, true)
            }
            What::PoolDropped => {
                self.chain.with(|model| model.drop_pool());
                true
            }
            What::Crowded { blocks } => {
                self.chain.with(|model| model.is_mining = false);
                self.later(block, *blocks, End::Crowd);
                true
            }
            What::FeeSpike { factor, blocks } => {
                self.chain.with(|model| model.base_fee_wei = BASE_FEE_WEI.saturating_mul(*factor));
                self.later(block, *blocks, End::Spike);
                true
            }
            What::Foreign { ahead } => self.foreign(*ahead).await,
            What::Exit { percent } => {
                self.chain.with(|model| {
                    let taken = model.state.idle * U256::from(*percent) / U256::from(100);
                    model.state.idle -= taken;
                    change_nav(&mut model.state, |nav| nav.saturating_sub(taken));
                });
                self.seen.has_others = true;
                true
            }
            What::Entry { percent } => {
                self.chain.with(|model| {
                    let nav = model.state.nav.nav_assets;
                    let brought = nav * U256::from(*percent) / U256::from(100);
                    model.state.idle += brought;
                    change_nav(&mut model.state, |nav| nav + brought);
                });
                self.seen.has_others = true;
                true
            }
            What::RatesTurn => {
                self.chain.with(|model| turn(&mut model.state.strategies));
                true
            }
            What::Asleep { blocks } => {
                self.asleep_until = block.saturating_add(*blocks);
                true
            }
        };
        if is_counted {
            self.plan.meet(what.kind());
        }
    }

    /// Never below the first block: then nothing happens.
    fn reorganise(&mut self, depth: usize, is_pooled: bool) -> bool {
        self.seen.has_reorganised = true;
        self.chain.with(|model| {
            if model.headers().len() <= depth {
                return false;
            }
            let finalized = model.finalized().block.number;
            let head = model.head().block.number;
            if is_pooled {
                model.roll_back_into_pool(depth);
            } else {
                model.roll_back(depth);
            }
            let height = head - depth as u64;
            model.finalize(finalized.min(height));
            // The branch that won is at least as long.
            for _ in 0..depth {
                model.mine(BLOCK_SECONDS);
            }
            true
        })
    }

    /// Whoever else has the key sends something.
    async fn foreign(&mut self, ahead: u64) -> bool {
        let agent = self.key.address();
        let nonce = self.chain.with(|model| model.next_nonce(agent)).saturating_add(ahead);
        let unsigned = Unsigned {
            chain_id: 31_337,
            nonce,
            to: Address::repeat_byte(0x99),
            input: Bytes::new(),
            gas_limit: 21_000,
            max_fee_wei: BASE_FEE_WEI * 400,
            priority_fee_wei: 1,
        };
        let Ok(signed) = self.key.sign(&unsigned).await else { return false };
        self.seen.has_foreign = true;
        let request = json!({"method": "eth_sendRawTransaction", "params": [signed.raw], "id": 1});
        let _ = self.chain.answer(&request, 0);
        true
    }

    fn mine(&mut self) {
        for request in self.plan.arriving() {
            let _ = self.chain.answer(&request, 0);
        }
        let finality = self.schedule.finality;
        self.chain.with(|model| {
            // It is never the same twice in a row.
            let swing = u128::from(model.head().block.number % 5) * (model.base_fee_wei / 64);
            let calm = model.base_fee_wei;
            model.base_fee_wei = calm.saturating_add(swing);
            let head = model.mine(BLOCK_SECONDS).block.number;
            model.base_fee_wei = calm;
            let finalized = model.finalized().block.number;
            model.finalize(finalized.max(head.saturating_sub(finality)));
        });
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

/// Base fee while nothing is special.
const BASE_FEE_WEI: u128 = 1_000_000_000;

fn change_nav(state: &mut vagus_policy::VaultState, change: impl Fn(U256) -> U256) {
    let nav = &mut state.nav;
    for assets in
        [&mut nav.live_assets, &mut nav.nav_assets, &mut nav.entry_assets, &mut nav.base_assets]
    {
        *assets = change(*assets);
    }
    nav.supply = change(nav.supply);
    (state.checkpoint.nav, state.checkpoint.base) = (nav.nav_assets, nav.base_assets);
}

/// What was borrowed in one market is borrowed in the other.
fn turn(strategies: &mut [vagus_policy::StrategyState]) {
    if let [first, second, ..] = strategies
        && let (Curve::AaveV3(first), Curve::AaveV3(second)) = (&mut first.curve, &mut second.curve)
    {
        std::mem::swap(first, second);
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
