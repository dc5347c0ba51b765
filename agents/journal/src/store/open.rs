//! Opening a journal: one sentence for everything that can be wrong with it, before anything is written.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool, SqlitePool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    lock::Lock,
    sql::{Pool, failed, sqlite_code},
};
use crate::{JournalError, Result};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a statement waits for another process's lock before it is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The journal over SQL: one SQLite file, or PostgreSQL.
///
/// A SQLite file has one writing process. That is enforced by an advisory lock of the operating system on a file
/// beside it (`FILE.lock`), which ends with the process however it ends; the lock file itself stays. Any number of
/// [`JournalReader`]s may read meanwhile.
#[derive(Debug)]
pub struct SqlJournal {
    pub(super) pool: Pool,
    /// Held as long as the journal is open.
    _lock: Option<Lock>,
}

impl SqlJournal {
    /// Opens the journal at `sqlite:FILE` (or `sqlite://FILE`; the rest of the url is the path as it stands), creating
    /// it if it is not there, or at `postgres://…`; brings its schema up to date. A SQLite file is checked for damage.
    ///
    /// # Errors
    /// One clear sentence if the url is of no known kind, the journal is in use by another process, cannot be opened or
    /// written, is damaged or something else, or was written by a newer keeper.
    pub async fn connect(url: &str) -> Result<Self> {
        match Location::of(url)? {
            Location::Sqlite(path) => Self::open_sqlite(&path).await,
            Location::Postgres(options) => Self::open_postgres(*options).await,
        }
    }

    async fn open_sqlite(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let lock = Lock::take(path, &place)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        // One connection: SQLite has one writer anyway, and here it never has to wait for itself.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(|error| not_opened(&place, &error))?;
        check_sqlite(&pool, &place).await?;
        SQLITE.run(&pool).await.map_err(|error| not_migrated(&place, &SQLITE, error))?;
        Ok(Self { pool: Pool::Sqlite(pool), _lock: Some(lock) })
    }

    async fn open_postgres(options: PgConnectOptions) -> Result<Self> {
        let place = place_of(&options);
        let pool = postgres_pool(options, &place).await?;
        POSTGRES.run(&pool).await.map_err(|error| not_migrated(&place, &POSTGRES, error))?;
        Ok(Self { pool: Pool::Postgres(pool), _lock: None })
    }

    /// Closes the journal. Nothing is lost without it; a SQLite file is left without its write-ahead log.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// Reads a journal while another process writes it.
#[derive(Debug)]
pub struct JournalReader {
    pub(super) pool: Pool,
}

impl JournalReader {
    /// Opens a SQLite journal for reading alone. It takes no lock that a writer would notice.
    ///
    /// # Errors
    /// One clear sentence if there is no such file, it is damaged or something else, has not been set up by a keeper
    /// yet, or was written by a newer one.
    pub async fn open_read_only(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await
            .map_err(|error| not_opened(&place, &error))?;
        let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(|error| no_schema(&place, &error))?;
        check_schema(&place, &SQLITE, found)?;
        Ok(Self { pool: Pool::Sqlite(pool) })
    }

    /// Opens a journal for reading alone, by the url that [`SqlJournal::connect`] takes.
    ///
    /// # Errors
    /// As [`Self::open_read_only`].
    pub async fn connect(url: &str) -> Result<Self> {
        let options = match Location::of(url)? {
            Location::Sqlite(path) => return Self::open_read_only(&path).await,
            Location::Postgres(options) => *options,
        };
        let place = place_of(&options);
        let pool = postgres_pool(options, &place).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(|error| no_schema(&place, &error))?;
        check_schema(&place, &POSTGRES, found)?;
        Ok(Self { pool: Pool::Postgres(pool) })
    }
}

enum Location {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Location {
    fn of(url: &str) -> Result<Self> {
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

fn place_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("(default database)");
    format!("{database} on {}", options.get_host())
}

async fn postgres_pool(options: PgConnectOptions, place: &str) -> Result<PgPool> {
    // What was committed has to be on disk before anything is broadcast, whatever the server's default is.
    let options = options.options([("synchronous_commit", "on"), ("lock_timeout", "10s")]);
    // Alone first: a pool would only say that it has waited in vain.
    let first = tokio::time::timeout(BUSY_TIMEOUT, PgConnection::connect_with(&options)).await;
    match first {
        Ok(Ok(connection)) => connection.close().await.map_err(failed)?,
        Ok(Err(error)) => return Err(not_opened(place, &error)),
        Err(_) => {
            let message = format!("no answer for {} s", BUSY_TIMEOUT.as_secs());
            return Err(JournalError::NotOpened { place: place.to_owned(), message });
        }
    }
    PgPoolOptions::new()
        .max_connections(5)
        .acquire_timeout(BUSY_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(|error| not_opened(place, &error))
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
    probe.map_err(|error| not_opened(place, &error))?.rollback().await.map_err(failed)
}

fn check_schema(place: &str, migrator: &Migrator, found: Option<i64>) -> Result<()> {
    let known = newest(migrator);
    match found {
        Some(found) if found > known => {
            Err(JournalError::NewerSchema { place: place.to_owned(), found, known })
        }
        Some(found) if found == known => Ok(()),
        _ => Err(JournalError::NotOpened {
            place: place.to_owned(),
            message: "its schema is older than this program's; start the keeper once".to_owned(),
        }),
    }
}

fn newest(migrator: &Migrator) -> i64 {
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

fn no_schema(place: &str, error: &sqlx::Error) -> JournalError {
    match not_opened(place, error) {
        JournalError::NotOpened { place, .. } => JournalError::NotOpened {
            place,
            message: "it has not been set up by a keeper yet".to_owned(),
        },
        other => other,
    }
}

fn not_opened(place: &str, error: &sqlx::Error) -> JournalError {
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
