//! The traits over SQL: each call goes to where it is done.

use std::collections::HashMap;

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use vagus_policy::BlockRef;

use super::{
    HoldNotes, HoldRun, Journal, JournalReader, ReadJournal, RecordQuery, SqlJournal, StoredRecord,
};
use crate::{
    Adoption, Attempt, ChainReport, DecisionRecord, HoldObservation, Intervention, Outcome, Result,
    Standing, StoredTransaction, TransactionIntent, TransactionUpdate, verify,
};

/// Reading is the same in both: by the pool.
macro_rules! read_by_pool {
    ($journal:ty) => {
        #[async_trait]
        impl ReadJournal for $journal {
            async fn decided_blocks(&self, chain_id: u64) -> Result<HashMap<Address, BlockRef>> {
                self.pool.decided_blocks(chain_id).await
            }

            async fn head_hash(&self, chain_id: u64, vault: Address) -> Result<B256> {
                self.pool.head_hash(chain_id, vault).await
            }

            async fn open_run(
                &self,
                chain_id: u64,
                vault: Address,
            ) -> Result<Option<DecisionRecord>> {
                self.pool.open_run(chain_id, vault).await
            }

            async fn record(&self, hash: B256) -> Result<Option<StoredRecord>> {
                self.pool.record(hash).await
            }

            async fn records(
                &self,
                chain_id: u64,
                vault: Address,
                query: RecordQuery,
            ) -> Result<Vec<StoredRecord>> {
                self.pool.records(chain_id, vault, query).await
            }

            async fn vaults(&self) -> Result<Vec<(u64, Address)>> {
                self.pool.vaults().await
            }

            async fn outcome(&self, decision: B256) -> Result<Option<Outcome>> {
                Ok(self.pool.outcomes(decision).await?.pop())
            }

            async fn outcomes(&self, decision: B256) -> Result<Vec<Outcome>> {
                self.pool.outcomes(decision).await
            }

            async fn transaction(&self, decision: B256) -> Result<Option<StoredTransaction>> {
                self.pool.transaction(decision).await
            }

            async fn transactions_in_flight(
                &self,
                chain_id: u64,
            ) -> Result<Vec<StoredTransaction>> {
                self.pool.transactions_in_flight(chain_id).await
            }

            async fn attempts(&self, decision: B256) -> Result<Vec<Attempt>> {
                self.pool.attempts(decision).await
            }

            async fn nonces_in_flight(&self, chain_id: u64, from: Address) -> Result<Vec<u64>> {
                self.pool.nonces_in_flight(chain_id, from).await
            }

            async fn cursor(
                &self,
                chain_id: u64,
                agent: Address,
            ) -> Result<Option<serde_json::Value>> {
                self.pool.cursor(chain_id, agent).await
            }

            async fn adoptions(&self, chain_id: u64, vault: Address) -> Result<Vec<Adoption>> {
                self.pool.adoptions(chain_id, vault).await
            }

            async fn highest_nonce(&self, chain_id: u64, from: Address) -> Result<Option<u64>> {
                self.pool.highest_nonce(chain_id, from).await
            }

            async fn interventions(
                &self,
                chain_id: u64,
                vault: Address,
            ) -> Result<Vec<Intervention>> {
                self.pool.interventions(chain_id, vault).await
            }

            async fn standings(&self, chain_id: u64) -> Result<Vec<Standing>> {
                self.pool.standings(chain_id).await
            }

            async fn fees_paid(
                &self,
                chain_id: u64,
                from: Address,
                after: u64,
            ) -> Result<Vec<(B256, u128)>> {
                self.pool.fees_paid(chain_id, from, after).await
            }

            async fn verify_chain(&self, chain_id: u64, vault: Address) -> Result<ChainReport> {
                verify::verify(&mut self.pool.read().await?, chain_id, vault).await
            }
        }
    };
}

read_by_pool!(SqlJournal);
read_by_pool!(JournalReader);

#[async_trait]
impl Journal for SqlJournal {
    async fn append_decision(&self, record: &DecisionRecord) -> Result<B256> {
        self.put_rebalance(record, None).await
    }

    async fn append_rebalance(
        &self,
        record: &DecisionRecord,
        intent: &TransactionIntent,
        outcome: &Outcome,
    ) -> Result<B256> {
        self.put_rebalance(record, Some((intent, outcome))).await
    }

    async fn observe_holds(&self, holds: &[(HoldObservation, HoldNotes)]) -> Result<Vec<HoldRun>> {
        self.add_holds(holds).await
    }

    async fn close_runs(&self) -> Result<Vec<B256>> {
        self.close_all().await
    }

    async fn put_transaction(&self, intent: &TransactionIntent) -> Result<()> {
        self.claim_decision(intent).await
    }

    async fn store_attempt(&self, attempt: &Attempt, update: &TransactionUpdate) -> Result<()> {
        self.put_attempt(attempt, update).await
    }

    async fn update_transaction(&self, decision: B256, update: &TransactionUpdate) -> Result<()> {
        self.change_transaction(decision, update).await
    }

    async fn append_outcome(&self, outcome: &Outcome) -> Result<()> {
        self.put_outcome(outcome).await
    }

    async fn put_cursor(
        &self,
        chain_id: u64,
        agent: Address,
        cursor: &serde_json::Value,
    ) -> Result<()> {
        self.store_cursor(chain_id, agent, cursor).await
    }

    async fn mark_orphaned(&self, decision: B256) -> Result<()> {
        self.note_orphan(decision).await
    }

    async fn drop_old_holds(
        &self,
        chain_id: u64,
        vault: Address,
        keep_seconds: u64,
    ) -> Result<u64> {
        self.drop_holds(chain_id, vault, keep_seconds).await
    }

    async fn tidy(&self) -> Result<()> {
        self.pool.tidy().await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<()> {
        self.put_adoption(adoption).await
    }
}
