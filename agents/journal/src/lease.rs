//! Who may decide about a vault, and who may sign and send with a key, when several keepers share one journal.
//!
//! A lease is timed by the database's clock alone. Each holder has a **token** that is larger than every earlier one's,
//! and every write that rests on the lease is checked against it by the database in the same transaction, with the
//! lease's row locked: a holder that was paused beyond its time, however long and between whichever two statements,
//! writes nothing any more. What such a holder can still do is broadcast bytes that were stored while it held the key;
//! its heir finds them among the attempts and counts them as its own.

mod spread;

use std::{fmt, sync::Arc, time::Duration};

use alloy_primitives::Address;
use async_trait::async_trait;

use crate::{Journal, Result};

pub use spread::spread;

/// What is leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A vault: its holder decides about it.
    Vault,
    /// An account's key: its holder signs and sends for it.
    Key,
}

impl Scope {
    /// As it stands in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Key => "key",
        }
    }
}

/// A thing on a chain that is leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseKey {
    /// Chain.
    pub chain_id: u64,
    /// What kind of thing.
    pub scope: Scope,
    /// The vault, or the account of the key.
    pub account: Address,
}

impl LeaseKey {
    /// The lease of a vault.
    #[must_use]
    pub const fn vault(chain_id: u64, vault: Address) -> Self {
        Self { chain_id, scope: Scope::Vault, account: vault }
    }

    /// The lease of an account's key.
    #[must_use]
    pub const fn key(chain_id: u64, account: Address) -> Self {
        Self { chain_id, scope: Scope::Key, account }
    }
}

impl fmt::Display for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of chain {}", self.scope.name(), self.account, self.chain_id)
    }
}

/// A keeper that has joined; another one each time it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(pub u64);

/// A lease as its holder knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub key: LeaseKey,
    /// Who holds it.
    pub session: Session,
    /// Larger than that of every earlier holder.
    pub token: u64,
}

/// Something that a live keeper could hold, and who holds it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// What.
    pub key: LeaseKey,
    /// A live keeper that could hold it.
    pub session: Session,
    /// Who holds it; none if it is free or its time is over.
    pub holder: Option<Session>,
}

/// A keeper as the others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKeeper {
    /// Its session.
    pub session: Session,
    /// Its name in its configuration.
    pub name: String,
    /// Number of leases it holds.
    pub leases: u64,
}

/// The leases of a journal. A journal of one process alone grants them all, always.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Joins the keepers of this journal under a name for people.
    ///
    /// # Errors
    /// If the database fails.
    async fn join(&self, name: &str) -> Result<Session>;

    /// Says that the session lives on a chain for `time` from now and could hold `keys` there. Gives back what all live
    /// sessions could hold on all chains, for [`spread`].
    ///
    /// # Errors
    /// If the database fails.
    async fn beat(
        &self,
        session: Session,
        chain_id: u64,
        keys: &[LeaseKey],
        time: Duration,
    ) -> Result<Vec<Service>>;

    /// Takes a lease that is free or whose time is over, for `time` from now. One that the session holds is prolonged.
    /// None if somebody else holds it.
    ///
    /// # Errors
    /// If the database fails.
    async fn acquire(
        &self,
        session: Session,
        key: LeaseKey,
        time: Duration,
    ) -> Result<Option<Lease>>;

    /// Prolongs leases to `time` from now. Gives back those that are still held; the others are lost for good.
    ///
    /// # Errors
    /// If the database fails.
    async fn renew(&self, leases: &[Lease], time: Duration) -> Result<Vec<Lease>>;

    /// Gives leases back. One that is lost already is left alone.
    ///
    /// # Errors
    /// If the database fails.
    async fn release(&self, leases: &[Lease]) -> Result<()>;

    /// Gives back everything that the session holds on a chain, and is no longer counted there.
    ///
    /// # Errors
    /// If the database fails.
    async fn leave(&self, session: Session, chain_id: u64) -> Result<()>;

    /// Keepers that live on any chain.
    ///
    /// # Errors
    /// If the database fails.
    async fn live_keepers(&self) -> Result<Vec<LiveKeeper>>;

    /// The same journal for a holder of these leases: every write carries the token of the lease it rests on and is
    /// refused with [`crate::JournalError::LeaseLost`] if that is not held any more. Leases that are not among these
    /// count as not held.
    fn fenced(&self, leases: &[Lease]) -> Arc<dyn Journal>;
}
