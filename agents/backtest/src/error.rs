//! What is wrong with a history, or keeps a backtest from going on: one sentence for each kind.

use alloy_primitives::{Address, B256};

/// Result of a backtest.
pub type Result<T> = std::result::Result<T, BacktestError>;

/// What is wrong with the text of a history. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// There is no first line that says what it is.
    #[error(
        "line 1 is no head of a history: {0}; expected a file that `keeper journal history` wrote"
    )]
    NoHead(String),
    /// It was written in another form.
    #[error("the history is of version {found}; expected {expected}")]
    Version {
        /// What stands there.
        found: u32,
        /// What this code reads.
        expected: u32,
    },
    /// A line is no JSON object.
    #[error("line {line} is no JSON object: {cause}; expected one change of the block before it")]
    NotJson {
        /// Which.
        line: u64,
        /// What the parser says.
        cause: String,
    },
    /// A line lacks something or has what does not belong there.
    #[error("line {line} makes no block: {cause}; expected the fields that the head describes")]
    NoBlock {
        /// Which.
        line: u64,
        /// What the parser says.
        cause: String,
    },
    /// A block is not above the one before it.
    #[error(
        "line {line} is of block {block} at {timestamp}; expected a block after {last_block} at {last_timestamp}"
    )]
    OutOfOrder {
        /// Which.
        line: u64,
        /// Height that stands there.
        block: u64,
        /// Unix time that stands there.
        timestamp: u64,
        /// Height of the line before.
        last_block: u64,
        /// Unix time of the line before.
        last_timestamp: u64,
    },
    /// A block is of another vault than the head.
    #[error("line {line} is of vault {found}; expected {expected}, which the head names")]
    OtherVault {
        /// Which.
        line: u64,
        /// What stands there.
        found: Address,
        /// What the head names.
        expected: Address,
    },
    /// A block names a strategy that the head does not.
    #[error("line {line} names the strategy {strategy}; expected one of those in the head")]
    UnknownStrategy {
        /// Which.
        line: u64,
        /// The strategy.
        strategy: Address,
    },
    /// Something stands behind the end.
    #[error("line {line} stands behind the end; expected nothing there")]
    BehindTheEnd {
        /// Which.
        line: u64,
    },
    /// It has no end: the writer was stopped or the file was cut off.
    #[error(
        "the history is cut off after line {lines}; expected a last line with the number of blocks"
    )]
    CutOff {
        /// Lines there are.
        lines: u64,
    },
    /// The end tells another number of blocks.
    #[error("the history has {found} blocks; expected {expected}, which its end names")]
    Count {
        /// Blocks there are.
        found: u64,
        /// Blocks the end names.
        expected: u64,
    },
    /// Its text is not the one that was written.
    #[error(
        "the history was changed: its hash is {found}; expected {expected}, which its end names"
    )]
    Changed {
        /// Hash of the text.
        found: B256,
        /// Hash that the end names.
        expected: B256,
    },
    /// There is nothing to go through.
    #[error("the history has {found} blocks; expected at least two")]
    TooShort {
        /// Blocks there are.
        found: u64,
    },
}

/// What keeps a backtest from going on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BacktestError {
    /// The policy lists what the history says nothing of.
    #[error(
        "the policy lists the strategy {0}, of which the history says nothing at every block; expected one of those \
         that it follows from its first block to its last"
    )]
    Unseen(Address),
    /// The policy leaves out what the vault holds.
    #[error(
        "the policy does not list the strategy {0}, which the vault holds at the beginning; expected it to be listed, \
         as exit-only if it is to be left"
    )]
    Unlisted(Address),
    /// The policy gives the agent nothing to do.
    #[error("the policy gives the history's agent {0} no mandate; expected it among the agents")]
    NoMandate(Address),
    /// The document in force is not in the history.
    #[error(
        "the history does not hold the policy {policy} that is in force at block {block}; expected it in its head"
    )]
    NoDocument {
        /// Its hash.
        policy: B256,
        /// The block.
        block: u64,
    },
    /// A document of the history cannot be read.
    #[error(
        "the policy {policy} in the history cannot be read: {cause}; expected the document whose hash that is"
    )]
    Document {
        /// Its hash.
        policy: B256,
        /// What is wrong.
        cause: String,
    },
    /// The backtest holds something that the history does not follow any more.
    #[error(
        "block {block} says nothing of the strategy {strategy}, which the backtest holds; expected a history that follows it"
    )]
    Lost {
        /// The block.
        block: u64,
        /// The strategy.
        strategy: Address,
    },
    /// A number is beyond what can be counted with.
    #[error("at block {block} {what} is out of range; expected amounts below 2^255")]
    OutOfRange {
        /// The block.
        block: u64,
        /// Which number.
        what: &'static str,
    },
    /// A record cannot be hashed.
    #[error("the record of block {block} cannot be hashed: {cause}")]
    Record {
        /// The block.
        block: u64,
        /// Why.
        cause: String,
    },
}
