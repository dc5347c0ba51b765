//! What is declared: the deployment's record, the policy file, the build's code, and code of strategies that are not of this
//! build.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy::primitives::{Address, B256};
use serde::Deserialize;
use vagus_chain::{
    BlockAt, ChainReader as _, Deployment, EndpointUrl, Endpoints, Header, HttpChain, Tag,
    VaultDeployment,
};
use vagus_policy::{
    Policy,
    toml::{Context, read},
};

use super::{code::CodeList, interfaces::Token, read::ask};
use crate::{
    cli::Verifying,
    config::Config,
    exit::{Exit, Failure},
    world::{chain_failure, connect},
};

/// Longest wait for one answer of an endpoint that is named on the command line.
const PATIENCE: Duration = Duration::from_secs(60);

/// Code of a strategy that is not of this build, as somebody has looked at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pin {
    /// The strategy.
    pub strategy: Address,
    /// Keccak-256 of its runtime code.
    pub code_hash: B256,
    /// For an upgradable proxy, where its code is.
    pub implementation: Option<Address>,
    /// And the keccak-256 of that code.
    pub implementation_code_hash: Option<B256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pins {
    schema: u32,
    strategies: Vec<Pin>,
}

/// One vault that is declared.
#[derive(Clone, Debug)]
pub struct DeclaredVault {
    /// What people call it.
    pub name: String,
    /// Its part of the record.
    pub entry: VaultDeployment,
    /// The policy that is to be in force; none if only its hash is known, from the record.
    pub policy: Option<Policy>,
    /// What names and units mean.
    pub context: Context,
}

/// Everything that is declared.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The record.
    pub deployment: Deployment,
    /// The vaults that are looked at.
    pub vaults: Vec<DeclaredVault>,
    /// The build's code.
    pub code: CodeList,
    /// Code of other strategies.
    pub pins: Vec<Pin>,
}

/// A chain at a block, to which every question is put.
#[derive(Debug)]
pub(super) struct Pinned {
    /// Where.
    pub(super) endpoints: Endpoints,
    /// At which block.
    pub(super) head: Header,
    /// Hash of block 0.
    pub(super) genesis: Option<B256>,
    /// The chain's id.
    pub(super) chain_id: u64,
}

/// Reads the declared files, and opens the chain at its newest block.
///
/// # Errors
/// If a file cannot be read, or no endpoint answers.
pub(super) async fn gather(wanted: &Verifying) -> Result<Vec<(Declared, Pinned)>, Failure> {
    let mut gathered = Vec::new();
    for places in Places::of(wanted)? {
        gathered.push(at(places, wanted).await?);
    }
    Ok(gathered)
}

async fn at(places: Places, wanted: &Verifying) -> Result<(Declared, Pinned), Failure> {
    let deployment =
        Deployment::load(&places.record).map_err(|error| Failure::new(Exit::Deployment, error))?;
    let code = match &wanted.code {
        Some(path) => CodeList::load(path),
        None => CodeList::of_this_release(),
    };
    let code = code.map_err(|cause| Failure::new(Exit::Usage, format_args!("{cause}.")))?;
    let pins = pins(wanted.strategies.as_deref(), &places.record)?;
    let chain = open(places.endpoints).await?;

    let chosen: Vec<&VaultDeployment> = match places.vault {
        None if places.policy.is_none() => deployment.vaults.iter().collect(),
        vault => vec![
            deployment
                .vault(&places.record, vault)
                .map_err(|error| Failure::new(Exit::Deployment, error))?,
        ],
    };
    let mut vaults = Vec::new();
    for entry in chosen {
        let name = places.name.clone().unwrap_or_else(|| entry.vault.to_string());
        let mut context = context(&chain, entry, &places.names).await?;
        let mut policy = None;
        if let Some(file) = &places.policy {
            let document = document(file, &context)?;
            (policy, context) = (Some(document.policy), document.context);
        }
        vaults.push(DeclaredVault { name, entry: entry.clone(), policy, context });
    }
    Ok((Declared { deployment, vaults, code, pins }, chain))
}

/// Where everything is: by a configuration, or by the command line alone.
struct Places {
    record: PathBuf,
    policy: Option<PathBuf>,
    endpoints: Endpoints,
    vault: Option<Address>,
    name: Option<String>,
    names: BTreeMap<Address, String>,
}

impl Places {
    /// By a configuration one for each vault that is meant, of whatever chain.
    fn of(wanted: &Verifying) -> Result<Vec<Self>, Failure> {
        if let Some(config) = &wanted.config {
            return Self::of_config(config, wanted);
        }
        let (Some(record), Some(url)) = (wanted.record.clone(), wanted.rpc.as_ref()) else {
            return Err(Failure::new(Exit::Usage, "expected --config, or --record with --rpc."));
        };
        let url = EndpointUrl::parse(url)
            .map_err(|error| Failure::new(Exit::Usage, format_args!("--rpc: {error}.")))?;
        let http = HttpChain::new(url, PATIENCE).map_err(|error| chain_failure(&error))?;
        let vault = wanted.vault.as_deref().map(|text| {
            text.parse().map_err(|_| {
                let expected = "with --record expected the address of a vault";
                Failure::new(Exit::Usage, format_args!("--vault {text}: {expected}."))
            })
        });
        Ok(vec![Self {
            record,
            policy: wanted.file.clone(),
            endpoints: Endpoints::new(vec![Arc::new(http)]),
            vault: vault.transpose()?,
            name: None,
            names: BTreeMap::new(),
        }])
    }

    fn of_config(path: &Path, wanted: &Verifying) -> Result<Vec<Self>, Failure> {
        let config = Config::load(path)?;
        let chosen = config.select(wanted.vault.as_deref())?;
        if chosen.len() > 1 && wanted.file.is_some() {
            let known: Vec<_> = chosen.iter().map(|vault| vault.name.as_str()).collect();
            let known = known.join(", ");
            let sentence =
                format!("a policy file is one vault's: expected --vault, one of {known}.");
            return Err(Failure::new(Exit::Usage, sentence));
        }
        let places = chosen.into_iter().map(|vault| {
            let deployment = Deployment::load(&vault.deployment)
                .map_err(|error| Failure::new(Exit::Deployment, error))?;
            let entry = deployment
                .vault(&vault.deployment, vault.vault)
                .map_err(|error| Failure::new(Exit::Deployment, error))?;
            let mut names = vault.strategies.clone();
            names.entry(config.agent.address).or_insert_with(|| "keeper".to_owned());
            Ok(Self {
                record: vault.deployment.clone(),
                policy: wanted.file.clone().or_else(|| vault.policy.clone()),
                endpoints: connect(&config.chains[vault.chain])?,
                vault: Some(entry.vault),
                name: Some(vault.name.clone()),
                names,
            })
        });
        places.collect()
    }
}

async fn open(endpoints: Endpoints) -> Result<Pinned, Failure> {
    let failed = |error| chain_failure(&error);
    let head = endpoints.head(Tag::Latest).await.map_err(failed)?;
    let chain_id = endpoints.chain_id().await.map_err(failed)?;
    let first = endpoints.header(BlockAt::Number(0)).await.map_err(failed)?;
    let genesis = first.map(|header| header.block.hash);
    Ok(Pinned { endpoints, head, genesis, chain_id })
}

/// What a file about this vault may leave unsaid: symbol and decimals of its asset, and the configuration's names.
async fn context(
    chain: &Pinned,
    entry: &VaultDeployment,
    names: &BTreeMap<Address, String>,
) -> Result<Context, Failure> {
    let symbol = ask(chain, entry.asset, Token::symbolCall {}).await?;
    let decimals = ask(chain, entry.asset, Token::decimalsCall {}).await?;
    let mut context =
        Context::new(symbol.unwrap_or_else(|| "units".to_owned()), decimals.unwrap_or(0));
    for (address, name) in names {
        context = match ask(chain, *address, Token::decimalsCall {}).await? {
            Some(decimals) => context.with_strategy(name, *address, decimals),
            None => context.with_account(name, *address),
        };
    }
    Ok(context)
}

fn document(file: &Path, context: &Context) -> Result<vagus_policy::toml::Document, Failure> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::new(Exit::Usage, format_args!("{name}: the policy cannot be read: {error}."))
    })?;
    read(&text, &name, Some(context))
        .map_err(|error| Failure::new(Exit::Usage, format_args!("{error}.")))
}

/// The pins of a file, or of the one that lies beside the record; there need be none.
fn pins(named: Option<&Path>, record: &Path) -> Result<Vec<Pin>, Failure> {
    let beside = record.with_extension("strategies.json");
    let path = match named {
        Some(path) => path,
        None if beside.exists() => &beside,
        None => return Ok(Vec::new()),
    };
    let place = path.display();
    let failed = |cause: String| Failure::new(Exit::Usage, format_args!("{place}: {cause}."));
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let pins: Pins = serde_json::from_str(&text)
        .map_err(|error| failed(format!("expected code hashes of strategies: {error}")))?;
    if pins.schema != 1 {
        return Err(failed(format!("schema {} is not understood; expected 1", pins.schema)));
    }
    Ok(pins.strategies)
}
