//! Exit codes, and the failure that ends the program with one of them.

use std::fmt;

use serde::Serialize;

/// Exit codes of the keeper. Documented for operators in `docs/codes.md`; a number is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or stopped by a signal with everything in order.
    Ok = 0,
    /// Something the keeper does not know how to go on from.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration file is wrong.
    Config = 3,
    /// The deployment file is wrong, or is not of this chain, schema or code.
    Deployment = 4,
    /// No endpoint can be reached.
    Unreachable = 5,
    /// The keystore cannot be opened, its password is wrong, or its key is of another account.
    Key = 6,
    /// The agent was never named by a policy of the vault.
    NoMandate = 7,
    /// The journal cannot be opened, or says something that contradicts the chain.
    Journal = 8,
    /// The chain rewrote what it had called finalized; a person has to look.
    ChainRewritten = 9,
    /// The doctor found something that keeps the keeper from working.
    Unfit = 10,
    /// A vault could not be read; what is shown of the others stands.
    VaultUnread = 11,
    /// A person's move, or a policy's transaction, is refused; nothing was sent.
    Refused = 12,
    /// A person's move was stored, or a policy's transaction sent, and did not execute.
    NotExecuted = 13,
    /// A file is no policy, or a review of it found an error.
    PolicyInvalid = 14,
    /// The policy that is asked for is not there: none is in force, none waits, or no proposal submits one.
    NoPolicy = 15,
    /// The chain is not as the declared files say.
    Deviates = 16,
    /// The history of a backtest cannot be gone through: it is broken, or the policy does not fit it.
    History = 17,
}

impl Exit {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 18] = [
        Self::Ok,
        Self::Internal,
        Self::Usage,
        Self::Config,
        Self::Deployment,
        Self::Unreachable,
        Self::Key,
        Self::NoMandate,
        Self::Journal,
        Self::ChainRewritten,
        Self::Unfit,
        Self::VaultUnread,
        Self::Refused,
        Self::NotExecuted,
        Self::PolicyInvalid,
        Self::NoPolicy,
        Self::Deviates,
        Self::History,
    ];

    /// The number that the process ends with.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What `keeper trace` came to. It ends with these numbers instead of [`Exit`]'s where they differ: a configuration or a
/// deployment file that is wrong is a wrong command line there. Documented in `docs/codes.md`; a number is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Verdict {
    /// Everything that was looked into holds.
    Reproduced = 0,
    /// Hash, place in the chain of records, or the record with itself: what is there is not what was written.
    Altered = 3,
    /// It was decided by another version of the algorithm; everything else holds.
    OtherAlgorithm = 4,
    /// The endpoint does not give what has to be compared; nothing that could be compared differs.
    ChainUnavailable = 5,
    /// The chain says something else, or the decision comes out otherwise.
    NotReproduced = 6,
}

impl Verdict {
    /// Every verdict, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Reproduced,
        Self::Altered,
        Self::OtherAlgorithm,
        Self::ChainUnavailable,
        Self::NotReproduced,
    ];

    /// The number that the process ends with.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What went wrong, in one sentence for a person, and the exit code that says which kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// One sentence: what, where, what was expected.
    pub sentence: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(exit: Exit, sentence: impl fmt::Display) -> Self {
        Self { exit, sentence: sentence.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}
