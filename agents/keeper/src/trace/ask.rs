//! What the chain says today about what a record says of it. Every question is answered on its own: what an endpoint
//! cannot tell stays an error in its place.

use alloy::primitives::{Address, B256};
use serde::Deserialize;
use vagus_chain::{BlockAt, Chain, ChainResult, Header, Query, Sighting, Tag, TransactionReceipt};
use vagus_journal::{Anchor, Body, DecisionRecord, FiledRecord, Observation, Outcome, RecordFile};
use vagus_policy::Policy;

use super::samples::{self, Resampled};

/// Most blocks that are searched for an execution that the file does not know of.
const LONGEST_SEARCH: u64 = 2_000;

/// What every version of a record says of whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Claim {
    /// EIP-155 id.
    pub chain_id: u64,
    /// The vault.
    pub vault: Address,
    /// Its guard.
    pub guard: Address,
}

impl Claim {
    /// Of a record; none if it does not say.
    #[must_use]
    pub fn of(filed: &FiledRecord) -> Option<Self> {
        serde_json::from_value(filed.record.get("header")?.clone()).ok()
    }
}

/// One block as the endpoint knows it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The block of the record's hash; none if the endpoint has no such block.
    pub header: ChainResult<Option<Header>>,
    /// The block at the record's height.
    pub at_height: ChainResult<Option<Header>>,
    /// Hash of the lens's code there, if there is such a block.
    pub lens_code: Option<ChainResult<B256>>,
    /// The vault there, through the record's lens, if there is such a block.
    pub sighting: Option<ChainResult<Sighting>>,
    /// The past that rates were taken from.
    pub samples: Vec<Resampled>,
}

/// Where the outcome says that the decision was mined.
#[derive(Clone, Debug)]
pub struct Mined {
    /// The receipt of the transaction it names.
    pub receipt: ChainResult<Option<TransactionReceipt>>,
    /// The block it names.
    pub header: ChainResult<Option<Header>>,
}

/// What the chain says about a record.
#[derive(Clone, Debug)]
pub struct About {
    /// The block, or the first of a run.
    pub first: Seen,
    /// The last block of a run, if it has more than one.
    pub last: Option<Seen>,
    /// The document in force; none if the record names none.
    pub policy: Option<ChainResult<Policy>>,
    /// The transaction whose event names the decision; none if the record is none that an event names.
    pub execution: Option<ChainResult<Option<B256>>>,
    /// What the outcome says was mined.
    pub mined: Option<Mined>,
}

/// What the chain says about a file.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Its id.
    pub chain_id: ChainResult<u64>,
    /// The transaction whose event names the file's last record, if the file says that there is one.
    pub anchor: Option<ChainResult<Option<B256>>>,
    /// About the record, if it could be read.
    pub about: Option<About>,
}

/// Asks everything. Sends nothing.
pub async fn ask(chain: &dyn Chain, file: &RecordFile, record: Option<&DecisionRecord>) -> Answers {
    let about = match record {
        Some(record) => Some(about(chain, file, record).await),
        None => None,
    };
    Answers { chain_id: chain.chain_id().await, anchor: anchored(chain, file).await, about }
}

async fn anchored(chain: &dyn Chain, file: &RecordFile) -> Option<ChainResult<Option<B256>>> {
    let Anchor { block_number, .. } = file.anchor?;
    let last = file.records.last()?;
    let guard = Claim::of(last)?.guard;
    Some(chain.execution(guard, last.hash, (block_number, block_number)).await)
}

async fn about(chain: &dyn Chain, file: &RecordFile, record: &DecisionRecord) -> About {
    let first = seen(chain, record, record.first()).await;
    let last = match &record.body {
        Body::Hold { last: Some(last), .. } => Some(seen(chain, record, last).await),
        _ => None,
    };
    let state = &record.last().snapshot.vault.guard_state;
    let policy = match record.header.policy_version {
        0 => None,
        _ => {
            let (guard, hash) = (record.header.guard, record.header.policy_hash);
            Some(chain.policy(guard, state.policy_block, hash).await)
        }
    };
    let mined = match file.outcome.as_ref().and_then(|outcome| outcome.receipt) {
        None => None,
        Some(claimed) => Some(Mined {
            receipt: chain.receipt(claimed.transaction_hash).await,
            header: chain.header(BlockAt::Hash(claimed.block_hash)).await,
        }),
    };
    let execution = execution(chain, file, record).await;
    About { first, last, policy, execution, mined }
}

async fn seen(chain: &dyn Chain, record: &DecisionRecord, observation: &Observation) -> Seen {
    let block = observation.block();
    let header = chain.header(BlockAt::Hash(block.hash)).await;
    let at_height = chain.header(BlockAt::Number(block.number)).await;
    let samples = samples::ask(chain, observation).await;
    let Ok(Some(found)) = &header else {
        return Seen { header, at_height, lens_code: None, sighting: None, samples };
    };
    let lens = record.header.lens;
    let query = Query { vault: record.header.vault, agent: record.header.agent };
    let lens_code = Some(chain.code_hash(lens, found).await);
    let page = chain.snapshots(lens, &[query], found).await;
    let sighting = Some(page.and_then(|page| {
        page.into_iter().next().ok_or_else(|| vagus_chain::ChainError::Malformed {
            endpoint: chain.endpoint(),
            method: "the lens",
            cause: "it left out the vault".to_owned(),
        })
    }));
    Seen { header, at_height, lens_code, sighting, samples }
}

/// The transaction that carried a rebalance out: in the block that the outcome names, else in those that it could still
/// have been mined in.
async fn execution(
    chain: &dyn Chain,
    file: &RecordFile,
    record: &DecisionRecord,
) -> Option<ChainResult<Option<B256>>> {
    let Body::Rebalance { observation, rebalance, .. } = &record.body else { return None };
    let (guard, block) = (record.header.guard, observation.block());
    let range = match executed_in(file.outcome.as_ref()) {
        Some(number) => (number, number),
        None => {
            let head = match chain.head(Tag::Latest).await {
                Ok(head) => head.block.number,
                Err(error) => return Some(Err(error)),
            };
            let seconds = rebalance.deadline.saturating_sub(block.timestamp);
            let blocks = seconds / u64::from(observation.inputs.block_seconds.max(1));
            let last = block.number.saturating_add(blocks.saturating_mul(2).min(LONGEST_SEARCH));
            (block.number, last.min(head).max(block.number))
        }
    };
    Some(chain.execution(guard, file.decision, range).await)
}

/// Height of the block that carried a decision out, by its outcome.
#[must_use]
pub fn executed_in(outcome: Option<&Outcome>) -> Option<u64> {
    let outcome = outcome.filter(|outcome| !outcome.is_orphaned)?;
    let receipt = outcome.receipt.filter(|receipt| receipt.is_success)?;
    let is_cancel = |hash: B256| outcome.attempts.iter().any(|a| a.hash == hash && a.is_cancel);
    (!is_cancel(receipt.transaction_hash)).then_some(receipt.block_number)
}
