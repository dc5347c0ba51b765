//! The configuration file: who signs, what is remembered, which chains and which vaults.
//!
//! Annotated in full at `examples/keeper.toml`. Everything is checked while it is read, with file, line and key in
//! the message, so that nothing wrong is found out later, when money is moving. One module for each section.

mod agent;
mod alerts;
mod chain;
mod fleet;
mod http;
mod journal;
mod key;
mod rate;
mod reader;
mod source;
mod traces;
mod value;
mod vault;

use std::{fs, path::Path};

use serde::Deserialize;
use toml::Spanned;

pub use agent::{AgentConfig, ContractConfig};
pub use alerts::{AlertsConfig, ChannelConfig, ChannelKind, Secret};
pub use chain::{ChainConfig, FeeModel, Fees, PrivateConfig, Profile};
pub use fleet::FleetConfig;
pub use http::HttpConfig;
pub use journal::{JournalUrl, Retention};
pub use key::{AwsKms, GcpKms, KeyConfig, KeySource, PasswordSource, RawKeySource};
pub use rate::{RateConfig, Windows};
pub use traces::TracesConfig;
pub use value::{Amount, Finality, Gwei, Native, NativePriceSource};
pub use vault::{Gas, UpkeepConfig, VaultConfig};

use crate::exit::{Exit, Failure};
use reader::Reader;

/// A configuration that was read and found sound.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who signs.
    pub agent: AgentConfig,
    /// Address of the journal, as the journal crate takes it.
    pub journal: JournalUrl,
    /// How holds are kept.
    pub retention: Retention,
    /// How it shares its journal with other keepers.
    pub fleet: FleetConfig,
    /// Where it is looked at; none: nowhere.
    pub http: Option<HttpConfig>,
    /// Whom it tells.
    pub alerts: AlertsConfig,
    /// Where its steps are told to; none: nowhere.
    pub traces: Option<TracesConfig>,
    /// Chains, in the order of the file.
    pub chains: Vec<ChainConfig>,
    /// Vaults, in the order of the file.
    pub vaults: Vec<VaultConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    agent: Spanned<key::RawKey>,
    journal: Spanned<journal::RawJournal>,
    #[serde(default)]
    fleet: FleetConfig,
    http: Option<HttpConfig>,
    alerts: Option<alerts::RawAlerts>,
    traces: Option<Spanned<traces::RawTraces>>,
    chains: Vec<chain::RawChain>,
    vaults: Vec<vault::RawVault>,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// One sentence with file, line, column, key and what was expected there.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Exit::Config,
                format_args!("{}: the configuration cannot be read: {error}.", path.display()),
            )
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Self::parse(&text, path, &folder, &|name| std::env::var(name).ok())
    }

    /// Checks the text of a configuration; `path` is what messages call it, relative paths start at `folder`,
    /// `variable` looks up the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        text: &str,
        path: &Path,
        folder: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let reader = Reader { text, path, folder, variable };
        let raw: RawConfig = toml::from_str(text)
            .map_err(|error| reader.fail(error.span().map(|span| span.start), error.message()))?;
        reader.check(raw)
    }

    /// The vaults to work on: all, or the one of a name.
    ///
    /// # Errors
    /// If no vault has the name.
    pub fn select(&self, name: Option<&str>) -> Result<Vec<&VaultConfig>, Failure> {
        let chosen: Vec<_> =
            self.vaults.iter().filter(|vault| name.is_none_or(|name| vault.name == name)).collect();
        if chosen.is_empty() {
            let known: Vec<_> = self.vaults.iter().map(|vault| vault.name.as_str()).collect();
            return Err(Failure::new(
                Exit::Usage,
                format_args!(
                    "--vault {}: the configuration names no such vault; it names {}.",
                    name.unwrap_or_default(),
                    known.join(", ")
                ),
            ));
        }
        Ok(chosen)
    }
}

impl Reader<'_> {
    fn check(&self, raw: RawConfig) -> Result<Config, Failure> {
        let retention = raw.journal.get_ref().retention();
        let journal = self.journal(raw.journal)?;
        let agent = self.agent(raw.agent)?;
        let mut chains: Vec<ChainConfig> = Vec::new();
        for chain in raw.chains {
            let at = Some(chain.name.span().start);
            let chain = self.chain(chain)?;
            if chains.iter().any(|other| other.name == chain.name) {
                return Err(self.fail(at, &format!("the chain {:?} is there twice", chain.name)));
            }
            chains.push(chain);
        }
        if chains.is_empty() {
            return Err(self.fail(None, "expected at least one [[chains]]"));
        }
        let mut vaults: Vec<VaultConfig> = Vec::new();
        for vault in raw.vaults {
            let at = Some(vault.name.span().start);
            let vault = self.vault(vault, &chains)?;
            if vaults.iter().any(|other| other.name == vault.name) {
                return Err(self.fail(at, &format!("the vault {:?} is there twice", vault.name)));
            }
            vaults.push(vault);
        }
        if vaults.is_empty() {
            return Err(self.fail(None, "expected at least one [[vaults]]"));
        }
        let fleet = raw.fleet;
        let alerts = raw.alerts.map(|alerts| self.alerts(alerts)).transpose()?.unwrap_or_default();
        let traces = raw.traces.map(|traces| self.traces(traces)).transpose()?;
        let http = raw.http;
        Ok(Config { agent, journal, retention, fleet, http, alerts, traces, chains, vaults })
    }
}

#[cfg(test)]
mod tests;
