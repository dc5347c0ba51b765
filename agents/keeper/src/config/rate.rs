//! `[[vaults.rates]]`: what an operator says of a strategy's income beside its venue's curve.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use serde::Deserialize;
use toml::{Spanned, value::Datetime};
use vagus_allocator::{History, RateBase, RateInput, Reward};
use vagus_attribution::calendar;

use super::{Reader, value};
use crate::exit::Failure;

/// Most windows of a history: each is a sample in every record.
const MOST_WINDOWS: u32 = 60;
/// Samples are taken each hour.
const HOUR: u64 = 3_600;

/// Where a strategy's income is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateConfig {
    /// What stands in a decision's inputs; a history without samples.
    pub input: RateInput,
    /// How samples are chosen, if it is a history.
    pub windows: Option<Windows>,
}

/// How the samples of a history are chosen: so many windows of so long, up to the newest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Seconds between two samples.
    pub seconds: u64,
    /// How many there are at most.
    pub count: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawSource {
    Curve,
    Flat,
    History,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRate {
    strategy: Spanned<String>,
    source: Spanned<RawSource>,
    yearly_bps: Option<u32>,
    window_hours: Option<u32>,
    windows: Option<u32>,
    min_samples: Option<u32>,
    reward: Option<RawReward>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReward {
    yearly_bps: u32,
    source: String,
    expires: Spanned<Datetime>,
}

fn ray(bps: u32) -> U256 {
    U256::from(bps) * U256::from(10_u64).pow(U256::from(23_u64))
}

impl Reader<'_> {
    pub(super) fn rates(
        &self,
        raw: Vec<RawRate>,
        names: &BTreeMap<Address, String>,
    ) -> Result<Vec<RateConfig>, Failure> {
        let mut rates: Vec<RateConfig> = Vec::new();
        for one in raw {
            let at = one.strategy.span().start;
            let rate = self.rate(one, names)?;
            if rates.iter().any(|other| other.input.strategy == rate.input.strategy) {
                let what = format!("the strategy {} has its rate twice", rate.input.strategy);
                return Err(self.fail(Some(at), &what));
            }
            rates.push(rate);
        }
        Ok(rates)
    }

    fn rate(&self, raw: RawRate, names: &BTreeMap<Address, String>) -> Result<RateConfig, Failure> {
        let (name_at, name) = (raw.strategy.span().start, raw.strategy.into_inner());
        let named = names.iter().find(|(_, known)| **known == name).map(|(address, _)| *address);
        let Some(strategy) = named.or_else(|| value::parse_address(&name).ok()) else {
            let what = format!(
                "no strategy is named {name:?}; expected an address, or a name of [vaults.strategies]"
            );
            return Err(self.fail(Some(name_at), &what));
        };
        let (at, source) = (raw.source.span().start, raw.source.into_inner());
        let is_history = matches!(source, RawSource::History);
        let alone = [
            ("yearly_bps", raw.yearly_bps.is_some(), matches!(source, RawSource::Flat), "flat"),
            ("window_hours", raw.window_hours.is_some(), is_history, "history"),
            ("windows", raw.windows.is_some(), is_history, "history"),
            ("min_samples", raw.min_samples.is_some(), is_history, "history"),
        ];
        if let Some((key, .., wanted)) =
            alone.iter().find(|(_, is_there, fits, _)| *is_there && !fits)
        {
            return Err(self.fail(Some(at), &format!("{key} is for source = \"{wanted}\" alone")));
        }
        let mut windows = None;
        let base = match source {
            RawSource::Curve if raw.reward.is_none() => {
                let what = "a curve needs no rate; expected a reward beside it, or another source";
                return Err(self.fail(Some(at), what));
            }
            RawSource::Curve => RateBase::Curve,
            RawSource::Flat => {
                let Some(bps) = raw.yearly_bps else {
                    return Err(self.fail(Some(at), "a flat rate expects yearly_bps"));
                };
                RateBase::Flat { yearly_ray: ray(bps) }
            }
            RawSource::History => {
                let (hours, count) = (raw.window_hours.unwrap_or(24), raw.windows.unwrap_or(30));
                let least = raw.min_samples.unwrap_or(8);
                if !(1..=720).contains(&hours) {
                    return Err(self.fail(Some(at), "window_hours: expected from 1 to 720"));
                }
                if !(1..=MOST_WINDOWS).contains(&count) {
                    let what = format!("windows: expected from 1 to {MOST_WINDOWS}");
                    return Err(self.fail(Some(at), &what));
                }
                if !(2..=count + 1).contains(&least) {
                    let what = format!(
                        "min_samples: expected from 2 to {}, one more than windows",
                        count + 1
                    );
                    return Err(self.fail(Some(at), &what));
                }
                let seconds = u64::from(hours) * HOUR;
                windows = Some(Windows { seconds, count });
                // One that is missed is no reason to hold.
                let max_age_seconds = (2 * seconds).max(6 * HOUR);
                RateBase::History(History {
                    min_samples: least,
                    max_age_seconds,
                    samples: Vec::new(),
                })
            }
        };
        let reward = raw.reward.map(|reward| self.reward(reward)).transpose()?;
        Ok(RateConfig { input: RateInput { strategy, base, reward }, windows })
    }

    fn reward(&self, raw: RawReward) -> Result<Reward, Failure> {
        let (at, expires) = (raw.expires.span().start, raw.expires.into_inner());
        let day = match (expires.date, expires.time) {
            (Some(date), None) => {
                calendar::midnight(date.year.into(), date.month.into(), date.day.into())
            }
            _ => None,
        };
        let Some(expires_at) = day else {
            return Err(
                self.fail(Some(at), "expected a day, such as 2027-01-01; it ends at 0:00 UTC")
            );
        };
        if raw.source.trim().is_empty() {
            return Err(self.fail(Some(at), "source: expected who pays the reward and who says so"));
        }
        Ok(Reward { yearly_ray: ray(raw.yearly_bps), source: raw.source, expires_at })
    }
}
