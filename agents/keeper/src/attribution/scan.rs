//! Events of a range of blocks. Endpoints bound what they list in one answer, each in its own way: a range that is refused
//! is asked for in two halves.

use alloy::primitives::{Address, B256};
use vagus_chain::{
    ChainError, ChainReader, ChainResult, LogFilter, PlacedLog, events::transfer_topics,
};

/// All events of some contracts in a range, both ends included, in their order.
async fn logs(
    chain: &dyn ChainReader,
    addresses: &[Address],
    topics: &[Option<B256>],
    (first, last): (u64, u64),
) -> ChainResult<Vec<PlacedLog>> {
    let mut found = Vec::new();
    // The range that is next stands last.
    let mut ranges = vec![(first, last)];
    while let Some((first, last)) = ranges.pop() {
        if first > last {
            continue;
        }
        let (addresses, topics) = (addresses.to_vec(), topics.to_vec());
        let filter = LogFilter { addresses, topics, first, last };
        match chain.logs(&filter).await {
            Ok(logs) => found.extend(logs),
            Err(ChainError::Refused { .. } | ChainError::Malformed { .. }) if first < last => {
                let middle = first + (last - first) / 2;
                ranges.push((middle + 1, last));
                ranges.push((first, middle));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What a vault and its guard said in a range.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn own_events(
    chain: &dyn ChainReader,
    vault: Address,
    guard: Address,
    range: (u64, u64),
) -> ChainResult<Vec<PlacedLog>> {
    logs(chain, &[vault, guard], &[], range).await
}

/// Transfers of tokens to and from a vault in a range.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn transfers(
    chain: &dyn ChainReader,
    vault: Address,
    tokens: &[Address],
    range: (u64, u64),
) -> ChainResult<Vec<PlacedLog>> {
    let [from, to] = transfer_topics(vault);
    let mut found = logs(chain, tokens, &from, range).await?;
    found.extend(logs(chain, tokens, &to, range).await?);
    Ok(found)
}

/// In one order; an event that was found twice is one.
pub(crate) fn merged(mut logs: Vec<PlacedLog>) -> Vec<PlacedLog> {
    logs.sort_by_key(|log| (log.block_number, log.log_index));
    logs.dedup_by_key(|log| (log.block_number, log.log_index));
    logs
}
