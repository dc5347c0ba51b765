//! What the journal knows of a period: why each decision was made, what its gas was priced at, and the holds between them.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256};
use serde::Serialize;
use vagus_allocator::{Action, NativePrice, Reason};
use vagus_journal::{
    Body, JournalReader, OutcomeState, ReadJournal as _, RecordQuery, StoredRecord,
};
use vagus_policy::decimal;

/// Records that are asked for at once.
const PAGE: u32 = 500;

/// The best plan that a hold declined. Smallest unit of the asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Declined {
    /// Moves it had.
    pub moves: usize,
    /// Income it was expected to gain over the policy's horizon.
    #[serde(with = "decimal")]
    pub gain: U256,
    /// Its gas, entry and exit costs.
    #[serde(with = "decimal")]
    pub cost: U256,
    /// What it had to gain beyond its costs.
    #[serde(with = "decimal")]
    pub hurdle: U256,
}

/// A run of blocks for which the keeper held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Hash of its record; none while it goes on.
    pub decision: Option<B256>,
    /// First block.
    pub first_block: u64,
    /// Last block.
    pub last_block: u64,
    /// Unix time of the last block.
    pub last_block_at: u64,
    /// Blocks it stands for.
    pub blocks: u64,
    /// Why.
    pub reason: Reason,
    /// Whether it is proven that no plan would have beaten its costs.
    pub is_proven: bool,
    /// The best plan it declined, as of its last block; none if there was none.
    pub declined: Option<Declined>,
}

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

/// What the journal knows of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// Decisions that were to be sent, by hash.
    pub(crate) known: BTreeMap<B256, Known>,
    /// Holds, oldest first.
    pub(crate) holds: Vec<Held>,
}

/// What gas of so many wei cost in the asset, rounded up; none if no price is known or the amount is out of range.
pub(crate) fn priced(fee_wei: U256, price: NativePrice) -> Option<U256> {
    match price {
        NativePrice::Native => Some(fee_wei),
        NativePrice::Fixed { assets_per_native } => {
            let wei_of_native = U256::from(10u64.pow(18));
            Some(fee_wei.checked_mul(U256::from(assets_per_native))?.div_ceil(wei_of_native))
        }
        NativePrice::Missing => None,
    }
}

impl Book {
    /// Of a vault, between two blocks.
    ///
    /// # Errors
    /// Those of the journal.
    pub(crate) async fn read(
        journal: &JournalReader,
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
        journal: &JournalReader,
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
        let receipt = outcome.as_ref().and_then(|outcome| outcome.receipt);
        let known = Known {
            decision: *hash,
            agent: record.header.agent,
            reason: record.reason(),
            native_price: record.first().inputs.native_price,
            policy_version: record.header.policy_version,
            is_upkeep: matches!(record.body, Body::Upkeep { .. }),
            state: outcome.map(|outcome| outcome.state),
            mined: receipt.map(|receipt| Mined {
                transaction: receipt.transaction_hash,
                block: receipt.block_number,
                block_hash: receipt.block_hash,
                fee_wei: U256::from(receipt.fee_wei()),
            }),
        };
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

fn held(decision: Option<B256>, record: &vagus_journal::DecisionRecord) -> Option<Held> {
    let last = record.last();
    let Action::Hold { is_proven, .. } = last.decision.action else { return None };
    let best = last.decision.candidates.first().filter(|best| !best.moves.is_empty());
    Some(Held {
        decision,
        first_block: record.first().block().number,
        last_block: last.block().number,
        last_block_at: last.block().timestamp,
        blocks: record.blocks(),
        reason: record.reason(),
        is_proven,
        declined: best.map(|best| Declined {
            moves: best.moves.len(),
            gain: best.gain,
            cost: best.cost,
            hurdle: best.hurdle,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_is_priced_up_to_the_unit() {
        let fixed = NativePrice::Fixed { assets_per_native: 3_000_000_000 };
        assert_eq!(priced(U256::from(1), fixed), Some(U256::from(1)));
        let tenth = U256::from(10u64.pow(17));
        assert_eq!(priced(tenth, fixed), Some(U256::from(300_000_000)));
        assert_eq!(priced(tenth + U256::ONE, fixed), Some(U256::from(300_000_001)));
        assert_eq!(priced(tenth, NativePrice::Native), Some(tenth));
        assert_eq!(priced(tenth, NativePrice::Missing), None);
        assert_eq!(priced(U256::MAX, fixed), None);
    }
}
