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
//! decimals mean. `examples/demo.toml` of this crate shows every key that has to be there.

mod read;
mod reader;
mod render;
mod text;

use std::collections::BTreeMap;

use alloy_primitives::Address;

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

    fn share_decimals(&self, address: Address) -> Option<u8> {
        self.names
            .values()
            .filter(|named| named.address == address)
            .find_map(|named| named.share_decimals)
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
/// If the text is no TOML, if a key is unknown, missing or of the wrong form, if a name is not known, or if the guard
/// would refuse the document (see [`validate`]; ceilings are not known here).
pub fn parse(text: &str, file_name: &str, context: &Context) -> Result<Policy, PolicyError> {
    let source = reader::Source::new(file_name, text);
    let policy = read::policy(&source, text, context)?;
    validate(&policy).map_err(|invalid| {
        let problem = text::Problem::new(invalid.problem, invalid.expected);
        source.error_at(&invalid.key, problem)
    })?;
    Ok(policy)
}

/// Writes a policy as a file that [`parse`] reads back to the same policy, given the same context and a document that
/// [`validate`] accepts, whose groups have names in UTF-8.
#[must_use]
pub fn render(policy: &Policy, context: &Context) -> String {
    render::policy(policy, context)
}

/// Basis points as a number of percent, without the sign.
pub(crate) fn percent(bps: u16) -> String {
    text::unscaled(u128::from(bps), 2)
}

#[cfg(test)]
mod tests;
