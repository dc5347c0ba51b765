//! Where followers stand.

use alloy_primitives::Address;

use super::{
    SqlJournal,
    sql::{Pool, args, stored},
};
use crate::Result;

impl Pool {
    pub(super) async fn cursor(
        &self,
        chain_id: u64,
        agent: Address,
    ) -> Result<Option<serde_json::Value>> {
        let sql = "SELECT body FROM cursors WHERE chain_id = $1 AND agent = $2";
        let row = self.row(sql, args![stored(chain_id)?, agent]).await?;
        row.map(|row| row.json("body")).transpose()
    }
}

impl SqlJournal {
    pub(super) async fn store_cursor(
        &self,
        chain_id: u64,
        agent: Address,
        cursor: &serde_json::Value,
    ) -> Result<()> {
        let sql = "INSERT INTO cursors (chain_id, agent, body) VALUES ($1, $2, $3) \
                   ON CONFLICT (chain_id, agent) DO UPDATE SET body = excluded.body";
        let mut tx = self.pool.write().await?;
        tx.run(sql, args![stored(chain_id)?, agent, cursor.to_string()]).await?;
        tx.commit().await
    }
}
