//! The journal as the memory of one transaction.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use async_trait::async_trait;
use vagus_chain::{
    lifecycle::TxState,
    sender::{NewAttempt, StoreError, TxStore},
};
use vagus_journal::{Attempt, Journal, TransactionUpdate};

/// Memory of the transaction of one decision.
#[derive(Clone)]
pub struct JournalTx {
    /// Where.
    pub journal: Arc<dyn Journal>,
    /// The decision.
    pub decision: B256,
    /// Chain.
    pub chain_id: u64,
    /// Who signs.
    pub from: Address,
}

impl std::fmt::Debug for JournalTx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JournalTx({})", self.decision)
    }
}

fn store_error(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError(Box::new(error))
}

#[async_trait]
impl TxStore for JournalTx {
    async fn nonces_in_flight(&self) -> Result<Vec<u64>, StoreError> {
        let journal = &self.journal;
        let mut nonces =
            journal.nonces_in_flight(self.chain_id, self.from).await.map_err(store_error)?;
        // What closes a gap holds its nonce as long as the transaction that it makes way for is in flight.
        for stored in journal.transactions_in_flight(self.chain_id).await.map_err(store_error)? {
            if stored.from == self.from {
                let state: TxState = serde_json::from_value(stored.state).map_err(store_error)?;
                nonces.extend(state.fills.iter().map(|fill| fill.nonce));
            }
        }
        Ok(nonces)
    }

    async fn save(&self, state: &TxState, attempt: Option<&NewAttempt>) -> Result<(), StoreError> {
        let update = TransactionUpdate {
            state: serde_json::to_value(state).map_err(store_error)?,
            nonce: state.nonce,
            is_terminal: state.is_terminal(),
        };
        let Some(new) = attempt else {
            return self
                .journal
                .update_transaction(self.decision, &update)
                .await
                .map_err(store_error);
        };
        let attempt = Attempt {
            hash: new.signed.hash,
            decision: self.decision,
            nonce: new.nonce,
            max_fee_wei: new.fees.max_fee_wei,
            priority_fee_wei: new.fees.priority_fee_wei,
            is_cancel: new.is_cancel,
            raw: new.signed.raw.clone(),
        };
        self.journal.store_attempt(&attempt, &update).await.map_err(store_error)
    }

    async fn raw(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        let attempts = self.journal.attempts(self.decision).await.map_err(store_error)?;
        Ok(attempts.into_iter().find(|attempt| attempt.hash == hash).map(|attempt| attempt.raw))
    }
}
