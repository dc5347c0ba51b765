//! A SQLite file. Statements run where they are asked for: sent to a thread of their own and back, as usual, they would
//! take several times as long as they do, and a block is made of dozens of them. Whoever waits for another process waits
//! without holding anybody up.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use rusqlite::{
    Connection, OpenFlags,
    types::{Value, ValueRef},
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, mpsc},
    time::{Instant, sleep, timeout},
};

use super::{
    failures::{is_busy, of_file},
    value::{Arg, Row, damaged},
};
use crate::{JournalError, Result};

/// A lock that another process holds is tried again after this.
const TRY_AGAIN: Duration = Duration::from_millis(10);
/// Statements that stay prepared: more than there are.
const PREPARED: usize = 256;
/// Rows that are read ahead of whoever takes them.
const READ_AHEAD: usize = 64;

/// Rows that are written between two checkpoints, as long as somebody asks for them in quiet times.
const ROWS_BETWEEN_CHECKPOINTS: u64 = 256;
/// SQLite's own, when nobody does: in the middle of a commit.
const PAGES_BETWEEN_CHECKPOINTS: i64 = super::open::LARGEST_LOG / 4_096;

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// The disk.
    Durable,
    /// Nothing: it is durable with the next one that is. The log is written in the order of commits, and what makes one of
    /// them durable makes all before it so. A process that dies loses nothing either way; a machine that does loses what
    /// nobody has seen anything of.
    InOrder,
}

impl Commit {
    /// For a log that is written ahead (sqlite.org/pragma.html, `synchronous`). Only between transactions.
    const fn pragma(self) -> &'static str {
        match self {
            Self::Durable => "PRAGMA synchronous = FULL",
            Self::InOrder => "PRAGMA synchronous = NORMAL",
        }
    }
}

/// An open file; copies share its one connection, as SQLite has one writer anyway.
#[derive(Clone)]
pub(crate) struct SqliteFile {
    connection: Arc<Mutex<Option<Connection>>>,
    /// Rows written at the last checkpoint that was asked for.
    checkpoint: Arc<AtomicU64>,
    place: Arc<str>,
    /// Longest wait for a lock that somebody else holds.
    patience: Duration,
}

impl SqliteFile {
    /// Opens a file that is there and has its schema.
    pub(crate) fn open(
        path: &Path,
        place: &Arc<str>,
        access: OpenFlags,
        patience: Duration,
    ) -> rusqlite::Result<Self> {
        // A lock of ours says who has the connection: SQLite's own would only cost.
        let connection =
            Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        // Whoever has just left the file may still be clearing up after itself.
        connection.busy_timeout(patience)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        // Reads the file: everything that can be in its way is met here.
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", (), |_| Ok(()))?;
        if access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
            connection.execute_batch(Commit::Durable.pragma())?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update_and_check(
                None,
                "journal_size_limit",
                super::open::LARGEST_LOG,
                |_| Ok(()),
            )?;
            connection.pragma_update_and_check(
                None,
                "wal_autocheckpoint",
                PAGES_BETWEEN_CHECKPOINTS,
                |_| Ok(()),
            )?;
        }
        connection.busy_timeout(Duration::ZERO)?;
        let connection = Arc::new(Mutex::new(Some(connection)));
        Ok(Self { connection, checkpoint: Arc::default(), place: place.clone(), patience })
    }

    /// Begins a transaction that reads. What it will see is settled here, and so is every wait for others.
    pub(crate) async fn read(&self) -> Result<Held> {
        let mut held = self.held().await?;
        self.patiently(&mut held, "BEGIN", Vec::new()).await?;
        self.patiently(&mut held, "SELECT 1 FROM sqlite_schema LIMIT 1", Vec::new()).await?;
        Ok(held)
    }

    /// Begins a transaction that writes, with the one lock for that.
    pub(crate) async fn write(&self, commit: Commit) -> Result<Held> {
        let mut held = self.held().await?;
        held.wait_for(commit)?;
        self.patiently(&mut held, "BEGIN IMMEDIATE", Vec::new()).await?;
        Ok(held)
    }

    /// One statement by itself.
    pub(crate) async fn rows(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        let mut held = self.held().await?;
        self.patiently(&mut held, sql, args).await
    }

    /// Takes the write-ahead log over into the file if it has grown, waiting for nobody: what whoever reads an older state
    /// still needs stays.
    pub(crate) async fn tidy(&self) -> Result<()> {
        let mut held = self.held().await?;
        let written = held.connection.as_ref().map_or(0, Connection::total_changes);
        let since = written.saturating_sub(self.checkpoint.load(Ordering::Relaxed));
        if since >= ROWS_BETWEEN_CHECKPOINTS {
            held.rows("PRAGMA wal_checkpoint(PASSIVE)", &[])?;
            self.checkpoint.store(written, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The file is left without its write-ahead log.
    pub(crate) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // What could not be closed is closed with the process; nothing is lost.
            let _ = connection.close();
        }
    }

    async fn held(&self) -> Result<Held> {
        let connection = self.connection.clone().lock_owned();
        let no_answer = |_| JournalError::NoAnswer { place: self.place.to_string() };
        let connection = timeout(self.patience * 2, connection).await.map_err(no_answer)?;
        Ok(Held { connection, place: self.place.clone(), is_in_order: false })
    }

    /// A first statement, as soon as nobody else is in its way.
    async fn patiently(
        &self,
        held: &mut Held,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> Result<Vec<Row>> {
        let began = Instant::now();
        loop {
            match held.rows_of(sql, &args) {
                Err(error) if is_busy(&error) && began.elapsed() < self.patience => {
                    sleep(TRY_AGAIN).await;
                }
                rows => return rows.map_err(|error| of_file(&self.place, &error)),
            }
        }
    }
}

/// The connection, held by one transaction. Dropped without a commit it changes nothing.
pub(crate) struct Held {
    connection: OwnedMutexGuard<Option<Connection>>,
    place: Arc<str>,
    /// Whether its commit waits for nothing.
    is_in_order: bool,
}

impl Held {
    pub(crate) fn rows(&mut self, sql: &'static str, args: &[Arg]) -> Result<Vec<Row>> {
        self.rows_of(sql, args).map_err(|error| of_file(&self.place, &error))
    }

    pub(crate) fn commit(mut self) -> Result<()> {
        self.rows("COMMIT", &[]).map(drop)
    }

    /// What commits wait for from here on. Takes effect while it is prepared, so it is none of the statements that stay so.
    fn wait_for(&mut self, commit: Commit) -> Result<()> {
        let connection = self.connection.as_ref().ok_or(rusqlite::Error::InvalidQuery);
        let done = connection.and_then(|connection| connection.execute_batch(commit.pragma()));
        self.is_in_order = commit == Commit::InOrder;
        done.map_err(|error| of_file(&self.place, &error))
    }

    fn rows_of(&mut self, sql: &'static str, args: &[Arg]) -> rusqlite::Result<Vec<Row>> {
        let mut rows = Vec::new();
        self.each(sql, args, |row| {
            rows.push(row);
            true
        })?;
        Ok(rows)
    }

    /// Goes through the rows until `take` has enough of them.
    fn each(
        &mut self,
        sql: &'static str,
        args: &[Arg],
        mut take: impl FnMut(Row) -> bool,
    ) -> rusqlite::Result<()> {
        // Nothing is asked of a journal that was closed.
        let connection = self.connection.as_ref().ok_or(rusqlite::Error::InvalidQuery)?;
        let mut statement = connection.prepare_cached(sql)?;
        for place in 1..=statement.parameter_count() {
            let number = statement.parameter_name(place).and_then(|name| name.get(1..));
            let number = number.and_then(|number| number.parse::<usize>().ok());
            let arg = number.and_then(|number| args.get(number.checked_sub(1)?));
            let arg = arg.ok_or(rusqlite::Error::InvalidParameterCount(place, args.len()))?;
            match arg {
                Arg::Text(text) => statement.raw_bind_parameter(place, text.as_deref())?,
                Arg::Int(number) => statement.raw_bind_parameter(place, number)?,
            }
        }
        let columns: Arc<[String]> =
            statement.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|column| row.get::<_, Value>(column));
            let values = values.collect::<rusqlite::Result<_>>()?;
            if !take(Row::Sqlite(SqliteRow { columns: columns.clone(), values })) {
                break;
            }
        }
        Ok(())
    }

    /// Rows one after the other, read on a thread of their own: they may be more than fit into memory.
    pub(crate) fn stream<'a>(
        slot: &'a mut Option<Self>,
        sql: &'static str,
    ) -> BoxStream<'a, Result<Row>> {
        let Some(mut held) = slot.take() else {
            return stream::empty().boxed();
        };
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let reading = tokio::task::spawn_blocking(move || {
            let done = held.each(sql, &[], |row| sender.blocking_send(Ok(row)).is_ok());
            if let Err(error) = done {
                // Nobody listens any more if this fails.
                let _ = sender.blocking_send(Err(of_file(&held.place, &error)));
            }
            held
        });
        let state = (slot, receiver, Some(reading));
        stream::unfold(state, |(slot, mut receiver, mut reading)| async {
            if let Some(row) = receiver.recv().await {
                return Some((row, (slot, receiver, reading)));
            }
            match reading.take()?.await {
                Ok(held) => {
                    *slot = Some(held);
                    None
                }
                Err(error) => {
                    let error = damaged("thread", "reading", &error.to_string());
                    Some((Err(error), (slot, receiver, None)))
                }
            }
        })
        .boxed()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let open = self.connection.as_ref().filter(|connection| !connection.is_autocommit());
        if let Some(connection) = open {
            // After some failures, a full disk among them, SQLite has rolled back by itself.
            let _ = connection.execute_batch("ROLLBACK");
        }
        if self.is_in_order {
            // Should this fail, the next transaction says it again, and is refused if it fails then.
            let _ = self.wait_for(Commit::Durable);
        }
    }
}

/// A row of a SQLite file.
pub(crate) struct SqliteRow {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl SqliteRow {
    fn value(&self, column: &'static str) -> Result<ValueRef<'_>> {
        let place = self.columns.iter().position(|name| name == column);
        let value = place.and_then(|place| self.values.get(place));
        value.map(ValueRef::from).ok_or_else(|| damaged(column, "a row", "there is no such column"))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<Option<String>> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Some(text.to_owned())),
                Err(error) => Err(damaged(column, "a row", &error.to_string())),
            },
            other => Err(damaged(
                column,
                "a row",
                &format!("expected text, found {}", other.data_type()),
            )),
        }
    }

    pub(crate) fn number(&self, column: &'static str) -> Result<Option<i64>> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(number)),
            other => Err(damaged(
                column,
                "a row",
                &format!("expected a number, found {}", other.data_type()),
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here says so")]
mod tests {
    use super::*;

    /// What a commit waits for, as SQLite has it: 2 is FULL, 1 is NORMAL.
    fn waits(held: &mut Held) -> u64 {
        held.rows("PRAGMA synchronous", &[]).unwrap()[0].number("synchronous").unwrap()
    }

    #[tokio::test]
    async fn commits_wait_for_the_disk_unless_another_one_follows_before_anything_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "WAL").unwrap();
        let patience = Duration::from_secs(1);
        let access = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let file = SqliteFile::open(&path, &Arc::from("here"), access, patience).unwrap();
        for (commit, expected) in
            [(Commit::Durable, 2), (Commit::InOrder, 1), (Commit::InOrder, 1), (Commit::Durable, 2)]
        {
            let mut held = file.write(commit).await.unwrap();
            assert_eq!(waits(&mut held), expected, "{commit:?}");
            held.commit().unwrap();
            // Nothing but a transaction that asks for it commits without the disk.
            assert_eq!(waits(&mut file.held().await.unwrap()), 2, "after {commit:?}");
            drop(file.write(commit).await.unwrap());
            assert_eq!(waits(&mut file.held().await.unwrap()), 2, "given up, {commit:?}");
        }
    }
}
