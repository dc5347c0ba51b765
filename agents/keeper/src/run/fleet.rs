//! One chain's part in a fleet: which vaults this keeper decides about, and whether it signs and sends.
//!
//! With a journal of its own a keeper holds everything, always. With a shared one it says at every round that it lives,
//! prolongs what it holds, gives back what is more than its share and takes what is free. Nothing here has to be right for
//! safety: every write carries the token of its lease, and the database refuses it when that is lost. What is done in
//! the rounds themselves, and not beside them, ends with them: a keeper that hangs keeps nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use vagus_journal::{Journal, JournalError, Lease, LeaseKey, Scope, Service, Session, spread};

use crate::config::FleetConfig;

/// Leases are prolonged when so much of their time has passed.
const RENEW_AFTER: u32 = 3;

/// The leases of one chain.
pub(super) struct Fleet {
    /// Without leases.
    journal: Arc<dyn Journal>,
    config: FleetConfig,
    chain_id: u64,
    key: LeaseKey,
    /// Everything this keeper could hold.
    serves: Vec<LeaseKey>,
    session: Option<Session>,
    held: BTreeMap<LeaseKey, Lease>,
    beaten: Option<Instant>,
    is_shared: bool,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("session", &self.session).field("held", &self.held).finish()
    }
}

impl Fleet {
    pub(super) fn new(
        journal: Arc<dyn Journal>,
        config: FleetConfig,
        chain_id: u64,
        account: Address,
        vaults: impl Iterator<Item = Address>,
    ) -> Self {
        let key = LeaseKey::key(chain_id, account);
        let mut serves: Vec<_> = vaults.map(|vault| LeaseKey::vault(chain_id, vault)).collect();
        serves.push(key);
        let held = BTreeMap::new();
        Self {
            journal,
            config,
            chain_id,
            key,
            serves,
            session: None,
            held,
            beaten: None,
            is_shared: false,
        }
    }

    /// Whether this keeper decides about the vault.
    pub(super) fn decides(&self, vault: Address) -> bool {
        self.held.contains_key(&LeaseKey::vault(self.chain_id, vault))
    }

    /// Whether it decides about any.
    pub(super) fn decides_any(&self) -> bool {
        self.held.keys().any(|key| key.scope == Scope::Vault)
    }

    /// Whether others could decide what this keeper has to send.
    pub(super) const fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Whether this keeper signs and sends.
    pub(super) fn sends(&self) -> bool {
        self.held.contains_key(&self.key)
    }

    /// Whether it looks after what an account sends.
    pub(super) fn sends_for(&self, account: Address) -> bool {
        self.held.contains_key(&LeaseKey::key(self.chain_id, account))
    }

    /// The journal under what is held.
    pub(super) fn journal(&self) -> Arc<dyn Journal> {
        self.journal.fenced(&self.held.values().copied().collect::<Vec<_>>())
    }

    fn is_due(&self) -> bool {
        self.beaten.is_none_or(|beaten| beaten.elapsed() >= self.time() / RENEW_AFTER)
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.config.lease_seconds.into())
    }

    /// Between rounds: prolongs, gives back, takes. Says whether something was gained, which has to be reconciled before
    /// anything is decided about it.
    pub(super) async fn refresh(&mut self) -> Result<bool, JournalError> {
        if !self.is_due() {
            return Ok(false);
        }
        let time = self.time();
        let session = match self.session {
            Some(session) => session,
            None => self.journal.join(&self.config.name).await?,
        };
        self.session = Some(session);
        self.renew().await?;
        let services = self.journal.beat(session, self.chain_id, &self.serves, time).await?;
        self.is_shared = services.iter().any(|service| service.session != session);
        let wanted = spread(&services);
        let own: Vec<_> = self.serves.clone();
        let mine: Vec<_> =
            own.iter().filter(|key| wanted.get(key) == Some(&session)).copied().collect();
        let give: Vec<_> = own.into_iter().filter(|key| !mine.contains(key)).collect();
        self.give(&give).await?;
        let mut is_gained = self.take(session, &mine).await?;
        // Of the vaults that are held now.
        let left = self.left_behind(&services).await?;
        let is_others = |key: &&LeaseKey| !self.serves.contains(key) && !left.contains(key);
        let give: Vec<_> = self.held.keys().filter(is_others).copied().collect();
        self.give(&give).await?;
        is_gained |= self.take(session, &left).await?;
        self.beaten = Some(Instant::now());
        Ok(is_gained)
    }

    /// Gives back what of these is held.
    async fn give(&mut self, keys: &[LeaseKey]) -> Result<(), JournalError> {
        let give: Vec<_> = keys.iter().filter_map(|key| self.held.get(key)).copied().collect();
        if !give.is_empty() {
            // Its next holder goes on where this one ends.
            self.journal.fenced(&give).close_runs().await?;
            self.journal.release(&give).await?;
        }
        for lease in &give {
            tracing::info!("fleet: the {} is handed over", lease.key);
            self.held.remove(&lease.key);
        }
        Ok(())
    }

    /// Takes what of these is free. Whether anything was.
    async fn take(&mut self, session: Session, keys: &[LeaseKey]) -> Result<bool, JournalError> {
        let mut is_gained = false;
        for key in keys {
            if self.held.contains_key(key) {
                continue;
            }
            if let Some(lease) = self.journal.acquire(session, *key, self.time()).await? {
                tracing::debug!("fleet: the {key} is held, token {}", lease.token);
                self.held.insert(*key, lease);
                is_gained = true;
            }
        }
        Ok(is_gained)
    }

    /// Keys that no live keeper has, of what is in flight for vaults that this one decides about: whoever had them is gone,
    /// and what they signed is looked after by who is there.
    async fn left_behind(&self, services: &[Service]) -> Result<Vec<LeaseKey>, JournalError> {
        let in_flight = self.journal.transactions_in_flight(self.chain_id).await?;
        let keys: BTreeSet<_> = in_flight
            .iter()
            .filter(|stored| self.decides(stored.vault))
            .map(|stored| LeaseKey::key(self.chain_id, stored.from))
            .filter(|key| *key != self.key && services.iter().all(|one| one.key != *key))
            .collect();
        Ok(keys.into_iter().collect())
    }

    /// Inside a round that takes long: prolongs what is held, and takes nothing.
    pub(super) async fn keep(&mut self) -> Result<(), JournalError> {
        if self.is_due() {
            self.renew().await?;
            self.beaten = Some(Instant::now());
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), JournalError> {
        let before: Vec<_> = self.held.values().copied().collect();
        let held = self.journal.renew(&before, self.time()).await?;
        for lost in before.iter().filter(|lease| !held.contains(lease)) {
            tracing::warn!("fleet: the {} was taken over by another keeper", lost.key);
        }
        self.held = held.into_iter().map(|lease| (lease.key, lease)).collect();
        Ok(())
    }

    /// At the end: closes what is open and gives everything back, so that nobody has to wait for it.
    pub(super) async fn hand_over(&mut self) -> Result<(), JournalError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        self.journal().close_runs().await?;
        self.held.clear();
        self.journal.leave(session, self.chain_id).await
    }
}

#[cfg(test)]
mod tests;
