//! Runs of holds: which holds become one record, and what is told of one.

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};
use vagus_allocator::{Action, Reason};
use vagus_policy::decimal;

use crate::{Body, DecisionRecord, HoldObservation, LONGEST_RUN_SECONDS, RunKey};

/// A run that begins with the hold and follows the record `previous`.
#[must_use]
pub fn begun(hold: &HoldObservation, previous: B256) -> DecisionRecord {
    let body = Body::Hold { first: hold.observation.clone(), last: None, count: 1 };
    DecisionRecord::new(hold.header.clone(), previous, body)
}

/// Whether the hold is the one that the run ends with.
fn is_repeated(run: &DecisionRecord, hold: &HoldObservation) -> bool {
    run.header == hold.header
        && run.last().block().hash == hold.observation.block().hash
        && RunKey::of(&run.last().decision) == RunKey::of(&hold.observation.decision)
}

fn is_continued(run: &DecisionRecord, hold: &HoldObservation) -> bool {
    let (begin, end, next) = (run.first().block(), run.last().block(), hold.observation.block());
    let follows =
        next.number > end.number && (next.number - end.number > 1 || next.parent_hash == end.hash);
    let is_short = next.timestamp.saturating_sub(begin.timestamp) < LONGEST_RUN_SECONDS;
    run.header == hold.header
        && RunKey::of(&run.first().decision) == RunKey::of(&hold.observation.decision)
        && follows
        && is_short
}

/// The run with a hold that it ends with already, or that goes on with it; none if the hold begins another run.
#[must_use]
pub fn continued(run: &DecisionRecord, hold: &HoldObservation) -> Option<DecisionRecord> {
    if is_repeated(run, hold) {
        return Some(run.clone());
    }
    if !is_continued(run, hold) {
        return None;
    }
    let mut run = run.clone();
    if let Body::Hold { last, count, .. } = &mut run.body {
        *last = Some(hold.observation.clone());
        *count += 1;
    }
    Some(run)
}

/// The best plan that a hold declined. Smallest unit of the asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What is told of a run; none of what is no hold. Without a hash it still goes on.
#[must_use]
pub fn held(decision: Option<B256>, record: &DecisionRecord) -> Option<Held> {
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
