//! Reading, from the journal's own process and from others.

use std::collections::HashMap;

use alloy_primitives::{Address, B256};
use vagus_policy::BlockRef;

use super::{
    RecordQuery, StoredRecord, rows,
    sql::{Pool, args, stored},
};
use crate::{Attempt, DecisionRecord, Outcome, Result, StoredTransaction};

impl Pool {
    pub(super) async fn decided_blocks(&self, chain_id: u64) -> Result<HashMap<Address, BlockRef>> {
        let sql = "SELECT vault, decided_number, decided_hash, decided_parent, decided_timestamp \
                   FROM vaults WHERE chain_id = $1";
        let rows = self.rows(sql, args![stored(chain_id)?]).await?;
        let mut blocks = HashMap::with_capacity(rows.len());
        for row in &rows {
            if let Some(block) = rows::decided_block(row)? {
                blocks.insert(row.parsed("vault")?, block);
            }
        }
        Ok(blocks)
    }

    pub(super) async fn head_hash(&self, chain_id: u64, vault: Address) -> Result<B256> {
        let sql = "SELECT vaults.head, open_runs.body FROM vaults LEFT JOIN open_runs \
                   ON open_runs.chain_id = vaults.chain_id AND open_runs.vault = vaults.vault \
                   WHERE vaults.chain_id = $1 AND vaults.vault = $2";
        let Some(row) = self.row(sql, args![stored(chain_id)?, vault]).await? else {
            return Ok(B256::ZERO);
        };
        let run = row.optional_text("body")?;
        run.map_or_else(
            || row.parsed("head"),
            |run| Ok(self.open_runs.hash((chain_id, vault), &run)),
        )
    }

    pub(super) async fn open_run(
        &self,
        chain_id: u64,
        vault: Address,
    ) -> Result<Option<DecisionRecord>> {
        self.read().await?.run_of(chain_id, vault).await
    }

    pub(super) async fn record(&self, hash: B256) -> Result<Option<StoredRecord>> {
        let sql = "SELECT hash, sequence, body FROM records WHERE hash = $1";
        let row = self.row(sql, args![hash]).await?;
        row.map(|row| rows::record(&row)).transpose()
    }

    pub(super) async fn records(
        &self,
        chain_id: u64,
        vault: Address,
        query: RecordQuery,
    ) -> Result<Vec<StoredRecord>> {
        // One statement for both orders: the sign of the sequence.
        let sql = "SELECT hash, sequence, body FROM records \
                   WHERE chain_id = $1 AND vault = $2 AND last_block >= $3 AND first_block <= $4 \
                   AND (kind = 'rebalance' OR $5 = 0) AND body <> '' \
                   AND ($8 = '' OR reason = $8) AND sequence < $9 ORDER BY sequence * $6 LIMIT $7";
        let values = args![
            stored(chain_id)?,
            vault,
            query.from_block.map_or(Ok(0), stored)?,
            query.to_block.map_or(Ok(i64::MAX), stored)?,
            query.rebalances_only,
            if query.newest_first { -1 } else { 1 },
            query.limit.map_or(i64::MAX, i64::from),
            query.reason.map_or_else(String::new, |reason| format!("{reason:?}")),
            query.before_sequence.map_or(Ok(i64::MAX), stored)?
        ];
        self.rows(sql, values).await?.iter().map(rows::record).collect()
    }

    pub(super) async fn vaults(&self) -> Result<Vec<(u64, Address)>> {
        let sql = "SELECT chain_id, vault FROM vaults ORDER BY chain_id, vault";
        let rows = self.rows(sql, args![]).await?;
        rows.iter().map(|row| Ok((row.number("chain_id")?, row.parsed("vault")?))).collect()
    }

    pub(super) async fn outcomes(&self, decision: B256) -> Result<Vec<Outcome>> {
        let sql = "SELECT body FROM outcomes WHERE decision = $1 ORDER BY sequence";
        let rows = self.rows(sql, args![decision]).await?;
        rows.iter().map(|row| row.json("body")).collect()
    }

    pub(super) async fn transaction(&self, decision: B256) -> Result<Option<StoredTransaction>> {
        let sql = "SELECT * FROM transactions WHERE decision = $1";
        let row = self.row(sql, args![decision]).await?;
        row.map(|row| rows::transaction(&row)).transpose()
    }

    pub(super) async fn transactions_in_flight(
        &self,
        chain_id: u64,
    ) -> Result<Vec<StoredTransaction>> {
        let sql = "SELECT * FROM transactions WHERE chain_id = $1 AND is_terminal = 0 \
                   ORDER BY sequence, decision";
        let rows = self.rows(sql, args![stored(chain_id)?]).await?;
        rows.iter().map(rows::transaction).collect()
    }

    pub(super) async fn attempts(&self, decision: B256) -> Result<Vec<Attempt>> {
        let sql = "SELECT * FROM attempts WHERE decision = $1 ORDER BY sequence";
        let rows = self.rows(sql, args![decision]).await?;
        rows.iter().map(rows::attempt).collect()
    }

    pub(super) async fn nonces_in_flight(&self, chain_id: u64, from: Address) -> Result<Vec<u64>> {
        let sql = "SELECT nonce FROM transactions WHERE chain_id = $1 AND sender = $2 \
                   AND is_terminal = 0 AND nonce IS NOT NULL ORDER BY nonce";
        let rows = self.rows(sql, args![stored(chain_id)?, from]).await?;
        rows.iter().map(|row| row.number("nonce")).collect()
    }
}
