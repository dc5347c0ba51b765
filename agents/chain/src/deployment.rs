//! The deployment file that the deployment script writes, and the refusal of any other chain, schema or code.

mod owner;

use std::path::Path;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use vagus_policy::Ceilings;

use crate::{BlockAt, ChainError, ChainReader, Header, Query, lens::LENS_VERSION};

pub use owner::{
    GovernorDeployment, OwnerDeployment, OwnerKind, SafeDeployment, TimelockDeployment,
};

/// Version of the file that the deployment script writes; the one before it is read too.
pub const DEPLOYMENT_SCHEMA_VERSION: u64 = 2;
/// Oldest version that is read: it does not say who may act through the owner.
const OLDEST_SCHEMA_VERSION: u64 = 1;

/// What was deployed, on which chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// [`DEPLOYMENT_SCHEMA_VERSION`], or the one before.
    pub schema_version: u64,
    /// Name of the treasury.
    pub treasury: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Hash of the chain's block 0.
    pub genesis_hash: B256,
    /// First block of the deployment.
    pub deploy_block: u64,
    /// Account that sent the last transactions of the deployment, and has no power.
    pub deployer: Address,
    /// Owner of every guard; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerDeployment>,
    /// At least one.
    pub vaults: Vec<VaultDeployment>,
}

/// One vault with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VaultDeployment {
    /// ERC-20 that the vault holds.
    pub asset: Address,
    /// The vault.
    pub vault: Address,
    /// Second half of its code; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_periphery: Option<Address>,
    /// Holder of its allowances.
    pub conduit: Address,
    /// Its guard.
    pub guard: Address,
    /// Second part of the guard's code; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_governance: Option<Address>,
    /// Third part of it; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_rules: Option<Address>,
    /// Its guardian as it is meant to be; zero if there is to be none.
    pub guardian: Address,
    /// Factory that made it.
    pub factory: Address,
    /// Governor, if the owner is a Governor's timelock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<Address>,
    /// Timelock, if that is the owner of the guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timelock: Option<Address>,
    /// Votes token, if the owner is a Governor's timelock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<Address>,
    /// Lens that reads it.
    pub lens: Address,
    /// Version of the lens's answer.
    pub lens_version: u32,
    /// What no vote lifts.
    pub ceilings: Ceilings,
    /// Keccak-256 of runtime code.
    pub code_hashes: CodeHashes,
    /// Hash of the policy in force at deployment, zero at birth.
    pub policy_hash: B256,
}

/// Keccak-256 of the runtime code of each contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeHashes {
    /// The vault's.
    pub vault: B256,
    /// That of its second half; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_periphery: Option<B256>,
    /// The conduit's.
    pub conduit: B256,
    /// The guard's.
    pub guard: B256,
    /// That of its second part; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_governance: Option<B256>,
    /// That of its third part; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_rules: Option<B256>,
    /// The factory's; none in a file of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factory: Option<B256>,
    /// The lens's.
    pub lens: B256,
}

/// Why a deployment is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeploymentError {
    /// The file cannot be read, or is no deployment file.
    #[error("{file}: {cause}.")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        cause: String,
    },
    /// The file is of another version.
    #[error(
        "{file}: schemaVersion {found} is not understood; expected {DEPLOYMENT_SCHEMA_VERSION}."
    )]
    Schema {
        /// The file.
        file: String,
        /// Its version.
        found: u64,
    },
    /// The file holds no such vault, or several and none was named.
    #[error("{file}: {cause}; it holds {known}.")]
    NoSuchVault {
        /// The file.
        file: String,
        /// What was asked.
        cause: String,
        /// Its vaults.
        known: String,
    },
    /// File, configuration and endpoint do not speak of one chain.
    #[error("{file} is of chain {expected}, but {who} {found}.")]
    OtherChain {
        /// The file.
        file: String,
        /// Chain of the file.
        expected: u64,
        /// Who says otherwise, with a verb.
        who: String,
        /// What it says.
        found: u64,
    },
    /// Same chain id, other chain: a test chain that was started anew, or a fork.
    #[error(
        "{file} is of the chain with genesis {expected}, but {endpoint} serves the one with genesis {found}: another \
         chain with the same id, perhaps one that was started anew."
    )]
    OtherGenesis {
        /// The file.
        file: String,
        /// Genesis of the file.
        expected: B256,
        /// Who was asked.
        endpoint: String,
        /// Its genesis.
        found: String,
    },
    /// The code at an address is not the one that was deployed.
    #[error(
        "{file}: the {contract} at {address} has code {found}, expected {expected}: it is another contract."
    )]
    OtherCode {
        /// The file.
        file: String,
        /// Which contract.
        contract: &'static str,
        /// Its address.
        address: Address,
        /// Code hash of the file.
        expected: B256,
        /// Code hash on the chain.
        found: B256,
    },
    /// The contracts do not belong together as the file says.
    #[error("{file}: the {what} of vault {vault} is {found}, expected {expected}.")]
    OtherPart {
        /// The file.
        file: String,
        /// Which part.
        what: &'static str,
        /// The vault.
        vault: Address,
        /// What the file says.
        expected: Address,
        /// What the chain says.
        found: Address,
    },
    /// The chain cannot be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    schema_version: u64,
}

impl Deployment {
    /// Reads a file. Another schema version is refused before the rest is looked at.
    ///
    /// # Errors
    /// One sentence with the file's name.
    pub fn load(path: &Path) -> Result<Self, DeploymentError> {
        let file = path.display().to_string();
        let unreadable = |cause: String| DeploymentError::Unreadable { file: file.clone(), cause };
        let text = std::fs::read_to_string(path)
            .map_err(|error| unreadable(format!("the deployment file cannot be read: {error}")))?;
        let unfit = |error: serde_json::Error| {
            unreadable(format!(
                "expected a deployment file of schema {DEPLOYMENT_SCHEMA_VERSION}: {error}"
            ))
        };
        let version: Version = serde_json::from_str(&text).map_err(unfit)?;
        let understood = OLDEST_SCHEMA_VERSION..=DEPLOYMENT_SCHEMA_VERSION;
        if !understood.contains(&version.schema_version) {
            return Err(DeploymentError::Schema { file, found: version.schema_version });
        }
        serde_json::from_str(&text).map_err(unfit)
    }

    /// The vault of an address, or the only one.
    ///
    /// # Errors
    /// If there is no such vault, or several and none is named.
    pub fn vault(
        &self,
        path: &Path,
        address: Option<Address>,
    ) -> Result<&VaultDeployment, DeploymentError> {
        let refused = |cause: String| DeploymentError::NoSuchVault {
            file: path.display().to_string(),
            cause,
            known: match self.vaults.as_slice() {
                [] => "no vault".to_owned(),
                vaults => vaults.iter().map(|v| v.vault.to_string()).collect::<Vec<_>>().join(", "),
            },
        };
        match (address, self.vaults.as_slice()) {
            (Some(address), vaults) => vaults
                .iter()
                .find(|entry| entry.vault == address)
                .ok_or_else(|| refused(format!("there is no vault {address} in this deployment"))),
            (None, [only]) => Ok(only),
            (None, _) => Err(refused("expected the configuration to name the vault".to_owned())),
        }
    }

    /// Demands that a chain is the one of the file and that the vault's contracts are the ones that were deployed.
    ///
    /// # Errors
    /// One sentence that says what is another's: chain id, genesis, code of vault, conduit, guard or lens, or a part.
    pub async fn prove(
        &self,
        path: &Path,
        entry: &VaultDeployment,
        configured_chain: u64,
        chain: &(impl ChainReader + ?Sized),
        head: &Header,
    ) -> Result<(), DeploymentError> {
        let file = path.display().to_string();
        let other_chain = |who: String, found| {
            let file = file.clone();
            Err(DeploymentError::OtherChain { file, expected: self.chain_id, who, found })
        };
        if self.chain_id != configured_chain {
            return other_chain("the configuration names chain".to_owned(), configured_chain);
        }
        let served = chain.chain_id().await?;
        if served != self.chain_id {
            return other_chain(format!("{} serves chain", chain.endpoint()), served);
        }
        let genesis = chain.header(BlockAt::Number(0)).await?.map(|header| header.block.hash);
        if genesis != Some(self.genesis_hash) {
            return Err(DeploymentError::OtherGenesis {
                file,
                expected: self.genesis_hash,
                endpoint: chain.endpoint(),
                found: genesis.map_or("unknown".to_owned(), |hash| hash.to_string()),
            });
        }
        let hashes = entry.code_hashes;
        for (contract, address, expected) in [
            ("lens", entry.lens, hashes.lens),
            ("vault", entry.vault, hashes.vault),
            ("conduit", entry.conduit, hashes.conduit),
            ("guard", entry.guard, hashes.guard),
        ] {
            let found = chain.code_hash(address, head).await?;
            if found != expected {
                return Err(DeploymentError::OtherCode {
                    file,
                    contract,
                    address,
                    expected,
                    found,
                });
            }
        }
        if entry.lens_version != LENS_VERSION {
            return Err(DeploymentError::Unreadable {
                file,
                cause: format!(
                    "lensVersion {} is not understood; expected {LENS_VERSION}",
                    entry.lens_version
                ),
            });
        }
        let query = Query { vault: entry.vault, agent: Address::ZERO };
        let sighting = chain.snapshots(entry.lens, &[query], head).await?.pop();
        let state = match sighting {
            Some(Ok(snapshot)) => snapshot.vault,
            // Its code is proven; guard and asset are compared again whenever it is seen. One vault that is broken must not
            // keep the others from being looked after.
            Some(Err(unseen)) => {
                tracing::warn!("{file}: {unseen}; it is held until it can be read");
                return Ok(());
            }
            None => return Ok(()),
        };
        for (what, expected, found) in
            [("guard", entry.guard, state.guard), ("asset", entry.asset, state.asset.address)]
        {
            if found != expected {
                let vault = entry.vault;
                return Err(DeploymentError::OtherPart { file, what, vault, expected, found });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
