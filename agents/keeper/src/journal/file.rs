//! A decision out of the journal as a file of its own, with what proves its place in the chain of records.

use alloy::primitives::{B256, Bytes};
use vagus_chain::ChainReader;
use vagus_journal::{
    Anchor, Body, DecisionRecord, FiledRecord, JournalError, RECORD_FILE_VERSION, ReadJournal,
    RecordFile, RecordQuery, StoredRecord,
};

/// Most records that follow in a file, on the way to one that the chain names.
const MOST_FOLLOWERS: usize = 600;
/// Blocks that a later record may lie below an earlier one, after a reorganisation.
const REORGANISED_BLOCKS: u64 = 256;

/// The file of a decision, without the document that was in force: the journal has none.
///
/// # Errors
/// If the journal fails.
pub async fn file_of(
    journal: &(impl ReadJournal + ?Sized),
    stored: &StoredRecord,
) -> vagus_journal::Result<RecordFile> {
    let mut records = before(journal, stored.record.previous).await?;
    records.push(FiledRecord::new(&stored.record)?);
    let anchor = follow(journal, stored, &mut records).await?;
    Ok(RecordFile {
        file_version: RECORD_FILE_VERSION,
        decision: stored.hash,
        records,
        anchor,
        policy: None,
        outcome: journal.outcome(stored.hash).await?,
    })
}

/// The file of a run of holds that goes on: its hash is that of the run as it stands.
///
/// # Errors
/// If the journal fails.
pub async fn file_of_run(
    journal: &(impl ReadJournal + ?Sized),
    run: &DecisionRecord,
) -> vagus_journal::Result<RecordFile> {
    let mut records = before(journal, run.previous).await?;
    let filed = FiledRecord::new(run)?;
    let decision = filed.hash;
    records.push(filed);
    Ok(RecordFile {
        file_version: RECORD_FILE_VERSION,
        decision,
        records,
        anchor: None,
        policy: None,
        outcome: None,
    })
}

/// The record before, if there is one and retention has not dropped it.
async fn before(
    journal: &(impl ReadJournal + ?Sized),
    previous: B256,
) -> vagus_journal::Result<Vec<FiledRecord>> {
    match journal.record(previous).await {
        Ok(before) => Ok(before
            .iter()
            .map(|before| FiledRecord::new(&before.record))
            .collect::<Result<_, _>>()?),
        Err(JournalError::Dropped(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Adds the records that follow up to the first that the chain names; the next one alone if none does, or if it is too far.
async fn follow(
    journal: &(impl ReadJournal + ?Sized),
    stored: &StoredRecord,
    records: &mut Vec<FiledRecord>,
) -> vagus_journal::Result<Option<Anchor>> {
    if let Some(anchor) = anchor(journal, stored).await? {
        return Ok(Some(anchor));
    }
    let header = &stored.record.header;
    let from = stored.record.last().block().number.saturating_sub(REORGANISED_BLOCKS);
    let query = RecordQuery { from_block: Some(from), ..RecordQuery::default() };
    let later = journal.records(header.chain_id, header.vault, query).await?;
    let later: Vec<_> = later.into_iter().filter(|next| next.sequence > stored.sequence).collect();
    // Dropped bodies leave a gap, and nothing behind it vouches for what is before.
    let connected = (stored.sequence + 1..)
        .zip(&later)
        .take(MOST_FOLLOWERS)
        .take_while(|(sequence, next)| next.sequence == *sequence);
    let mut followers = Vec::new();
    for (_, next) in connected {
        followers.push(FiledRecord::new(&next.record)?);
        if let Some(anchor) = anchor(journal, next).await? {
            records.append(&mut followers);
            return Ok(Some(anchor));
        }
    }
    followers.truncate(1);
    records.append(&mut followers);
    Ok(None)
}

/// Where the chain names a record: in the event of a rebalance that was executed.
async fn anchor(
    journal: &(impl ReadJournal + ?Sized),
    stored: &StoredRecord,
) -> vagus_journal::Result<Option<Anchor>> {
    if !matches!(stored.record.body, Body::Rebalance { .. }) {
        return Ok(None);
    }
    let outcome = journal.outcome(stored.hash).await?;
    let mined = crate::trace::executed_in(outcome.as_ref())
        .and_then(|block_number| Some((block_number, outcome?.receipt?.transaction_hash)));
    Ok(mined.map(|(block_number, transaction)| Anchor {
        decision: stored.hash,
        block_number,
        transaction,
    }))
}

/// The encoding of the document that was in force at a record, from the chain; none if the record names none, or if the chain
/// does not give it.
pub async fn policy_of(chain: &impl ChainReader, record: &DecisionRecord) -> Option<Bytes> {
    let header = &record.header;
    if header.policy_version == 0 || header.policy_hash == B256::ZERO {
        return None;
    }
    let block = record.last().snapshot.vault.guard_state.policy_block;
    match chain.policy(header.guard, block, header.policy_hash).await {
        Ok(policy) => Some(vagus_policy::encode(&policy).into()),
        Err(error) => {
            tracing::warn!("the policy in force is not in the file: {error}");
            None
        }
    }
}
