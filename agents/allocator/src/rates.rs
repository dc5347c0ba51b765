//! Where the income of a strategy is taken from if not from its venue's curve alone: a rate that an operator states, the
//! growth of its share price in the past, and rewards that no share price shows.

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};
use vagus_policy::decimal;

use crate::math::{RAY, YEAR_SECONDS, u256};

/// What is said of one strategy's income beside its venue's curve. It stands in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateInput {
    /// The strategy.
    pub strategy: Address,
    /// What its own yield is taken from.
    pub base: RateBase,
    /// What it pays besides; none unless an operator states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<Reward>,
}

/// What a strategy's own yield is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum RateBase {
    /// The venue's curve, as the lens reads it.
    Curve,
    /// A rate that an operator states; it does not depend on what we hold.
    Flat {
        /// Yearly, simple, ray (10^27 = 100 %).
        #[serde(with = "decimal")]
        yearly_ray: U256,
    },
    /// The past of its share price; it does not depend on what we hold.
    History(History),
}

/// What a fixed number of shares was worth, some time apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Fewest samples that say anything, at least two.
    pub min_samples: u32,
    /// Seconds after which the newest sample says nothing any more.
    pub max_age_seconds: u64,
    /// Oldest first.
    pub samples: Vec<Sample>,
}

/// What a fixed number of shares was worth at a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Height of the block.
    pub block: u64,
    /// Its time, Unix.
    pub at: u64,
    /// `convertToAssets` of the shares, smallest unit.
    #[serde(with = "decimal")]
    pub assets: U256,
}

/// What a strategy pays beside its share price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reward {
    /// Yearly, simple, in the vault's asset, ray.
    #[serde(with = "decimal")]
    pub yearly_ray: U256,
    /// Who says so, for people.
    pub source: String,
    /// Unix time from which on it counts as nothing.
    pub expires_at: u64,
}

impl Reward {
    /// The yearly rate at a time, ray; zero once it has expired.
    #[must_use]
    pub fn yearly_ray_at(&self, at: u64) -> U256 {
        if at < self.expires_at { self.yearly_ray } else { U256::ZERO }
    }
}

impl History {
    /// How many samples count: none if the newest is too old.
    #[must_use]
    pub fn counting(&self, at: u64) -> usize {
        let is_young = |newest: &Sample| at.saturating_sub(newest.at) <= self.max_age_seconds;
        if self.samples.last().is_some_and(is_young) { self.samples.len() } else { 0 }
    }

    /// Fewest that say anything.
    #[must_use]
    pub fn fewest(&self) -> usize {
        (self.min_samples as usize).max(2)
    }

    /// The yearly rate, simple, ray, rounded down: the median of the growths between neighbouring samples, the lower one of
    /// the middle two. So neither a jump nor a loss counts, whatever its size, as long as most windows are without; and a
    /// price that mostly fell pays nothing. None if the samples are too few, too old, or make no history.
    #[must_use]
    pub fn yearly_ray_down(&self, at: u64) -> Option<U256> {
        if self.counting(at) < self.fewest() {
            return None;
        }
        let pairs = self.samples.windows(2).map(|pair| match pair {
            [before, after] => growth_down(before, after),
            _ => None,
        });
        let mut growths = pairs.collect::<Option<Vec<_>>>()?;
        growths.sort_unstable();
        growths.get(growths.len().checked_sub(1)? / 2).copied()
    }
}

/// (after − before) ÷ before × year ÷ seconds between them, zero for a fall.
fn growth_down(before: &Sample, after: &Sample) -> Option<U256> {
    let seconds = after.at.checked_sub(before.at).filter(|seconds| *seconds > 0)?;
    let grown = after.assets.saturating_sub(before.assets);
    let dividend = grown.checked_mul(RAY)?.checked_mul(u256(YEAR_SECONDS))?;
    dividend.checked_div(before.assets.checked_mul(u256(seconds))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn history(prices: &[u64]) -> History {
        let sample = |(day, price): (usize, &u64)| Sample {
            block: day as u64,
            at: 1_000_000 + day as u64 * DAY,
            assets: U256::from(*price),
        };
        let samples = prices.iter().enumerate().map(sample).collect();
        History { min_samples: 4, max_age_seconds: 2 * DAY, samples }
    }

    fn newest(history: &History) -> u64 {
        history.samples.last().map_or(0, |sample| sample.at)
    }

    #[test]
    fn the_rate_is_the_median_growth_and_a_jump_is_none() {
        // One ten-thousandth a day, of the first price.
        let even = history(&[10_000, 10_001, 10_002, 10_003, 10_004]);
        let rate = even.yearly_ray_down(newest(&even));
        // Growths fall as the price rises: the lower one of the middle two is the third, from 10,002 on.
        assert_eq!(rate, Some(RAY * U256::from(365) / U256::from(10_002)));
        for jump in [20_000, 9_000] {
            let mut jumped = even.clone();
            jumped.samples[2].assets = U256::from(jump);
            let rate = jumped.yearly_ray_down(newest(&jumped));
            let most = RAY * U256::from(365) / U256::from(10_000);
            assert!(rate.is_some_and(|rate| rate <= most), "{jump}: {rate:?}");
        }
        let falling = history(&[10_000, 9_999, 9_998, 9_997]);
        assert_eq!(falling.yearly_ray_down(newest(&falling)), Some(U256::ZERO));
    }

    #[test]
    fn too_few_too_old_or_broken_samples_say_nothing() {
        let full = history(&[10_000, 10_001, 10_002, 10_003]);
        let now = newest(&full);
        assert!(full.yearly_ray_down(now).is_some());
        assert!(full.yearly_ray_down(now + 2 * DAY).is_some(), "at the limit");
        assert_eq!(full.yearly_ray_down(now + 2 * DAY + 1), None, "one past it");
        let three = history(&[10_000, 10_001, 10_002]);
        assert_eq!(three.yearly_ray_down(newest(&three)), None);
        assert_eq!(History { min_samples: 0, ..history(&[10_000]) }.yearly_ray_down(now), None);
        assert_eq!(History::default().yearly_ray_down(now), None);
        let mut twice = full.clone();
        twice.samples[2].at = twice.samples[1].at;
        assert_eq!(twice.yearly_ray_down(now), None, "two samples of one time");
        let worthless = history(&[0, 0, 0, 0]);
        assert_eq!(worthless.yearly_ray_down(newest(&worthless)), None);
        let mut huge = full;
        huge.samples[3].assets = U256::MAX;
        assert_eq!(huge.yearly_ray_down(now), None, "a number that does not fit");
    }

    #[test]
    fn a_reward_counts_until_it_expires() {
        let reward = Reward { yearly_ray: RAY, source: "x".to_owned(), expires_at: 100 };
        assert_eq!((reward.yearly_ray_at(99), reward.yearly_ray_at(100)), (RAY, U256::ZERO));
    }
}
