//! What can go wrong between the keeper and a chain, one sentence each.

use alloy::primitives::{Address, B256};

/// What went wrong. `endpoint` is the host alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The endpoint is behind: it does not know a block that another answer named.
    #[error("{endpoint} is late: it has not seen block {block} yet.")]
    Late {
        /// Who was asked.
        endpoint: String,
        /// The block's hash.
        block: B256,
    },
    /// The block was reorganised away while it was being read.
    #[error("Block {block} is no longer part of the chain at {endpoint}.")]
    Reorganised {
        /// Who was asked.
        endpoint: String,
        /// The block's hash.
        block: B256,
    },
    /// No answer: refused, timed out, or no such host. Whether a request had an effect is not known.
    #[error("{endpoint} cannot be reached: {cause}.")]
    Unreachable {
        /// Who was asked.
        endpoint: String,
        /// Why.
        cause: String,
    },
    /// The endpoint answers otherwise than another endpoint, or than itself a moment ago.
    #[error("{endpoint} disagrees about {subject}: expected {expected}, found {found}.")]
    Disagrees {
        /// Who was asked.
        endpoint: String,
        /// What about.
        subject: String,
        /// What the others say.
        expected: String,
        /// What it says.
        found: String,
    },
    /// Too few endpoints say the same; none says otherwise.
    #[error("{agreed} of {quorum} endpoints agree about {subject}; {cause}")]
    NoQuorum {
        /// Endpoints that said the same.
        agreed: usize,
        /// How many have to.
        quorum: usize,
        /// What about.
        subject: String,
        /// What kept another one from it, a sentence.
        cause: String,
    },
    /// The endpoint refuses the request.
    #[error("{endpoint} refuses {method}: {message} (code {code}).")]
    Refused {
        /// Who was asked.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// Its words.
        message: String,
        /// Revert data, if there is some.
        data: Option<alloy::primitives::Bytes>,
    },
    /// The answer is not of the expected form.
    #[error("{endpoint} answers {method} in a form that is not understood: {cause}.")]
    Malformed {
        /// Who was asked.
        endpoint: String,
        /// JSON-RPC method or contract.
        method: &'static str,
        /// What does not fit.
        cause: String,
    },
    /// The document in force cannot be found at the block that the guard names.
    #[error(
        "{endpoint} has no event at block {block} with the policy {hash} of guard {guard}; an endpoint with the logs of \
         that block is needed."
    )]
    PolicyNotFound {
        /// Who was asked.
        endpoint: String,
        /// The guard.
        guard: Address,
        /// Block of the event.
        block: u64,
        /// Hash of the document.
        hash: B256,
    },
    /// The document in force cannot be understood.
    #[error("The policy {hash} of guard {guard} cannot be understood: {cause}.")]
    PolicyUnreadable {
        /// The guard.
        guard: Address,
        /// Hash of the document.
        hash: B256,
        /// What does not fit.
        cause: String,
    },
}

impl ChainError {
    /// Whether the same question may get an answer later: nothing is known to be wrong but time and network.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Late { .. }
            | Self::Reorganised { .. }
            | Self::Unreachable { .. }
            | Self::NoQuorum { .. } => true,
            // Limits on the rate of requests, and errors that the server itself calls internal. With revert data it is
            // an answer, whatever the code.
            Self::Refused { code, data, .. } => {
                data.is_none() && matches!(code, -32005 | -32603 | 429)
            }
            Self::Disagrees { .. }
            | Self::Malformed { .. }
            | Self::PolicyNotFound { .. }
            | Self::PolicyUnreadable { .. } => false,
        }
    }

    /// Whether another endpoint may know better: this one is silent, behind, or makes no sense. What an endpoint says
    /// about the chain, a refusal among it, is never overruled by asking elsewhere.
    #[must_use]
    pub fn is_endpoints_own(&self) -> bool {
        match self {
            Self::Late { .. }
            | Self::Unreachable { .. }
            | Self::Malformed { .. }
            | Self::PolicyNotFound { .. } => true,
            Self::Refused { .. } => self.is_transient(),
            Self::Reorganised { .. }
            | Self::Disagrees { .. }
            | Self::NoQuorum { .. }
            | Self::PolicyUnreadable { .. } => false,
        }
    }
}

/// Result of a question to a chain.
pub type ChainResult<T> = Result<T, ChainError>;
