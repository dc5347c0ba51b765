//! The configuration file: who signs, what is remembered, which chains and which vaults.
//!
//! Annotated in full at `examples/keeper.toml`. Everything is checked while it is read, with file, line and key in
//! the message, so that nothing wrong is found out later, when money is moving.

mod value;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::primitives::Address;
use serde::Deserialize;
use toml::Spanned;

pub use value::{Amount, Finality, Gwei, NativePriceSource};

use crate::exit::{Exit, Failure};
use vagus_chain::{EndpointUrl, WebsocketUrl};
use vagus_journal::Patience;

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
    /// Chains, in the order of the file.
    pub chains: Vec<ChainConfig>,
    /// Vaults, in the order of the file.
    pub vaults: Vec<VaultConfig>,
}

/// Address of the journal. It may hold a password, so it prints without what follows the scheme.
#[derive(Clone)]
pub struct JournalUrl(String);

impl JournalUrl {
    /// The whole address, for opening it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for JournalUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for JournalUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.split_once(':') {
            Some(("sqlite", _)) | None => f.write_str(&self.0),
            Some((scheme, rest)) => {
                let host = rest.rsplit('@').next().unwrap_or_default().trim_start_matches('/');
                write!(f, "{scheme}://{}", host.split(['/', '?']).next().unwrap_or_default())
            }
        }
    }
}

/// How long bodies of holds are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days of block time; none: for ever.
    pub keep_holds_days: Option<u32>,
}

impl Retention {
    /// In seconds of block time; none: for ever.
    #[must_use]
    pub fn keep_seconds(self) -> Option<u64> {
        self.keep_holds_days.map(|days| u64::from(days) * 86_400)
    }
}

/// How a keeper shares a journal with others. Without PostgreSQL it means nothing: a file has one keeper.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FleetConfig {
    /// Its name for people.
    pub name: String,
    /// Seconds of the database's clock after which others take over what a keeper holds that says nothing.
    #[serde(deserialize_with = "value::lease_seconds")]
    pub lease_seconds: u32,
}

impl FleetConfig {
    /// How long the journal waits for others under these leases: a session that stands still loses its locks well before
    /// its leases are over.
    #[must_use]
    pub fn patience(&self) -> Patience {
        let standing = Duration::from_secs(u64::from(self.lease_seconds) / 2);
        let usual = Patience::default();
        Patience { standing: usual.standing.min(standing), ..usual }
    }
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self { name: "keeper".to_owned(), lease_seconds: 30 }
    }
}

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

/// One chain.
#[derive(Clone, Debug)]
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
    /// What wakes the keeper between two questions; none: it polls alone.
    pub websocket: Option<WebsocketUrl>,
}

/// How a chain behaves.
#[derive(Clone, Debug, Deserialize)]
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
}

/// What is paid at most, per gas.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Cap for a rebalance.
    pub max_fee_gwei: Gwei,
    /// Tip.
    pub priority_fee_gwei: Gwei,
    /// Cap for a cancellation.
    pub cancel_max_fee_gwei: Gwei,
}

/// One vault.
#[derive(Clone, Debug)]
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
    /// Names for people, by strategy.
    pub strategies: BTreeMap<Address, String>,
}

/// What a rebalance costs in gas.
#[derive(Clone, Copy, Debug, Deserialize)]
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
struct RawConfig {
    agent: RawAgent,
    journal: Spanned<RawJournal>,
    #[serde(default)]
    fleet: FleetConfig,
    chains: Vec<RawChain>,
    vaults: Vec<RawVault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgent {
    #[serde(deserialize_with = "value::address")]
    address: Address,
    keystore: PathBuf,
    password_file: Option<PathBuf>,
    password_env: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJournal {
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
    #[serde(default = "value::default_keep_holds_days")]
    keep_holds_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    name: Spanned<String>,
    chain_id: u64,
    profile: Profile,
    fees: Fees,
    endpoints: Vec<Spanned<RawSource>>,
    quorum: Option<Spanned<usize>>,
    websocket: Option<Spanned<RawSource>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVault {
    name: Spanned<String>,
    chain: Spanned<String>,
    deployment: PathBuf,
    #[serde(default, deserialize_with = "value::optional_address")]
    vault: Option<Address>,
    #[serde(default = "value::default_headroom_bps", deserialize_with = "value::bps_below_whole")]
    headroom_bps: u16,
    smallest_move: Amount,
    native_price: NativePriceSource,
    gas: Gas,
    #[serde(default, deserialize_with = "value::names")]
    strategies: BTreeMap<Address, String>,
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

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    folder: &'a Path,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn fail(&self, at: Option<usize>, what: &str) -> Failure {
        let place = at.map(|at| value::locate(self.text, at)).unwrap_or_default();
        let what = what.trim_end_matches('.').replace('\n', ", ");
        Failure::new(Exit::Config, format_args!("{}{place}: {what}.", self.path.display()))
    }

    fn path(&self, path: PathBuf) -> PathBuf {
        self.folder.join(path)
    }

    fn check(&self, raw: RawConfig) -> Result<Config, Failure> {
        // Zero is for ever: a limit that was meant to be none must not drop everything.
        let days = raw.journal.get_ref().keep_holds_days;
        let retention = Retention { keep_holds_days: (days > 0).then_some(days) };
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
        Ok(Config { agent, journal, retention, fleet, chains, vaults })
    }

    fn agent(&self, raw: RawAgent) -> Result<AgentConfig, Failure> {
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

    fn journal(&self, raw: Spanned<RawJournal>) -> Result<JournalUrl, Failure> {
        let span = raw.span();
        let at = span.start;
        let RawJournal { url, url_file, url_env, .. } = raw.into_inner();
        let url = self.source(Spanned::new(span, RawSource { url, url_file, url_env }))?;
        match url.split_once(':') {
            Some(("sqlite", file)) => {
                let file = file.strip_prefix("//").unwrap_or(file);
                if file.is_empty() {
                    return Err(self.fail(Some(at), "expected the name of a file after sqlite:"));
                }
                let file = self.path(PathBuf::from(file));
                Ok(JournalUrl(format!("sqlite:{}", file.display())))
            }
            Some(("postgres" | "postgresql", _)) => Ok(JournalUrl(url)),
            _ => Err(self
                .fail(Some(at), "expected the journal's url to start with sqlite: or postgres://")),
        }
    }

    fn source(&self, raw: Spanned<RawSource>) -> Result<String, Failure> {
        let at = Some(raw.span().start);
        match raw.into_inner() {
            RawSource { url: Some(url), url_file: None, url_env: None } => Ok(url),
            RawSource { url: None, url_file: Some(file), url_env: None } => {
                let file = self.path(file);
                let text = fs::read_to_string(&file).map_err(|error| {
                    self.fail(at, &format!("url_file {}: {error}", file.display()))
                })?;
                Ok(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            RawSource { url: None, url_file: None, url_env: Some(name) } => (self.variable)(&name)
                .ok_or_else(|| {
                    self.fail(at, &format!("the environment variable {name} (url_env) is not set"))
                }),
            _ => Err(self.fail(at, "expected exactly one of url, url_file and url_env")),
        }
    }

    fn chain(&self, raw: RawChain) -> Result<ChainConfig, Failure> {
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
            websocket,
        })
    }

    fn vault(&self, raw: RawVault, chains: &[ChainConfig]) -> Result<VaultConfig, Failure> {
        let at = raw.chain.span().start;
        let chain = raw.chain.into_inner();
        let Some(chain) = chains.iter().position(|known| known.name == chain) else {
            let known: Vec<_> = chains.iter().map(|known| known.name.as_str()).collect();
            return Err(self.fail(
                Some(at),
                &format!("no [[chains]] is named {chain:?}; expected one of {}", known.join(", ")),
            ));
        };
        Ok(VaultConfig {
            name: raw.name.into_inner(),
            chain,
            deployment: self.path(raw.deployment),
            vault: raw.vault,
            headroom_bps: raw.headroom_bps,
            smallest_move: raw.smallest_move,
            native_price: raw.native_price,
            gas: raw.gas,
            strategies: raw.strategies,
        })
    }
}

#[cfg(test)]
mod tests;
