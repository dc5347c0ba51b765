//! What the keeper works with on a chain: endpoints, proven vaults, inputs of decisions.

mod open;

use std::sync::Arc;

use alloy::primitives::{Address, B256};
use vagus_allocator::{Inputs, NativePrice};
use vagus_chain::{
    BlockAt, ChainError, ChainReader as _, Deployment, Endpoints, Header, Query, Sighting, Tag,
    VaultDeployment, lifecycle::FeePolicy,
};
use vagus_policy::{Policy, Snapshot};

use crate::{
    config::{ChainConfig, Finality, NativePriceSource, VaultConfig},
    exit::{Exit, Failure},
};

pub use open::{Looked, Reached, connect, look, open, reach};

/// Blocks after which the same bytes are broadcast again.
const REBROADCAST_BLOCKS: u64 = 5;

/// One chain with the vaults that are worked on, ordered by address.
#[derive(Debug)]
pub struct ChainWorld {
    /// Its part of the configuration.
    pub config: ChainConfig,
    /// Where to ask.
    pub endpoints: Endpoints,
    /// Account that acts.
    pub agent: Address,
    /// Account that signs and pays for transactions: the same, unless the agent is a contract.
    pub account: Address,
    /// Bytes of the agent's word, if it is a contract; else none.
    pub word_bytes: usize,
    /// At least one.
    pub vaults: Vec<VaultWorld>,
    /// Whether the chain was found to be the one of the deployments, with their code. Nothing is decided before.
    pub is_proven: bool,
}

/// One vault of a deployment file.
#[derive(Clone, Debug)]
pub struct VaultWorld {
    /// Its part of the configuration.
    pub config: VaultConfig,
    /// The file it stands in.
    pub deployment: Arc<Deployment>,
    /// Its contracts.
    pub entry: VaultDeployment,
}

impl VaultWorld {
    /// What was seen, if it is this vault with the guard and the asset of its deployment; otherwise why not.
    ///
    /// # Errors
    /// Why it is not to be acted on.
    pub fn recognised<'a>(&self, sighting: &'a Sighting) -> Result<&'a Snapshot, String> {
        let snapshot = sighting.as_ref().map_err(|unseen| unseen.cause.clone())?;
        let state = &snapshot.vault;
        if state.guard != self.entry.guard || state.asset.address != self.entry.asset {
            return Err(format!(
                "its guard is {} and its asset {}, expected {} and {}",
                state.guard, state.asset.address, self.entry.guard, self.entry.asset
            ));
        }
        Ok(snapshot)
    }
}

/// A failed question to a chain as a failure of the program.
#[must_use]
pub fn chain_failure(error: &ChainError) -> Failure {
    let exit = match error {
        ChainError::Unreachable { .. } | ChainError::Late { .. } => Exit::Unreachable,
        _ => Exit::Internal,
    };
    Failure::new(exit, error)
}

impl ChainWorld {
    /// How fees are offered on this chain.
    #[must_use]
    pub fn fee_policy(&self) -> FeePolicy {
        FeePolicy {
            max_fee_wei: self.config.fees.max_fee_gwei.wei,
            priority_fee_wei: self.config.fees.priority_fee_gwei.wei,
            cancel_max_fee_wei: self.config.fees.cancel_max_fee_gwei.wei,
            rebroadcast_blocks: REBROADCAST_BLOCKS,
        }
    }

    /// Depth at which a block counts as settled; none: by the chain's tag.
    #[must_use]
    pub fn finality_depth(&self) -> Option<u64> {
        match self.config.profile.finality {
            Finality::Tag => None,
            Finality::Depth(depth) => Some(depth),
        }
    }

    /// The newest settled block under a head.
    ///
    /// # Errors
    /// Those of the chain.
    pub async fn finalized(&self, head: &Header) -> Result<Header, ChainError> {
        match self.finality_depth() {
            None => self.endpoints.head(Tag::Finalized).await,
            Some(depth) => {
                let number = head.block.number.saturating_sub(depth);
                let header = self.endpoints.header(BlockAt::Number(number)).await?;
                header.ok_or_else(|| ChainError::Late {
                    endpoint: self.endpoints.endpoint(),
                    block: head.block.hash,
                })
            }
        }
    }

    /// What is asked of the lens for a vault.
    #[must_use]
    pub fn query(&self, vault: &VaultWorld) -> Query {
        Query { vault: vault.entry.vault, agent: self.agent }
    }

    /// What is seen of all vaults at a block: one call per lens, or one per page of it.
    ///
    /// # Errors
    /// Those of the chain.
    pub async fn sightings(&self, head: &Header) -> Result<Vec<Sighting>, ChainError> {
        let mut found: Vec<Option<Sighting>> = self.vaults.iter().map(|_| None).collect();
        let mut lenses: Vec<Address> = self.vaults.iter().map(|vault| vault.entry.lens).collect();
        lenses.sort_unstable();
        lenses.dedup();
        for lens in lenses {
            let places: Vec<usize> =
                (0..self.vaults.len()).filter(|i| self.vaults[*i].entry.lens == lens).collect();
            let queries: Vec<Query> =
                places.iter().map(|place| self.query(&self.vaults[*place])).collect();
            let page = self.endpoints.snapshots(lens, &queries, head).await?;
            for (place, sighting) in places.into_iter().zip(page) {
                found[place] = Some(sighting);
            }
        }
        found.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| ChainError::Malformed {
            endpoint: self.endpoints.endpoint(),
            method: "the lens",
            cause: "it left out a vault".to_owned(),
        })
    }

    /// Snapshots of all vaults at a block, as [`Self::sightings`].
    ///
    /// # Errors
    /// Those of the chain, and if a vault could not be read.
    pub async fn snapshots(&self, head: &Header) -> Result<Vec<Snapshot>, ChainError> {
        let sightings = self.sightings(head).await?.into_iter();
        sightings.collect::<Result<Vec<_>, _>>().map_err(|unseen| ChainError::Malformed {
            endpoint: self.endpoints.endpoint(),
            method: "the lens",
            cause: unseen.to_string(),
        })
    }

    /// The policy in force in a snapshot; none if none is.
    ///
    /// # Errors
    /// Those of the chain.
    pub async fn policy(&self, snapshot: &Snapshot) -> Result<Option<Policy>, ChainError> {
        let state = &snapshot.vault.guard_state;
        if state.policy_version == 0 || state.policy_hash == B256::ZERO {
            return Ok(None);
        }
        let guard = snapshot.vault.guard;
        self.endpoints.policy(guard, state.policy_block, state.policy_hash).await.map(Some)
    }

    /// Inputs of a hold on a vault that was not seen: nothing is weighed, and no amount is known.
    #[must_use]
    pub fn blind_inputs(&self, vault: &VaultWorld, base_fee_wei: u128) -> Inputs {
        let fees = &self.config.fees;
        Inputs {
            agent: self.agent,
            gas_price_wei: base_fee_wei
                .saturating_add(fees.priority_fee_gwei.wei)
                .min(fees.max_fee_gwei.wei),
            native_price: NativePrice::Native,
            base_gas: vault.config.gas.base,
            leg_gas: vault.config.gas.leg,
            headroom_bps: vault.config.headroom_bps,
            smallest_move: 0,
            deadline_seconds: self.config.profile.deadline_seconds,
            block_seconds: self.config.profile.block_seconds,
            rates: Vec::new(),
        }
    }

    /// Inputs of a decision: the configuration's, and the gas price of the pinned block. Histories have no samples yet.
    ///
    /// # Errors
    /// If an amount in the configuration is not of the vault's asset.
    pub fn inputs(&self, vault: &VaultWorld, snapshot: &Snapshot) -> Result<Inputs, Failure> {
        let asset = &snapshot.vault.asset;
        let amount = |amount: &crate::config::Amount, key: &str| {
            amount.in_units(&asset.symbol, asset.decimals).map_err(|error| {
                let name = &vault.config.name;
                Failure::new(Exit::Config, format_args!("Vault {name}: {key}: {error}."))
            })
        };
        let fees = &self.config.fees;
        Ok(Inputs {
            agent: self.agent,
            // A rebalance never pays more than the cap: above it, it waits.
            gas_price_wei: snapshot
                .base_fee_wei
                .saturating_add(fees.priority_fee_gwei.wei)
                .min(fees.max_fee_gwei.wei),
            native_price: match &vault.config.native_price {
                NativePriceSource::Native => NativePrice::Native,
                NativePriceSource::Fixed { assets_per_native } => NativePrice::Fixed {
                    assets_per_native: amount(assets_per_native, "native_price")?,
                },
            },
            base_gas: vault.config.gas.base,
            leg_gas: vault.config.gas.leg,
            headroom_bps: vault.config.headroom_bps,
            smallest_move: amount(&vault.config.smallest_move, "smallest_move")?,
            deadline_seconds: self.config.profile.deadline_seconds,
            block_seconds: self.config.profile.block_seconds,
            rates: vault.config.rates.iter().map(|rate| rate.input.clone()).collect(),
        })
    }
}
