//! One chain's loop: poll, follow, work off the newest block, wait.

use std::{collections::HashSet, sync::Arc, time::Duration};

use alloy::primitives::Address;
use tokio::sync::watch;
use vagus_chain::{AgentKey, BlockAt, ChainReader as _, Follower, Header, Step, lifecycle::Head};
use vagus_journal::Journal;

use super::{RunError, RunOptions, fleet::Fleet};
use crate::{
    config::{FleetConfig, Retention},
    crash,
    exit::{Exit, Failure},
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
    pub(super) fleet: Fleet,
    /// Vaults whose journal was compared with the chain.
    pub(super) compared: HashSet<Address>,
    retention: Retention,
    follower: Follower,
    /// The newest block that is known to be settled.
    finalized: Option<Header>,
    /// The newest head that was worked off.
    last: Option<Header>,
    /// A head that is not worked off yet.
    pending: Option<Header>,
    /// Depth of a reorganisation that is not dealt with yet.
    reorganised: Option<u64>,
    is_reconciled: bool,
    /// Failures in a row.
    failures: u32,
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
        let follower = Follower::new(world.config.profile.reorg_window);
        let fleet = fleet(&world, &journal, FleetConfig::default());
        Self {
            world,
            journal: SharedJournal(journal),
            key,
            reporter,
            fleet,
            compared: HashSet::new(),
            retention: Retention::default(),
            follower,
            finalized: None,
            last: None,
            pending: None,
            reorganised: None,
            is_reconciled: false,
            failures: 0,
        }
    }

    /// The same loop, with other options.
    #[must_use]
    pub fn with(mut self, options: RunOptions) -> Self {
        self.fleet = fleet(&self.world, &self.journal.0, options.fleet);
        self.retention = options.retention;
        self
    }

    /// Works until told to stop, and hands over.
    ///
    /// # Errors
    /// What no retry mends.
    pub async fn run(mut self, stop: watch::Receiver<bool>) -> Result<(), Failure> {
        let result = self.work(stop).await;
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
            let wait = match result {
                Ok(()) => {
                    self.recovered();
                    self.world.config.profile.poll()
                }
                Err(error) if error.is_retried() => self.failed(&error),
                Err(error) => return Err(error.into_failure()),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
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
    ) -> Option<Result<(), RunError>> {
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

    /// Looks for a new head, and works off the newest that is not.
    ///
    /// # Errors
    /// Whatever stopped it; the same head is tried again in the next round.
    pub async fn round(&mut self) -> Result<(), RunError> {
        let is_gained = self.fleet.refresh().await?;
        self.journal.0 = self.fleet.journal();
        if is_gained {
            self.is_reconciled = false;
            self.pending = self.pending.or(self.last);
        }
        match self.follower.follow(&self.world.endpoints).await? {
            Step::New { head, reorg_depth } => {
                self.pending = Some(head);
                if reorg_depth > 0 {
                    self.reorganised = self.reorganised.max(Some(reorg_depth));
                    tracing::warn!(
                        "chain {}: a reorganisation replaced {reorg_depth} blocks",
                        self.world.config.name
                    );
                }
            }
            Step::TooDeep { head } => {
                self.pending = Some(head);
                self.reorganised = Some(u64::MAX);
                tracing::error!(
                    "chain {}: a reorganisation deeper than the window; reading all again",
                    self.world.config.name
                );
            }
            Step::Unchanged | Step::Ask(_) => {}
        }
        let Some(head) = self.pending else { return self.take_up_intents().await };
        if let Some(depth) = self.reorganised {
            self.after_reorganisation(&head, depth).await?;
            self.reorganised = None;
        }
        self.block(&head).await?;
        (self.last, self.pending) = (Some(head), None);
        Ok(())
    }

    /// A reorganisation is survived as long as what was called final still stands.
    async fn after_reorganisation(&mut self, head: &Header, depth: u64) -> Result<(), RunError> {
        if let Some(known) = self.finalized {
            let number = known.block.number;
            let now = self.world.endpoints.header(BlockAt::Number(number)).await?;
            if now.is_none_or(|now| now.block.hash != known.block.hash) {
                return Err(RunError::Failure(Failure::new(
                    Exit::ChainRewritten,
                    format_args!(
                        "Chain {} rewrote block {number}, which it had called final; nothing is decided until a \
                         person has looked and starts the keeper again.",
                        self.world.config.name
                    ),
                )));
            }
        }
        let window = self.world.config.profile.reorg_window.into();
        self.is_reconciled &= depth <= window;
        self.mark_orphans(head, depth.min(window)).await
    }

    /// Works off one head: settles what is in flight, then gives every vault a decision.
    async fn block(&mut self, head: &Header) -> Result<(), RunError> {
        let finalized = self.world.finalized(head).await?;
        self.finalized = Some(finalized);
        let at = at(head, &finalized);
        if !self.is_reconciled {
            self.compare_with_chain(head).await?;
            self.reconcile(at).await?;
            self.is_reconciled = true;
        }
        let in_flight = self.drive_all(at).await?;
        if !self.fleet.decides_any() {
            return Ok(());
        }
        crash::before("observed");
        let snapshots = self.world.snapshots(head).await?;
        crash::after("observed");
        for (vault, snapshot) in self.world.vaults.iter().zip(&snapshots) {
            self.fleet.keep().await?;
            if !self.fleet.decides(vault.entry.vault) {
                continue;
            }
            let is_in_flight = in_flight.contains(&vault.entry.vault);
            self.vault(vault, head, at, snapshot, is_in_flight).await?;
        }
        self.drop_old_holds(head).await
    }

    /// A bounded number of old holds, of one vault per block.
    async fn drop_old_holds(&self, head: &Header) -> Result<(), RunError> {
        let Some(keep_seconds) = self.retention.keep_seconds() else { return Ok(()) };
        let count = self.world.vaults.len().max(1) as u64;
        let turn = usize::try_from(head.block.number % count).unwrap_or_default();
        let vault = self.world.vaults.get(turn).map(|vault| vault.entry.vault);
        if let Some(vault) = vault.filter(|vault| self.fleet.decides(*vault)) {
            let journal = &self.journal.0;
            journal.drop_old_holds(self.world.config.chain_id, vault, keep_seconds).await?;
        }
        Ok(())
    }

    /// What another keeper decided since the last head and left to the holder of the key.
    async fn take_up_intents(&mut self) -> Result<(), RunError> {
        match (self.last, self.finalized) {
            (Some(last), Some(finalized)) if self.is_reconciled => {
                self.drive_intents(at(&last, &finalized)).await
            }
            _ => Ok(()),
        }
    }
}

const fn at(head: &Header, finalized: &Header) -> Head {
    Head {
        number: head.block.number,
        timestamp: head.block.timestamp,
        base_fee_wei: head.base_fee_wei,
        finalized_number: finalized.block.number,
    }
}

fn fleet(world: &ChainWorld, journal: &Arc<dyn Journal>, config: FleetConfig) -> Fleet {
    let vaults = world.vaults.iter().map(|vault| vault.entry.vault);
    Fleet::new(journal.clone(), config, world.config.chain_id, world.agent, vaults)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone can say nothing more: that is the end as well.
    let _ = stop.wait_for(|is_stopped| *is_stopped).await;
}
