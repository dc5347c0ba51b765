//! What goes into a statement and what comes out of it, the same for both databases.

use alloy_primitives::{Address, B256};
use serde::de::DeserializeOwned;
use sqlx::{Row as _, postgres::PgRow};

use super::sqlite::SqliteRow;
use crate::{JournalError, Result};

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
    ($($value:expr),* $(,)?) => { [$($crate::store::value::Arg::from($value)),*] };
}
pub(crate) use args;

/// A row; columns by name.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>> {
        match self {
            Self::Sqlite(row) => row.text(column),
            Self::Postgres(row) => row.try_get(column).map_err(|error| unreadable(column, &error)),
        }
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String> {
        self.optional_text(column)?.ok_or_else(|| damaged(column, "a row", "it is empty"))
    }

    pub(crate) fn optional_number(&self, column: &'static str) -> Result<Option<u64>> {
        let number: Option<i64> = match self {
            Self::Sqlite(row) => row.number(column)?,
            Self::Postgres(row) => {
                row.try_get(column).map_err(|error| unreadable(column, &error))?
            }
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

fn unreadable(column: &'static str, error: &sqlx::Error) -> JournalError {
    damaged(column, "a row", &error.to_string())
}

/// Numbers are stored signed.
pub(crate) fn stored(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| JournalError::TooLarge(number))
}
