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

fn vault_line(row: Option<Row>, vault: Address) -> Result<VaultLine> {
    let row = row.ok_or_else(|| damaged("vault", &vault.to_string(), "it cannot be locked"))?;
    Ok(VaultLine { next_sequence: row.number("next_sequence")?, head: row.parsed("head")? })
}

impl Tx {
    /// The vault's line, locked against everybody else until the transaction ends; a new vault gets one.
    pub(super) async fn lock_vault(&mut self, chain_id: u64, vault: Address) -> Result<VaultLine> {
        let row = self
            .row(
                "INSERT INTO vaults (chain_id, vault, next_sequence, head) VALUES ($1, $2, 0, $3) \
                 ON CONFLICT (chain_id, vault) DO UPDATE SET next_sequence = vaults.next_sequence \
                 RETURNING next_sequence, head",
                args![stored(chain_id)?, vault, B256::ZERO],
            )
            .await?;
        vault_line(row, vault)
    }

    /// [`Self::lock_vault`] and [`Self::note_decided`] in one question.
    pub(super) async fn decide_vault(
        &mut self,
        chain_id: u64,
        vault: Address,
        block: BlockRef,
    ) -> Result<VaultLine> {
        let row = self
            .row(
                "INSERT INTO vaults (chain_id, vault, next_sequence, head, decided_number, decided_hash, \
                 decided_parent, decided_timestamp) VALUES ($1, $2, 0, $3, $4, $5, $6, $7) \
                 ON CONFLICT (chain_id, vault) DO UPDATE SET decided_number = excluded.decided_number, \
                 decided_hash = excluded.decided_hash, decided_parent = excluded.decided_parent, \
                 decided_timestamp = excluded.decided_timestamp RETURNING next_sequence, head",
                args![
                    stored(chain_id)?,
                    vault,
                    B256::ZERO,
                    stored(block.number)?,
                    block.hash,
                    block.parent_hash,
                    stored(block.timestamp)?
                ],
            )
            .await?;
        vault_line(row, vault)
    }

    /// Notes the block of the latest decision.
    pub(super) async fn note_decided(
        &mut self,
        chain_id: u64,
        vault: Address,
        block: BlockRef,
    ) -> Result<()> {
        self.run(
            "UPDATE vaults SET decided_number = $3, decided_hash = $4, decided_parent = $5, \
             decided_timestamp = $6 WHERE chain_id = $1 AND vault = $2",
            args![
                stored(chain_id)?,
                vault,
                stored(block.number)?,
                block.hash,
                block.parent_hash,
                stored(block.timestamp)?
            ],
        )
        .await
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
