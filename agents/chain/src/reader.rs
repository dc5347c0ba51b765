//! The chain as the keeper sees it: two narrow traits, with an implementation over HTTP and one in process.

use std::fmt::Debug;

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use vagus_policy::{BlockRef, Policy, Snapshot};

use crate::{ChainResult, Tally};

/// A block's header, as far as the keeper needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Height, hash, parent and time.
    pub block: BlockRef,
    /// Base fee, wei per gas; zero on chains without one.
    pub base_fee_wei: u128,
}

/// Which head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The newest.
    Latest,
    /// The newest that the chain calls final.
    Finalized,
}

/// How a block is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockAt {
    /// By hash: the same block for ever.
    Hash(B256),
    /// By height in the endpoint's present chain.
    Number(u64),
}

/// A vault to look at, with the agent whose mandate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The vault.
    pub vault: Address,
    /// The agent.
    pub agent: Address,
}

/// A vault at a block: its state, or why there is none. Never a state of zeros in place of an answer.
pub type Sighting = Result<Snapshot, Unseen>;

/// A vault that could not be read while others could.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("vault {vault} could not be read: {cause}")]
pub struct Unseen {
    /// The vault.
    pub vault: Address,
    /// Why.
    pub cause: String,
}

/// What one endpoint says about one vault, to be compared with what others say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What it sees.
    pub sighting: Sighting,
    /// Of the bytes of its answer.
    pub digest: B256,
}

/// A call as a transaction would make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Sender.
    pub from: Address,
    /// Contract.
    pub to: Address,
    /// Call data.
    pub input: Bytes,
    /// Gas limit.
    pub gas: u64,
    /// Whether it returns something when it succeeds. What does not cannot be told from an answer that is missing.
    pub returns: bool,
}

/// What a simulated call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulation {
    /// It succeeds with this return data.
    Succeeds(Bytes),
    /// It fails.
    Fails {
        /// The endpoint's words.
        message: String,
        /// Revert data; empty if there is none.
        data: Bytes,
    },
}

/// Receipt of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionReceipt {
    /// Hash of the transaction.
    pub hash: B256,
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Whether it succeeded.
    pub is_success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// Price paid, wei per gas.
    pub gas_price_wei: u128,
    /// What a rollup charged for the bytes beside the gas, wei.
    pub data_fee_wei: u128,
    /// Events.
    pub logs: Vec<EventLog>,
}

/// An event as it stands in a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLog {
    /// Contract that raised it.
    pub address: Address,
    /// Signature hash and indexed values.
    pub topics: Vec<B256>,
    /// The other values.
    pub data: Bytes,
}

/// Which events to look for. Blocks are those of the endpoint's present chain; every event found names its own by hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// Contracts that raised them.
    pub addresses: Vec<Address>,
    /// Signature hash and indexed values; none for any.
    pub topics: Vec<Option<B256>>,
    /// First block.
    pub first: u64,
    /// Last block, itself included.
    pub last: u64,
}

/// An event with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedLog {
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Transaction that raised it.
    pub transaction: B256,
    /// Place among the events of its block.
    pub log_index: u64,
    /// The event.
    pub log: EventLog,
}

/// What a contract answers to a question. An endpoint that cannot ask it is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It answers this; nothing if there is no contract.
    Answer(Bytes),
    /// It reverts or runs out of gas.
    Fails,
}

/// Answer to handing in a transaction. No answer at all is an error, and means "maybe sent".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendAnswer {
    /// Taken, or known already.
    Accepted,
    /// The account's next nonce is higher: this one, or another of its nonce, is in a block.
    NonceTooLow,
    /// Another of its nonce pays too much to be replaced by it.
    Underpriced,
    /// Refused for another reason, in the endpoint's words. It may still be in some pool.
    Refused(String),
}

/// Reads a chain. Every answer is tied to a block by hash, except where it says otherwise.
#[async_trait]
pub trait ChainReader: Send + Sync + Debug {
    /// Who is asked: the host alone.
    fn endpoint(&self) -> String;

    /// The chain's id, asked of the endpoint.
    async fn chain_id(&self) -> ChainResult<u64>;

    /// The newest header of a kind.
    async fn head(&self, tag: Tag) -> ChainResult<Header>;

    /// A header, or none if the endpoint has no such block.
    async fn header(&self, at: BlockAt) -> ChainResult<Option<Header>>;

    /// Keccak-256 of the runtime code of an account; that of the empty code if it has none.
    async fn code_hash(&self, account: Address, block: &Header) -> ChainResult<B256>;

    /// The runtime code of an account; empty if it has none.
    async fn code(&self, account: Address, block: &Header) -> ChainResult<Bytes>;

    /// One word of an account's storage; zero where nothing is.
    async fn storage(&self, account: Address, slot: B256, block: &Header) -> ChainResult<B256>;

    /// The state of vaults at a block, through the lens, in the order of the queries, one each. The answer proves
    /// number, parent and chain id; pages are bounded by gas and pinned to the same hash.
    async fn snapshots(
        &self,
        lens: Address,
        queries: &[Query],
        block: &Header,
    ) -> ChainResult<Vec<Sighting>>;

    /// One vault at a block, in a call of its own that every endpoint has to answer alike.
    async fn witness(&self, lens: Address, query: Query, block: &Header) -> ChainResult<Witness>;

    /// How often each method was asked of the endpoint, if that is counted.
    fn tallies(&self) -> Vec<(&'static str, Tally)> {
        Vec::new()
    }

    /// The policy document of a guard, from the event at `block` that carries it; its hash is `hash`.
    async fn policy(&self, guard: Address, block: u64, hash: B256) -> ChainResult<Policy>;

    /// The transaction in which a guard carried out a decision, among the blocks of a range, both ends included, of the
    /// endpoint's present chain; none if there is none.
    async fn execution(
        &self,
        guard: Address,
        decision: B256,
        range: (u64, u64),
    ) -> ChainResult<Option<B256>>;

    /// The events that a filter finds, in the order in which they were raised.
    async fn logs(&self, filter: &LogFilter) -> ChainResult<Vec<PlacedLog>>;

    /// What a contract answers at the end of a block.
    async fn read(&self, contract: Address, input: &Bytes, block: &Header) -> ChainResult<Reading>;

    /// What a call would do on top of a block, at the height after it and at the time `at`.
    async fn simulate(&self, call: &Call, block: &Header, at: u64) -> ChainResult<Simulation>;
}

/// Sends transactions and looks after them.
#[async_trait]
pub trait ChainWriter: Send + Sync + Debug {
    /// Transactions of an account up to a block by hash, or up to the newest: its next nonce if none is in flight.
    async fn transaction_count(&self, account: Address, block: Option<B256>) -> ChainResult<u64>;

    /// Native balance of an account at the newest block, wei.
    async fn balance(&self, account: Address) -> ChainResult<U256>;

    /// Receipt of a transaction, or none if it is in no block of the endpoint's present chain.
    async fn receipt(&self, transaction: B256) -> ChainResult<Option<TransactionReceipt>>;

    /// Hands in a signed transaction.
    async fn send_raw(&self, raw: &Bytes) -> ChainResult<SendAnswer>;
}

/// A chain to read and to write.
pub trait Chain: ChainReader + ChainWriter {}

impl<T: ChainReader + ChainWriter + ?Sized> Chain for T {}
