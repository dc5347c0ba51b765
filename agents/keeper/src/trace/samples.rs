//! Whether the past that a rate was taken from is the chain's: each sample is read again at its block.

use alloy::primitives::Address;
use vagus_allocator::{RateBase, Sample};
use vagus_chain::{BlockAt, Chain, ChainResult, Header, Reading, events::decode_number};
use vagus_journal::Observation;

use super::{
    finding::{
        Finding,
        Standing::{Differs, Holds},
        Subject,
    },
    verify::unknown,
};
use crate::history::sampling;

/// A sample of a record, and what the chain says today.
#[derive(Clone, Debug)]
pub struct Resampled {
    /// Whose shares.
    pub strategy: Address,
    /// As recorded.
    pub sample: Sample,
    /// The block at its height.
    pub header: ChainResult<Option<Header>>,
    /// What the shares were worth there, if there is such a block.
    pub answer: Option<ChainResult<Reading>>,
}

/// Reads every sample again that was decided with.
pub(super) async fn ask(chain: &dyn Chain, observation: &Observation) -> Vec<Resampled> {
    let strategies = &observation.snapshot.vault.strategies;
    let mut all = Vec::new();
    for rate in &observation.inputs.rates {
        let RateBase::History(history) = &rate.base else { continue };
        let decimals = strategies.iter().find(|one| one.strategy == rate.strategy);
        let asked = sampling(decimals.map_or(0, |strategy| strategy.decimals));
        for &sample in &history.samples {
            let header = chain.header(BlockAt::Number(sample.block)).await;
            let answer = match &header {
                Ok(Some(block)) => Some(chain.read(rate.strategy, &asked, block).await),
                _ => None,
            };
            all.push(Resampled { strategy: rate.strategy, sample, header, answer });
        }
    }
    all
}

/// The first that is not the chain's; none if nothing was taken from a past.
#[must_use]
pub(super) fn finding(read: &[Resampled]) -> Option<Finding> {
    let last = read.last()?;
    let bad = read.iter().find_map(Resampled::fault);
    Some(bad.unwrap_or_else(|| {
        Finding::new(
            Subject::Samples,
            Holds,
            format_args!("{} prices of shares, up to block {}", read.len(), last.sample.block),
        )
    }))
}

impl Resampled {
    fn fault(&self) -> Option<Finding> {
        let Sample { block, at, assets } = self.sample;
        let differs = |words: String| {
            let words = format!("of {} at block {block}: {words}", self.strategy);
            Some(Finding::new(Subject::Samples, Differs, words))
        };
        let header = match &self.header {
            Ok(Some(header)) => header,
            Ok(None) => return differs("the chain has no such block".to_owned()),
            Err(error) => return Some(unknown(Subject::Samples, error)),
        };
        let found = header.block.timestamp;
        if found != at {
            return differs(format!("its time is {found} by the chain, {at} in the record"));
        }
        match self.answer.as_ref()? {
            Ok(Reading::Answer(answer)) => match decode_number(answer) {
                Some(found) if found == assets => None,
                Some(found) => {
                    differs(format!("the price is {found} by the chain, {assets} in the record"))
                }
                None => differs("the strategy answers with no number".to_owned()),
            },
            Ok(Reading::Fails) => differs("the strategy tells no price".to_owned()),
            Err(error) => Some(unknown(Subject::Samples, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, Bytes, U256};
    use vagus_chain::ChainError;
    use vagus_policy::BlockRef;

    use super::{super::finding::Standing, *};

    fn resampled() -> Resampled {
        let block = BlockRef {
            number: 7,
            hash: B256::repeat_byte(7),
            parent_hash: B256::repeat_byte(6),
            timestamp: 700,
        };
        Resampled {
            strategy: Address::repeat_byte(1),
            sample: Sample { block: 7, at: 700, assets: U256::from(1_000) },
            header: Ok(Some(Header { block, base_fee_wei: 1 })),
            answer: Some(Ok(answer(1_000))),
        }
    }

    fn answer(assets: u64) -> Reading {
        Reading::Answer(Bytes::from(U256::from(assets).to_be_bytes::<32>()))
    }

    fn found(change: impl FnOnce(&mut Resampled)) -> (Standing, String) {
        let mut all = vec![resampled(), resampled()];
        change(&mut all[1]);
        let finding = finding(&all).expect("a past");
        (finding.standing, finding.words)
    }

    #[test]
    fn a_past_that_is_not_the_chains_is_found_and_nothing_is_said_where_there_is_none() {
        assert_eq!(finding(&[]), None);
        assert_eq!(found(|_| {}).0, Standing::Holds);
        let lost = || ChainError::Malformed {
            endpoint: "an endpoint".to_owned(),
            method: "eth_call",
            cause: "it has no state of that block".to_owned(),
        };
        type Change = Box<dyn FnOnce(&mut Resampled)>;
        let changes: [(Change, Standing, &str); 7] = [
            (
                Box::new(|one| one.sample.assets += U256::ONE),
                Standing::Differs,
                "1001 in the record",
            ),
            (Box::new(|one| one.sample.at += 1), Standing::Differs, "701 in the record"),
            (Box::new(|one| one.header = Ok(None)), Standing::Differs, "no such block"),
            (Box::new(|one| one.answer = Some(Ok(Reading::Fails))), Standing::Differs, "no price"),
            (
                Box::new(|one| one.answer = Some(Ok(Reading::Answer(Bytes::new())))),
                Standing::Differs,
                "no number",
            ),
            (
                Box::new(move |one| one.answer = Some(Err(lost()))),
                Standing::Unknown,
                "no state of that block",
            ),
            (Box::new(move |one| one.header = Err(lost())), Standing::Unknown, "an endpoint"),
        ];
        for (change, standing, words) in changes {
            let (is, said) = found(change);
            assert!(is == standing && said.contains(words), "{is:?}: {said}");
        }
    }
}
