//! Outcomes: appended, each replacing the one before, until one is terminal.

use alloy_primitives::B256;

use super::{
    SqlJournal,
    sql::{Tx, args, stored},
};
use crate::{JournalError, Outcome, OutcomeState, Result};

impl SqlJournal {
    pub(super) async fn put_outcome(&self, outcome: &Outcome) -> Result<()> {
        let mut tx = self.pool.write().await?;
        // The update changes nothing; it locks the record, so that two writers come one after the other.
        let sql = "UPDATE records SET kind = kind WHERE hash = $1 RETURNING hash";
        if tx.row(sql, args![outcome.decision]).await?.is_none() {
            return Err(JournalError::NoSuchDecision(outcome.decision));
        }
        tx.fence_outcome(&self.fences, outcome.decision).await?;
        tx.add_outcome(outcome).await?;
        tx.commit().await
    }

    /// Whoever sees it may say it: it is never taken back, so nothing of another's is lost.
    pub(super) async fn note_orphan(&self, decision: B256) -> Result<()> {
        let mut tx = self.pool.write().await?;
        let sql = "UPDATE records SET kind = kind WHERE hash = $1 RETURNING hash";
        if tx.row(sql, args![decision]).await?.is_none() {
            return Err(JournalError::NoSuchDecision(decision));
        }
        tx.fence_either(&self.fences, decision).await?;
        if let Some((_, last)) = tx.last_outcome(decision).await? {
            tx.add_outcome(&Outcome { is_orphaned: true, ..last }).await?;
        }
        tx.commit().await
    }
}

impl Tx {
    async fn last_outcome(&mut self, decision: B256) -> Result<Option<(u64, Outcome)>> {
        let last = self
            .row(
                "SELECT sequence, body FROM outcomes WHERE decision = $1 \
                 ORDER BY sequence DESC LIMIT 1",
                args![decision],
            )
            .await?;
        last.map(|row| Ok((row.number("sequence")?, row.json("body")?))).transpose()
    }

    pub(super) async fn add_outcome(&mut self, outcome: &Outcome) -> Result<()> {
        let last = self.last_outcome(outcome.decision).await?;
        let Some(outcome) = following(last.as_ref().map(|(_, last)| last), outcome)? else {
            return Ok(());
        };
        let sequence = last.map_or(0, |(sequence, _)| sequence + 1);
        self.run(
            "INSERT INTO outcomes (decision, sequence, body) VALUES ($1, $2, $3)",
            args![outcome.decision, stored(sequence)?, written(&outcome)?],
        )
        .await?;
        // Of what was never sent there is nothing to say.
        if matches!(outcome.state, OutcomeState::Held | OutcomeState::SimulationFailed) {
            return Ok(());
        }
        self.note_strike(&outcome).await?;
        self.note_fees(&outcome).await
    }
}

/// What is stored when an outcome comes after another one; none if it says nothing new.
pub(crate) fn following(before: Option<&Outcome>, outcome: &Outcome) -> Result<Option<Outcome>> {
    let mut outcome = outcome.clone();
    let Some(before) = before else { return Ok(Some(outcome)) };
    let is_ended = before.state.is_terminal()
        && outcome != *before
        && outcome != (Outcome { is_orphaned: true, ..before.clone() });
    if is_ended {
        return Err(JournalError::OutcomeEnded(outcome.decision));
    }
    // Somebody else may have seen what the writer of this one has not.
    outcome.is_orphaned |= before.is_orphaned;
    Ok((*before != outcome).then_some(outcome))
}

/// JSON text of what is not hashed.
pub(super) fn written<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| JournalError::NotWritten(error.to_string()))
}
