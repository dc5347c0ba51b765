//! What is dropped: bodies of old holds, a bounded number at a time; never a hash, never a rebalance.

use alloy_primitives::{Address, B256};

use super::{
    SqlJournal, rows,
    sql::{Pool, args, stored},
};
use crate::{LeaseKey, Result};

/// Records looked at in one step.
const STEP: i64 = 64;
/// Pages of a file given back in one step.
const GIVE_BACK: &str = "PRAGMA incremental_vacuum(512)";

/// What one step would do.
#[derive(Default)]
struct Step {
    /// Hash and link of every hold whose time is over.
    old: Vec<(B256, B256)>,
    /// Place of the first record that is not dealt with.
    dropped_before: u64,
}

impl SqlJournal {
    pub(super) async fn drop_holds(
        &self,
        chain_id: u64,
        vault: Address,
        keep_seconds: u64,
    ) -> Result<u64> {
        // One record first: on most days there is nothing to do.
        let mut step = Step::default();
        for limit in [1, STEP] {
            step = self.pool.next_step(chain_id, vault, keep_seconds, limit).await?;
            if step.dropped_before == 0 {
                return Ok(0);
            }
        }
        let mut tx = self.pool.write().await?;
        tx.fence(&self.fences, LeaseKey::vault(chain_id, vault)).await?;
        tx.lock_vault(chain_id, vault, None).await?;
        for (hash, previous) in &step.old {
            tx.run(
                "UPDATE records SET body = '', previous = $2 WHERE hash = $1",
                args![*hash, *previous],
            )
            .await?;
            tx.run("DELETE FROM outcomes WHERE decision = $1", args![*hash]).await?;
        }
        tx.run(
            "UPDATE vaults SET dropped_before = $3 WHERE chain_id = $1 AND vault = $2",
            args![stored(chain_id)?, vault, stored(step.dropped_before)?],
        )
        .await?;
        if !tx.is_postgres() {
            tx.run(GIVE_BACK, args![]).await?;
        }
        tx.commit().await?;
        Ok(step.old.len() as u64)
    }
}

impl Pool {
    /// The oldest records that are not dealt with, up to the first hold that is still kept.
    async fn next_step(
        &self,
        chain_id: u64,
        vault: Address,
        keep_seconds: u64,
        limit: i64,
    ) -> Result<Step> {
        let mut tx = self.read().await?;
        let line = tx
            .row(
                "SELECT dropped_before, decided_timestamp FROM vaults \
                 WHERE chain_id = $1 AND vault = $2",
                args![stored(chain_id)?, vault],
            )
            .await?;
        let Some(line) = line else { return Ok(Step::default()) };
        let now = line.optional_number("decided_timestamp")?.unwrap_or_default();
        let records = tx
            .rows(
                "SELECT hash, sequence, body FROM records WHERE chain_id = $1 AND vault = $2 \
                 AND sequence >= $3 ORDER BY sequence LIMIT $4",
                args![stored(chain_id)?, vault, stored(line.number("dropped_before")?)?, limit],
            )
            .await?;
        let mut step = Step::default();
        for row in &records {
            let stored = rows::record(row)?;
            let ended_at = stored.record.last().block().timestamp;
            if now.saturating_sub(ended_at) <= keep_seconds {
                break;
            }
            if stored.record.is_hold() {
                step.old.push((stored.hash, stored.record.previous));
            }
            step.dropped_before = stored.sequence + 1;
        }
        Ok(step)
    }
}
