//! SQLite and PostgreSQL behind one face: transactions that take text and integers and give rows back. The statements
//! are the same for both; what differs is how a transaction begins and what an error means.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sqlx::{PgPool, Postgres, Transaction, postgres::PgArguments, query::Query};

pub(crate) use super::value::{Arg, Row, args, damaged, stored};
use super::{
    decisions::OpenRuns,
    failures::failed,
    sqlite::{Commit, Held, SqliteFile},
};
use crate::{JournalError, Result};

/// Told before every statement and every commit; a test may hold it there for as long as it likes.
#[async_trait]
pub trait Pauses: Send + Sync {
    /// Comes back when the statement may go out.
    async fn pause(&self);
}

/// Where the journal is.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) db: Db,
    /// As it is called in messages.
    pub(crate) place: Arc<str>,
    /// Longest wait for an answer of a server.
    pub(crate) answer: Duration,
    pub(crate) pauses: Option<Arc<dyn Pauses>>,
    /// What this process wrote there last of runs that go on.
    pub(crate) open_runs: Arc<OpenRuns>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.place).finish()
    }
}

#[derive(Clone)]
pub(crate) enum Db {
    Sqlite(SqliteFile),
    Postgres(PgPool),
}

impl Pool {
    pub(crate) fn new(db: Db, place: Arc<str>, answer: Duration) -> Self {
        Self { db, place, answer, pauses: None, open_runs: Arc::default() }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    /// Begins a transaction that reads one consistent state.
    pub(crate) async fn read(&self) -> Result<Tx> {
        paused(self.pauses.as_deref()).await;
        match &self.db {
            Db::Sqlite(file) => file.read().await.map(|held| self.begun(Open::Sqlite(Some(held)))),
            Db::Postgres(pool) => {
                self.begun_at(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
            }
        }
    }

    /// Begins a transaction that writes. SQLite takes its one write lock here, so that nothing fails half-way for it;
    /// PostgreSQL locks the rows that are read to be changed.
    pub(crate) async fn write(&self) -> Result<Tx> {
        self.write_until(Commit::Durable).await
    }

    /// [`Self::write`] of what nothing outside of this machine comes of before something else is committed. A server's
    /// commits are all durable.
    pub(crate) async fn write_ahead(&self) -> Result<Tx> {
        self.write_until(Commit::InOrder).await
    }

    async fn write_until(&self, commit: Commit) -> Result<Tx> {
        paused(self.pauses.as_deref()).await;
        match &self.db {
            Db::Sqlite(file) => {
                file.write(commit).await.map(|held| self.begun(Open::Sqlite(Some(held))))
            }
            Db::Postgres(pool) => self.begun_at(pool, "BEGIN").await,
        }
    }

    async fn begun_at(&self, pool: &PgPool, begin: &'static str) -> Result<Tx> {
        let tx = answered(&self.place, self.answer, pool.begin_with(begin)).await?;
        Ok(self.begun(Open::Postgres(tx)))
    }

    fn begun(&self, open: Open) -> Tx {
        let Self { place, answer, pauses, open_runs, .. } = self.clone();
        Tx { open, place, answer, pauses, open_runs }
    }

    /// What one statement reads: one consistent state by itself, without the round trips of a transaction around it.
    pub(crate) async fn rows<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>> {
        paused(self.pauses.as_deref()).await;
        match &self.db {
            Db::Sqlite(file) => file.rows(sql, args.into()).await,
            Db::Postgres(pool) => {
                let rows = bound(sql, args).fetch_all(pool);
                let rows = answered(&self.place, self.answer, rows).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first of [`Self::rows`].
    pub(crate) async fn row<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    pub(crate) async fn tidy(&self) -> Result<()> {
        match &self.db {
            Db::Sqlite(file) => file.tidy().await,
            // The server does so by itself.
            Db::Postgres(_) => Ok(()),
        }
    }

    pub(crate) async fn close(&self) {
        match &self.db {
            Db::Sqlite(file) => file.close().await,
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

async fn paused(pauses: Option<&dyn Pauses>) {
    if let Some(pauses) = pauses {
        pauses.pause().await;
    }
}

/// An answer, or what it means that there is none.
async fn answered<T>(
    place: &str,
    within: Duration,
    question: impl Future<Output = sqlx::Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(within, question).await {
        Ok(answer) => answer.map_err(|error| failed(place, &error)),
        Err(_) => Err(JournalError::NoAnswer { place: place.to_owned() }),
    }
}

/// A transaction; dropped without a commit it changes nothing.
pub(crate) struct Tx {
    open: Open,
    place: Arc<str>,
    answer: Duration,
    pauses: Option<Arc<dyn Pauses>>,
    pub(crate) open_runs: Arc<OpenRuns>,
}

enum Open {
    /// None while, and if, its rows are read on another thread.
    Sqlite(Option<Held>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.open, Open::Postgres(_))
    }

    pub(crate) async fn run<const N: usize>(
        &mut self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<()> {
        self.rows(sql, args).await.map(drop)
    }

    pub(crate) async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>> {
        paused(self.pauses.as_deref()).await;
        self.rows_of(sql, args.into()).await
    }

    async fn rows_of(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        match &mut self.open {
            Open::Sqlite(held) => held.as_mut().ok_or_else(|| lost(&self.place))?.rows(sql, &args),
            Open::Postgres(tx) => {
                let rows = bound(sql, args).fetch_all(&mut **tx);
                let rows = answered(&self.place, self.answer, rows).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    pub(crate) async fn row<const N: usize>(
        &mut self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// [`Self::run`] with values that are counted by the statement alone.
    pub(crate) async fn run_all(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<()> {
        self.rows_of(sql, args).await.map(drop)
    }

    /// Rows one after the other, for tables that do not fit into memory.
    pub(crate) fn stream(&mut self, sql: &'static str) -> BoxStream<'_, Result<Row>> {
        let place = self.place.clone();
        match &mut self.open {
            Open::Sqlite(held) => Held::stream(held, sql),
            Open::Postgres(tx) => sqlx::query(sql)
                .fetch(&mut **tx)
                .map_ok(Row::Postgres)
                .map_err(move |error| failed(&place, &error))
                .boxed(),
        }
    }

    /// Done when it comes back, and durable unless it was begun by [`Pool::write_ahead`]. Without an answer it may have been done or not; what is done is looked up again.
    pub(crate) async fn commit(self) -> Result<()> {
        paused(self.pauses.as_deref()).await;
        match self.open {
            Open::Sqlite(held) => held.ok_or_else(|| lost(&self.place))?.commit(),
            Open::Postgres(tx) => answered(&self.place, self.answer, tx.commit()).await,
        }
    }
}

/// A connection that went with a reading that was broken off.
fn lost(place: &str) -> JournalError {
    let message = "a reading was broken off".to_owned();
    JournalError::ConnectionLost { place: place.to_owned(), message }
}

fn bound(
    sql: &'static str,
    args: impl IntoIterator<Item = Arg>,
) -> Query<'static, Postgres, PgArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
    })
}
