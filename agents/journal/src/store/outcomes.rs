//! Outcomes: appended, each replacing the one before, until one is terminal.

use super::{
    SqlJournal,
    sql::{Tx, args, stored},
};
use crate::{JournalError, Outcome, Result};

impl SqlJournal {
    pub(super) async fn put_outcome(&self, outcome: &Outcome) -> Result<()> {
        let mut tx = self.pool.write().await?;
        // The update changes nothing; it locks the record, so that two writers come one after the other.
        let sql = "UPDATE records SET kind = kind WHERE hash = $1 RETURNING hash";
        if tx.row(sql, args![outcome.decision]).await?.is_none() {
            return Err(JournalError::NoSuchDecision(outcome.decision));
        }
        tx.add_outcome(outcome).await?;
        tx.commit().await
    }
}

impl Tx {
    pub(super) async fn add_outcome(&mut self, outcome: &Outcome) -> Result<()> {
        let last = self
            .row(
                "SELECT sequence, body FROM outcomes WHERE decision = $1 \
                 ORDER BY sequence DESC LIMIT 1",
                args![outcome.decision],
            )
            .await?;
        let sequence = match last {
            None => 0,
            Some(row) => {
                let before: Outcome = row.json("body")?;
                if before == *outcome {
                    return Ok(());
                }
                let is_terminal = before.state.is_terminal();
                if is_terminal && *outcome != (Outcome { is_orphaned: true, ..before }) {
                    return Err(JournalError::OutcomeEnded(outcome.decision));
                }
                row.number("sequence")? + 1
            }
        };
        self.run(
            "INSERT INTO outcomes (decision, sequence, body) VALUES ($1, $2, $3)",
            args![outcome.decision, stored(sequence)?, written(outcome)?],
        )
        .await
    }
}

/// JSON text of what is not hashed.
pub(super) fn written<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| JournalError::Database(error.to_string()))
}
