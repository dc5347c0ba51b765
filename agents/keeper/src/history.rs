//! The past of share prices, for strategies whose income no curve tells: which samples are kept and which a decision uses.
//!
//! A sample is what a fixed number of shares was worth at a block that is settled. One is taken each hour; at the start, as
//! far as an endpoint still has old states, those of the windows before.

use alloy::primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};
use vagus_allocator::{RateBase, Sample};
use vagus_chain::{
    BlockAt, ChainError, ChainReader as _, Header, Reading,
    events::{decode_number, encode_convert_to_assets},
};
use vagus_policy::{Snapshot, StrategyState};

use crate::{
    config::{RateConfig, Windows},
    world::{ChainWorld, VaultWorld},
};

/// Seconds between two samples.
const SAMPLE_SECONDS: u64 = 3_600;
/// Shares are asked for by the million, so that the growth of an hour shows in the digits of any asset.
const MILLION_DIGITS: u8 = 6;

/// What is kept of a strategy's past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Oldest first, at least [`SAMPLE_SECONDS`] apart.
    pub samples: Vec<Sample>,
}

impl Past {
    /// Whether a sample of this time is wanted.
    #[must_use]
    pub fn wants(&self, at: u64) -> bool {
        self.samples.last().is_none_or(|last| at >= last.at.saturating_add(SAMPLE_SECONDS))
    }

    /// Keeps a sample that is wanted, and drops what no window reaches back to.
    pub fn keep(&mut self, sample: Sample, windows: Windows) {
        if !self.wants(sample.at) {
            return;
        }
        self.samples.push(sample);
        let span = windows.seconds.saturating_mul(u64::from(windows.count) + 1);
        let oldest = sample.at.saturating_sub(span);
        self.samples.retain(|kept| kept.at >= oldest);
    }

    /// The samples of the windows, oldest first: the newest one, and from each the newest that is a window older.
    #[must_use]
    pub fn chosen(&self, windows: Windows) -> Vec<Sample> {
        let mut chosen: Vec<Sample> = Vec::new();
        for sample in self.samples.iter().rev() {
            let is_next = chosen
                .last()
                .is_none_or(|last| sample.at.saturating_add(windows.seconds) <= last.at);
            if is_next && chosen.len() <= windows.count as usize {
                chosen.push(*sample);
            }
        }
        chosen.reverse();
        chosen
    }
}

/// What a strategy whose shares have so many decimals is asked for a sample.
#[must_use]
pub fn sampling(decimals: u8) -> Bytes {
    let digits = U256::from(decimals.saturating_add(MILLION_DIGITS));
    encode_convert_to_assets(U256::from(10_u64).checked_pow(digits).unwrap_or(U256::MAX))
}

/// A rate with the samples of a past, if it is taken from one.
#[must_use]
pub fn filled(rate: &RateConfig, past: &Past) -> vagus_allocator::RateInput {
    let mut input = rate.input.clone();
    if let (RateBase::History(history), Some(windows)) = (&mut input.base, rate.windows) {
        history.samples = past.chosen(windows);
    }
    input
}

impl ChainWorld {
    /// What a contract answers at a block, as `quorum` endpoints say and none denies; none without that. A past decides over
    /// months what is moved, so that one endpoint alone must not make it up.
    async fn agreed(
        &self,
        contract: Address,
        input: &Bytes,
        block: &Header,
    ) -> Result<Option<Reading>, ChainError> {
        if self.config.quorum < 2 {
            return self.endpoints.read(contract, input, block).await.map(Some);
        }
        let mut given: Vec<Reading> = Vec::new();
        for endpoint in self.endpoints.all() {
            match endpoint.read(contract, input, block).await {
                Ok(reading) if given.first().is_none_or(|first| *first == reading) => {
                    given.push(reading);
                }
                Ok(_) => {
                    let (name, number) = (endpoint.endpoint(), block.block.number);
                    tracing::warn!(
                        "{name} says something else of {contract} at block {number}; it is no sample"
                    );
                    return Ok(None);
                }
                Err(error) => tracing::debug!("{error}"),
            }
        }
        Ok(given.pop().filter(|_| given.len() + 1 >= self.config.quorum))
    }

    /// What a strategy's shares are worth at a block; none if it does not say, or too few endpoints have a state of it.
    ///
    /// # Errors
    /// Those of the chain.
    pub async fn sample(
        &self,
        strategy: &StrategyState,
        block: &Header,
    ) -> Result<Option<Sample>, ChainError> {
        let asked = sampling(strategy.decimals);
        let answer = match self.agreed(strategy.strategy, &asked, block).await? {
            Some(Reading::Answer(answer)) => decode_number(&answer),
            Some(Reading::Fails) | None => None,
        };
        let at = |assets| Sample { block: block.block.number, at: block.block.timestamp, assets };
        Ok(answer.filter(|assets| !assets.is_zero()).map(at))
    }

    /// The past of a strategy before a block, one sample for each window, as far back as an endpoint has it.
    pub async fn past_before(
        &self,
        strategy: &StrategyState,
        windows: Windows,
        block: &Header,
    ) -> Past {
        let mut past = Past::default();
        let blocks = windows.seconds / u64::from(self.config.profile.block_seconds.max(1));
        let mut before = Vec::new();
        for window in 1..=u64::from(windows.count) {
            let number = block.block.number.checked_sub(window.saturating_mul(blocks.max(1)));
            let Some(number) = number.filter(|number| *number > 0) else { break };
            let header = self.endpoints.header(BlockAt::Number(number)).await;
            let Ok(Some(header)) = header else { break };
            match self.sample(strategy, &header).await {
                Ok(Some(sample)) => before.push(sample),
                Ok(None) | Err(_) => break,
            }
        }
        for sample in before.into_iter().rev() {
            past.keep(sample, windows);
        }
        past
    }

    /// Rates of a vault's strategies with their past read from the chain alone, for those who have no journal at hand.
    ///
    /// # Errors
    /// Those of the chain; a past that an endpoint does not have is none.
    pub async fn rates_now(
        &self,
        vault: &VaultWorld,
        snapshot: &Snapshot,
        head: &Header,
    ) -> Result<Vec<vagus_allocator::RateInput>, ChainError> {
        let mut rates = Vec::new();
        for rate in &vault.config.rates {
            let strategies = &snapshot.vault.strategies;
            let listed = strategies.iter().find(|one| one.strategy == rate.input.strategy);
            let past = match (rate.windows, listed) {
                (Some(windows), Some(strategy)) => {
                    let mut past = self.past_before(strategy, windows, head).await;
                    if let Some(sample) = self.sample(strategy, head).await? {
                        past.keep(sample, windows);
                    }
                    past
                }
                _ => Past::default(),
            };
            rates.push(filled(rate, &past));
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;
    const WINDOWS: Windows = Windows { seconds: 24 * HOUR, count: 3 };

    fn sample(at: u64) -> Sample {
        Sample { block: at / 12, at, assets: U256::from(1_000 + at) }
    }

    #[test]
    fn one_is_kept_each_hour_and_none_that_no_window_reaches() {
        let mut past = Past::default();
        for at in [0, HOUR - 1, HOUR, HOUR + 1, 2 * HOUR] {
            past.keep(sample(at), WINDOWS);
        }
        let times: Vec<u64> = past.samples.iter().map(|sample| sample.at).collect();
        assert_eq!(times, [0, HOUR, 2 * HOUR]);
        past.keep(sample(97 * HOUR), WINDOWS);
        let times: Vec<u64> = past.samples.iter().map(|sample| sample.at).collect();
        assert_eq!(times, [HOUR, 2 * HOUR, 97 * HOUR], "four windows back from the newest");
    }

    #[test]
    fn a_decision_uses_the_ends_of_windows() {
        let mut past = Past::default();
        for hour in 0..=96 {
            past.keep(sample(hour * HOUR), WINDOWS);
        }
        let hours = |past: &Past| -> Vec<u64> {
            past.chosen(WINDOWS).iter().map(|sample| sample.at / HOUR).collect()
        };
        assert_eq!(hours(&past), [24, 48, 72, 96]);
        // Where some are missing a window is longer, never shorter.
        past.samples.retain(|sample| !(60..=75).contains(&(sample.at / HOUR)));
        assert_eq!(hours(&past), [11, 35, 59, 96]);
        assert_eq!(hours(&Past::default()), [] as [u64; 0]);
    }
}
