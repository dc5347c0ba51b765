//! What a keeper took for one block, from the questions that a counter in front of the chain saw. Pure.

use std::time::{Duration, Instant};

use alloy::primitives::B256;
use serde_json::Number;

use crate::counter::Asked;

/// What one block took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// From the header in hand to the last bytes handed to the socket, or to the end of the round where nothing was
    /// sent, without the time in which an answer of the node was waited for.
    pub own: Duration,
    /// The same with that time.
    pub total: Duration,
    /// Questions of the round, its first one included.
    pub calls: usize,
    /// Transactions that were sent.
    pub sent: usize,
    /// Whether nothing was sent, and nothing in flight was asked for.
    pub is_quiet: bool,
}

/// Whether it is the question for a new head, answered with this one.
#[must_use]
pub fn is_poll_at(asked: &Asked, head: B256) -> bool {
    is_poll(asked) && asked.block == Some(head)
}

fn is_poll(asked: &Asked) -> bool {
    asked.method() == "eth_getBlockByNumber" && asked.body["params"][0] == "latest"
}

/// What a block took, from the questions in order of their time; the last ones are polls in vain. None if the head was
/// not asked for.
#[must_use]
pub fn taken(asked: &[Asked], head: B256) -> Option<Taken> {
    let first = asked.iter().position(|one| is_poll_at(one, head))?;
    let header_at = asked[first].answered_at;
    let round = &asked[first + 1..];
    // Everything up to the last question that is none for a new head.
    let end = round.iter().rposition(|one| !is_poll(one)).map_or(0, |last| last + 1);
    let next_poll = round.get(end)?;
    let sends = |one: &&Asked| one.method() == "eth_sendRawTransaction";
    let sent = round[..end].iter().filter(sends).count();
    let until = round[..end].iter().rfind(sends).map_or(next_poll.asked_at, |one| one.asked_at);
    let total = until.saturating_duration_since(header_at);
    let own = total.saturating_sub(waited(&round[..end], until));
    let quiet = ["eth_getBlockByNumber", "eth_call"];
    let is_quiet = round[..end].iter().all(|one| quiet.contains(&one.method()));
    Some(Taken { own, total, calls: 1 + end, sent, is_quiet })
}

/// Time before `until` in which at least one question was open.
fn waited(asked: &[Asked], until: Instant) -> Duration {
    let mut sum = Duration::ZERO;
    let mut covered: Option<Instant> = None;
    for one in asked {
        let from = covered.map_or(one.asked_at, |covered| covered.max(one.asked_at));
        let to = one.answered_at.min(until);
        sum += to.saturating_duration_since(from);
        covered = Some(covered.map_or(to, |covered| covered.max(to)));
    }
    sum
}

/// The smallest of the values that at least `percent` of them do not exceed (nearest rank).
#[must_use]
pub fn percentile(values: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Milliseconds with three decimals.
#[must_use]
pub fn milliseconds(time: Duration) -> Option<Number> {
    let micros = time.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEAD: B256 = B256::repeat_byte(1);

    fn asked(origin: Instant, method: &str, param: &str, from: u64, to: u64, block: B256) -> Asked {
        let at = |ms| origin + Duration::from_millis(ms);
        Asked {
            body: json!({ "method": method, "params": [param] }),
            asked_at: at(from),
            answered_at: at(to),
            block: (method == "eth_getBlockByNumber").then_some(block),
        }
    }

    #[test]
    fn the_nodes_time_is_not_the_keepers() {
        let zero = Instant::now();
        let of = |method, param, from, to| asked(zero, method, param, from, to, HEAD);
        let mut round = vec![
            asked(zero, "eth_getBlockByNumber", "latest", 0, 1, B256::ZERO),
            of("eth_getBlockByNumber", "latest", 10, 12),
            // Two at once, from 13 to 30.
            of("eth_call", "", 13, 25),
            of("eth_getBlockByNumber", "finalized", 14, 30),
            of("eth_sendRawTransaction", "", 34, 40),
            of("eth_sendRawTransaction", "", 45, 60),
            of("eth_getBlockByNumber", "latest", 70, 71),
        ];
        // 12 to 45, less 17 and 6.
        let ms = Duration::from_millis;
        let expected = Taken { own: ms(10), total: ms(33), calls: 5, sent: 2, is_quiet: false };
        assert_eq!(taken(&round, HEAD), Some(expected));

        // Without the sending: 12 to 70, less 17.
        round.drain(4..6);
        let expected = Taken { own: ms(41), total: ms(58), calls: 3, sent: 0, is_quiet: true };
        assert_eq!(taken(&round, HEAD), Some(expected));
        assert_eq!(taken(&round, B256::repeat_byte(9)), None);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let ms = |time| Some(Duration::from_millis(time));
        assert_eq!((percentile(&values, 99), percentile(&values, 50)), (ms(198), ms(100)));
        assert_eq!((percentile(&values[..1], 99), percentile(&[], 99)), (ms(1), None));
        let said = milliseconds(Duration::from_micros(5_042)).map(|number| number.to_string());
        assert_eq!(said.as_deref(), Some("5.042"));
    }
}
