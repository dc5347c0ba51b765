//! Events of a range of blocks. Endpoints bound what they list in one answer, each in its own way: a range that is refused
//! is asked for in two halves.

use std::future::Future;

use alloy::primitives::{Address, B256};
use vagus_chain::{
    ChainError, ChainReader, ChainResult, LogFilter, PlacedLog, events::transfer_topics,
};

/// Answers for a whole range, both ends included, in its order.
async fn in_parts<T, F: Future<Output = ChainResult<Vec<T>>>>(
    (first, last): (u64, u64),
    ask: impl Fn(u64, u64) -> F,
) -> ChainResult<Vec<T>> {
    let mut found = Vec::new();
    // The range that is next stands last.
    let mut ranges = vec![(first, last)];
    while let Some((first, last)) = ranges.pop() {
        if first > last {
            continue;
        }
        match ask(first, last).await {
            Ok(answers) => found.extend(answers),
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

async fn logs(
    chain: &dyn ChainReader,
    addresses: &[Address],
    topics: &[Option<B256>],
    range: (u64, u64),
) -> ChainResult<Vec<PlacedLog>> {
    in_parts(range, |first, last| async move {
        let (addresses, topics) = (addresses.to_vec(), topics.to_vec());
        chain.logs(&LogFilter { addresses, topics, first, last }).await
    })
    .await
}

/// The events that a filter finds, however many.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn logs_of(
    chain: &dyn ChainReader,
    filter: &LogFilter,
) -> ChainResult<Vec<PlacedLog>> {
    logs(chain, &filter.addresses, &filter.topics, (filter.first, filter.last)).await
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> ChainError {
        let (endpoint, message) = ("one".to_owned(), "more than 10,000 results".to_owned());
        ChainError::Refused { endpoint, method: "eth_getLogs", code: -32_005, message, data: None }
    }

    #[tokio::test]
    async fn a_range_that_is_refused_is_asked_for_in_parts() {
        let most = |most: u64| {
            in_parts((5, 104), move |first, last| async move {
                if last - first >= most { Err(refused()) } else { Ok((first..=last).collect()) }
            })
        };
        let all: Vec<u64> = (5..=104).collect();
        for length in [1, 2, 7, 100] {
            assert_eq!(most(length).await.unwrap(), all, "{length}");
        }
        assert_eq!(most(0).await, Err(refused()), "a single block that is refused is no range");
        let gone = ChainError::Unreachable { endpoint: String::new(), cause: String::new() };
        let fails = in_parts::<u64, _>((1, 9), |_, _| async { Err(gone.clone()) });
        assert_eq!(fails.await, Err(gone.clone()));
        let nothing = in_parts::<u64, _>((9, 8), |_, _| async { Err(gone.clone()) });
        assert_eq!(nothing.await, Ok(vec![]));
    }
}
