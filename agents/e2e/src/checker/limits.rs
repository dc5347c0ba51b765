//! The policy file as the checker reads it: by its own few lines, not by the keeper's parser.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, bail, ensure};
use toml::{Table, Value};

/// What the checker holds a strategy to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyLimits {
    /// Whether deposits are allowed at all.
    pub is_active: bool,
    /// Largest part of the treasury, bps.
    pub max_weight_bps: u64,
    /// Smallest part of the treasury, bps.
    pub min_weight_bps: u64,
    /// Largest amount.
    pub cap: U256,
    /// Band around the reference, bps.
    pub price_band_bps: u64,
    /// First reference: assets ...
    pub reference_assets: U256,
    /// ... for shares.
    pub reference_shares: U256,
}

/// What the checker holds a treasury to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unix time at which the references began to follow prices.
    pub began_at: u64,
    /// Least seconds between two operations of an agent.
    pub cooldown_seconds: u64,
    /// Seconds in which a bucket leaks empty.
    pub window_seconds: u64,
    /// Largest turnover, bps.
    pub max_turnover_bps: u64,
    /// Largest loss, bps.
    pub max_loss_bps: u64,
    /// Smallest idle, bps.
    pub min_idle_bps: u64,
    /// Growth of a reference per day, 10^18 = 100 %.
    pub max_growth_wad: u64,
    /// Most that may be held for deposits to be taken.
    pub deposit_cap: U256,
    /// By strategy.
    pub strategies: BTreeMap<Address, StrategyLimits>,
    /// Agents with the last second of their mandate.
    pub agents: BTreeMap<Address, u64>,
}

/// What the names in a policy file mean.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Accounts by name.
    pub accounts: BTreeMap<String, Address>,
    /// Decimals of strategies' shares.
    pub share_decimals: BTreeMap<Address, u8>,
    /// Decimals of the asset.
    pub asset_decimals: u8,
}

impl Limits {
    /// Reads what the checker needs of a policy file.
    ///
    /// # Errors
    /// If something is not there or not written as expected.
    pub fn read(text: &str, names: &Names, began_at: u64) -> Result<Self> {
        let file: Table = text.parse().context("the policy file is no TOML")?;
        let limits = file.get("limits").and_then(Value::as_table).context("no [limits]")?;
        let mut strategies = BTreeMap::new();
        for entry in tables(&file, "strategies")? {
            let strategy = names.account(entry, "strategy")?;
            let reference =
                entry.get("reference").and_then(Value::as_table).context("no reference")?;
            let status = entry.get("status").and_then(Value::as_str).unwrap_or("active");
            let share_decimals =
                names.share_decimals.get(&strategy).context("no share decimals")?;
            strategies.insert(
                strategy,
                StrategyLimits {
                    is_active: status == "active",
                    max_weight_bps: bps(entry, "max_weight")?,
                    min_weight_bps: match entry.get("min_weight") {
                        Some(_) => bps(entry, "min_weight")?,
                        None => 0,
                    },
                    cap: amount(text_of(entry, "cap")?, names.asset_decimals)?,
                    price_band_bps: bps(entry, "price_band")?,
                    reference_assets: amount(text_of(reference, "assets")?, names.asset_decimals)?,
                    reference_shares: amount(text_of(reference, "shares")?, *share_decimals)?,
                },
            );
        }
        let mut agents = BTreeMap::new();
        for entry in tables(&file, "agents")? {
            agents.insert(names.account(entry, "agent")?, date(text_of(entry, "expires")?)?);
        }
        let growth = scaled(percent(text_of(limits, "max_growth")?)?, 16)?;
        Ok(Self {
            began_at,
            cooldown_seconds: seconds(text_of(limits, "cooldown")?)?,
            window_seconds: seconds(text_of(limits, "window")?)?,
            max_turnover_bps: bps(limits, "max_turnover")?,
            max_loss_bps: bps(limits, "max_loss")?,
            min_idle_bps: bps(limits, "min_idle")?,
            max_growth_wad: growth.saturating_to(),
            deposit_cap: amount(text_of(limits, "deposit_cap")?, names.asset_decimals)?,
            strategies,
            agents,
        })
    }
}

impl Names {
    fn account(&self, table: &Table, key: &str) -> Result<Address> {
        let name = text_of(table, key)?;
        match self.accounts.get(name) {
            Some(address) => Ok(*address),
            None => name.parse().with_context(|| format!("nobody is called {name}")),
        }
    }
}

fn tables<'a>(file: &'a Table, key: &str) -> Result<Vec<&'a Table>> {
    let list = file.get(key).and_then(Value::as_array).with_context(|| format!("no [[{key}]]"))?;
    list.iter().map(|entry| entry.as_table().with_context(|| format!("[[{key}]]"))).collect()
}

fn text_of<'a>(table: &'a Table, key: &str) -> Result<&'a str> {
    table.get(key).and_then(Value::as_str).with_context(|| format!("no {key}"))
}

/// `"0.2 %"` without its sign.
fn percent(text: &str) -> Result<&str> {
    Ok(text.strip_suffix('%').with_context(|| format!("{text} is no percentage"))?.trim())
}

fn bps(table: &Table, key: &str) -> Result<u64> {
    Ok(scaled(percent(text_of(table, key)?)?, 2)?.saturating_to())
}

/// `"8_000_000 USDW"` in the smallest unit; the word after the number is not looked at.
fn amount(text: &str, decimals: u8) -> Result<U256> {
    scaled(text.split_whitespace().next().unwrap_or_default(), decimals)
}

/// `"1_000.25"` × 10^decimals.
fn scaled(text: &str, decimals: u8) -> Result<U256> {
    let digits = text.replace('_', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let places = usize::from(decimals);
    ensure!(fraction.len() <= places, "{text} has more than {decimals} decimals");
    let padded = format!("{whole}{fraction}{}", "0".repeat(places - fraction.len()));
    U256::from_str_radix(&padded, 10).with_context(|| format!("{text} is no number"))
}

/// `"30m"`, `"1h"`, `"1d"`.
fn seconds(text: &str) -> Result<u64> {
    let split =
        text.find(|c: char| !c.is_ascii_digit()).with_context(|| format!("{text}: no unit"))?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => bail!("{text}: unknown unit"),
    };
    Ok(number.parse::<u64>()? * unit)
}

/// `"2027-06-30"`: the first second of that day, UTC.
fn date(text: &str) -> Result<u64> {
    let mut parts = text.split('-').map(str::parse::<u64>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        bail!("{text} is no date");
    };
    ensure!(year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day), "{text}");
    // Days from civil, Howard Hinnant's published algorithm, for years from 1970 on.
    let shifted = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Ok(days * 86_400)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_policy_reads_as_a_person_reads_it() {
        let account = |byte: u8| Address::repeat_byte(byte);
        let mut names = Names { asset_decimals: 6, ..Names::default() };
        for (place, name) in ["aave_main", "aave_prime", "morpho", "keeper"].iter().enumerate() {
            let address = account(u8::try_from(place).expect("few") + 1);
            names.accounts.insert((*name).to_owned(), address);
            names.share_decimals.insert(address, 6);
        }
        let limits =
            Limits::read(include_str!("../../worlds/policy.toml"), &names, 7).expect("reads");
        assert_eq!(limits.min_idle_bps, 500);
        assert_eq!(limits.max_loss_bps, 20);
        assert_eq!(limits.cooldown_seconds, 1_800);
        assert_eq!(limits.max_growth_wad, 5_000_000_000_000_000);
        let main = &limits.strategies[&account(1)];
        assert_eq!((main.max_weight_bps, main.min_weight_bps), (6_000, 500));
        assert_eq!(main.cap, U256::from(8_000_000_000_000u64));
        assert_eq!(limits.agents[&account(4)], 1_814_313_600);
    }
}
