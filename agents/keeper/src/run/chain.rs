//! One chain's loop: poll, follow, work off the newest block, wait.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use alloy::primitives::Address;
use tokio::sync::watch;
use vagus_chain::{Account, AgentKey, Backoff, Wake};
use vagus_journal::{Journal, Standing};

use super::{
    RunError, RunOptions, fleet::Fleet, history::Watched, observe::Sight, records::Records,
    spending::PurseLook, transact::Unsettled, wait::Wait,
};
use crate::{
    config::{Config, FleetConfig, Retention},
    data_fee::DataFee,
    exit::Failure,
    mode::Mode,
    otlp,
    person::PersonMove,
    report::Reporter,
    world::ChainWorld,
};

/// Longest wait between two tries while nothing answers.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// What is under way when the keeper is told to stop may take this long to end.
const STOP_WITHIN: Duration = Duration::from_secs(7);
/// And handing over to other keepers so long.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(2);

/// One chain with its vaults.
#[derive(Debug)]
pub struct ChainLoop {
    pub(super) world: ChainWorld,
    pub(super) journal: SharedJournal,
    pub(super) key: Arc<AgentKey>,
    pub(super) reporter: Arc<Reporter>,
    pub(super) mode: Mode,
    /// What a person asked for; nothing else is decided then.
    pub(super) wanted: Option<Arc<PersonMove>>,
    /// Whether what was written down and not sent was looked at since the start.
    pub(super) has_followed: bool,
    /// When what the key's account has is looked at next.
    pub(super) purse: PurseLook,
    pub(super) fleet: Fleet,
    /// What persons and the last rebalances say of vaults, as of the block that is worked off.
    pub(super) standings: HashMap<Address, Standing>,
    /// Vaults whose journal was compared with the chain.
    pub(super) compared: HashSet<Address>,
    pub(super) retention: Retention,
    pub(super) reload: Option<watch::Receiver<Option<Arc<Config>>>>,
    pub(super) sight: Sight,
    wake: Wake,
    /// Whether a person has said that a block that was final and is not any more is to be lived with.
    pub(super) accepts_rewrite: bool,
    pub(super) is_reconciled: bool,
    pub(super) unsettled: Unsettled,
    /// Vaults in whose journal nothing was old enough to be dropped, and at which block time.
    pub(super) nothing_old: HashMap<Address, u64>,
    /// Of what is in flight.
    pub(super) records: Records,
    /// What is known of the past of strategies' share prices.
    pub(super) pasts: HashMap<Address, Watched>,
    /// What bytes cost, as of the newest block that was decided.
    pub(super) data_fee: DataFee,
    /// Failures in a row.
    failures: u32,
    /// The block that is worked off, for a collector of traces.
    step: tracing::Span,
}

/// The journal; it has nothing to print.
#[derive(Clone)]
pub(super) struct SharedJournal(pub(super) Arc<dyn Journal>);

impl std::fmt::Debug for SharedJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedJournal")
    }
}

impl ChainLoop {
    /// A loop that has seen nothing yet.
    #[must_use]
    pub fn new(
        world: ChainWorld,
        journal: Arc<dyn Journal>,
        key: Arc<AgentKey>,
        reporter: Arc<Reporter>,
    ) -> Self {
        let sight = Sight::new(&world.config.profile);
        let fleet = fleet(&world, &journal, key.address(), FleetConfig::default());
        Self {
            world,
            journal: SharedJournal(journal),
            key,
            reporter,
            mode: Mode::Act,
            wanted: None,
            has_followed: false,
            purse: PurseLook::Due,
            fleet,
            standings: HashMap::new(),
            compared: HashSet::new(),
            retention: Retention::default(),
            reload: None,
            sight,
            wake: Wake::never(),
            accepts_rewrite: false,
            is_reconciled: false,
            unsettled: Unsettled::default(),
            nothing_old: HashMap::new(),
            records: Records::default(),
            pasts: HashMap::new(),
            data_fee: DataFee::None,
            failures: 0,
            step: tracing::Span::none(),
        }
    }

    /// The same loop, with other options.
    #[must_use]
    pub fn with(mut self, options: RunOptions) -> Self {
        self.accepts_rewrite = options.accepts_rewrite(&self.world.config.name);
        self.fleet = fleet(&self.world, &self.journal.0, self.key.address(), options.fleet);
        self.retention = options.retention;
        self.mode = options.mode;
        self.reload = options.reload;
        self
    }

    /// What became of the blocks so far, those before a restart included.
    #[must_use]
    pub fn account(&self) -> Account {
        self.sight.account()
    }

    /// Works until told to stop, and hands over.
    ///
    /// # Errors
    /// What no retry mends.
    pub async fn run(mut self, stop: watch::Receiver<bool>) -> Result<(), Failure> {
        if let Some(url) = self.world.config.websocket.clone() {
            let patience = self.world.config.profile.stale_after();
            self.wake = Wake::listen(url, patience, Backoff::default());
        }
        let result = self.work(stop).await;
        self.show_end();
        // Whoever comes next only has to wait a little longer if this fails.
        match tokio::time::timeout(HAND_OVER_WITHIN, self.fleet.hand_over()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("The {error}."),
            Err(_) => tracing::warn!("the leases were not given back in time; they run out"),
        }
        result
    }

    async fn work(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), Failure> {
        while !*stop.borrow() {
            let Some(result) = self.round_unless_stopped(&stop).await else { return Ok(()) };
            self.show_round(result.as_ref().err());
            let wait = match result {
                Ok(is_new) => {
                    self.recovered();
                    Wait::after(is_new, self.wake.is_live(), &self.world.config.profile)
                }
                Err(error) if error.is_retried() => Wait::patiently(self.failed(&error)),
                Err(error) => return Err(error.into_failure()),
            };
            tokio::select! {
                () = tokio::time::sleep(wait.longest) => {}
                () = self.wake.woken(), if wait.is_woken => {}
                () = stopped(stop.clone()) => {}
            }
            let _ = stop.borrow_and_update();
        }
        Ok(())
    }

    /// A round; none if the keeper was told to stop and the round did not end in time.
    async fn round_unless_stopped(
        &mut self,
        stop: &watch::Receiver<bool>,
    ) -> Option<Result<bool, RunError>> {
        let round = self.round();
        tokio::pin!(round);
        tokio::select! {
            result = &mut round => Some(result),
            // Every step is stored before the next one begins, so what is dropped here is found at the start.
            () = stopped(stop.clone()) => tokio::time::timeout(STOP_WITHIN, round).await.ok(),
        }
    }

    fn recovered(&mut self) {
        if self.failures > 0 {
            tracing::info!("chain {}: answers again", self.world.config.name);
        }
        self.failures = 0;
    }

    /// Says once what is wrong, and waits longer each time.
    fn failed(&mut self, error: &RunError) -> Duration {
        if self.failures == 0 {
            tracing::warn!("chain {}: {error} Trying again.", self.world.config.name);
        } else {
            tracing::debug!("chain {}: {error}", self.world.config.name);
        }
        let doubled = self.world.config.profile.poll() * 2u32.saturating_pow(self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        doubled.min(LONGEST_BACKOFF)
    }

    /// Looks for a new head, and works off the newest that is not. Whether there was a new one.
    ///
    /// # Errors
    /// Whatever stopped it; the same head is tried again in the next round.
    pub async fn round(&mut self) -> Result<bool, RunError> {
        self.take_over();
        self.meet().await?;
        let is_gained = self.fleet.refresh().await?;
        self.journal.0 = self.fleet.journal();
        self.resume().await?;
        if is_gained {
            self.is_reconciled = false;
            self.sight.pending = self.sight.pending.or(self.sight.last);
        }
        let is_new = self.observe().await?;
        let Some(head) = self.sight.pending else {
            self.take_up_intents().await?;
            return Ok(is_new);
        };
        let blanket = self.after_reorganisation(&head).await?;
        self.step = otlp::block(&self.world.config.name, head.block.number);
        let worked_off = self.block(&head, blanket).await;
        let block = std::mem::replace(&mut self.step, tracing::Span::none());
        let blanket = worked_off.inspect_err(|error| otlp::failed(&block, error))?;
        self.sight.done(head, blanket);
        self.remember().await?;
        Ok(is_new)
    }

    /// A step of the block that is worked off, until what is given back is dropped.
    pub(super) fn step(&self, name: &'static str, of: &dyn std::fmt::Display) -> tracing::Span {
        otlp::step(&self.step, name, of)
    }

    /// A chain that did not answer when the keeper started is proven when it does.
    async fn meet(&mut self) -> Result<(), RunError> {
        if self.world.is_proven {
            return Ok(());
        }
        self.world.prove().await?;
        self.world.refuse_strangers().await?;
        tracing::info!(
            "chain {}: it answers now, and is the one of the deployment",
            self.world.config.name
        );
        Ok(())
    }
}

fn fleet(
    world: &ChainWorld,
    journal: &Arc<dyn Journal>,
    account: Address,
    config: FleetConfig,
) -> Fleet {
    let vaults = world.vaults.iter().map(|vault| vault.entry.vault);
    Fleet::new(journal.clone(), config, world.config.chain_id, account, vaults)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone can say nothing more: that is the end as well.
    let _ = stop.wait_for(|is_stopped| *is_stopped).await;
}
