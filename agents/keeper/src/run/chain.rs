//! One chain's loop: poll, follow, work off the newest block, wait.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use alloy::primitives::Address;
use tokio::sync::watch;
use vagus_allocator::Reason;
use vagus_chain::{Account, AgentKey, Backoff, Header, Wake, lifecycle::Head};
use vagus_journal::{Journal, Standing};

use super::{
    RunError, RunOptions,
    fleet::Fleet,
    observe::Sight,
    spending::PurseLook,
    transact::Unsettled,
    vault::{Decided, Moment},
};
use crate::{
    config::{Config, FleetConfig, Profile, Retention},
    crash,
    data_fee::DataFee,
    exit::Failure,
    mode::Mode,
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
    retention: Retention,
    pub(super) reload: Option<watch::Receiver<Option<Arc<Config>>>>,
    pub(super) sight: Sight,
    wake: Wake,
    /// Whether a person has said that a block that was final and is not any more is to be lived with.
    pub(super) accepts_rewrite: bool,
    pub(super) is_reconciled: bool,
    pub(super) unsettled: Unsettled,
    /// What bytes cost, as of the newest block that was decided.
    pub(super) data_fee: DataFee,
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
            data_fee: DataFee::None,
            failures: 0,
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
        let blanket = self.block(&head, blanket).await?;
        self.sight.done(head, blanket);
        self.remember().await?;
        Ok(is_new)
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

    /// Works off one head: settles what is in flight, then gives every vault a decision, or all of them a hold for the
    /// same reason, which it gives back.
    async fn block(
        &mut self,
        head: &Header,
        blanket: Option<Reason>,
    ) -> Result<Option<Reason>, RunError> {
        let (finalized, disagreement) = self.settle_finality(head).await?;
        let blanket = blanket.or(disagreement);
        let at = at(head, finalized);
        self.compare_with_chain(head).await?;
        if !self.is_reconciled {
            self.reconcile(at).await?;
            self.is_reconciled = true;
        }
        self.read_standings().await?;
        let mut in_flight = self.drive_all(at, head).await?;
        let unsent = self.follow_unsent(head, at).await?;
        in_flight.extend(unsent.into_iter().map(|vault| (vault, Reason::InFlight)));
        // What came of them may speak against their vaults.
        self.read_standings().await?;
        self.show_in_flight(&in_flight);
        if blanket.is_none() && !self.sight.is_due(head, self.world.config.profile.observe_every) {
            return Ok(None);
        }
        if !self.fleet.decides_any() {
            self.sight.decide(head);
            return Ok(blanket);
        }
        crash::before("observed");
        let sightings = self.world.sightings(head).await?;
        self.data_fee = self.world.data_fee(head).await?;
        crash::after("observed");
        crash::panic_if_told("observed", self);
        // Reading may have taken long, or been tried often.
        let blanket = blanket.or(self.sight.is_stale().then_some(Reason::StaleHead));
        let decided = self.journal.0.decided_blocks(self.world.config.chain_id).await?;
        let (mut failure, mut held, mut ready) = (None, Vec::new(), Vec::new());
        for (vault, sighting) in self.world.vaults.iter().zip(&sightings) {
            self.fleet.keep().await?;
            let address = vault.entry.vault;
            if !self.fleet.decides(address) {
                continue;
            }
            let in_flight = in_flight.get(&address).copied();
            let is_decided =
                decided.get(&address).is_some_and(|block| block.hash == head.block.hash);
            let moment = Moment { head, at, is_decided, in_flight, blanket };
            let seen = vault.recognised(sighting).and_then(|snapshot| {
                let is_compared = self.compared.contains(&address);
                is_compared.then_some(snapshot).ok_or("it is compared at the next block".to_owned())
            });
            let done = match seen {
                Ok(snapshot) => self.vault(vault, moment, snapshot).await,
                Err(cause) => self.unseen(vault, moment, &cause).await,
            };
            match done {
                // What stops one vault stops no other one.
                Err(error) if error.is_retried() => failure = failure.or(Some(error)),
                done => match done? {
                    Some(Decided::Hold(hold)) => held.push(*hold),
                    Some(Decided::Plan(plan)) => ready.push(*plan),
                    None => {}
                },
            }
        }
        self.fleet.keep().await?;
        self.store_holds(std::mem::take(&mut held)).await?;
        // The most valuable first: there may not be room for all of them. The sort is stable: then by address.
        ready.sort_by_key(|plan| std::cmp::Reverse(plan.rank));
        let is_busy = !in_flight.is_empty() || !ready.is_empty();
        for plan in ready {
            self.fleet.keep().await?;
            match self.act(plan).await {
                Err(error) if error.is_retried() => failure = failure.or(Some(error)),
                done => held.extend(done?),
            }
        }
        self.store_holds(held).await?;
        if let Some(error) = failure {
            return Err(error);
        }
        self.sight.decide(head);
        self.show_purse(head, is_busy).await;
        self.drop_old_holds().await?;
        Ok(blanket)
    }

    /// The vault whose turn it is for what is done for one vault per block. Blocks that were decided are counted: heights
    /// that are decided may all be multiples of something.
    pub(super) fn turn(&self) -> Option<Address> {
        let count = self.world.vaults.len().max(1) as u64;
        let turn = usize::try_from(self.sight.account().decided % count).ok()?;
        self.world.vaults.get(turn).map(|vault| vault.entry.vault)
    }

    /// A bounded number of old holds, of one vault per block.
    async fn drop_old_holds(&self) -> Result<(), RunError> {
        let Some(keep_seconds) = self.retention.keep_seconds() else { return Ok(()) };
        let Some(vault) = self.turn() else { return Ok(()) };
        if self.fleet.decides(vault) {
            let journal = &self.journal.0;
            journal.drop_old_holds(self.world.config.chain_id, vault, keep_seconds).await?;
        }
        Ok(())
    }

    /// What another keeper decided since the last head and left to the holder of the key.
    async fn take_up_intents(&mut self) -> Result<(), RunError> {
        match (self.sight.last, self.sight.finalized_number()) {
            (Some(last), Some(finalized)) if self.is_reconciled && self.fleet.is_shared() => {
                self.drive_intents(at(&last, finalized), &last).await
            }
            _ => Ok(()),
        }
    }
}

/// How long the loop waits for its next round.
struct Wait {
    longest: Duration,
    /// Whether an announced head ends it.
    is_woken: bool,
}

impl Wait {
    /// After a question that found nothing the next one is a whole poll later, whatever is announced meanwhile: at most
    /// one question in vain per poll. While heads are announced, the next question waits for that.
    fn after(is_new: bool, is_announced: bool, profile: &Profile) -> Self {
        let longest = if is_new && is_announced { profile.lazy_poll() } else { profile.poll() };
        Self { longest, is_woken: is_new }
    }

    const fn patiently(longest: Duration) -> Self {
        Self { longest, is_woken: false }
    }
}

const fn at(head: &Header, finalized_number: u64) -> Head {
    Head {
        number: head.block.number,
        timestamp: head.block.timestamp,
        base_fee_wei: head.base_fee_wei,
        finalized_number,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_in_vain_is_asked_once_per_poll_whatever_is_announced() {
        let profile = &crate::testing::config().chains[0].profile;
        let (poll, lazy) = (profile.poll(), profile.lazy_poll());
        assert_eq!((poll.as_millis(), lazy.as_secs()), (2_000, 24));
        for (is_new, is_announced, longest, is_woken) in [
            (false, false, poll, false),
            (false, true, poll, false),
            (true, false, poll, true),
            (true, true, lazy, true),
        ] {
            let wait = Wait::after(is_new, is_announced, profile);
            assert_eq!((wait.longest, wait.is_woken), (longest, is_woken));
        }
    }
}
