//! One chain's loop: poll, follow, work off the newest block, wait.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use vagus_chain::{AgentKey, BlockAt, ChainReader as _, Follower, Header, Step, lifecycle::Head};
use vagus_journal::Journal;

use super::RunError;
use crate::{
    crash,
    exit::{Exit, Failure},
    report::Reporter,
    world::ChainWorld,
};

/// Longest wait between two tries while nothing answers.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// What is under way when the keeper is told to stop may take this long to end.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// One chain with its vaults.
#[derive(Debug)]
pub struct ChainLoop {
    pub(super) world: ChainWorld,
    pub(super) journal: SharedJournal,
    pub(super) key: Arc<AgentKey>,
    pub(super) reporter: Arc<Reporter>,
    follower: Follower,
    /// The newest block that is known to be settled.
    finalized: Option<Header>,
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
        Self {
            world,
            journal: SharedJournal(journal),
            key,
            reporter,
            follower,
            finalized: None,
            pending: None,
            reorganised: None,
            is_reconciled: false,
            failures: 0,
        }
    }

    /// Works until told to stop.
    ///
    /// # Errors
    /// What no retry mends.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), Failure> {
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
        let Some(head) = self.pending else { return Ok(()) };
        if let Some(depth) = self.reorganised {
            self.after_reorganisation(&head, depth).await?;
            self.reorganised = None;
        }
        self.block(&head).await?;
        self.pending = None;
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
        let at = Head {
            number: head.block.number,
            timestamp: head.block.timestamp,
            base_fee_wei: head.base_fee_wei,
            finalized_number: finalized.block.number,
        };
        if !self.is_reconciled {
            self.reconcile(at).await?;
            self.is_reconciled = true;
        }
        let in_flight = self.drive_all(at).await?;
        crash::before("observed");
        let snapshots = self.world.snapshots(head).await?;
        crash::after("observed");
        for (vault, snapshot) in self.world.vaults.iter().zip(&snapshots) {
            let is_in_flight = in_flight.contains(&vault.entry.vault);
            self.vault(vault, head, at, snapshot, is_in_flight).await?;
        }
        Ok(())
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone can say nothing more: that is the end as well.
    let _ = stop.wait_for(|is_stopped| *is_stopped).await;
}
