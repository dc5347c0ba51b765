//! The journal as a bystander reads it while the keeper writes.

use std::path::Path;

use alloy::primitives::B256;
use anyhow::{Context, Result};
use vagus_journal::{
    Body, DecisionRecord, JournalReader, OutcomeState, ReadJournal, RecordQuery, RevertCause,
    Simulation,
};

use crate::anvil::{CHAIN_ID, Head};

/// An open journal.
pub struct Book {
    reader: JournalReader,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").finish_non_exhaustive()
    }
}

/// A record in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its hash.
    pub hash: B256,
    /// Reason code.
    pub reason: String,
    /// Whether it moved nothing.
    pub is_hold: bool,
    /// First and last block.
    pub blocks: (u64, u64),
    /// Number of blocks in it.
    pub count: u64,
    /// The simulation that stands beside it.
    pub simulation: Option<Simulation>,
    /// State of its outcome, as the journal names it; none while there is no outcome.
    pub outcome: Option<OutcomeState>,
    /// Why it reverted, if it did.
    pub revert: Option<RevertCause>,
}

impl Book {
    /// Opens the journal of a world's folder.
    ///
    /// # Errors
    /// If there is none yet, or it does not open.
    pub async fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("journal.db");
        let reader = JournalReader::open_read_only(&path)
            .await
            .with_context(|| format!("opening {}", path.display()))?;
        Ok(Self { reader })
    }

    /// Whether the newest decision of the only vault is for this block, and nothing decided waits to be broadcast.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn is_done_with(&self, head: &Head) -> Result<bool> {
        let Some((_, vault)) = self.vault().await? else { return Ok(false) };
        let decided = self.reader.last_decided_block(CHAIN_ID, vault).await?;
        if decided.is_none_or(|block| block.hash != head.hash) {
            return Ok(false);
        }
        // A rebalance is stored with its transaction, and that is stored before it is broadcast.
        let in_flight = self.reader.transactions_in_flight(CHAIN_ID).await?;
        Ok(in_flight.iter().all(|transaction| !is_to_be_sent(&transaction.state)))
    }

    async fn vault(&self) -> Result<Option<(u64, alloy::primitives::Address)>> {
        Ok(self.reader.vaults().await?.into_iter().next())
    }

    /// The newest decision: the run of holds under way, or else the last record.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn latest(&self) -> Result<Option<DecisionRecord>> {
        let Some((chain, vault)) = self.vault().await? else { return Ok(None) };
        if let Some(run) = self.reader.open_run(chain, vault).await? {
            return Ok(Some(run));
        }
        let query = RecordQuery { newest_first: true, limit: Some(1), ..RecordQuery::default() };
        let newest = self.reader.records(chain, vault, query).await?;
        Ok(newest.into_iter().next().map(|stored| stored.record))
    }

    /// Every closed record, oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn records(&self) -> Result<Vec<Recorded>> {
        let Some((chain, vault)) = self.vault().await? else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        for stored in self.reader.records(chain, vault, RecordQuery::default()).await? {
            let outcome = self.reader.outcome(stored.hash).await?;
            let record = &stored.record;
            records.push(Recorded {
                hash: stored.hash,
                reason: format!("{:?}", record.reason()),
                is_hold: record.is_hold(),
                blocks: (record.first().block().number, record.last().block().number),
                count: match &record.body {
                    Body::Rebalance { .. } | Body::Upkeep { .. } => 1,
                    Body::Hold { count, .. } => *count,
                },
                simulation: outcome.as_ref().and_then(|outcome| outcome.simulation.clone()),
                revert: outcome
                    .as_ref()
                    .and_then(|outcome| outcome.revert.as_ref().map(|revert| revert.cause)),
                outcome: outcome.map(|outcome| outcome.state),
            });
        }
        Ok(records)
    }

    /// Whether every hash and every link of the journal is as it should be.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn is_intact(&self) -> Result<bool> {
        let Some((chain, vault)) = self.vault().await? else { return Ok(true) };
        Ok(self.reader.verify_chain(chain, vault).await?.is_intact())
    }
}

/// Whether a transaction's state comes before its first broadcast.
fn is_to_be_sent(state: &serde_json::Value) -> bool {
    ["intended", "claimed", "signed"].iter().any(|phase| state["phase"] == *phase)
}
