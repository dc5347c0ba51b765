//! After a start, a crash or a reorganisation: what the journal says is brought together with the chain.

use alloy::primitives::B256;
use vagus_chain::{
    BlockAt, ChainError, ChainReader as _, Header,
    lifecycle::{Head, TxEvent, TxState},
};
use vagus_journal::{Outcome, OutcomeState, RecordQuery};

use super::{ChainLoop, KEEPER_VERSION, RunError};

/// Records looked at per vault; a crash leaves at most the newest one open.
const LATEST_RECORDS: u32 = 64;

impl ChainLoop {
    /// Before anything new is decided: closes runs of holds, ends decisions that never became a transaction, writes
    /// outcomes that a crash kept from being written, and takes up what is in flight.
    pub(super) async fn reconcile(&self, head: Head) -> Result<(), RunError> {
        let chain_id = self.world.config.chain_id;
        self.journal.0.close_runs().await?;
        for vault in &self.world.vaults {
            let decides = self.fleet.decides(vault.entry.vault);
            if !decides && !self.fleet.sends() {
                continue;
            }
            let query = RecordQuery {
                rebalances_only: true,
                newest_first: true,
                limit: Some(LATEST_RECORDS),
                ..RecordQuery::default()
            };
            for stored in self.journal.0.records(chain_id, vault.entry.vault, query).await? {
                let outcome = self.journal.0.outcome(stored.hash).await?;
                if outcome.as_ref().is_some_and(|outcome| outcome.state.is_terminal()) {
                    continue;
                }
                match self.journal.0.transaction(stored.hash).await? {
                    // Stored and never claimed: nothing was signed, and nothing will be.
                    // A proposal waits for people.
                    None if decides && outcome.is_none() => {
                        let state = OutcomeState::Expired;
                        let ended = Outcome::new(stored.hash, KEEPER_VERSION, state);
                        self.journal.0.append_outcome(&ended).await?;
                    }
                    Some(transaction) if self.sends_for(transaction.from) => {
                        let state: TxState = serde_json::from_value(transaction.state)?;
                        if state.is_terminal() {
                            self.settle(stored.hash, transaction.from, &state).await?;
                        }
                    }
                    _ => {}
                }
            }
        }
        for stored in self.journal.0.transactions_in_flight(chain_id).await? {
            if !self.sends_for(stored.from) {
                continue;
            }
            let mut state: TxState = serde_json::from_value(stored.state)?;
            state.head = head;
            tracing::info!(
                "chain {}: rebalance {} is in flight and taken up again",
                self.world.config.name,
                stored.decision
            );
            let (decision, from) = (stored.decision, stored.from);
            let state = self.drive(decision, from, state, TxEvent::Restarted, None).await?;
            self.settle(decision, from, &state).await?;
        }
        Ok(())
    }

    /// Marks the records of blocks, from a height on, that are no longer part of the chain under a head.
    pub(super) async fn mark_orphans(&self, head: &Header, lowest: u64) -> Result<(), RunError> {
        let chain_id = self.world.config.chain_id;
        self.journal.0.close_runs().await?;
        for vault in self.decided_vaults() {
            let query = RecordQuery { from_block: Some(lowest), ..RecordQuery::default() };
            for stored in self.journal.0.records(chain_id, vault.entry.vault, query).await? {
                let block = stored.record.last().block();
                if self.is_canonical(head, block.number, block.hash).await? {
                    continue;
                }
                let outcome = self.journal.0.outcome(stored.hash).await?;
                if outcome.is_some_and(|outcome| !outcome.is_orphaned) {
                    self.journal.0.mark_orphaned(stored.hash).await?;
                }
            }
        }
        Ok(())
    }

    async fn is_canonical(&self, head: &Header, number: u64, hash: B256) -> Result<bool, RunError> {
        // The chain may have become shorter: blocks above the head are gone.
        if number > head.block.number {
            return Ok(false);
        }
        if let Some(known) = self.sight.known(number) {
            return Ok(known.hash == hash);
        }
        match self.world.endpoints.header(BlockAt::Number(number)).await? {
            Some(now) => Ok(now.block.hash == hash),
            // One that does not have a height below the head is behind; that says nothing about the block.
            None => Err(ChainError::Late {
                endpoint: self.world.endpoints.endpoint(),
                block: head.block.hash,
            }
            .into()),
        }
    }
}
