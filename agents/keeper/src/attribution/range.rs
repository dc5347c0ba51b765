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

/// The last block before a time; the first one of the chain if there is none before it.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn last_before(
    chain: &dyn ChainReader,
    time: u64,
    head: &Header,
) -> ChainResult<Header> {
    if head.block.timestamp < time {
        return Ok(*head);
    }
    // Always: the block at `low` is before the time or the first one, the block at `high` is not before it.
    let (mut low, mut high) = (0, head.block.number);
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

/// The block at whose end a report opens: the one named, or the last before the day.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn opening(
    chain: &dyn ChainReader,
    bound: Bound,
    head: &Header,
) -> ChainResult<Header> {
    match bound {
        Bound::Block(number) => block(chain, number).await,
        Bound::Day(begins) => last_before(chain, begins, head).await,
    }
}

/// The block at whose end a report ends: the one named, or the last of the day.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn closing(
    chain: &dyn ChainReader,
    bound: Option<Bound>,
    head: &Header,
) -> ChainResult<Header> {
    match bound {
        None => Ok(*head),
        Some(Bound::Block(number)) => block(chain, number).await,
        Some(Bound::Day(begins)) => {
            last_before(chain, begins.saturating_add(calendar::DAY), head).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
