//! What the journal knows of a period: why each decision was made, what its gas was priced at, and the holds between them.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256};
use vagus_allocator::{NativePrice, Reason};
use vagus_journal::{
    Body, DecisionRecord, Outcome, OutcomeState, ReadJournal, ReceiptSummary, RecordQuery,
    StoredRecord,
    run::{Held, held},
};

/// Records that are asked for at once.
const PAGE: u32 = 500;

/// What came of a decision that was to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Hash of its record.
    pub(crate) decision: B256,
    /// Who.
    pub(crate) agent: Address,
    /// Why.
    pub(crate) reason: Reason,
    /// What gas cost in the asset when it was decided.
    pub(crate) native_price: NativePrice,
    /// Version of the policy in force.
    pub(crate) policy_version: u64,
    /// Whether it is a call that moves nothing by itself.
    pub(crate) is_upkeep: bool,
    /// How far it came.
    pub(crate) state: Option<OutcomeState>,
    /// The transaction that was mined for it, with its block and what it cost in wei.
    pub(crate) mined: Option<Mined>,
    /// Transactions that filled nonces before its own.
    pub(crate) fills: Vec<Mined>,
}

impl Known {
    /// From a record and the last that came of it.
    pub(crate) fn of(decision: B256, record: &DecisionRecord, outcome: Option<&Outcome>) -> Self {
        Self {
            decision,
            agent: record.header.agent,
            reason: record.reason(),
            native_price: record.first().inputs.native_price,
            policy_version: record.header.policy_version,
            is_upkeep: matches!(record.body, Body::Upkeep { .. }),
            state: outcome.map(|outcome| outcome.state),
            mined: outcome.and_then(|outcome| outcome.receipt.as_ref()).map(Mined::from),
            fills: outcome.iter().flat_map(|outcome| &outcome.fills).map(Mined::from).collect(),
        }
    }

    /// Everything that was paid for it.
    pub(crate) fn paid(&self) -> impl Iterator<Item = &Mined> {
        self.mined.iter().chain(&self.fills)
    }
}

/// A transaction in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mined {
    /// Its hash.
    pub(crate) transaction: B256,
    /// Height of its block.
    pub(crate) block: u64,
    /// Hash of its block.
    pub(crate) block_hash: B256,
    /// What it cost, wei.
    pub(crate) fee_wei: U256,
}

impl From<&ReceiptSummary> for Mined {
    fn from(receipt: &ReceiptSummary) -> Self {
        Self {
            transaction: receipt.transaction_hash,
            block: receipt.block_number,
            block_hash: receipt.block_hash,
            fee_wei: U256::from(receipt.fee_wei()),
        }
    }
}

/// What the journal knows of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// Decisions that were to be sent, by hash.
    pub(crate) known: BTreeMap<B256, Known>,
    /// Holds, oldest first.
    pub(crate) holds: Vec<Held>,
}

impl Book {
    /// Of a vault, between two blocks.
    ///
    /// # Errors
    /// Those of the journal.
    pub(crate) async fn read(
        journal: &dyn ReadJournal,
        chain_id: u64,
        vault: Address,
        (first, last): (u64, u64),
    ) -> vagus_journal::Result<Self> {
        let mut book = Self::default();
        if let Some(run) = journal.open_run(chain_id, vault).await?
            && run.last().block().number >= first
            && run.first().block().number <= last
        {
            book.holds.extend(held(None, &run));
        }
        let mut before_sequence = None;
        loop {
            // What was decided before the period may have been mined in it.
            let query = RecordQuery {
                from_block: Some(first.saturating_sub(LATEST_MINED)),
                to_block: Some(last),
                before_sequence,
                limit: Some(PAGE),
                newest_first: true,
                ..RecordQuery::default()
            };
            let page = journal.records(chain_id, vault, query).await?;
            let Some(oldest) = page.last() else { break };
            before_sequence = Some(oldest.sequence);
            for stored in &page {
                book.take(journal, stored, first).await?;
            }
        }
        book.holds.reverse();
        Ok(book)
    }

    async fn take(
        &mut self,
        journal: &dyn ReadJournal,
        stored: &StoredRecord,
        first: u64,
    ) -> vagus_journal::Result<()> {
        let StoredRecord { hash, record, .. } = stored;
        if record.is_hold() {
            if record.last().block().number >= first {
                self.holds.extend(held(Some(*hash), record));
            }
            return Ok(());
        }
        let outcome = journal.outcome(*hash).await?;
        let known = Known::of(*hash, record, outcome.as_ref());
        self.known.insert(*hash, known);
        Ok(())
    }

    /// The decision whose transaction this is.
    pub(crate) fn by_transaction(&self, transaction: B256) -> Option<&Known> {
        let is_it =
            |known: &&Known| known.mined.is_some_and(|mined| mined.transaction == transaction);
        self.known.values().find(is_it)
    }
}

/// Blocks that a decision waits at most to be mined, by far.
const LATEST_MINED: u64 = 20_000;
