//! SQLite and PostgreSQL behind one face: transactions that take text and integers and give rows back. The statements
//! are the same for both; what differs is how a transaction begins and what an error means.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sqlx::{
    PgPool, Postgres, Sqlite, SqlitePool, Transaction, postgres::PgArguments, query::Query,
    sqlite::SqliteArguments,
};

use super::failures::failed;
pub(crate) use super::value::{Arg, Row, args, damaged, stored};
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
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.place).finish()
    }
}

#[derive(Clone)]
pub(crate) enum Db {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    /// Begins a transaction that reads one consistent state.
    pub(crate) async fn read(&self) -> Result<Tx> {
        match &self.db {
            Db::Sqlite(pool) => self.begun(pool.begin(), Open::Sqlite).await,
            Db::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                self.begun(pool.begin_with(begin), Open::Postgres).await
            }
        }
    }

    /// Begins a transaction that writes. SQLite takes its one write lock here, so that nothing fails half-way for it;
    /// PostgreSQL locks the rows that are read to be changed.
    pub(crate) async fn write(&self) -> Result<Tx> {
        match &self.db {
            Db::Sqlite(pool) => self.begun(pool.begin_with("BEGIN IMMEDIATE"), Open::Sqlite).await,
            Db::Postgres(pool) => self.begun(pool.begin(), Open::Postgres).await,
        }
    }

    async fn begun<T>(
        &self,
        begin: impl Future<Output = sqlx::Result<T>>,
        open: fn(T) -> Open,
    ) -> Result<Tx> {
        let Self { place, answer, pauses, .. } = self.clone();
        if let Some(pauses) = &pauses {
            pauses.pause().await;
        }
        let open = open(answered(&place, answer, begin).await?);
        Ok(Tx { open, place, answer, pauses })
    }

    /// What one statement reads: one consistent state by itself, without the round trips of a transaction around it.
    pub(crate) async fn rows<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>> {
        if let Some(pauses) = &self.pauses {
            pauses.pause().await;
        }
        let Self { place, answer, .. } = self;
        Ok(match &self.db {
            Db::Sqlite(pool) => {
                let rows = bind_sqlite(sql, args).fetch_all(pool);
                let rows = answered(place, *answer, rows).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Db::Postgres(pool) => {
                let rows = bind_postgres(sql, args).fetch_all(pool);
                let rows = answered(place, *answer, rows).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first of [`Self::rows`].
    pub(crate) async fn row<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    pub(crate) async fn close(&self) {
        match &self.db {
            Db::Sqlite(pool) => pool.close().await,
            Db::Postgres(pool) => pool.close().await,
        }
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
}

enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.open, Open::Postgres(_))
    }

    async fn pause(&self) {
        if let Some(pauses) = &self.pauses {
            pauses.pause().await;
        }
    }

    pub(crate) async fn run<const N: usize>(
        &mut self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<()> {
        self.pause().await;
        match &mut self.open {
            Open::Sqlite(tx) => {
                let done = bind_sqlite(sql, args).execute(&mut **tx);
                answered(&self.place, self.answer, done).await?;
            }
            Open::Postgres(tx) => {
                let done = bind_postgres(sql, args).execute(&mut **tx);
                answered(&self.place, self.answer, done).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>> {
        self.pause().await;
        Ok(match &mut self.open {
            Open::Sqlite(tx) => {
                let rows = bind_sqlite(sql, args).fetch_all(&mut **tx);
                let rows = answered(&self.place, self.answer, rows).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Open::Postgres(tx) => {
                let rows = bind_postgres(sql, args).fetch_all(&mut **tx);
                let rows = answered(&self.place, self.answer, rows).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
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
        match &mut self.open {
            Open::Sqlite(tx) => {
                let done = bind_sqlite(sql, args).execute(&mut **tx);
                answered(&self.place, self.answer, done).await?;
            }
            Open::Postgres(tx) => {
                let done = bind_postgres(sql, args).execute(&mut **tx);
                answered(&self.place, self.answer, done).await?;
            }
        }
        Ok(())
    }

    /// Rows one after the other, for tables that do not fit into memory.
    pub(crate) fn stream(&mut self, sql: &'static str) -> BoxStream<'_, Result<Row>> {
        let place = self.place.clone();
        let read = move |error: sqlx::Error| failed(&place, &error);
        match &mut self.open {
            Open::Sqlite(tx) => {
                sqlx::query(sql).fetch(&mut **tx).map_ok(Row::Sqlite).map_err(read).boxed()
            }
            Open::Postgres(tx) => {
                sqlx::query(sql).fetch(&mut **tx).map_ok(Row::Postgres).map_err(read).boxed()
            }
        }
    }

    /// Durable when it comes back. Without an answer it may have been done or not; what is done is looked up again.
    pub(crate) async fn commit(self) -> Result<()> {
        self.pause().await;
        match self.open {
            Open::Sqlite(tx) => answered(&self.place, self.answer, tx.commit()).await,
            Open::Postgres(tx) => answered(&self.place, self.answer, tx.commit()).await,
        }
    }
}

fn bind_sqlite(
    sql: &'static str,
    args: impl IntoIterator<Item = Arg>,
) -> Query<'static, Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
    })
}

fn bind_postgres(
    sql: &'static str,
    args: impl IntoIterator<Item = Arg>,
) -> Query<'static, Postgres, PgArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
    })
}
