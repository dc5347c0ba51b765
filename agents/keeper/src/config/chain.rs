//! `[[chains]]`: how a chain behaves, what is paid on it, and where it is asked.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use toml::Spanned;
use vagus_chain::{EndpointUrl, WebsocketUrl, sender::CANCEL_GAS};

use super::{
    Reader,
    source::RawSource,
    value::{self, Finality, Gwei, Native},
};
use crate::exit::Failure;

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainConfig {
    /// Name of it in this file.
    pub name: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// How it behaves.
    pub profile: Profile,
    /// What is paid at most.
    pub fees: Fees,
    /// In order of preference, at least one.
    pub endpoints: Vec<EndpointUrl>,
    /// How many of them have to agree before money moves.
    pub quorum: usize,
    /// Where transactions go instead of the endpoints.
    pub private: Option<PrivateConfig>,
    /// What wakes the keeper between two questions; none: it polls alone.
    pub websocket: Option<WebsocketUrl>,
}

/// An endpoint that shows transactions to nobody before they are mined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateConfig {
    /// Where.
    pub endpoint: EndpointUrl,
    /// Blocks after its decision from which on a transaction is handed to every endpoint; none: never.
    pub public_after_blocks: Option<u32>,
}

impl ChainConfig {
    /// The same chain, with what may change while the keeper runs as it is in `new`.
    #[must_use]
    pub fn with_changes_of(&self, new: &Self) -> Self {
        Self { fees: new.fees.clone(), ..self.clone() }
    }
}

/// How a chain behaves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Expected seconds between blocks, above zero.
    #[serde(deserialize_with = "value::above_zero")]
    pub block_seconds: u32,
    /// Blocks from one decision to the next; what is in flight is looked after at each.
    #[serde(default = "value::default_observe_every", deserialize_with = "value::above_zero")]
    pub observe_every: u32,
    /// When a block counts as settled.
    pub finality: Finality,
    /// Deepest ordinary reorganisation, blocks.
    #[serde(deserialize_with = "value::above_zero")]
    pub reorg_window: u32,
    /// How fees are built up.
    pub fee_model: FeeModel,
    /// Seconds after its block up to which a rebalance may execute.
    #[serde(deserialize_with = "value::above_zero")]
    pub deadline_seconds: u32,
    /// Milliseconds between two questions for a new head.
    #[serde(deserialize_with = "value::above_zero")]
    pub poll_ms: u32,
    /// Milliseconds after which a question without an answer has failed.
    #[serde(default = "value::default_timeout_ms", deserialize_with = "value::above_zero")]
    pub timeout_ms: u32,
    /// Seconds without a new head after which nothing is decided any more; none: ten blocks, at least a minute.
    #[serde(default, deserialize_with = "value::optional_above_zero")]
    pub stale_after_seconds: Option<u32>,
    /// Gas of one page of the lens.
    #[serde(default = "value::default_lens_gas", deserialize_with = "value::lens_gas")]
    pub lens_gas: u64,
}

impl Profile {
    /// Time without a new head after which nothing is decided any more.
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        let usual = self.block_seconds.saturating_mul(10).max(60);
        Duration::from_secs(self.stale_after_seconds.unwrap_or(usual).into())
    }

    /// Longest time between two questions while a websocket tells of new heads.
    #[must_use]
    pub fn lazy_poll(&self) -> Duration {
        Duration::from_secs(u64::from(self.block_seconds) * 2).max(self.poll())
    }

    /// Time between two questions for a new head.
    #[must_use]
    pub fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.into())
    }

    /// Time after which a question without an answer has failed.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }
}

/// How fees are built up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeeModel {
    /// Base fee and priority fee.
    L1,
    /// These, and a fee for the bytes by the OP Stack's oracle.
    Op,
    /// These, and the bytes as gas, by Arbitrum's node interface.
    Arbitrum,
}

/// What is paid at most, per gas.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Cap for a rebalance.
    pub max_fee_gwei: Gwei,
    /// Tip.
    pub priority_fee_gwei: Gwei,
    /// Cap for a cancellation.
    pub cancel_max_fee_gwei: Gwei,
    /// Most that the key may spend in 24 hours of chain time; none: no limit.
    #[serde(default, deserialize_with = "value::optional_native")]
    pub daily_budget: Option<Native>,
}

impl Fees {
    /// Most that a transaction can come to cost under these caps: as it is, or taken back.
    #[must_use]
    pub fn worst_case_wei(&self, gas_limit: u64) -> u128 {
        let whole = self.max_fee_gwei.wei.saturating_mul(gas_limit.into());
        whole.max(self.cancel_max_fee_gwei.wei.saturating_mul(CANCEL_GAS.into()))
    }

    /// Most that a transfer of nothing to oneself can come to cost, which fills a nonce that somebody left open.
    #[must_use]
    pub fn worst_fill_wei(&self) -> u128 {
        self.worst_case_wei(CANCEL_GAS)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrivate {
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
    #[serde(default, deserialize_with = "value::optional_above_zero")]
    public_after_blocks: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChain {
    pub(super) name: Spanned<String>,
    chain_id: u64,
    profile: Profile,
    fees: Fees,
    endpoints: Vec<Spanned<RawSource>>,
    quorum: Option<Spanned<usize>>,
    private: Option<Spanned<RawPrivate>>,
    websocket: Option<Spanned<RawSource>>,
}

impl Reader<'_> {
    pub(super) fn chain(&self, raw: RawChain) -> Result<ChainConfig, Failure> {
        let at = raw.name.span().start;
        let name = raw.name.into_inner();
        if raw.endpoints.is_empty() {
            return Err(
                self.fail(Some(at), &format!("chain {name}: expected [[chains.endpoints]]"))
            );
        }
        if raw.fees.priority_fee_gwei.wei > raw.fees.max_fee_gwei.wei {
            return Err(self.fail(
                Some(at),
                &format!("chain {name}: expected priority_fee_gwei of at most max_fee_gwei"),
            ));
        }
        if raw.fees.cancel_max_fee_gwei.wei
            < vagus_chain::lifecycle::bumped_up(raw.fees.max_fee_gwei.wei)
        {
            return Err(self.fail(
                Some(at),
                &format!(
                    "chain {name}: expected cancel_max_fee_gwei at least 12.5 % above max_fee_gwei, or a cancellation \
                     could not replace what it cancels"
                ),
            ));
        }
        let mut endpoints = Vec::new();
        for endpoint in raw.endpoints {
            let at = endpoint.span().start;
            let url = self.source(endpoint)?;
            endpoints.push(
                EndpointUrl::parse(&url)
                    .map_err(|error| self.fail(Some(at), &error.to_string()))?,
            );
        }
        let quorum = match raw.quorum {
            None => endpoints.len(),
            Some(quorum) if (1..=endpoints.len()).contains(quorum.get_ref()) => *quorum.get_ref(),
            Some(quorum) => {
                let what = format!(
                    "expected a quorum from 1 to {}, one for each endpoint",
                    endpoints.len()
                );
                return Err(self.fail(Some(quorum.span().start), &what));
            }
        };
        let private = raw.private.map(|private| self.private(private)).transpose()?;
        let websocket = match raw.websocket {
            None => None,
            Some(source) => {
                let at = source.span().start;
                let url = WebsocketUrl::parse(&self.source(source)?);
                Some(url.map_err(|error| self.fail(Some(at), &error.to_string()))?)
            }
        };
        Ok(ChainConfig {
            name,
            chain_id: raw.chain_id,
            profile: raw.profile,
            fees: raw.fees,
            endpoints,
            quorum,
            private,
            websocket,
        })
    }

    fn private(&self, raw: Spanned<RawPrivate>) -> Result<PrivateConfig, Failure> {
        let (span, raw) = (raw.span(), raw.into_inner());
        let RawPrivate { url, url_file, url_env, public_after_blocks } = raw;
        let at = span.start;
        let source = Spanned::new(span, RawSource { url, url_file, url_env });
        let endpoint = EndpointUrl::parse(&self.source(source)?)
            .map_err(|error| self.fail(Some(at), &error.to_string()))?;
        Ok(PrivateConfig { endpoint, public_after_blocks })
    }
}
