//! `[agent]`: the account that acts, and its key.

use std::{path::PathBuf, time::Duration};

use alloy::primitives::Address;
use serde::Deserialize;
use toml::Spanned;

use super::{Reader, value};
use crate::exit::Failure;

/// The account that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// Its address.
    pub address: Address,
    /// Its encrypted key.
    pub keystore: PathBuf,
    /// Where the keystore's password comes from.
    pub password: PasswordSource,
    /// Longest wait for one signature.
    pub sign_timeout: Duration,
}

/// Where the keystore's password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// First line of a file.
    File(PathBuf),
    /// Environment variable.
    Variable(String),
    /// First line of an open file descriptor.
    Descriptor(u32),
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
    password_fd: Option<Spanned<u32>>,
    #[serde(default = "value::default_sign_timeout_ms", deserialize_with = "value::above_zero")]
    sign_timeout_ms: u32,
}

impl Reader<'_> {
    pub(super) fn agent(&self, raw: RawAgent) -> Result<AgentConfig, Failure> {
        let mut sources = Vec::new();
        if let Some(file) = raw.password_file {
            sources.push((None, PasswordSource::File(self.path(file))));
        }
        if let Some(name) = raw.password_env {
            sources.push((Some(name.span().start), PasswordSource::Variable(name.into_inner())));
        }
        if let Some(number) = raw.password_fd {
            let at = Some(number.span().start);
            sources.push((at, PasswordSource::Descriptor(number.into_inner())));
        }
        let password = match sources.len() {
            0 => PasswordSource::Prompt,
            1 => sources.remove(0).1,
            _ => {
                let at = sources.iter().rev().find_map(|(at, _)| *at);
                let what = "expected at most one of password_file, password_env and password_fd";
                return Err(self.fail(at, what));
            }
        };
        let sign_timeout = Duration::from_millis(raw.sign_timeout_ms.into());
        let keystore = self.path(raw.keystore);
        Ok(AgentConfig { address: raw.address, keystore, password, sign_timeout })
    }
}
