//! What can go wrong with a journal, each in one sentence.

use alloy_primitives::{Address, B256};

use crate::record::RecordError;

/// Result of the journal's operations.
pub type Result<T> = std::result::Result<T, JournalError>;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The same call may succeed later; nothing was changed.
    Retry,
    /// The call asked for what cannot be; nothing was changed.
    Refused,
    /// The journal cannot be used: stop.
    Fatal,
}

/// What can go wrong with a journal. Nothing is ever half done: an operation that fails has changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The url is of no known kind.
    #[error(
        "journal: expected a url of the form sqlite:FILE or postgres://USER@HOST/DATABASE, found {found}"
    )]
    BadUrl {
        /// What was found, without what may be a password.
        found: String,
    },
    /// Another process writes the journal.
    #[error(
        "journal {place}: in use by another process{holder}; two keepers cannot share one file"
    )]
    InUse {
        /// Where.
        place: String,
        /// Which process, if that is known.
        holder: String,
    },
    /// The file or server cannot be opened.
    #[error("journal {place}: cannot be opened: {message}")]
    NotOpened {
        /// Where.
        place: String,
        /// Why.
        message: String,
    },
    /// It can be read but not written.
    #[error("journal {place}: not writable: {message}")]
    NotWritable {
        /// Where.
        place: String,
        /// Why.
        message: String,
    },
    /// It is no database, or a damaged one.
    #[error(
        "journal {place}: damaged, or not a journal: {message}; restore a copy, nothing in it was changed"
    )]
    Corrupt {
        /// Where.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// It was written by a newer keeper.
    #[error(
        "journal {place}: written by a newer keeper (schema {found}, this one knows up to {known}); use that one"
    )]
    NewerSchema {
        /// Where.
        place: String,
        /// Newest migration applied to it.
        found: i64,
        /// Newest migration known here.
        known: i64,
    },
    /// The journal is busy; nothing was changed.
    #[error("journal: busy for too long: {0}")]
    Busy(String),
    /// The database failed.
    #[error("journal: {0}")]
    Database(String),
    /// A record cannot be.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Something stored cannot be read as what it should be.
    #[error("journal: {what} of {key} is damaged: {message}")]
    Damaged {
        /// What.
        what: &'static str,
        /// Where.
        key: String,
        /// Why.
        message: String,
    },
    /// A record does not continue the chain.
    #[error(
        "journal: the record of vault {vault} names {found} as the one before it, but the last one is {expected}"
    )]
    StaleHead {
        /// The vault.
        vault: Address,
        /// The record named.
        found: B256,
        /// The last record, as [`crate::ReadJournal::head_hash`] gives it.
        expected: B256,
    },
    /// A hold cannot be appended as a finished record: the journal makes the runs.
    #[error("journal: a hold is observed, not appended: expected a rebalance")]
    NotARebalance,
    /// There is no such record.
    #[error("journal: no decision {0}")]
    NoSuchDecision(B256),
    /// There is no transaction of that decision.
    #[error("journal: decision {0} has no transaction")]
    NoSuchTransaction(B256),
    /// A decision becomes a transaction once.
    #[error("journal: decision {0} is claimed already")]
    AlreadyClaimed(B256),
    /// Another transaction in flight holds the nonce.
    #[error("journal: nonce {nonce} of {from} is held by another transaction in flight")]
    NonceTaken {
        /// The account.
        from: Address,
        /// The nonce.
        nonce: u64,
    },
    /// A transaction keeps its nonce.
    #[error("journal: the transaction of decision {decision} has nonce {expected}, found {found}")]
    NonceChanged {
        /// The decision.
        decision: B256,
        /// The transaction's nonce, or "none".
        expected: String,
        /// The other one.
        found: String,
    },
    /// Nothing changes after the end.
    #[error("journal: the transaction of decision {0} has ended and cannot change")]
    TransactionEnded(B256),
    /// Nothing changes after the end but that the block is orphaned.
    #[error("journal: the outcome of decision {0} is terminal and cannot change")]
    OutcomeEnded(B256),
    /// A hash stands for one attempt only.
    #[error("journal: attempt {0} is stored already with other contents")]
    AttemptChanged(B256),
}

impl JournalError {
    /// What to do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy(_) => ErrorKind::Retry,
            Self::BadUrl { .. }
            | Self::InUse { .. }
            | Self::NotOpened { .. }
            | Self::NotWritable { .. }
            | Self::Corrupt { .. }
            | Self::NewerSchema { .. }
            | Self::Database(_)
            | Self::Damaged { .. } => ErrorKind::Fatal,
            Self::Record(_)
            | Self::StaleHead { .. }
            | Self::NotARebalance
            | Self::NoSuchDecision(_)
            | Self::NoSuchTransaction(_)
            | Self::AlreadyClaimed(_)
            | Self::NonceTaken { .. }
            | Self::NonceChanged { .. }
            | Self::TransactionEnded(_)
            | Self::OutcomeEnded(_)
            | Self::AttemptChanged(_) => ErrorKind::Refused,
        }
    }
}
