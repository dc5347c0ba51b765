//! One process alone: every lease is granted, always.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::MemoryJournal;
use crate::{Journal, Lease, LeaseKey, Leases, LiveKeeper, Result, Service, Session};

#[async_trait]
impl Leases for MemoryJournal {
    async fn join(&self, _name: &str) -> Result<Session> {
        Ok(Session(1))
    }

    async fn beat(
        &self,
        session: Session,
        _chain_id: u64,
        keys: &[LeaseKey],
        _time: Duration,
    ) -> Result<Vec<Service>> {
        let own = |key: &LeaseKey| Service { key: *key, session, holder: Some(session) };
        Ok(keys.iter().map(own).collect())
    }

    async fn acquire(
        &self,
        session: Session,
        key: LeaseKey,
        _time: Duration,
    ) -> Result<Option<Lease>> {
        Ok(Some(Lease { key, session, token: 1 }))
    }

    async fn renew(&self, leases: &[Lease], _time: Duration) -> Result<Vec<Lease>> {
        Ok(leases.to_vec())
    }

    async fn release(&self, _leases: &[Lease]) -> Result<()> {
        Ok(())
    }

    async fn leave(&self, _session: Session, _chain_id: u64) -> Result<()> {
        Ok(())
    }

    async fn live_keepers(&self) -> Result<Vec<LiveKeeper>> {
        Ok(Vec::new())
    }

    fn fenced(&self, _leases: &[Lease]) -> Arc<dyn Journal> {
        Arc::new(self.clone())
    }
}
