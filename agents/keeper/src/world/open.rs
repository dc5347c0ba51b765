//! From a configuration to worlds: reads the deployment files, connects, and proves what they say on the chain.

use std::sync::Arc;

use vagus_chain::{
    Chain, ChainReader as _, Deployment, DeploymentError, Endpoints, HttpChain, Tag,
};

use super::{ChainWorld, VaultWorld, chain_failure};
use crate::{
    config::{ChainConfig, Config, VaultConfig},
    exit::{Exit, Failure},
};

fn deployment_failure(error: DeploymentError) -> Failure {
    match error {
        DeploymentError::Chain(error) => chain_failure(&error),
        other => Failure::new(Exit::Deployment, other),
    }
}

/// The endpoints of a chain. Nothing is asked yet.
///
/// # Errors
/// If an HTTP client cannot be made.
pub fn connect(chain: &ChainConfig) -> Result<Endpoints, Failure> {
    let mut list: Vec<Arc<dyn Chain>> = Vec::new();
    for url in &chain.endpoints {
        let http = HttpChain::new(url.clone(), chain.profile.timeout());
        let http = http.map_err(|error| chain_failure(&error))?;
        list.push(Arc::new(http.with_lens_gas(chain.profile.lens_gas)));
    }
    let private = match &chain.private {
        None => None,
        Some(private) => {
            let http = HttpChain::new(private.endpoint.clone(), chain.profile.timeout());
            Some(Arc::new(http.map_err(|error| chain_failure(&error))?) as Arc<dyn Chain>)
        }
    };
    Ok(Endpoints::new(list)
        .with_private(private)
        .with_quorum(chain.quorum)
        .with_stale_after(chain.profile.stale_after()))
}

/// A chain of the configuration, and why it could not be proven if no endpoint of it answered.
#[derive(Debug)]
pub struct Looked {
    /// The chain; proven or not.
    pub world: ChainWorld,
    /// None if it is proven.
    pub unreached: Option<Failure>,
}

/// Connects to the chains of the chosen vaults, in the order of the configuration, and proves their deployments. Sends
/// nothing. A chain of which no endpoint answers can be proven later, as long as another one answers now.
///
/// # Errors
/// If a deployment file, a chain or a contract is not what it should be, or no chain answers at all.
pub async fn look(config: &Config, vault: Option<&str>) -> Result<Vec<Looked>, Failure> {
    let mut looked = Vec::new();
    for (place, chain) in config.chains.iter().enumerate() {
        let chosen: Vec<_> =
            config.select(vault)?.into_iter().filter(|vault| vault.chain == place).collect();
        if chosen.is_empty() {
            continue;
        }
        let mut world = ChainWorld::of(config, chain, connect(chain)?, &chosen)?;
        let unreached = match world.prove().await {
            Ok(()) => None,
            Err(failure) if failure.exit == Exit::Unreachable => Some(failure),
            Err(failure) => return Err(failure),
        };
        looked.push(Looked { world, unreached });
    }
    if looked.iter().any(|one| one.unreached.is_none()) {
        return Ok(looked);
    }
    looked.into_iter().find_map(|one| one.unreached).map_or_else(|| Ok(Vec::new()), Err)
}

/// The chains that answer, and why the others do not.
#[derive(Debug)]
pub struct Reached {
    /// Those that answer, in the order of the configuration.
    pub worlds: Vec<ChainWorld>,
    /// One sentence for each that does not.
    pub unreached: Vec<Failure>,
}

/// As [`look`], for those who show what can be seen now.
///
/// # Errors
/// As [`look`].
pub async fn reach(config: &Config, vault: Option<&str>) -> Result<Reached, Failure> {
    let mut reached = Reached { worlds: Vec::new(), unreached: Vec::new() };
    for Looked { world, unreached } in look(config, vault).await? {
        match unreached {
            None => reached.worlds.push(world),
            Some(failure) => reached.unreached.push(failure),
        }
    }
    Ok(reached)
}

/// As [`look`], for those who need all chains.
///
/// # Errors
/// As [`look`], and if any chain does not answer.
pub async fn open(config: &Config, vault: Option<&str>) -> Result<Vec<ChainWorld>, Failure> {
    let Reached { worlds, unreached } = reach(config, vault).await?;
    unreached.into_iter().next().map_or(Ok(worlds), Err)
}

impl ChainWorld {
    /// A chain with vaults, by their deployment files; not proven yet.
    ///
    /// # Errors
    /// If a file is not what it should be, or two vaults are the same one.
    pub fn of(
        config: &Config,
        chain: &ChainConfig,
        endpoints: Endpoints,
        chosen: &[&VaultConfig],
    ) -> Result<Self, Failure> {
        let mut vaults: Vec<VaultWorld> = Vec::new();
        for vault in chosen {
            let deployment = Deployment::load(&vault.deployment).map_err(deployment_failure)?;
            let entry =
                deployment.vault(&vault.deployment, vault.vault).map_err(deployment_failure)?;
            let entry = entry.clone();
            if let Some(other) = vaults.iter().find(|other| other.entry.vault == entry.vault) {
                return Err(Failure::new(
                    Exit::Config,
                    format_args!(
                        "The vaults {} and {} of the configuration are the same one, {}.",
                        other.config.name, vault.name, entry.vault
                    ),
                ));
            }
            let config = (*vault).clone();
            vaults.push(VaultWorld { config, deployment: Arc::new(deployment), entry });
        }
        vaults.sort_by_key(|vault| vault.entry.vault);
        let signers = config.agent.contract.as_ref().map_or(0, |contract| contract.signers.len());
        Ok(Self {
            config: chain.clone(),
            endpoints,
            agent: config.agent.address,
            account: config.agent.account.address,
            word_bytes: 65 * signers,
            vaults,
            is_proven: false,
        })
    }

    /// Proves the deployments on the chain's newest block, unless they are.
    ///
    /// # Errors
    /// If the chain or a contract is another one, or no endpoint answers.
    pub async fn prove(&mut self) -> Result<(), Failure> {
        if self.is_proven {
            return Ok(());
        }
        let head = self.endpoints.head(Tag::Latest).await.map_err(|error| chain_failure(&error))?;
        for VaultWorld { config, deployment, entry } in &self.vaults {
            deployment
                .prove(&config.deployment, entry, self.config.chain_id, &self.endpoints, &head)
                .await
                .map_err(deployment_failure)?;
        }
        self.is_proven = true;
        Ok(())
    }

    /// Demands that the agent is one that a policy named: one that none ever did has nothing to keep, and is most likely a
    /// wrong address. Wrong amounts in the configuration are found here too, before anything is sent.
    ///
    /// # Errors
    /// Whose agent it is not, which amount is wrong, and those of the chain.
    pub async fn refuse_strangers(&self) -> Result<(), Failure> {
        let head = self.endpoints.head(Tag::Latest).await.map_err(|error| chain_failure(&error))?;
        let sightings = self.sightings(&head).await.map_err(|error| chain_failure(&error))?;
        for (vault, sighting) in self.vaults.iter().zip(&sightings) {
            // One that cannot be read is held.
            let Ok(snapshot) = sighting else { continue };
            self.inputs(vault, snapshot)?;
            let state = &snapshot.vault;
            let is_stranger =
                !state.agent.exists && !state.agent.is_revoked && state.agent.nonce == 0;
            if state.guard_state.policy_version > 0 && is_stranger {
                return Err(Failure::new(
                    Exit::NoMandate,
                    format_args!(
                        "Vault {}: the policy in force (version {}) names no agent {}; expected an account that \
                         governance gave a mandate to.",
                        vault.config.name, state.guard_state.policy_version, self.agent
                    ),
                ));
            }
        }
        Ok(())
    }
}

impl VaultWorld {
    /// Name of the treasury in the deployment file.
    #[must_use]
    pub fn treasury(&self) -> &str {
        &self.deployment.treasury
    }
}
