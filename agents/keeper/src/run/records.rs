//! Records of what is in flight: asked for many times in every block, and never another under the same hash.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::primitives::B256;
use vagus_journal::{DecisionRecord, JournalError};

use super::{ChainLoop, RunError};

/// Records by their hash, read or written here.
#[derive(Debug, Default)]
pub(super) struct Records(Mutex<HashMap<B256, Arc<DecisionRecord>>>);

impl Records {
    fn known(&self) -> MutexGuard<'_, HashMap<B256, Arc<DecisionRecord>>> {
        // A poisoned lock only means that another task died between two whole changes.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Remembers a record that is stored under this hash.
    pub(super) fn keep(&self, hash: B256, record: Arc<DecisionRecord>) {
        self.known().insert(hash, record);
    }

    /// Forgets what is not among these.
    pub(super) fn retain(&self, wanted: &HashSet<B256>) {
        self.known().retain(|hash, _| wanted.contains(hash));
    }
}

impl ChainLoop {
    /// The record of a decision.
    pub(super) async fn record(&self, decision: B256) -> Result<Arc<DecisionRecord>, RunError> {
        let known = self.records.known().get(&decision).cloned();
        if let Some(record) = known {
            return Ok(record);
        }
        let stored = self.journal.0.record(decision).await?;
        let record = stored.ok_or(JournalError::NoSuchDecision(decision))?.record;
        let record = Arc::new(record);
        self.records.keep(decision, record.clone());
        Ok(record)
    }
}
