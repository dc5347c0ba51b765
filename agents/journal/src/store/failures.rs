//! What an error of the database means once the journal is open: what, where, and what to do.

use sqlx::error::DatabaseError;

use crate::JournalError;

/// What an error of the database means.
pub(crate) fn failed(place: &str, error: &sqlx::Error) -> JournalError {
    let (place, message) = (place.to_owned(), error.to_string());
    match error {
        sqlx::Error::PoolTimedOut => JournalError::NoAnswer { place },
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed => {
            JournalError::ConnectionLost { place, message }
        }
        // The server broke off in the middle of an answer.
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            JournalError::ConnectionLost { place, message }
        }
        sqlx::Error::Database(error) => match sqlite_code(error.as_ref()) {
            Some(code) => of_sqlite(code, place, message),
            None => of_postgres(error.code().as_deref(), place, message),
        },
        _ => JournalError::Database { place, message },
    }
}

/// The same of a SQLite file.
pub(crate) fn of_file(place: &str, error: &rusqlite::Error) -> JournalError {
    let (place, message) = (place.to_owned(), error.to_string());
    match error {
        rusqlite::Error::SqliteFailure(error, _) => of_sqlite(primary(error), place, message),
        _ => JournalError::Database { place, message },
    }
}

/// Whether another process holds a lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    // SQLITE_BUSY, SQLITE_LOCKED.
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if matches!(primary(error), 5 | 6))
}

/// SQLite's primary result code: the lower eight bits of the extended one.
fn primary(error: &rusqlite::ffi::Error) -> u32 {
    error.extended_code.unsigned_abs() & 0xff
}

fn of_sqlite(code: u32, place: String, message: String) -> JournalError {
    match code {
        // SQLITE_BUSY, SQLITE_LOCKED.
        5 | 6 => JournalError::Busy { place, message },
        // SQLITE_FULL.
        13 => JournalError::Full { place, message },
        // SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_IOERR.
        8 | 14 | 3 | 10 => JournalError::NotWritable { place, message },
        // SQLITE_CORRUPT, SQLITE_NOTADB.
        11 | 26 => JournalError::Corrupt { place, message },
        _ => JournalError::Database { place, message },
    }
}

fn of_postgres(code: Option<&str>, place: String, message: String) -> JournalError {
    match code.unwrap_or_default() {
        // Serialization failure, deadlock, lock not available; a unique key that somebody else was faster with.
        "40001" | "40P01" | "55P03" | "23505" => JournalError::Busy { place, message },
        // Disk full; out of memory or of another resource.
        "53100" | "53200" | "53400" => JournalError::Full { place, message },
        // The server is a standby, or was made read-only.
        "25006" => JournalError::NotWritable { place, message },
        // Data or index corrupted.
        "XX001" | "XX002" => JournalError::Corrupt { place, message },
        // A session that stood still inside a transaction was ended; a statement that took too long was.
        "25P03" | "57014" => JournalError::ConnectionLost { place, message },
        // Too many connections, the server stops, starts, or broke the connection off.
        code if code == "53300" || code.starts_with("57P") || code.starts_with("08") => {
            JournalError::ConnectionLost { place, message }
        }
        _ => JournalError::Database { place, message },
    }
}

/// SQLite's primary result code (the lower eight bits of the extended one), if the error is SQLite's.
pub(crate) fn sqlite_code(error: &dyn DatabaseError) -> Option<u32> {
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}
