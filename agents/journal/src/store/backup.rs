//! Copies of a whole journal: always one SQLite file, from either kind and to either kind.

use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use futures_util::TryStreamExt as _;

use super::{
    JournalReader, ReadJournal as _, SqlJournal,
    sql::{Arg, Pool, Row, Tx, args},
};
use crate::{JournalError, Result, verify};

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// Vaults, the chains of which were followed in the copy.
    pub vaults: u64,
    /// Records in them.
    pub records: u64,
    /// Transactions that had not ended.
    pub in_flight: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Int,
}

use Kind::{Int, Text};

/// A table with its columns, in the order of its statements.
struct Table {
    select: &'static str,
    insert: &'static str,
    columns: &'static [(&'static str, Kind)],
}

/// Everything but leases and keepers, in an order in which every row finds what it refers to.
const TABLES: [Table; 12] = [
    Table {
        select: "SELECT * FROM vaults ORDER BY chain_id, vault",
        insert: "INSERT INTO vaults (chain_id, vault, next_sequence, head, decided_number, \
                 decided_hash, decided_parent, decided_timestamp, dropped_before) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        columns: &[
            ("chain_id", Int),
            ("vault", Text),
            ("next_sequence", Int),
            ("head", Text),
            ("decided_number", Int),
            ("decided_hash", Text),
            ("decided_parent", Text),
            ("decided_timestamp", Int),
            ("dropped_before", Int),
        ],
    },
    Table {
        select: "SELECT * FROM records ORDER BY chain_id, vault, sequence",
        insert: "INSERT INTO records (hash, chain_id, vault, sequence, kind, reason, first_block, \
                 last_block, body, previous) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        columns: &[
            ("hash", Text),
            ("chain_id", Int),
            ("vault", Text),
            ("sequence", Int),
            ("kind", Text),
            ("reason", Text),
            ("first_block", Int),
            ("last_block", Int),
            ("body", Text),
            ("previous", Text),
        ],
    },
    Table {
        select: "SELECT * FROM open_runs ORDER BY chain_id, vault",
        insert: "INSERT INTO open_runs (chain_id, vault, body, keeper_version, simulation) \
                 VALUES ($1, $2, $3, $4, $5)",
        columns: &[
            ("chain_id", Int),
            ("vault", Text),
            ("body", Text),
            ("keeper_version", Text),
            ("simulation", Text),
        ],
    },
    Table {
        select: "SELECT * FROM outcomes ORDER BY decision, sequence",
        insert: "INSERT INTO outcomes (decision, sequence, body) VALUES ($1, $2, $3)",
        columns: &[("decision", Text), ("sequence", Int), ("body", Text)],
    },
    Table {
        select: "SELECT * FROM transactions ORDER BY sequence, decision",
        insert: "INSERT INTO transactions (decision, sequence, chain_id, vault, sender, nonce, \
                 is_terminal, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        columns: &[
            ("decision", Text),
            ("sequence", Int),
            ("chain_id", Int),
            ("vault", Text),
            ("sender", Text),
            ("nonce", Int),
            ("is_terminal", Int),
            ("state", Text),
        ],
    },
    Table {
        select: "SELECT * FROM attempts ORDER BY decision, sequence",
        insert: "INSERT INTO attempts (hash, decision, sequence, nonce, max_fee_wei, \
                 priority_fee_wei, is_cancel, raw) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        columns: &[
            ("hash", Text),
            ("decision", Text),
            ("sequence", Int),
            ("nonce", Int),
            ("max_fee_wei", Text),
            ("priority_fee_wei", Text),
            ("is_cancel", Int),
            ("raw", Text),
        ],
    },
    Table {
        select: "SELECT * FROM fees_paid ORDER BY transaction_hash",
        insert: "INSERT INTO fees_paid (transaction_hash, chain_id, sender, paid_at, fee_wei) \
                 VALUES ($1, $2, $3, $4, $5)",
        columns: &[
            ("transaction_hash", Text),
            ("chain_id", Int),
            ("sender", Text),
            ("paid_at", Int),
            ("fee_wei", Text),
        ],
    },
    Table {
        select: "SELECT * FROM strikes ORDER BY decision",
        insert: "INSERT INTO strikes (decision, chain_id, vault, kind, is_cleared) \
                 VALUES ($1, $2, $3, $4, $5)",
        columns: &[
            ("decision", Text),
            ("chain_id", Int),
            ("vault", Text),
            ("kind", Text),
            ("is_cleared", Int),
        ],
    },
    Table {
        select: "SELECT * FROM interventions ORDER BY chain_id, vault, sequence",
        insert: "INSERT INTO interventions (chain_id, vault, sequence, action, person, reason, \
                 made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        columns: &[
            ("chain_id", Int),
            ("vault", Text),
            ("sequence", Int),
            ("action", Text),
            ("person", Text),
            ("reason", Text),
            ("made_at", Int),
        ],
    },
    Table {
        select: "SELECT * FROM adoptions ORDER BY chain_id, vault, agent, sequence",
        insert: "INSERT INTO adoptions (chain_id, vault, agent, sequence, guard_nonce, \
                 account_nonce, block_number, block_hash, note) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        columns: &[
            ("chain_id", Int),
            ("vault", Text),
            ("agent", Text),
            ("sequence", Int),
            ("guard_nonce", Int),
            ("account_nonce", Int),
            ("block_number", Int),
            ("block_hash", Text),
            ("note", Text),
        ],
    },
    Table {
        select: "SELECT * FROM cursors ORDER BY chain_id, agent",
        insert: "INSERT INTO cursors (chain_id, agent, body) VALUES ($1, $2, $3)",
        columns: &[("chain_id", Int), ("agent", Text), ("body", Text)],
    },
    Table {
        select: "SELECT * FROM alerts ORDER BY identity",
        // A journal that holds no record may know of alerts: its own are the newer ones.
        insert: "INSERT INTO alerts (identity, version, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (identity) DO NOTHING",
        columns: &[("identity", Text), ("version", Int), ("body", Text)],
    },
];

/// Copies the journal at a url, while keepers may write it, into a file that must not be there yet. The copy is of one
/// moment, its chains are followed before it gets its name, and only its owner may read it.
///
/// # Errors
/// If the file is there, the journal cannot be read, or a chain in it is broken. Nothing is left behind then.
pub async fn backup(url: &str, to: &Path) -> Result<CopyReport> {
    let place = to.display().to_string();
    if to.exists() {
        return Err(JournalError::NotEmpty { place, expected: "a name that is free" });
    }
    let from = JournalReader::connect(url).await?;
    let partial = Partial::create(to, "partial", &place)?;
    let target = SqlJournal::connect(&partial.url()).await?;
    let report = copy(&from.pool, &target.pool, &place).await?;
    target.close().await;
    partial.sync(&place)?;
    std::fs::rename(&partial.path, to).map_err(|error| not_writable(&place, &error))?;
    Ok(report)
}

/// Puts a copy that [`backup`] made, of this or an earlier version, in the place of a journal that holds nothing yet: a
/// file that is not there, or an empty database. The copy is not changed.
///
/// # Errors
/// If the journal holds something or is in use, or the copy is not whole. The journal is as empty as before then.
pub async fn restore(from: &Path, url: &str) -> Result<CopyReport> {
    let place = from.display().to_string();
    // A copy of the copy: it may have to be brought up to date.
    let partial = Partial::create(from, "restoring", &place)?;
    std::fs::copy(from, &partial.path).map_err(|error| JournalError::NotOpened {
        place: place.clone(),
        message: error.to_string(),
    })?;
    let source = SqlJournal::connect(&partial.url()).await?;
    let target = SqlJournal::connect(url).await?;
    if !target.vaults().await?.is_empty() {
        return Err(JournalError::NotEmpty {
            place: target.pool.place.to_string(),
            expected: "a journal that holds nothing; move this one away first, it may be the newer",
        });
    }
    let report = copy(&source.pool, &target.pool, &place).await?;
    source.close().await;
    target.close().await;
    Ok(report)
}

async fn copy(from: &Pool, to: &Pool, place: &str) -> Result<CopyReport> {
    let mut source = from.read().await?;
    let mut target = to.write().await?;
    for table in &TABLES {
        copy_table(&mut source, &mut target, table).await?;
    }
    let report = follow_chains(&mut target, place).await?;
    target.commit().await?;
    Ok(report)
}

async fn copy_table(source: &mut Tx, target: &mut Tx, table: &Table) -> Result<()> {
    let mut rows = source.stream(table.select);
    while let Some(row) = rows.try_next().await? {
        let values = table.columns.iter().map(|(column, kind)| value(&row, column, *kind));
        target.run_all(table.insert, values.collect::<Result<_>>()?).await?;
    }
    Ok(())
}

fn value(row: &Row, column: &'static str, kind: Kind) -> Result<Arg> {
    Ok(match kind {
        Text => row.optional_text(column)?.into(),
        Int => Arg::Int(row.optional_number(column)?.map(super::sql::stored).transpose()?),
    })
}

/// Before the copy is there for anybody.
async fn follow_chains(copy: &mut Tx, place: &str) -> Result<CopyReport> {
    let mut report = CopyReport::default();
    let vaults = copy.rows("SELECT chain_id, vault FROM vaults", args![]).await?;
    for row in &vaults {
        let vault: Address = row.parsed("vault")?;
        let chain = verify::verify(copy, row.number("chain_id")?, vault).await?;
        if let Some(breach) = chain.breaches.first() {
            let (place, breach) = (place.to_owned(), breach.to_string());
            return Err(JournalError::BrokenChain { place, vault, breach });
        }
        report.vaults += 1;
        report.records += chain.records;
    }
    let sql = "SELECT COUNT(*) AS count FROM transactions WHERE is_terminal = 0";
    if let Some(row) = copy.row(sql, args![]).await? {
        report.in_flight = row.number("count")?;
    }
    Ok(report)
}

/// A file under another name until it is whole; gone with everything beside it if it never is.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn create(beside: &Path, suffix: &str, place: &str) -> Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut name = beside.as_os_str().to_owned();
        name.push(format!(".{suffix}"));
        let path = PathBuf::from(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&path).map_err(|error| not_writable(place, &error))?;
        Ok(Self { path })
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    fn sync(&self, place: &str) -> Result<()> {
        let synced = std::fs::File::open(&self.path).and_then(|file| file.sync_all());
        synced.map_err(|error| not_writable(place, &error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal", ".lock"] {
            let mut name = self.path.as_os_str().to_owned();
            name.push(suffix);
            // Most of them are not there.
            let _ = std::fs::remove_file(name);
        }
    }
}

fn not_writable(place: &str, error: &std::io::Error) -> JournalError {
    JournalError::NotWritable { place: place.to_owned(), message: error.to_string() }
}
