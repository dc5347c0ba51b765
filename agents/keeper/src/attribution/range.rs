//! From what a person names, a block or a day, to blocks.

use std::str::FromStr;

use vagus_attribution::calendar;
use vagus_chain::{BlockAt, ChainError, ChainReader, ChainResult, Header};

/// An end of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A block, by height.
    Block(u64),
    /// A day, UTC, by the Unix time at which it begins.
    Day(u64),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unfit = || format!("expected a block or a day like 2026-11-01, found {text}");
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(number) = digits(text).then(|| text.parse().ok()).flatten() {
            return Ok(Self::Block(number));
        }
        let mut parts = text.split('-');
        let mut next = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length && digits(part));
            part.and_then(|part| part.parse().ok()).ok_or_else(unfit)
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        if parts.next().is_some() {
            return Err(unfit());
        }
        calendar::midnight(year, month, day).map(Self::Day).ok_or_else(unfit)
    }
}

/// A block that has to be there.
///
/// # Errors
/// Those of the chain, and if it has no such block.
pub(crate) async fn block(chain: &dyn ChainReader, number: u64) -> ChainResult<Header> {
    chain.header(BlockAt::Number(number)).await?.ok_or_else(|| ChainError::Malformed {
        endpoint: chain.endpoint(),
        method: "eth_getBlockByNumber",
        cause: format!("it has no block {number}"),
    })
}

/// The last block before a time, but none before `floor`.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn last_before(
    chain: &dyn ChainReader,
    time: u64,
    floor: u64,
    head: &Header,
) -> ChainResult<Header> {
    if head.block.timestamp < time {
        return Ok(*head);
    }
    // Always: the block at `low` is before the time or the floor, the block at `high` is not before it.
    let (mut low, mut high) = (floor.min(head.block.number), head.block.number);
    while high.saturating_sub(low) > 1 {
        let middle = low + (high - low) / 2;
        if block(chain, middle).await?.block.timestamp < time {
            low = middle;
        } else {
            high = middle;
        }
    }
    block(chain, low).await
}

/// The block at whose end a report opens: the one named, or the last before the day. With nothing named, and for a day before the
/// vault was there, the `floor`: the last block before it.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn opening(
    chain: &dyn ChainReader,
    bound: Option<Bound>,
    floor: u64,
    head: &Header,
) -> ChainResult<Header> {
    match bound {
        None => block(chain, floor).await,
        Some(Bound::Block(number)) => block(chain, number).await,
        Some(Bound::Day(begins)) => last_before(chain, begins, floor, head).await,
    }
}

/// The block at whose end a report ends: the one named, or the last of the day.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn closing(
    chain: &dyn ChainReader,
    bound: Option<Bound>,
    floor: u64,
    head: &Header,
) -> ChainResult<Header> {
    match bound {
        None => Ok(*head),
        Some(Bound::Block(number)) => block(chain, number).await,
        Some(Bound::Day(begins)) => {
            last_before(chain, begins.saturating_add(calendar::DAY), floor, head).await
        }
    }
}

#[cfg(test)]
mod tests {
    use vagus_chain::Tag;

    use super::*;
    use crate::testing::{policy, snapshot};

    #[test]
    fn blocks_and_days_are_told_apart() {
        assert_eq!("0".parse(), Ok(Bound::Block(0)));
        assert_eq!("21000000".parse(), Ok(Bound::Block(21_000_000)));
        assert_eq!("2026-11-01".parse(), Ok(Bound::Day(1_793_491_200)));
        for text in [
            "",
            "-1",
            "+1",
            "1e3",
            "2026-11",
            "2026-11-31",
            "2026-1-1",
            "2026-11-01-1",
            "26-11-01",
            "99999999999999999999",
        ] {
            assert!(text.parse::<Bound>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_day_is_from_the_last_block_before_it_to_its_last() {
        let agent = alloy::primitives::Address::repeat_byte(1);
        let chain = vagus_chain::memory::MemoryChain::new(policy(agent), snapshot(agent));
        let first = chain.head(Tag::Latest).await.unwrap().block;
        for _ in 0..40 {
            chain.with(|model| model.mine(3_600));
        }
        let head = chain.head(Tag::Latest).await.unwrap();
        let at = |number| first.timestamp + (number - first.number) * 3_600;
        let last = first.number + 40;
        assert_eq!(head.block.number, last);
        let floor = first.number;
        for number in floor..=last {
            let found = last_before(&chain, at(number), floor, &head).await.unwrap();
            assert_eq!(found.block.number, floor.max(number - 1));
        }
        assert_eq!(last_before(&chain, at(last) + 1, floor, &head).await, Ok(head));
        let day = Some(Bound::Day(at(last - 30)));
        assert_eq!(opening(&chain, day, floor, &head).await.unwrap().block.number, last - 31);
        let end = closing(&chain, day, floor, &head).await.unwrap();
        assert_eq!(end.block.number, last - 30 + 23);
        assert_eq!(closing(&chain, None, floor, &head).await, Ok(head));
        assert_eq!(opening(&chain, None, floor, &head).await.unwrap().block, first);
        let missing = opening(&chain, Some(Bound::Block(last + 1)), floor, &head).await;
        assert!(missing.unwrap_err().to_string().contains("it has no block"));
    }
}
