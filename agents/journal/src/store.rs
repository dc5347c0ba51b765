//! The journal's two traits and their implementation over SQL.

mod adoptions;
mod alerts;
mod backup;
mod cursors;
pub(crate) mod decisions;
mod failures;
mod fence;
mod interventions;
mod leases;
mod lock;
mod open;
pub(crate) mod outcomes;
mod reader;
mod reads;
mod retention;
mod rows;
mod size;
pub(crate) mod sql;
mod sqlite;
mod traits;
pub(crate) mod transactions;
pub(crate) mod value;

pub use backup::{CopyReport, backup, restore};
pub use interventions::intervene;
pub use open::{Patience, SqlJournal};
pub use reader::JournalReader;
pub use size::JournalSize;
pub use sql::Pauses;

use std::collections::HashMap;

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use vagus_allocator::Reason;
use vagus_policy::BlockRef;

use crate::{
    Adoption, Attempt, ChainReport, DecisionRecord, HoldObservation, Intervention, Leases, Outcome,
    Result, Simulation, Standing, StoredTransaction, TransactionIntent, TransactionUpdate,
};

/// Longest run of holds in seconds of block time; the next hold begins a new record.
pub const LONGEST_RUN_SECONDS: u64 = 3_600;

/// Which records to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Only records that end at this block or later.
    pub from_block: Option<u64>,
    /// Only records that begin at this block or earlier.
    pub to_block: Option<u64>,
    /// Only what is sent: rebalances and upkeep.
    pub rebalances_only: bool,
    /// Only records with this reason.
    pub reason: Option<Reason>,
    /// Only records before this place among the vault's, to go on after a page that ended there.
    pub before_sequence: Option<u64>,
    /// At most this many; none for all.
    pub limit: Option<u32>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
}

/// A record of the chain, frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its hash.
    pub hash: B256,
    /// Place among the records of its vault, from zero.
    pub sequence: u64,
    /// The record.
    pub record: DecisionRecord,
}

/// What is noted of a hold beside its record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldNotes {
    /// Version of the keeper.
    pub keeper_version: String,
    /// The simulation that confirmed it, if there was one.
    pub simulation: Option<Simulation>,
}

/// The run that a hold became part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldRun {
    /// Hash of the run's record as it stands; final once the run is closed.
    pub hash: B256,
    /// Number of blocks in it.
    pub count: u64,
    /// Hash of the run that was closed for it, if one was.
    pub closed: Option<B256>,
}

/// What can be read of a journal. Every call sees one consistent state.
#[async_trait]
pub trait ReadJournal: Send + Sync {
    /// The block of the vault's latest decision or hold, in the order in which they were made; none before the first.
    ///
    /// # Errors
    /// If the database fails.
    async fn last_decided_block(&self, chain_id: u64, vault: Address) -> Result<Option<BlockRef>> {
        Ok(self.decided_blocks(chain_id).await?.remove(&vault))
    }

    /// [`Self::last_decided_block`] of every vault of a chain that has one.
    ///
    /// # Errors
    /// If the database fails.
    async fn decided_blocks(&self, chain_id: u64) -> Result<HashMap<Address, BlockRef>>;

    /// Hash that the vault's next record has to name as the one before it: of the open run of holds as it stands, else
    /// of the last record; zero before the first.
    ///
    /// # Errors
    /// If the database fails.
    async fn head_hash(&self, chain_id: u64, vault: Address) -> Result<B256>;

    /// The open run of holds of the vault as it stands.
    ///
    /// # Errors
    /// If the database fails.
    async fn open_run(&self, chain_id: u64, vault: Address) -> Result<Option<DecisionRecord>>;

    /// The frozen record of a hash. Its text is hashed again on the way out.
    ///
    /// # Errors
    /// If the database fails, or the text does not have the hash.
    async fn record(&self, hash: B256) -> Result<Option<StoredRecord>>;

    /// Frozen records of a vault, by `query`.
    ///
    /// # Errors
    /// As [`Self::record`].
    async fn records(
        &self,
        chain_id: u64,
        vault: Address,
        query: RecordQuery,
    ) -> Result<Vec<StoredRecord>>;

    /// Every vault that the journal knows, by chain and address.
    ///
    /// # Errors
    /// If the database fails.
    async fn vaults(&self) -> Result<Vec<(u64, Address)>>;

    /// What came of a decision, as last written.
    ///
    /// # Errors
    /// If the database fails.
    async fn outcome(&self, decision: B256) -> Result<Option<Outcome>>;

    /// Everything that was ever written of what came of a decision, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    async fn outcomes(&self, decision: B256) -> Result<Vec<Outcome>>;

    /// The transaction of a decision.
    ///
    /// # Errors
    /// If the database fails.
    async fn transaction(&self, decision: B256) -> Result<Option<StoredTransaction>>;

    /// Transactions of a chain that have not ended, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    async fn transactions_in_flight(&self, chain_id: u64) -> Result<Vec<StoredTransaction>>;

    /// Everything signed for a decision, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    async fn attempts(&self, decision: B256) -> Result<Vec<Attempt>>;

    /// Nonces of the account that transactions in flight hold, ascending.
    ///
    /// # Errors
    /// If the database fails.
    async fn nonces_in_flight(&self, chain_id: u64, from: Address) -> Result<Vec<u64>>;

    /// Where the follower of a chain stood when it was last stored for this account, as the keeper wrote it.
    ///
    /// # Errors
    /// If the database fails, or what is stored is no JSON.
    async fn cursor(&self, chain_id: u64, agent: Address) -> Result<Option<serde_json::Value>>;

    /// What persons took as it stood, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    async fn adoptions(&self, chain_id: u64, vault: Address) -> Result<Vec<Adoption>>;

    /// Highest nonce that a transaction of the account ever had here.
    ///
    /// # Errors
    /// If the database fails.
    async fn highest_nonce(&self, chain_id: u64, from: Address) -> Result<Option<u64>>;

    /// What persons did to a vault, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    async fn interventions(&self, chain_id: u64, vault: Address) -> Result<Vec<Intervention>>;

    /// How the vaults of a chain stand of which there is something to say.
    ///
    /// # Errors
    /// If the database fails.
    async fn standings(&self, chain_id: u64) -> Result<Vec<Standing>>;

    /// What the account's final transactions cost, wei, each by its hash, in blocks later than a time.
    ///
    /// # Errors
    /// If the database fails.
    async fn fees_paid(
        &self,
        chain_id: u64,
        from: Address,
        after: u64,
    ) -> Result<Vec<(B256, u128)>>;

    /// Hashes every record of the vault again and follows every link. What it cannot see is that the newest records
    /// were dropped together with the journal's own note of them: for that, compare the head with the guard's events.
    ///
    /// # Errors
    /// If the database fails; what is wrong with the chain is in the report.
    async fn verify_chain(&self, chain_id: u64, vault: Address) -> Result<ChainReport>;
}

/// The journal. Every call is one transaction of the database: done and durable when it returns, or not done at all
/// (durable no later than the next call, for [`Journal::append_rebalance`]).
/// A call that is dropped half-way is not done.
#[async_trait]
pub trait Journal: ReadJournal + Leases {
    /// Appends a rebalance's record and closes the vault's open run of holds. A record that is stored already changes
    /// nothing. Gives back its hash.
    ///
    /// # Errors
    /// If the record contradicts itself, is a hold, or does not name [`ReadJournal::head_hash`] as the one before it.
    async fn append_decision(&self, record: &DecisionRecord) -> Result<B256>;

    /// [`Self::append_decision`], [`Self::put_transaction`] and [`Self::append_outcome`] as one: a decision that is to be
    /// sent is never stored without the transaction it becomes, and whoever sends it, perhaps another keeper, finds what
    /// is known of it so far. A power failure right after it may undo it, and nothing after it: nothing of it is seen outside
    /// of this machine before [`Self::store_attempt`], which makes it durable too. Gives back the record's hash.
    ///
    /// # Errors
    /// As those three, and if intent or outcome is of another decision.
    async fn append_rebalance(
        &self,
        record: &DecisionRecord,
        intent: &TransactionIntent,
        outcome: &Outcome,
    ) -> Result<B256>;

    /// Adds a hold to the vault's open run, or closes that and begins a new one: if anything of the header, the reason
    /// or the binding limit differs, if the block does not follow the run's last one, or if an hour of block time has
    /// passed since the run's first. The block that the run ends with changes nothing.
    ///
    /// # Errors
    /// If the observation contradicts itself or is none of a hold.
    async fn observe_hold(&self, hold: &HoldObservation, notes: &HoldNotes) -> Result<HoldRun> {
        let runs = self.observe_holds(&[(hold.clone(), notes.clone())]).await?;
        runs.into_iter().next().ok_or_else(|| crate::JournalError::Damaged {
            what: "the run",
            key: hold.header.vault.to_string(),
            message: "a hold was stored without it".to_owned(),
        })
    }

    /// The same for the holds of several vaults, in their order: all of them or none, in one commit. Gives back their
    /// runs in the same order.
    ///
    /// # Errors
    /// If an observation contradicts itself or is none of a hold.
    async fn observe_holds(&self, holds: &[(HoldObservation, HoldNotes)]) -> Result<Vec<HoldRun>>;

    /// Closes every open run, of leased vaults if the journal is fenced: at the end, and at the start after a crash.
    /// Gives back their hashes.
    ///
    /// # Errors
    /// If the database fails.
    async fn close_runs(&self) -> Result<Vec<B256>>;

    /// Claims a decision for a transaction. Chain and vault are the record's.
    ///
    /// # Errors
    /// If there is no such rebalance, or it is claimed already.
    async fn put_transaction(&self, intent: &TransactionIntent) -> Result<()>;

    /// Stores signed bytes with the state that knows of them. Has to come back before anything is broadcast. An attempt
    /// that is stored already only updates the state.
    ///
    /// # Errors
    /// If there is no such transaction, it has ended, or the nonce is not its own.
    async fn store_attempt(&self, attempt: &Attempt, update: &TransactionUpdate) -> Result<()>;

    /// Stores a step of the life cycle; a nonce that is new in it is claimed.
    ///
    /// # Errors
    /// If there is no such transaction, it has ended, its nonce would change, or another transaction in flight of the
    /// same account on the same chain holds the nonce.
    async fn update_transaction(&self, decision: B256, update: &TransactionUpdate) -> Result<()>;

    /// Appends what is now known of what came of a decision. The same again changes nothing.
    ///
    /// # Errors
    /// If there is no such frozen record, or its outcome is terminal and anything but `is_orphaned` would change. An
    /// outcome that was marked as orphaned stays so.
    async fn append_outcome(&self, outcome: &Outcome) -> Result<()>;

    /// Stores where the follower of a chain stands for an account, in place of what was stored before.
    ///
    /// # Errors
    /// If the database fails.
    async fn put_cursor(
        &self,
        chain_id: u64,
        agent: Address,
        cursor: &serde_json::Value,
    ) -> Result<()>;

    /// Notes that the block a decision was made at was reorganised away.
    ///
    /// # Errors
    /// If there is no such frozen record.
    async fn mark_orphaned(&self, decision: B256) -> Result<()>;

    /// Drops the bodies of holds of a vault that ended more than `keep_seconds` of block time before its latest decision,
    /// with their outcomes: a bounded number of the oldest. Their hashes and links stay, so the chain can still be
    /// followed; rebalances stay whole. Gives back how many were dropped; zero: there are none left.
    ///
    /// # Errors
    /// If a body is not what its hash says: nothing is dropped that would prove something.
    async fn drop_old_holds(&self, chain_id: u64, vault: Address, keep_seconds: u64)
    -> Result<u64>;

    /// Does what the database has to do now and then, so that no commit has to wait for it. Called when nothing is
    /// hurried.
    ///
    /// # Errors
    /// If the database fails; nothing is lost.
    async fn tidy(&self) -> Result<()>;

    /// Notes that a person takes a vault as it stands on the chain.
    ///
    /// # Errors
    /// If the database fails.
    async fn adopt(&self, adoption: &Adoption) -> Result<()>;
}
