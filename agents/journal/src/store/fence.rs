//! Fences: what a write rests on, checked by the database in the write's own transaction.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256};

use super::sql::{Tx, args, stored};
use crate::{JournalError, Lease, LeaseKey, Result, Scope, Session};

/// What a journal may write.
#[derive(Clone, Debug)]
pub(crate) enum Fences {
    /// Everything: no other process writes.
    Alone,
    /// What these leases allow, as long as they are held.
    Held(Arc<BTreeMap<LeaseKey, (Session, u64)>>),
}

impl Fences {
    pub(super) fn none() -> Self {
        Self::Held(Arc::default())
    }

    pub(super) fn of(leases: &[Lease]) -> Self {
        let held = leases.iter().map(|lease| (lease.key, (lease.session, lease.token)));
        Self::Held(Arc::new(held.collect()))
    }

    /// Whether something is among the leases; the database has not been asked.
    pub(super) fn names(&self, key: LeaseKey) -> bool {
        match self {
            Self::Alone => true,
            Self::Held(held) => held.contains_key(&key),
        }
    }
}

impl Tx {
    /// Refuses unless the lease is held; nobody can take it over before this transaction ends.
    pub(super) async fn fence(&mut self, fences: &Fences, key: LeaseKey) -> Result<()> {
        let Fences::Held(held) = fences else { return Ok(()) };
        let lost = || JournalError::LeaseLost { key };
        let (session, token) = held.get(&key).copied().ok_or_else(lost)?;
        let row = self
            .row(
                "SELECT holds_lease($1, $2, $3, $4, $5) AS held",
                args![
                    stored(key.chain_id)?,
                    key.scope.name().to_owned(),
                    key.account,
                    stored(session.0)?,
                    stored(token)?
                ],
            )
            .await?;
        match row {
            Some(row) if row.flag("held")? => Ok(()),
            _ => Err(lost()),
        }
    }

    /// What came of a decision is written by whoever may act on it: the holder of the key that its transaction is of,
    /// else the holder of its vault.
    pub(super) async fn fence_outcome(&mut self, fences: &Fences, decision: B256) -> Result<()> {
        if matches!(fences, Fences::Alone) {
            return Ok(());
        }
        let (vault, key) = self.leases_of(decision).await?;
        self.fence(fences, key.unwrap_or(vault)).await
    }

    /// What holders of either lease may write.
    pub(super) async fn fence_either(&mut self, fences: &Fences, decision: B256) -> Result<()> {
        if matches!(fences, Fences::Alone) {
            return Ok(());
        }
        let (vault, key) = self.leases_of(decision).await?;
        match key.filter(|_| !fences.names(vault)) {
            Some(key) => self.fence(fences, key).await,
            None => self.fence(fences, vault).await,
        }
    }

    async fn leases_of(&mut self, decision: B256) -> Result<(LeaseKey, Option<LeaseKey>)> {
        let row = self
            .row(
                "SELECT records.chain_id, records.vault, transactions.sender FROM records \
                 LEFT JOIN transactions ON transactions.decision = records.hash \
                 WHERE records.hash = $1",
                args![decision],
            )
            .await?
            .ok_or(JournalError::NoSuchDecision(decision))?;
        let chain_id = row.number("chain_id")?;
        let vault = LeaseKey::vault(chain_id, row.parsed("vault")?);
        let sender: Option<Address> = match row.optional_text("sender")? {
            None => None,
            Some(_) => Some(row.parsed("sender")?),
        };
        Ok((vault, sender.map(|sender| LeaseKey { chain_id, scope: Scope::Key, account: sender })))
    }
}
