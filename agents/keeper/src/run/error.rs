//! What can stop a block from being worked off, and whether it is worth trying again.

use vagus_chain::{ChainError, KeyError, sender::SendError};
use vagus_journal::{ErrorKind, JournalError, RecordError};

use crate::exit::{Exit, Failure};

/// Why a block could not be worked off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The journal.
    #[error("The {0}.")]
    Journal(#[from] JournalError),
    /// Sending.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Something that no retry mends, but a chain that does not answer.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// What is stored cannot be read back.
    #[error("The journal holds a transaction state that cannot be read: {0}.")]
    State(#[from] serde_json::Error),
}

impl From<RecordError> for RunError {
    fn from(error: RecordError) -> Self {
        Self::Journal(error.into())
    }
}

impl From<KeyError> for RunError {
    fn from(error: KeyError) -> Self {
        Self::Send(error.into())
    }
}

impl RunError {
    /// Whether the same block may go through later. A chain's lies are waited out as well: nothing is sent meanwhile.
    #[must_use]
    pub fn is_retried(&self) -> bool {
        match self {
            Self::Chain(_) | Self::Send(SendError::Chain(_)) => true,
            Self::Failure(failure) => failure.exit == Exit::Unreachable,
            Self::Journal(error) => error.kind() == ErrorKind::Retry,
            Self::Send(SendError::Store(error)) => error
                .0
                .downcast_ref::<JournalError>()
                .is_some_and(|error| error.kind() == ErrorKind::Retry),
            _ => false,
        }
    }

    /// As the end of the program.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let exit = match &self {
            Self::Failure(failure) => return failure.clone(),
            Self::Chain(ChainError::Unreachable { .. }) => Exit::Unreachable,
            Self::Journal(_) | Self::State(_) => Exit::Journal,
            Self::Send(SendError::Store(_) | SendError::MissingBytes(_)) => Exit::Journal,
            Self::Send(SendError::Key(_)) => Exit::Key,
            _ => Exit::Internal,
        };
        Failure::new(exit, self)
    }
}
