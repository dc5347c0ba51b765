//! The journal's store from outside: made, paused, filled, read.

use std::{io::Write as _, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use vagus_journal::JournalReader;

use crate::server::signal;

/// Nothing that is asked of a store takes longer, or it stands still.
const SOON: Duration = Duration::from_millis(800);

/// The store of one schedule.
#[derive(Debug)]
pub(crate) struct Store {
    /// Its address, as the keeper's configuration has it.
    pub(crate) url: String,
    kind: Kind,
    /// Milliseconds that the database's clock is ahead.
    ahead_ms: u64,
    pub(crate) is_paused: bool,
    pub(crate) is_full: bool,
}

#[derive(Debug)]
enum Kind {
    Sqlite { disk: PathBuf, is_small: bool, lock: Option<SqliteConnection> },
    Postgres { server: String, name: String },
}

/// Raises what a server without room raises, at every change.
const FULL: &str = "
CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
DO $$ DECLARE t text; BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER no_room BEFORE INSERT OR UPDATE ON %I EXECUTE FUNCTION no_room()', t);
  END LOOP;
END $$";
const FREE: &str = "
DO $$ DECLARE t text; BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS no_room ON %I', t);
  END LOOP;
END $$";

impl Store {
    /// A new file on a disk, which is small or only a folder.
    pub(crate) fn sqlite(disk: PathBuf, is_small: bool, name: &str) -> Self {
        let url = format!("sqlite:{}", disk.join(format!("{name}.db")).display());
        let kind = Kind::Sqlite { disk, is_small, lock: None };
        Self { url, kind, ahead_ms: 0, is_paused: false, is_full: false }
    }

    /// A new database on a server.
    pub(crate) async fn postgres(server: &str, name: &str) -> Result<Self> {
        let mut admin = PgConnection::connect(server).await.context("reaching the server")?;
        run(&mut admin, format!("CREATE DATABASE {name}")).await?;
        admin.close().await?;
        let (base, query) = server.split_once('?').context("a server without a folder")?;
        let base = base.rsplit_once('/').context("a server without a database")?.0;
        let kind = Kind::Postgres { server: server.to_owned(), name: name.to_owned() };
        let url = format!("{base}/{name}?{query}");
        Ok(Self { url, kind, ahead_ms: 0, is_paused: false, is_full: false })
    }

    /// Whether it has a disk that can be full.
    pub(crate) const fn can_be_full(&self) -> bool {
        !matches!(self.kind, Kind::Sqlite { is_small: false, .. })
    }

    /// What a pause of it is called.
    pub(crate) const fn pause_kind(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite { .. } => "database locked",
            Kind::Postgres { .. } => "database paused",
        }
    }

    /// Opens it for reading; none before the keeper has set it up, or while it stands still.
    pub(crate) async fn reader(&self) -> Option<JournalReader> {
        if self.is_paused && matches!(self.kind, Kind::Postgres { .. }) {
            return None;
        }
        tokio::time::timeout(SOON, JournalReader::connect(&self.url)).await.ok()?.ok()
    }

    /// Stands still from now on. Whether it does.
    pub(crate) async fn pause(&mut self) -> Result<bool> {
        match &mut self.kind {
            Kind::Sqlite { disk: _, lock, .. } => {
                let file = self.url.trim_start_matches("sqlite:");
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .create_if_missing(false)
                    .busy_timeout(SOON);
                let Ok(mut other) = SqliteConnection::connect_with(&options).await else {
                    return Ok(false);
                };
                if sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.is_err() {
                    return Ok(false);
                }
                *lock = Some(other);
            }
            Kind::Postgres { server, .. } => signal(server, "-STOP")?,
        }
        self.is_paused = true;
        Ok(true)
    }

    /// Goes on.
    pub(crate) async fn resume(&mut self) -> Result<()> {
        match &mut self.kind {
            Kind::Sqlite { lock, .. } => {
                if let Some(lock) = lock.take() {
                    lock.close().await?;
                }
            }
            Kind::Postgres { server, .. } => signal(server, "-CONT")?,
        }
        self.is_paused = false;
        Ok(())
    }

    /// Has no room from now on. Whether it is so.
    pub(crate) async fn fill(&mut self) -> Result<bool> {
        if !self.can_be_full() || self.is_paused {
            return Ok(false);
        }
        match &self.kind {
            Kind::Sqlite { disk, .. } => {
                let mut ballast = std::fs::File::create(disk.join("ballast"))?;
                for size in [1 << 16, 1 << 12, 1] {
                    while ballast.write_all(&vec![0; size]).is_ok() {}
                }
            }
            Kind::Postgres { .. } => self.meddle(FULL.to_owned()).await?,
        }
        self.is_full = true;
        Ok(true)
    }

    /// Has room again.
    pub(crate) async fn free(&mut self) -> Result<()> {
        match &self.kind {
            Kind::Sqlite { disk, .. } => std::fs::remove_file(disk.join("ballast"))?,
            Kind::Postgres { .. } => self.meddle(FREE.to_owned()).await?,
        }
        self.is_full = false;
        Ok(())
    }

    /// So much time passes for the database that what a keeper held that is gone is free.
    pub(crate) async fn let_leases_run_out(&mut self, milliseconds: u64) -> Result<()> {
        if !matches!(self.kind, Kind::Postgres { .. }) || self.is_paused {
            return Ok(());
        }
        self.ahead_ms += milliseconds;
        let ahead = self.ahead_ms;
        // Before a keeper has set it up, there are none.
        let clock = format!(
            "DO $do$ BEGIN IF to_regclass('leases') IS NOT NULL THEN \
             CREATE OR REPLACE FUNCTION journal_now() RETURNS BIGINT LANGUAGE sql VOLATILE AS \
             $$ SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT + {ahead} $$; \
             END IF; END $do$"
        );
        self.meddle(clock).await
    }

    /// Runs statements behind the journal's back; again, where the keeper's own locks were in the way.
    async fn meddle(&self, sql: String) -> Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let mut tries_left = 10;
        loop {
            match run(&mut connection, sql.clone()).await {
                Err(error) if tries_left > 0 && is_contended(&error) => {
                    tries_left -= 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                ended => {
                    ended?;
                    break;
                }
            }
        }
        connection.close().await?;
        Ok(())
    }

    /// All of it goes away; it is read no more.
    pub(crate) async fn remove(self) -> Result<()> {
        match self.kind {
            Kind::Sqlite { .. } => {
                let file = self.url.trim_start_matches("sqlite:");
                for end in ["", "-wal", "-shm", ".lock"] {
                    let _ = std::fs::remove_file(format!("{file}{end}"));
                }
            }
            Kind::Postgres { server, name } => {
                let mut admin = PgConnection::connect(&server).await?;
                run(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await?;
                admin.close().await?;
            }
        }
        Ok(())
    }
}

/// A deadlock, or a lock that was not to be had in time.
fn is_contended(error: &anyhow::Error) -> bool {
    let found = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    found.and_then(|error| error.code()).is_some_and(|code| code == "40P01" || code == "55P03")
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<()> {
    let limited = format!("SET lock_timeout = '3s'; {sql}");
    let sql = if sql.starts_with("CREATE DATABASE") || sql.starts_with("DROP DATABASE") {
        sql
    } else {
        limited
    };
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}
