//! What a person took as it stood.

use alloy_primitives::Address;

use super::{
    SqlJournal,
    sql::{Pool, Row, args, stored},
};
use crate::{Adoption, Result};

impl SqlJournal {
    pub(super) async fn put_adoption(&self, adoption: &Adoption) -> Result<()> {
        let mut tx = self.pool.write().await?;
        tx.run(
            "INSERT INTO adoptions (chain_id, vault, agent, sequence, guard_nonce, account_nonce, \
             block_number, block_hash, note) VALUES ($1, $2, $3, (SELECT \
             COALESCE(MAX(sequence) + 1, 0) FROM adoptions WHERE chain_id = $1 AND vault = $2 \
             AND agent = $3), $4, $5, $6, $7, $8)",
            args![
                stored(adoption.chain_id)?,
                adoption.vault,
                adoption.agent,
                stored(adoption.guard_nonce)?,
                stored(adoption.account_nonce)?,
                stored(adoption.block_number)?,
                adoption.block_hash,
                adoption.note.clone()
            ],
        )
        .await?;
        tx.commit().await
    }
}

impl Pool {
    pub(super) async fn adoptions(&self, chain_id: u64, vault: Address) -> Result<Vec<Adoption>> {
        let sql = "SELECT * FROM adoptions WHERE chain_id = $1 AND vault = $2 \
                   ORDER BY agent, sequence";
        let rows = self.rows(sql, args![stored(chain_id)?, vault]).await?;
        rows.iter().map(adoption).collect()
    }

    pub(super) async fn highest_nonce(&self, chain_id: u64, from: Address) -> Result<Option<u64>> {
        let sql = "SELECT MAX(nonce) AS nonce FROM transactions \
                   WHERE chain_id = $1 AND sender = $2";
        let row = self.row(sql, args![stored(chain_id)?, from]).await?;
        row.map_or(Ok(None), |row| row.optional_number("nonce"))
    }
}

fn adoption(row: &Row) -> Result<Adoption> {
    Ok(Adoption {
        chain_id: row.number("chain_id")?,
        vault: row.parsed("vault")?,
        agent: row.parsed("agent")?,
        guard_nonce: row.number("guard_nonce")?,
        account_nonce: row.number("account_nonce")?,
        block_number: row.number("block_number")?,
        block_hash: row.parsed("block_hash")?,
        note: row.text("note")?,
    })
}
