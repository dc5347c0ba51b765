//! SQLite and PostgreSQL behind one face: transactions that take text and integers and give rows back. The statements
//! are the same for both; what differs is how a transaction begins and what an error means.

use alloy_primitives::{Address, B256};
use serde::de::DeserializeOwned;
use sqlx::{
    PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction,
    error::DatabaseError,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{JournalError, Result};

#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// Begins a transaction that reads one consistent state.
    pub(crate) async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin().await.map_err(failed)?),
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Tx::Postgres(pool.begin_with(begin).await.map_err(failed)?)
            }
        })
    }

    /// Begins a transaction that writes. SQLite takes its one write lock here, so that nothing fails half-way for it;
    /// PostgreSQL locks the rows that are read to be changed.
    pub(crate) async fn write(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite(pool) => {
                Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?)
            }
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await.map_err(failed)?),
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A value of a statement.
#[derive(Debug)]
pub(crate) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Arg {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Arg {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Self::Int(Some(i64::from(flag)))
    }
}

impl From<B256> for Arg {
    fn from(hash: B256) -> Self {
        Self::Text(Some(format!("{hash:#x}")))
    }
}

impl From<Address> for Arg {
    fn from(address: Address) -> Self {
        Self::Text(Some(format!("{address:#x}")))
    }
}

/// `args![a, b]`: the values of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { [$($crate::store::sql::Arg::from($value)),*] };
}
pub(crate) use args;

/// A transaction; dropped without a commit it changes nothing.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) async fn run<const N: usize>(
        &mut self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<()> {
        match self {
            Self::Sqlite(tx) => {
                bind_sqlite(sql, args).execute(&mut **tx).await.map_err(failed)?;
            }
            Self::Postgres(tx) => {
                bind_postgres(sql, args).execute(&mut **tx).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    pub(crate) async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = bind_sqlite(sql, args).fetch_all(&mut **tx).await.map_err(failed)?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = bind_postgres(sql, args).fetch_all(&mut **tx).await.map_err(failed)?;
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

    /// Durable when it comes back.
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await.map_err(failed),
            Self::Postgres(tx) => tx.commit().await.map_err(failed),
        }
    }
}

fn bind_sqlite<const N: usize>(
    sql: &'static str,
    args: [Arg; N],
) -> Query<'static, Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
    })
}

fn bind_postgres<const N: usize>(
    sql: &'static str,
    args: [Arg; N],
) -> Query<'static, Postgres, PgArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
    })
}

/// A row; columns by name.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>> {
        match self {
            Self::Sqlite(row) => row.try_get(column).map_err(failed),
            Self::Postgres(row) => row.try_get(column).map_err(failed),
        }
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String> {
        self.optional_text(column)?.ok_or_else(|| damaged(column, "a row", "it is empty"))
    }

    pub(crate) fn optional_number(&self, column: &'static str) -> Result<Option<u64>> {
        let number: Option<i64> = match self {
            Self::Sqlite(row) => row.try_get(column).map_err(failed)?,
            Self::Postgres(row) => row.try_get(column).map_err(failed)?,
        };
        let to_unsigned = |number: i64| {
            u64::try_from(number)
                .map_err(|_| damaged(column, &number.to_string(), "it is negative"))
        };
        number.map(to_unsigned).transpose()
    }

    pub(crate) fn number(&self, column: &'static str) -> Result<u64> {
        self.optional_number(column)?.ok_or_else(|| damaged(column, "a row", "it is empty"))
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.number(column)? != 0)
    }

    /// A hash, address or decimal amount.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, column: &'static str) -> Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| damaged(column, &text, "it has another form"))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        serde_json::from_str(&self.text(column)?)
            .map_err(|error| damaged(column, "a row", &error.to_string()))
    }
}

pub(crate) fn damaged(what: &'static str, key: &str, message: &str) -> JournalError {
    JournalError::Damaged { what, key: key.to_owned(), message: message.to_owned() }
}

/// Numbers are stored signed.
pub(crate) fn stored(number: u64) -> Result<i64> {
    i64::try_from(number)
        .map_err(|_| JournalError::Database(format!("number {number} is too large to be stored")))
}

/// What an error of the database means once the journal is open.
pub(crate) fn failed(error: sqlx::Error) -> JournalError {
    if is_busy(&error) {
        return JournalError::Busy(error.to_string());
    }
    JournalError::Database(error.to_string())
}

fn is_busy(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => match sqlite_code(error.as_ref()) {
            // SQLITE_BUSY, SQLITE_LOCKED.
            Some(code) => matches!(code, 5 | 6),
            // Serialization failure, deadlock, lock not available; a unique key that somebody else was faster with.
            None => {
                matches!(error.code().as_deref(), Some("40001" | "40P01" | "55P03" | "23505"))
            }
        },
        _ => false,
    }
}

/// SQLite's primary result code (the lower eight bits of the extended one), if the error is SQLite's.
pub(crate) fn sqlite_code(error: &dyn DatabaseError) -> Option<u32> {
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}
