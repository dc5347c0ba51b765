//! Opening a journal: one sentence for everything that can be wrong with it, before anything is written.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use rusqlite::OpenFlags;
use sqlx::{
    Connection as _, PgConnection, PgPool, SqlitePool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};

use super::{
    failures::{failed, sqlite_code},
    fence::Fences,
    lock::Lock,
    reader::JournalReader,
    sql::{Db, Pauses, Pool},
    sqlite::SqliteFile,
};
use crate::{JournalError, Lease, Result};

pub(super) static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
pub(super) static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// How long the journal waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a lock that somebody else holds, and for an answer of a server.
    pub answer: Duration,
    /// The server ends a session that stands still inside a transaction for longer: what a keeper that hangs has locked
    /// is free again, and so are its leases once their time is over. Less than the time of a lease.
    pub standing: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(10), standing: Duration::from_secs(5) }
    }
}

/// The write-ahead log of a file is cut back to this after a checkpoint, bytes.
pub(super) const LARGEST_LOG: i64 = 16_777_216;

/// The journal over SQL: one SQLite file, or PostgreSQL.
///
/// A SQLite file has one writing process. That is enforced by an advisory lock of the operating system on a file
/// beside it (`FILE.lock`), which ends with the process however it ends; the lock file itself stays. Any number of
/// [`JournalReader`]s may read meanwhile. PostgreSQL takes any number of processes; what keeps them apart is leases, and
/// a journal opened there writes nothing until it is [`crate::Leases::fenced`]. Copies share what they stand for.
#[derive(Clone, Debug)]
pub struct SqlJournal {
    pub(super) pool: Pool,
    pub(super) fences: Fences,
    /// Held as long as the journal is open.
    _lock: Option<Arc<Lock>>,
}

impl SqlJournal {
    /// Opens the journal at `sqlite:FILE` (or `sqlite://FILE`; the rest of the url is the path as it stands), creating
    /// it if it is not there, or at `postgres://…`; brings its schema up to date. A SQLite file is checked for damage.
    ///
    /// # Errors
    /// One clear sentence if the url is of no known kind, the journal is in use by another process, cannot be opened or
    /// written, is damaged or something else, or was written by a newer keeper.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, Patience::default()).await
    }

    /// [`Self::connect`] with another patience.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_with(url: &str, patience: Patience) -> Result<Self> {
        match Location::of(url)? {
            Location::Sqlite(path) => Self::open_sqlite(&path, patience).await,
            Location::Postgres(options) => Self::open_postgres(*options, patience).await,
        }
    }

    async fn open_sqlite(path: &Path, patience: Patience) -> Result<Self> {
        let place = path.display().to_string();
        let lock = Lock::take(path, &place)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            // Pages that retention frees are given back; counts for files that are new.
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(patience.answer);
        let pool = sqlite_pool(options, &place).await?;
        check_sqlite(&pool, &place).await?;
        SQLITE.run(&pool).await.map_err(|error| not_migrated(&place, &SQLITE, error))?;
        pool.close().await;
        let pool = sqlite(path, &place, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)?;
        Ok(Self { pool, fences: Fences::Alone, _lock: Some(Arc::new(lock)) })
    }

    /// Opens the journal for one write of a person's, even while a keeper has its file open: SQLite lets the two write one
    /// after the other. What comes back must not write what only one process may.
    pub(super) async fn connect_beside(url: &str) -> Result<Self> {
        let opened = Self::connect(url).await;
        let (Err(JournalError::InUse { .. }), Location::Sqlite(path)) =
            (&opened, Location::of(url)?)
        else {
            return opened;
        };
        // The keeper that has it open has brought its schema up to date; if it is another version's, that is said.
        JournalReader::open_read_only(&path).await?.pool.close().await;
        let patience = Patience::default();
        let place = path.display().to_string();
        let pool = sqlite(&path, &place, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)?;
        Ok(Self { pool, fences: Fences::Alone, _lock: None })
    }

    async fn open_postgres(options: PgConnectOptions, patience: Patience) -> Result<Self> {
        let place = place_of(&options);
        let pool = postgres_pool(options, &place, patience).await?;
        POSTGRES.run(&pool).await.map_err(|error| not_migrated(&place, &POSTGRES, error))?;
        let (db, answer) = (Db::Postgres(pool), patience.answer);
        let pool = Pool::new(db, place.into(), answer);
        Ok(Self { pool, fences: Fences::none(), _lock: None })
    }

    /// Closes the journal. Nothing is lost without it; a SQLite file is left without its write-ahead log.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// [`crate::Leases::fenced`], as what it is.
    #[must_use]
    pub fn under(&self, leases: &[Lease]) -> Self {
        let mut journal = self.clone();
        if self.pool.is_postgres() {
            journal.fences = Fences::of(leases);
        }
        journal
    }

    /// The same journal, held by a test before every statement.
    #[doc(hidden)]
    #[must_use]
    pub fn with_pauses(mut self, pauses: Arc<dyn Pauses>) -> Self {
        self.pool.pauses = Some(pauses);
        self
    }
}

pub(super) enum Location {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Location {
    pub(super) fn of(url: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(bad_url("no scheme"));
        };
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err(bad_url("sqlite: without a file"));
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            "postgres" | "postgresql" => match PgConnectOptions::from_str(url) {
                Ok(options) => Ok(Self::Postgres(Box::new(options))),
                Err(_) => Err(bad_url("a postgres url that cannot be read")),
            },
            _ => Err(bad_url("another scheme")),
        }
    }
}

fn bad_url(found: &str) -> JournalError {
    JournalError::BadUrl { found: found.to_owned() }
}

pub(super) fn place_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("(default database)");
    format!("{database} on {}", options.get_host())
}

pub(super) async fn postgres_pool(
    options: PgConnectOptions,
    place: &str,
    patience: Patience,
) -> Result<PgPool> {
    let limits = [
        // What was committed has to be on disk before anything is broadcast, whatever the server's default is.
        ("synchronous_commit", "on".to_owned()),
        ("lock_timeout", format!("{}ms", patience.answer.as_millis())),
        ("idle_in_transaction_session_timeout", format!("{}ms", patience.standing.as_millis())),
    ];
    let options = options.application_name("vagus-keeper").options(limits);
    // Alone first: a pool would only say that it has waited in vain.
    let first = tokio::time::timeout(patience.answer, PgConnection::connect_with(&options)).await;
    match first {
        Ok(Ok(connection)) => {
            connection.close().await.map_err(|error| not_opened(place, &error))?;
        }
        Ok(Err(error)) => return Err(not_opened(place, &error)),
        Err(_) => {
            let message = format!("no answer for {} s", patience.answer.as_secs());
            return Err(JournalError::NotOpened { place: place.to_owned(), message });
        }
    }
    PgPoolOptions::new()
        .max_connections(5)
        .acquire_timeout(patience.answer)
        .connect_with(options)
        .await
        .map_err(|error| not_opened(place, &error))
}

async fn sqlite_pool(options: SqliteConnectOptions, place: &str) -> Result<SqlitePool> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    pool.map_err(|error| not_opened(place, &error))
}

/// A file that is there and in order.
pub(super) fn sqlite(
    path: &Path,
    place: &str,
    access: OpenFlags,
    patience: Patience,
) -> Result<Pool> {
    let place: Arc<str> = place.into();
    let opened = SqliteFile::open(path, &place, access, patience.answer);
    let file = opened.map_err(|error| JournalError::NotOpened {
        place: place.to_string(),
        message: error.to_string(),
    })?;
    Ok(Pool::new(Db::Sqlite(file), place, patience.answer))
}

/// Whether the file is whole, ours and writable.
async fn check_sqlite(pool: &SqlitePool, place: &str) -> Result<()> {
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(pool)
        .await
        .map_err(|error| not_opened(place, &error))?;
    if verdict != "ok" {
        return Err(JournalError::Corrupt { place: place.to_owned(), message: verdict });
    }
    let foreign: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND NOT EXISTS \
         (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')",
    )
    .fetch_one(pool)
    .await
    .map_err(|error| not_opened(place, &error))?;
    if foreign > 0 {
        let message = "it holds tables of something else".to_owned();
        return Err(JournalError::Corrupt { place: place.to_owned(), message });
    }
    let probe = pool.begin_with("BEGIN IMMEDIATE").await;
    let probe = probe.map_err(|error| not_opened(place, &error))?;
    probe.rollback().await.map_err(|error| failed(place, &error))
}

pub(super) fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or_default()
}

fn not_migrated(place: &str, migrator: &Migrator, error: MigrateError) -> JournalError {
    let place = place.to_owned();
    match error {
        MigrateError::VersionMissing(found) => {
            JournalError::NewerSchema { place, found, known: newest(migrator) }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            not_opened(&place, &error)
        }
        other => JournalError::Corrupt { place, message: other.to_string() },
    }
}

pub(super) fn not_opened(place: &str, error: &sqlx::Error) -> JournalError {
    let place = place.to_owned();
    let message = error.to_string();
    let code = match error {
        sqlx::Error::Database(error) => sqlite_code(error.as_ref()),
        _ => None,
    };
    match code {
        // SQLITE_BUSY, SQLITE_LOCKED: somebody who does not know of the lock file.
        Some(5 | 6) => JournalError::InUse { place, holder: String::new() },
        // SQLITE_READONLY, SQLITE_FULL.
        Some(8 | 13) => JournalError::NotWritable { place, message },
        // SQLITE_CORRUPT, SQLITE_NOTADB.
        Some(11 | 26) => JournalError::Corrupt { place, message },
        _ => JournalError::NotOpened { place, message },
    }
}
