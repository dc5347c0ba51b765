//! Values of the configuration, each with its own words for what was expected.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use alloy::primitives::Address;
use serde::{Deserialize, Deserializer, de::Error};
use vagus_chain::EndpointUrl;

pub(super) fn default_timeout_ms() -> u32 {
    10_000
}

pub(super) fn default_repeat_minutes() -> u32 {
    240
}

pub(super) fn default_observe_every() -> u32 {
    1
}

pub(super) fn default_lens_gas() -> u64 {
    vagus_chain::DEFAULT_LENS_GAS
}

/// Twice what the lens keeps back to return what it has read; less could not read a single strategy.
const LEAST_LENS_GAS: u64 = 6_000_000;

pub(super) fn lens_gas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let gas = u64::deserialize(deserializer)?;
    if gas < LEAST_LENS_GAS {
        return Err(D::Error::custom(format!("expected at least {LEAST_LENS_GAS} gas")));
    }
    Ok(gas)
}

pub(super) fn optional_above_zero<'de, D>(deserializer: D) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    above_zero(deserializer).map(Some)
}

pub(super) fn default_headroom_bps() -> u16 {
    10
}

/// `:line:column: [section] key` of a place in the text.
pub(super) fn locate(text: &str, at: usize) -> String {
    let before = &text[..at.min(text.len())];
    let line_number = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[line_start..].chars().count() + 1;
    let line = text[line_start..].lines().next().unwrap_or_default().trim();
    let section = before
        .lines()
        .map(str::trim)
        .rfind(|line| line.starts_with('['))
        .and_then(|line| line.split('#').next());
    let key = line.split_once('=').map(|(key, _)| key.trim());
    let mut place = format!(":{line_number}:{column}");
    match (section, key) {
        _ if line.starts_with('[') => place.push_str(&format!(": {line}")),
        (Some(section), Some(key)) => place.push_str(&format!(": {} {key}", section.trim())),
        (None, Some(key)) => place.push_str(&format!(": {key}")),
        (Some(section), None) => place.push_str(&format!(": {}", section.trim())),
        (None, None) => {}
    }
    place
}

pub(super) fn above_zero<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + PartialEq + Default,
    D: Deserializer<'de>,
{
    let number = T::deserialize(deserializer)?;
    if number == T::default() {
        return Err(D::Error::custom("expected a number above zero"));
    }
    Ok(number)
}

pub(super) fn bps_below_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let bps = u16::deserialize(deserializer)?;
    if bps >= vagus_policy::document::BPS {
        return Err(D::Error::custom("expected basis points below 10000"));
    }
    Ok(bps)
}

pub(super) fn parse_address(text: &str) -> Result<Address, String> {
    let plain = text.strip_prefix("0x").filter(|hex| hex.len() == 40);
    let Some(plain) = plain else {
        return Err(format!("expected an address, 0x and 40 hexadecimal digits, found {text:?}"));
    };
    let address = Address::from_str(text).map_err(|_| {
        format!("expected an address, 0x and 40 hexadecimal digits, found {text:?}")
    })?;
    let is_mixed = plain.chars().any(|c| c.is_ascii_lowercase())
        && plain.chars().any(|c| c.is_ascii_uppercase());
    if is_mixed && address.to_checksum(None) != text {
        return Err(format!(
            "the checksum of the address {text} does not fit: a digit is mistyped"
        ));
    }
    Ok(address)
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    parse_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub(super) fn optional_url<'de, D>(deserializer: D) -> Result<Option<EndpointUrl>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    EndpointUrl::parse(&text).map(Some).map_err(D::Error::custom)
}

pub(super) fn optional_address<'de, D>(deserializer: D) -> Result<Option<Address>, D::Error>
where
    D: Deserializer<'de>,
{
    address(deserializer).map(Some)
}

pub(super) fn names<'de, D>(deserializer: D) -> Result<BTreeMap<Address, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let mut names = BTreeMap::new();
    for (key, name) in BTreeMap::<String, String>::deserialize(deserializer)? {
        let address = parse_address(&key).map_err(D::Error::custom)?;
        if names.insert(address, name).is_some() {
            return Err(D::Error::custom(format!("the strategy {address} is named twice")));
        }
    }
    Ok(names)
}

/// Splits a decimal number into whole and fraction digits, without sign, separators or exponent.
fn decimal_parts(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    (!whole.is_empty() && is_number(whole) && is_number(fraction) && !text.ends_with('.'))
        .then_some((whole, fraction))
}

/// `text` × 10^`decimals`, exactly.
fn scaled(text: &str, decimals: usize) -> Option<u128> {
    let (whole, fraction) = decimal_parts(text)?;
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals {
        return None;
    }
    format!("{whole}{fraction:0<decimals$}").parse().ok()
}

/// A fee per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gwei {
    /// In wei.
    pub wei: u128,
}

impl<'de> Deserialize<'de> for Gwei {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        scaled(&text, 9).map(|wei| Self { wei }).ok_or_else(|| {
            D::Error::custom(format!("expected gwei as text such as \"1.5\", found {text:?}"))
        })
    }
}

/// An amount of the chain's native token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Native {
    /// In wei.
    pub wei: u128,
}

impl<'de> Deserialize<'de> for Native {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        scaled(&text, 18).filter(|wei| *wei > 0).map(|wei| Self { wei }).ok_or_else(|| {
            D::Error::custom(format!(
                "expected an amount of the native token above zero as text such as \"0.5\", found {text:?}"
            ))
        })
    }
}

pub(super) fn optional_native<'de, D>(deserializer: D) -> Result<Option<Native>, D::Error>
where
    D: Deserializer<'de>,
{
    Native::deserialize(deserializer).map(Some)
}

/// When a block counts as settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// When the chain's `finalized` tag has reached it.
    Tag,
    /// When this many blocks stand on it.
    Depth(u64),
}

impl<'de> Deserialize<'de> for Finality {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Text(String),
            Depth(u64),
        }
        match Raw::deserialize(deserializer) {
            Ok(Raw::Text(text)) if text == "tag" => Ok(Self::Tag),
            Ok(Raw::Depth(depth)) if depth > 0 => Ok(Self::Depth(depth)),
            _ => Err(D::Error::custom("expected \"tag\" or a number of blocks above zero")),
        }
    }
}

/// An amount of the vault's asset as people write it: "100 USDC".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    number: String,
    symbol: String,
}

impl Amount {
    /// The amount in the asset's smallest unit.
    ///
    /// # Errors
    /// If the asset has another symbol, or fewer decimals than the number.
    pub fn in_units(&self, symbol: &str, decimals: u8) -> Result<u128, String> {
        if self.symbol != symbol {
            return Err(format!("expected an amount of {symbol}, found {self}"));
        }
        scaled(&self.number, decimals.into())
            .ok_or_else(|| format!("{self} is too large, or finer than {decimals} decimals"))
    }
}

impl Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.symbol)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.split_once(' ').map(|(number, symbol)| (number.replace('_', ""), symbol));
        match parts {
            Some((number, symbol))
                if decimal_parts(&number).is_some()
                    && !symbol.is_empty()
                    && !symbol.contains(char::is_whitespace) =>
            {
                Ok(Self { number, symbol: symbol.to_owned() })
            }
            _ => Err(D::Error::custom(format!(
                "expected an amount with the asset's symbol such as \"100 USDC\", found {text:?}"
            ))),
        }
    }
}

/// Where the price of gas in the asset comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum NativePriceSource {
    /// The asset is the wrapped native token.
    Native,
    /// Set here.
    Fixed {
        /// What one native token costs.
        assets_per_native: Amount,
    },
}

pub(super) fn checkpoint_hours<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u32, D::Error> {
    let hours = u32::deserialize(deserializer)?;
    if hours > 24 {
        return Err(D::Error::custom("expected from 1 to 24 hours, or 0 for never"));
    }
    Ok(hours)
}

pub(super) fn default_keep_holds_days() -> u32 {
    30
}

/// Less leaves no room for a slow round, more leaves vaults alone for long when a keeper dies.
pub(super) fn lease_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let seconds = u32::deserialize(deserializer)?;
    if !(6..=600).contains(&seconds) {
        return Err(D::Error::custom("expected from 6 to 600 seconds"));
    }
    Ok(seconds)
}
