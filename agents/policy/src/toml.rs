//! The policy document as people write it: names, percentages, amounts with units, durations and dates, never raw numbers.
//!
//! ```toml
//! [limits]
//! min_idle = "5 %"
//! deposit_cap = "25_000_000 USDC"
//! cooldown = "10m"
//! ```
//!
//! Unknown keys are refused. What a policy says is all in the file; a [`Context`] only tells what names, symbols and
//! decimals mean. A file can tell that itself, in `[asset]` and `[names]`, and then needs nothing beside it.
//! `examples/demo.toml` of this crate shows every key that has to be there.

mod names;
mod read;
mod reader;
mod render;
mod text;
mod words;

/// How single values are written in a file.
pub mod write {
    pub use super::{
        render::group_name,
        text::{
            write_bps as percent, write_duration as duration, write_time as time,
            write_wad as growth,
        },
        words::{mode, objective, status},
    };
}

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::Serialize;

use crate::{document::Policy, validate::validate};

/// What the names and units of a file mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Symbol of the vault's asset, the unit of amounts.
    pub symbol: String,
    /// Decimals of the vault's asset.
    pub decimals: u8,
    /// Accounts by the names that files may use for them.
    pub names: BTreeMap<String, Named>,
}

/// An account with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The account.
    pub address: Address,
    /// For a strategy, the decimals of its shares; without them a file gives shares in smallest units.
    pub share_decimals: Option<u8>,
}

impl Context {
    /// A context without names.
    #[must_use]
    pub fn new(symbol: impl Into<String>, decimals: u8) -> Self {
        Self { symbol: symbol.into(), decimals, names: BTreeMap::new() }
    }

    /// Adds an account.
    #[must_use]
    pub fn with_account(mut self, name: impl Into<String>, address: Address) -> Self {
        self.names.insert(name.into(), Named { address, share_decimals: None });
        self
    }

    /// Adds a strategy, with the decimals of its shares.
    #[must_use]
    pub fn with_strategy(
        mut self,
        name: impl Into<String>,
        address: Address,
        share_decimals: u8,
    ) -> Self {
        self.names.insert(name.into(), Named { address, share_decimals: Some(share_decimals) });
        self
    }

    /// The name of an account, the first in alphabetical order if it has several.
    #[must_use]
    pub fn name_of(&self, address: Address) -> Option<&str> {
        self.names.iter().find(|(_, named)| named.address == address).map(|(name, _)| name.as_str())
    }

    /// An account as a file names it: by its name, unless a reader would take that for something else.
    #[must_use]
    pub fn account(&self, address: Address) -> String {
        match self.name_of(address) {
            Some(name) if names::is_name(name) => name.to_owned(),
            _ => address.to_checksum(None),
        }
    }

    /// An amount of the asset as a file writes it.
    #[must_use]
    pub fn amount(&self, assets: u128) -> String {
        text::write_amount(assets, &self.symbol, u32::from(self.decimals))
    }

    /// An amount of a strategy's shares as a file writes it: whole ones if their decimals are known.
    #[must_use]
    pub fn shares(&self, strategy: Address, shares: u128) -> String {
        match self.share_decimals(strategy) {
            Some(decimals) => text::unscaled(shares, u32::from(decimals)),
            None => text::write_amount(shares, "units", 0),
        }
    }

    /// The decimals of a strategy's shares, if they are known.
    #[must_use]
    pub fn share_decimals(&self, address: Address) -> Option<u8> {
        self.names
            .values()
            .filter(|named| named.address == address)
            .find_map(|named| named.share_decimals)
    }
}

/// Where a key stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub policy: Policy,
    /// What its names and units mean: as they were known, and as the file says itself.
    pub context: Context,
    places: BTreeMap<String, Place>,
}

impl Document {
    /// Where a key stands, such as `limits.min_idle`; if the file leaves it out, the table around it.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Place {
        let mut around = key;
        loop {
            if let Some(place) = self.places.get(around) {
                return *place;
            }
            match around.rfind(['.', '[']) {
                Some(end) => around = &around[..end],
                None => return Place { line: 1, column: 1 },
            }
        }
    }
}

/// Why a file is no policy: where, what is wrong, what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {}{problem}; expected {expected}", key_prefix(key))]
pub struct PolicyError {
    /// The file as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, such as `limits.min_idle` or `strategies[1].cap`; empty if the file is no TOML.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What was expected.
    pub expected: String,
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

/// Reads a policy from the text of a file and validates it.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, file_name: &str, context: &Context) -> Result<Policy, PolicyError> {
    read(text, file_name, Some(context)).map(|document| document.policy)
}

/// Reads a file and validates the policy in it. Without a context the file has to say itself what its names and units mean.
///
/// # Errors
/// If the text is no TOML, if a key is unknown, missing or of the wrong form, if a name is not known or means something
/// else in the context, or if the guard would refuse the document (see [`validate`]; ceilings are not known here).
pub fn read(
    text: &str,
    file_name: &str,
    context: Option<&Context>,
) -> Result<Document, PolicyError> {
    let source = reader::Source::new(file_name, text);
    let (policy, context) = read::policy(&source, text, context)?;
    validate(&policy).map_err(|invalid| {
        let problem = text::Problem::new(invalid.problem, invalid.expected);
        source.error_at(&invalid.key, problem)
    })?;
    Ok(Document { policy, context, places: source.places() })
}

/// Writes a policy as a file that [`parse`] reads back to the same policy, given the same context and a document that
/// [`validate`] accepts.
#[must_use]
pub fn render(policy: &Policy, context: &Context) -> String {
    render::policy(policy, context, false)
}

/// As [`render`], with `[asset]` and `[names]`: [`read`] needs no context to read it back.
#[must_use]
pub fn render_alone(policy: &Policy, context: &Context) -> String {
    render::policy(policy, &render::writable(context), true)
}

/// Basis points as a number of percent, without the sign.
pub(crate) fn percent(bps: u16) -> String {
    text::unscaled(u128::from(bps), 2)
}

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
