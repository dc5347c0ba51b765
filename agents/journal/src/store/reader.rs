//! Opening a journal that another process writes, for reading alone.

use std::{path::Path, time::Duration};

use alloy_primitives::B256;
use rusqlite::OpenFlags;
use sqlx::{
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{
    open::{
        Location, POSTGRES, Patience, SQLITE, newest, not_opened, place_of, postgres_pool, sqlite,
    },
    sql::{Db, Pool, args},
};
use crate::{JournalError, Result};

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
            .busy_timeout(Patience::default().answer);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|error| not_opened(&place, &error))?;
        let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(|error| no_schema(&place, &error))?;
        check_schema(&place, &SQLITE, found)?;
        let patience = Patience::default();
        // The next one opens before this one closes: the last to leave a file clears its log away.
        let file = sqlite(path, &place, OpenFlags::SQLITE_OPEN_READ_ONLY, patience)?;
        pool.close().await;
        Ok(Self { pool: file })
    }

    /// Hashes of frozen records that begin with these hexadecimal digits, at most `limit`, and whether the record is
    /// still there; one that retention has dropped has left its hash alone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find(&self, digits: &str, limit: u32) -> Result<Vec<(B256, bool)>> {
        let sql = "SELECT hash, CASE WHEN body = '' THEN 0 ELSE 1 END AS is_there FROM records \
                   WHERE hash LIKE $1 ORDER BY hash LIMIT $2";
        // Anything but digits could be a pattern.
        let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
        let pattern = format!("0x{}%", digits.to_ascii_lowercase());
        let rows = self.pool.rows(sql, args![pattern, i64::from(limit)]).await?;
        rows.iter().map(|row| Ok((row.parsed("hash")?, row.number("is_there")? == 1))).collect()
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
        // A backup may stand for a while between two tables, and holds nobody up.
        let patience = Patience { standing: Duration::from_secs(600), ..Patience::default() };
        let pool = postgres_pool(options, &place, patience).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(|error| no_schema(&place, &error))?;
        check_schema(&place, &POSTGRES, found)?;
        // As long as that of a writer twice over: nothing is sent on this.
        let answer = Patience::default().answer * 2;
        let db = Db::Postgres(pool);
        Ok(Self { pool: Pool::new(db, place.into(), answer) })
    }
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

fn no_schema(place: &str, error: &sqlx::Error) -> JournalError {
    match not_opened(place, error) {
        JournalError::NotOpened { place, .. } => JournalError::NotOpened {
            place,
            message: "it has not been set up by a keeper yet".to_owned(),
        },
        other => other,
    }
}
