//! `[[vaults]]`: what is worked on.

use std::{collections::BTreeMap, path::PathBuf};

use alloy::primitives::{Address, utils::format_ether};
use serde::Deserialize;
use toml::Spanned;

use super::{
    ChainConfig, RateConfig, Reader,
    rate::RawRate,
    value::{self, Amount, NativePriceSource},
};
use crate::exit::Failure;

/// One vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultConfig {
    /// Name of it in this file.
    pub name: String,
    /// Place of its chain in [`Config::chains`].
    pub chain: usize,
    /// Deployment file.
    pub deployment: PathBuf,
    /// The vault inside the deployment file; none if the file holds one alone.
    pub vault: Option<Address>,
    /// Part of each limit left free, bps.
    pub headroom_bps: u16,
    /// Least that a move is worth making for.
    pub smallest_move: Amount,
    /// What gas costs in the asset.
    pub native_price: NativePriceSource,
    /// What a rebalance costs in gas.
    pub gas: Gas,
    /// Which calls that anybody may make are made.
    pub upkeep: UpkeepConfig,
    /// Names for people, by strategy.
    pub strategies: BTreeMap<Address, String>,
    /// File of the policy that is to be in force, as `keeper policy verify` takes it.
    pub policy: Option<PathBuf>,
    /// Where the income of strategies is taken from, if not from their venues' curves alone.
    pub rates: Vec<RateConfig>,
}

/// Which calls that anybody may make are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpkeepConfig {
    /// Hours after its last refresh at which the vault's checkpoint is called; zero: never.
    #[serde(deserialize_with = "value::checkpoint_hours")]
    pub checkpoint_hours: u32,
    /// Whether strategies above their cap are trimmed when there is no rebalance to make.
    pub trim: bool,
    /// Whether the guard's price references of strategies whose price has left them far behind are made to follow, when there
    /// is no rebalance to make.
    pub follow_prices: bool,
    /// Whether a policy whose delay is over is put in force when there is no rebalance to make.
    pub activate: bool,
}

impl Default for UpkeepConfig {
    fn default() -> Self {
        // An hour is left to be mined within the day.
        Self { checkpoint_hours: 23, trim: false, follow_prices: true, activate: false }
    }
}

impl VaultConfig {
    /// The same vault, with what may change while the keeper runs as it is in `new`.
    #[must_use]
    pub fn with_changes_of(&self, new: &Self) -> Self {
        Self {
            headroom_bps: new.headroom_bps,
            smallest_move: new.smallest_move.clone(),
            native_price: new.native_price.clone(),
            gas: new.gas,
            upkeep: new.upkeep,
            strategies: new.strategies.clone(),
            rates: new.rates.clone(),
            policy: new.policy.clone(),
            ..self.clone()
        }
    }
}

/// What a rebalance costs in gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gas {
    /// Before its first leg.
    pub base: u64,
    /// Each leg.
    pub leg: u64,
    /// Gas limit of its transaction.
    #[serde(deserialize_with = "value::above_zero")]
    pub limit: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVault {
    pub(super) name: Spanned<String>,
    chain: Spanned<String>,
    deployment: PathBuf,
    #[serde(default, deserialize_with = "value::optional_address")]
    vault: Option<Address>,
    #[serde(default = "value::default_headroom_bps", deserialize_with = "value::bps_below_whole")]
    headroom_bps: u16,
    smallest_move: Amount,
    native_price: NativePriceSource,
    gas: Gas,
    #[serde(default)]
    upkeep: UpkeepConfig,
    #[serde(default, deserialize_with = "value::names")]
    strategies: BTreeMap<Address, String>,
    policy: Option<PathBuf>,
    #[serde(default)]
    rates: Vec<RawRate>,
}

impl Reader<'_> {
    pub(super) fn vault(
        &self,
        raw: RawVault,
        chains: &[ChainConfig],
    ) -> Result<VaultConfig, Failure> {
        let at = raw.chain.span().start;
        let chain = raw.chain.into_inner();
        let Some(chain) = chains.iter().position(|known| known.name == chain) else {
            let known: Vec<_> = chains.iter().map(|known| known.name.as_str()).collect();
            return Err(self.fail(
                Some(at),
                &format!("no [[chains]] is named {chain:?}; expected one of {}", known.join(", ")),
            ));
        };
        let fees = &chains[chain].fees;
        let worst_wei = fees.worst_case_wei(raw.gas.limit);
        if fees.daily_budget.is_some_and(|budget| budget.wei < worst_wei) {
            let what = format!(
                "the daily_budget of its chain allows no rebalance of this vault; expected at least {}, what one of \
                 {} gas can cost",
                format_ether(worst_wei),
                raw.gas.limit
            );
            return Err(self.fail(Some(at), &what));
        }
        Ok(VaultConfig {
            name: raw.name.into_inner(),
            chain,
            deployment: self.path(raw.deployment),
            vault: raw.vault,
            headroom_bps: raw.headroom_bps,
            smallest_move: raw.smallest_move,
            native_price: raw.native_price,
            gas: raw.gas,
            upkeep: raw.upkeep,
            rates: self.rates(raw.rates, &raw.strategies)?,
            policy: raw.policy.map(|policy| self.path(policy)),
            strategies: raw.strategies,
        })
    }
}
