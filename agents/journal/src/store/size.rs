//! How much a journal holds.

use std::path::PathBuf;

use super::{
    reader::JournalReader,
    sql::{Pool, args},
};
use crate::Result;

/// How much a journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSize {
    /// Bytes on disk: a file and its write-ahead log, or the server's database.
    pub bytes: u64,
    /// Records that are frozen, of all vaults; a hold that lasts is not yet.
    pub records: u64,
}

impl JournalReader {
    /// How much it holds. Counts nothing row by row: each vault knows the place of its next record.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn size(&self) -> Result<JournalSize> {
        let sql = "SELECT CAST(COALESCE(SUM(next_sequence), 0) AS BIGINT) AS records FROM vaults";
        let row = self.pool.row(sql, args![]).await?;
        let records = row.map(|row| row.number("records")).transpose()?.unwrap_or_default();
        Ok(JournalSize { bytes: bytes(&self.pool).await?, records })
    }
}

async fn bytes(pool: &Pool) -> Result<u64> {
    if pool.is_postgres() {
        let sql = "SELECT pg_database_size(current_database()) AS bytes";
        let row = pool.row(sql, args![]).await?;
        return Ok(row.map(|row| row.number("bytes")).transpose()?.unwrap_or_default());
    }
    let files = pool.rows("SELECT file FROM pragma_database_list", args![]).await?;
    let mut sum: u64 = 0;
    for row in files {
        let file = row.text("file")?;
        for part in [PathBuf::from(&file), PathBuf::from(format!("{file}-wal"))] {
            // The log is not there while nobody has the journal open for writing.
            sum = sum.saturating_add(std::fs::metadata(part).map_or(0, |about| about.len()));
        }
    }
    Ok(sum)
}
