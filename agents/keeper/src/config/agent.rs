//! `[agent]`: the account that acts, and its key.

use std::path::PathBuf;

use alloy::primitives::Address;
use serde::Deserialize;
use toml::Spanned;

use super::{Reader, value};
use crate::exit::Failure;

/// The account that acts.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Its address.
    pub address: Address,
    /// Its encrypted key.
    pub keystore: PathBuf,
    /// Where the keystore's password comes from.
    pub password: PasswordSource,
}

/// Where the keystore's password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// First line of a file.
    File(PathBuf),
    /// Environment variable.
    Variable(String),
    /// Asked at the terminal.
    Prompt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAgent {
    #[serde(deserialize_with = "value::address")]
    address: Address,
    keystore: PathBuf,
    password_file: Option<PathBuf>,
    password_env: Option<Spanned<String>>,
}

impl Reader<'_> {
    pub(super) fn agent(&self, raw: RawAgent) -> Result<AgentConfig, Failure> {
        let password = match (raw.password_file, raw.password_env) {
            (Some(file), None) => PasswordSource::File(self.path(file)),
            (None, Some(name)) => PasswordSource::Variable(name.into_inner()),
            (None, None) => PasswordSource::Prompt,
            (Some(_), Some(name)) => {
                return Err(self.fail(
                    Some(name.span().start),
                    "expected at most one of password_file and password_env",
                ));
            }
        };
        Ok(AgentConfig { address: raw.address, keystore: self.path(raw.keystore), password })
    }
}
