//! Transactions and attempts.

use alloy_primitives::B256;

use super::{
    SqlJournal,
    outcomes::written,
    rows,
    sql::{Tx, args, stored},
};
use crate::{
    Attempt, JournalError, Result, StoredTransaction, TransactionIntent, TransactionUpdate,
};

impl SqlJournal {
    pub(super) async fn claim_decision(&self, intent: &TransactionIntent) -> Result<()> {
        let mut tx = self.pool.write().await?;
        tx.fence_either(&self.fences, intent.decision).await?;
        tx.claim(intent).await?;
        tx.commit().await
    }

    pub(super) async fn put_attempt(
        &self,
        attempt: &Attempt,
        update: &TransactionUpdate,
    ) -> Result<()> {
        let mut tx = self.pool.write().await?;
        let transaction = tx.lock_transaction(attempt.decision).await?;
        tx.fence(&self.fences, transaction.lease()).await?;
        tx.change(&transaction, update).await?;
        has_nonce(attempt, update)?;
        let known = tx.row("SELECT * FROM attempts WHERE hash = $1", args![attempt.hash]).await?;
        match known.map(|row| rows::attempt(&row)).transpose()? {
            Some(known) if known == *attempt => {}
            Some(_) => return Err(JournalError::AttemptChanged(attempt.hash)),
            None => tx.insert_attempt(attempt).await?,
        }
        tx.commit().await
    }

    pub(super) async fn change_transaction(
        &self,
        decision: B256,
        update: &TransactionUpdate,
    ) -> Result<()> {
        let mut tx = self.pool.write().await?;
        let transaction = tx.lock_transaction(decision).await?;
        tx.fence(&self.fences, transaction.lease()).await?;
        tx.change(&transaction, update).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Puts down the transaction of a decision, once.
    pub(super) async fn claim(&mut self, intent: &TransactionIntent) -> Result<()> {
        let record = self
            .row(
                "SELECT chain_id, vault FROM records WHERE hash = $1 AND kind = 'rebalance'",
                args![intent.decision],
            )
            .await?
            .ok_or(JournalError::NoSuchDecision(intent.decision))?;
        let claimed = self
            .row(
                "INSERT INTO transactions \
                 (decision, sequence, chain_id, vault, sender, is_terminal, state) \
                 VALUES ($1, (SELECT COALESCE(MAX(sequence) + 1, 0) FROM transactions), \
                 $2, $3, $4, 0, $5) ON CONFLICT (decision) DO NOTHING RETURNING decision",
                args![
                    intent.decision,
                    stored(record.number("chain_id")?)?,
                    record.text("vault")?,
                    intent.from,
                    written(&intent.state)?
                ],
            )
            .await?;
        if claimed.is_none() {
            return Err(JournalError::AlreadyClaimed(intent.decision));
        }
        Ok(())
    }

    async fn lock_transaction(&mut self, decision: B256) -> Result<StoredTransaction> {
        let sql = "UPDATE transactions SET state = state WHERE decision = $1 RETURNING *";
        let row = self.row(sql, args![decision]).await?;
        rows::transaction(&row.ok_or(JournalError::NoSuchTransaction(decision))?)
    }

    async fn change(
        &mut self,
        transaction: &StoredTransaction,
        update: &TransactionUpdate,
    ) -> Result<()> {
        if !may_change(transaction, update)? {
            return Ok(());
        }
        let decision = transaction.decision;
        if transaction.nonce.is_none()
            && let Some(nonce) = update.nonce
        {
            self.look_for_nonce(transaction, nonce).await?;
        }
        self.run(
            "UPDATE transactions SET state = $2, nonce = $3, is_terminal = $4 WHERE decision = $1",
            args![
                decision,
                written(&update.state)?,
                update.nonce.map(stored).transpose()?,
                update.is_terminal
            ],
        )
        .await
    }

    /// That nobody is faster between this look and the write is the unique index's matter.
    async fn look_for_nonce(&mut self, transaction: &StoredTransaction, nonce: u64) -> Result<()> {
        let holder = self
            .row(
                "SELECT decision FROM transactions \
                 WHERE chain_id = $1 AND sender = $2 AND nonce = $3 AND is_terminal = 0",
                args![stored(transaction.chain_id)?, transaction.from, stored(nonce)?],
            )
            .await?;
        match holder {
            Some(_) => Err(JournalError::NonceTaken { from: transaction.from, nonce }),
            None => Ok(()),
        }
    }

    async fn insert_attempt(&mut self, attempt: &Attempt) -> Result<()> {
        self.run(
            "INSERT INTO attempts \
             (hash, decision, sequence, nonce, max_fee_wei, priority_fee_wei, is_cancel, raw) \
             VALUES ($1, $2, (SELECT COALESCE(MAX(sequence) + 1, 0) FROM attempts \
             WHERE decision = $2), $3, $4, $5, $6, $7)",
            args![
                attempt.hash,
                attempt.decision,
                stored(attempt.nonce)?,
                attempt.max_fee_wei.to_string(),
                attempt.priority_fee_wei.to_string(),
                attempt.is_cancel,
                attempt.raw.to_string()
            ],
        )
        .await
    }
}

/// Whether a step is to be stored: nothing changes after the end, and a nonce never.
pub(crate) fn may_change(before: &StoredTransaction, update: &TransactionUpdate) -> Result<bool> {
    let decision = before.decision;
    if before.is_terminal {
        let is_same =
            update.is_terminal && update.state == before.state && update.nonce == before.nonce;
        return if is_same { Ok(false) } else { Err(JournalError::TransactionEnded(decision)) };
    }
    if before.nonce.is_some() && before.nonce != update.nonce {
        return Err(JournalError::NonceChanged {
            decision,
            expected: named(before.nonce),
            found: named(update.nonce),
        });
    }
    Ok(true)
}

/// The nonce of an attempt is its transaction's; only what does nothing may have a lower one, to make way for it.
pub(crate) fn has_nonce(attempt: &Attempt, update: &TransactionUpdate) -> Result<()> {
    let makes_way = attempt.is_cancel && update.nonce.is_some_and(|nonce| attempt.nonce < nonce);
    if update.nonce == Some(attempt.nonce) || makes_way {
        return Ok(());
    }
    Err(JournalError::NonceChanged {
        decision: attempt.decision,
        expected: named(update.nonce),
        found: attempt.nonce.to_string(),
    })
}

fn named(nonce: Option<u64>) -> String {
    nonce.map_or_else(|| "none".to_owned(), |nonce| nonce.to_string())
}
