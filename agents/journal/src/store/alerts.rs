//! What is remembered of alerts.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{
    SqlJournal,
    sql::{Tx, args, damaged, stored},
};
use crate::{AlertChange, AlertStore, Result, StoredAlert, StoredAlerts};

#[async_trait]
impl AlertStore for SqlJournal {
    async fn alerts(&self) -> Result<StoredAlerts> {
        let mut tx = self.pool.read().await?;
        let now_ms = tx.clock_ms().await?;
        let rows = tx.rows("SELECT * FROM alerts ORDER BY identity", args![]).await?;
        let alerts = rows.iter().map(|row| {
            Ok(StoredAlert {
                identity: row.text("identity")?,
                version: row.number("version")?,
                body: row.json("body")?,
            })
        });
        Ok(StoredAlerts { now_ms, alerts: alerts.collect::<Result<_>>()? })
    }

    async fn change_alerts(&self, changes: &[AlertChange]) -> Result<Vec<Option<u64>>> {
        let mut tx = self.pool.write().await?;
        let now_ms = tx.clock_ms().await?;
        // Always in the same order, so that two keepers never wait for each other.
        let mut places: Vec<usize> = (0..changes.len()).collect();
        places.sort_by_key(|place| &changes[*place].identity);
        let mut done = vec![None; changes.len()];
        for place in places {
            done[place] = tx.change_alert(&changes[place], now_ms).await?;
        }
        tx.commit().await?;
        Ok(done)
    }
}

impl Tx {
    /// Unix time, milliseconds: the server's, or this machine's where the journal is a file of it.
    async fn clock_ms(&mut self) -> Result<u64> {
        if !self.is_postgres() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        }
        let row = self.row("SELECT journal_now() AS now", args![]).await?;
        row.ok_or_else(|| damaged("clock", "now", "the server has none"))?.number("now")
    }

    async fn change_alert(&mut self, change: &AlertChange, now_ms: u64) -> Result<Option<u64>> {
        let identity = change.identity.clone();
        let row = match (change.expected, &change.body) {
            // The clock, with room for changes, makes versions of what was forgotten and is there again others than before.
            (None, Some(body)) => {
                let sql = "INSERT INTO alerts (identity, version, body) VALUES ($1, $2, $3) \
                           ON CONFLICT (identity) DO NOTHING RETURNING version";
                self.row(
                    sql,
                    args![identity, stored(now_ms.saturating_mul(1_000))?, body.to_string()],
                )
                .await?
            }
            (Some(expected), Some(body)) => {
                let sql = "UPDATE alerts SET version = version + 1, body = $3 \
                           WHERE identity = $1 AND version = $2 RETURNING version";
                self.row(sql, args![identity, stored(expected)?, body.to_string()]).await?
            }
            (Some(expected), None) => {
                let sql = "DELETE FROM alerts WHERE identity = $1 AND version = $2 \
                           RETURNING CAST(0 AS BIGINT) AS version";
                self.row(sql, args![identity, stored(expected)?]).await?
            }
            (None, None) => return Ok(Some(0)),
        };
        row.map(|row| row.number("version")).transpose()
    }
}
