//! Rows as what they stand for.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use vagus_policy::BlockRef;

use super::{
    StoredRecord,
    sql::{Row, Tx, args, damaged, stored},
};
use crate::{Attempt, DecisionRecord, JournalError, Result, StoredTransaction};

/// A vault's line: where its chain of records stands.
pub(super) struct VaultLine {
    pub(super) next_sequence: u64,
    pub(super) head: B256,
}

impl Tx {
    /// The vault's line, locked against everybody else until the transaction ends; a new vault gets one. A block that is
    /// given is noted in it as that of the latest decision.
    pub(super) async fn lock_vault(
        &mut self,
        chain_id: u64,
        vault: Address,
        decided: Option<BlockRef>,
    ) -> Result<VaultLine> {
        let number = decided.map(|block| stored(block.number)).transpose()?;
        let timestamp = decided.map(|block| stored(block.timestamp)).transpose()?;
        let row = self
            .row(
                "INSERT INTO vaults (chain_id, vault, next_sequence, head, decided_number, decided_hash, \
                 decided_parent, decided_timestamp) VALUES ($1, $2, 0, $3, $4, $5, $6, $7) \
                 ON CONFLICT (chain_id, vault) DO UPDATE SET \
                 decided_number = COALESCE(excluded.decided_number, vaults.decided_number), \
                 decided_hash = COALESCE(excluded.decided_hash, vaults.decided_hash), \
                 decided_parent = COALESCE(excluded.decided_parent, vaults.decided_parent), \
                 decided_timestamp = COALESCE(excluded.decided_timestamp, vaults.decided_timestamp) \
                 RETURNING next_sequence, head",
                args![
                    stored(chain_id)?,
                    vault,
                    B256::ZERO,
                    number,
                    decided.map(|block| block.hash.to_string()),
                    decided.map(|block| block.parent_hash.to_string()),
                    timestamp
                ],
            )
            .await?
            .ok_or_else(|| damaged("vault", &vault.to_string(), "it cannot be locked"))?;
        Ok(VaultLine { next_sequence: row.number("next_sequence")?, head: row.parsed("head")? })
    }
}

/// The columns of `vaults` that name the latest block, if there is one.
pub(super) fn decided_block(row: &Row) -> Result<Option<BlockRef>> {
    let Some(number) = row.optional_number("decided_number")? else { return Ok(None) };
    Ok(Some(BlockRef {
        number,
        hash: row.parsed("decided_hash")?,
        parent_hash: row.parsed("decided_parent")?,
        timestamp: row.number("decided_timestamp")?,
    }))
}

/// A frozen record, hashed again.
pub(super) fn record(row: &Row) -> Result<StoredRecord> {
    let hash: B256 = row.parsed("hash")?;
    let body = row.text("body")?;
    if body.is_empty() {
        return Err(JournalError::Dropped(hash));
    }
    let found = keccak256(&body);
    if found != hash {
        return Err(damaged("record", &hash.to_string(), &format!("its text hashes to {found}")));
    }
    let record = DecisionRecord::from_canonical(&body)?;
    Ok(StoredRecord { hash, sequence: row.number("sequence")?, record })
}

pub(super) fn transaction(row: &Row) -> Result<StoredTransaction> {
    Ok(StoredTransaction {
        decision: row.parsed("decision")?,
        chain_id: row.number("chain_id")?,
        vault: row.parsed("vault")?,
        from: row.parsed("sender")?,
        state: row.json("state")?,
        nonce: row.optional_number("nonce")?,
        is_terminal: row.flag("is_terminal")?,
    })
}

pub(super) fn attempt(row: &Row) -> Result<Attempt> {
    Ok(Attempt {
        hash: row.parsed("hash")?,
        decision: row.parsed("decision")?,
        nonce: row.number("nonce")?,
        max_fee_wei: row.parsed("max_fee_wei")?,
        priority_fee_wei: row.parsed("priority_fee_wei")?,
        is_cancel: row.flag("is_cancel")?,
        raw: row.parsed::<Bytes>("raw")?,
    })
}
