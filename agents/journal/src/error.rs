//! What can go wrong with a journal, each in one sentence.

use alloy_primitives::{Address, B256};

use crate::{LeaseKey, record::RecordError};

/// Result of the journal's operations.
pub type Result<T> = std::result::Result<T, JournalError>;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The same call may succeed later. Nothing was changed, or, if the connection broke while a commit was under way,
    /// all of it was: what is stored has to be read again.
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
    #[error(
        "journal {place}: not writable: {message}; nothing was changed. Check the file system, and who may write there"
    )]
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
    /// Somebody else holds the lock that is needed; nothing was changed.
    #[error(
        "journal {place}: busy for too long ({message}); nothing was changed. Look for another program that holds it"
    )]
    Busy {
        /// Where.
        place: String,
        /// The database's words.
        message: String,
    },
    /// There is no room for what is to be written; nothing was changed.
    #[error(
        "journal {place}: no room left ({message}); nothing was changed and nothing is sent. Free space under it"
    )]
    Full {
        /// Where.
        place: String,
        /// The database's words.
        message: String,
    },
    /// The server cannot be reached any more, or broke off.
    #[error(
        "journal {place}: the connection was lost ({message}); nothing is sent until it is back. Check the database \
         server and the way to it"
    )]
    ConnectionLost {
        /// Where.
        place: String,
        /// The database's words.
        message: String,
    },
    /// The server is there and says nothing.
    #[error(
        "journal {place}: no answer in time; nothing is sent until there is one. Check whether the database server \
         runs, and is neither paused nor overloaded"
    )]
    NoAnswer {
        /// Where.
        place: String,
    },
    /// A write rests on a lease that somebody else holds now; nothing was changed.
    #[error(
        "journal: the lease of {key} is not held any more; nothing was changed. Another keeper works on it"
    )]
    LeaseLost {
        /// What is leased.
        key: LeaseKey,
    },
    /// The database failed.
    #[error("journal {place}: {message}")]
    Database {
        /// Where.
        place: String,
        /// The database's words.
        message: String,
    },
    /// A number cannot be stored.
    #[error("journal: the number {0} is too large to be stored; expected less than 2^63")]
    TooLarge(u64),
    /// A value cannot be written as JSON.
    #[error("journal: {0}")]
    NotWritten(String),
    /// The body of a hold was dropped after its time.
    #[error(
        "journal: the body of decision {0} was dropped by retention; its hash and its place in the chain are kept. A \
         backup from before may hold it"
    )]
    Dropped(B256),
    /// There is something where a copy is to be written.
    #[error("journal {place}: there already; expected {expected}")]
    NotEmpty {
        /// Where.
        place: String,
        /// What was expected.
        expected: &'static str,
    },
    /// What is to be copied is not whole.
    #[error("journal {place}: not copied: the chain of vault {vault} is broken: {breach}")]
    BrokenChain {
        /// Where.
        place: String,
        /// Whose chain.
        vault: Address,
        /// The first thing wrong with it.
        breach: String,
    },
    /// A record cannot be.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Something stored cannot be read as what it should be.
    #[error("journal: {what} of {key} is damaged: {message}; restore a copy")]
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
            Self::Busy { .. }
            | Self::Full { .. }
            | Self::ConnectionLost { .. }
            | Self::NoAnswer { .. }
            | Self::LeaseLost { .. } => ErrorKind::Retry,
            Self::BadUrl { .. }
            | Self::InUse { .. }
            | Self::NotOpened { .. }
            | Self::NotWritable { .. }
            | Self::Corrupt { .. }
            | Self::NewerSchema { .. }
            | Self::Database { .. }
            | Self::BrokenChain { .. }
            | Self::Damaged { .. } => ErrorKind::Fatal,
            Self::Record(_)
            | Self::TooLarge(_)
            | Self::NotWritten(_)
            | Self::Dropped(_)
            | Self::NotEmpty { .. }
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
