//! What a person asks for, as it is written, and what it means on a vault.

use std::{path::Path, sync::Mutex};

use serde::Deserialize;
use vagus_journal::Person;
use vagus_policy::{ALL_ASSETS, Move, Snapshot};

use super::{PersonMove, Way};
use crate::{
    config::Amount,
    exit::{Exit, Failure},
    world::VaultWorld,
};

/// Which way a leg goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    /// From idle into the strategy.
    Into,
    /// Out of the strategy to idle.
    From,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Quantity {
    Some(Amount),
    All(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leg {
    strategy: String,
    direction: Direction,
    amount: Quantity,
}

/// What a person asks for, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveFile {
    /// Name of the vault in the configuration.
    pub vault: String,
    pub(super) person: String,
    pub(super) reason: String,
    legs: Vec<Leg>,
}

impl MoveFile {
    /// Reads a file.
    ///
    /// # Errors
    /// One sentence with what was expected.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            let what = error.to_string();
            let what = what.trim_end().trim_end_matches('.').replace('\n', " ");
            Failure::new(Exit::Usage, format_args!("{}: {what}.", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        let file: Self = toml::from_str(&text).map_err(|error| failed(&error))?;
        for (key, value) in [("person", &file.person), ("reason", &file.reason)] {
            if value.trim().is_empty() || value.contains(char::is_control) {
                return Err(failed(&format!("{key}: expected one line of text")));
            }
        }
        if file.legs.is_empty() {
            return Err(failed(&"expected at least one [[legs]]"));
        }
        Ok(file)
    }

    /// The moves on a vault as it was seen.
    ///
    /// # Errors
    /// If a leg names no strategy of it, or an amount of another asset.
    pub fn resolve(&self, vault: &VaultWorld, snapshot: &Snapshot) -> Result<PersonMove, Failure> {
        let asset = &snapshot.vault.asset;
        let mut moves = Vec::with_capacity(self.legs.len());
        for (place, leg) in self.legs.iter().enumerate() {
            let failed = |what: String| {
                Failure::new(Exit::Usage, format_args!("Leg {}: {what}.", place + 1))
            };
            let index = self.index(leg, vault, snapshot).map_err(failed)?;
            let is_deposit = leg.direction == Direction::Into;
            let assets = match &leg.amount {
                Quantity::Some(amount) => {
                    amount.in_units(&asset.symbol, asset.decimals).map_err(failed)?
                }
                Quantity::All(word) if word == "all" && !is_deposit => ALL_ASSETS,
                Quantity::All(word) => {
                    return Err(failed(format!(
                        "amount: found {word:?}, expected an amount of {} or, out of a strategy, \"all\"",
                        asset.symbol
                    )));
                }
            };
            moves.push(Move { index, is_deposit, assets });
        }
        Ok(PersonMove {
            vault: vault.entry.vault,
            moves,
            person: Person { name: self.person.clone(), reason: self.reason.clone() },
            state: Mutex::new(Way::Open),
        })
    }

    fn index(&self, leg: &Leg, vault: &VaultWorld, snapshot: &Snapshot) -> Result<u8, String> {
        let name = |strategy: &vagus_policy::StrategyState| {
            vault.config.strategies.get(&strategy.strategy).unwrap_or(&strategy.symbol).clone()
        };
        let strategies = &snapshot.vault.strategies;
        let is_it = |strategy: &vagus_policy::StrategyState| {
            name(strategy) == leg.strategy || leg.strategy.parse() == Ok(strategy.strategy)
        };
        let found: Vec<usize> =
            (0..strategies.len()).filter(|place| is_it(&strategies[*place])).collect();
        let known = || strategies.iter().map(name).collect::<Vec<_>>().join(", ");
        match found.as_slice() {
            [place] => u8::try_from(*place).map_err(|error| error.to_string()),
            [] => {
                Err(format!("no strategy is named {:?}; expected one of {}", leg.strategy, known()))
            }
            _ => Err(format!("{:?} names several strategies; expected an address", leg.strategy)),
        }
    }
}
