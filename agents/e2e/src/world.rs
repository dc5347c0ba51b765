//! The whole world: chain, venues, treasury, people, and a keeper when one is hired.

use std::path::{Path, PathBuf};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::Log,
    sol_types::{SolCall, SolEvent},
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vagus_policy::Policy;

use crate::{
    anvil::Anvil,
    governance::{Governor, Proposal, Timelock},
    keeper::Keeper,
    lockstep::Lockstep,
    policies::Policies,
    treasury::{self, GuardActs, IPolicyGuard, Treasury, Vault, people},
    venues::{self, Grant, Token, Venues},
};

/// Whole assets that a depositor brings.
pub const GRANTS: [Grant; 4] = [
    Grant { account: people::ALICE as u32, assets: 4_000_000 },
    Grant { account: people::BOB as u32, assets: 3_000_000 },
    Grant { account: people::CAROL as u32, assets: 2_000_000 },
    Grant { account: people::DAVE as u32, assets: 1_500_000 },
];

/// A world whose clock is ours.
#[derive(Debug)]
pub struct World {
    /// Where everything of this world is kept.
    pub folder: PathBuf,
    /// Chain, clock and keeper.
    pub clock: Lockstep,
    /// The venues.
    pub venues: Venues,
    /// The treasury.
    pub treasury: Treasury,
    /// File the deployment wrote.
    pub deployment: PathBuf,
    /// Strategies by name, with the decimals of their shares, in policy order.
    pub strategies: Vec<(String, Address, u8)>,
    /// Policy files with the addresses of this world.
    pub policies: Policies,
    /// Time at which the world was complete.
    pub began_at: u64,
    /// Block at which the world was complete.
    pub began_block: u64,
}

impl World {
    /// Builds chain, venues and treasury in a folder. No policy is in force yet.
    ///
    /// # Errors
    /// If a deployment fails.
    pub async fn build(folder: &Path) -> Result<Self> {
        let chain = Anvil::start(folder).await?;
        let venues = venues::deploy(&chain, "demo", &GRANTS, folder)?;
        let (treasury, deployment) = treasury::deploy(&chain, &venues, folder)?;
        let morpho = treasury::deploy_morpho_strategy(&chain, folder)?;
        let named = venues
            .aave
            .iter()
            .map(|market| (format!("Aave {}", market.name), market.stata_token))
            .chain([("Morpho WETHW".to_owned(), morpho)]);
        let mut strategies = Vec::new();
        for (name, address) in named {
            let decimals = chain.call(address, Token::decimalsCall {}).await?;
            strategies.push((name, address, decimals));
        }
        let policies = Policies::new(&venues.asset, &strategies, Keeper::agent()?);
        chain.fund(Keeper::agent()?, U256::from(10u8).pow(U256::from(20u8))).await?;
        let clock = Lockstep::take(chain).await?;
        let (began_at, began_block) = (clock.head.timestamp, clock.head.number);
        Ok(Self {
            folder: folder.to_path_buf(),
            clock,
            venues,
            treasury,
            deployment,
            strategies,
            policies,
            began_at,
            began_block,
        })
    }

    /// An account by its place.
    #[must_use]
    pub fn person(&self, place: usize) -> Address {
        self.clock.chain.accounts[place]
    }

    /// An amount of whole assets in the smallest unit.
    #[must_use]
    pub fn assets(&self, whole: u64) -> U256 {
        U256::from(whole) * U256::from(10u8).pow(U256::from(self.venues.asset.decimals))
    }

    /// The DAO votes a policy in: propose, vote, queue, execute. Days pass.
    /// Returns whether it is in force at once; if not it waits for [`World::activate`].
    ///
    /// # Errors
    /// If a step reverts.
    pub async fn vote(&mut self, policy: &Policy, description: &str) -> Result<bool> {
        let mut data = IPolicyGuard::submitPolicyCall::SELECTOR.to_vec();
        data.extend_from_slice(&vagus_policy::encode(policy));
        let proposal = Proposal {
            target: self.treasury.guard,
            data: data.into(),
            description: description.to_owned(),
        };
        self.carry(&proposal, policy).await
    }

    /// Votes on a proposal that submits a policy, and carries it out. Whether it took effect at once.
    ///
    /// # Errors
    /// If a step reverts.
    pub async fn carry(&mut self, proposal: &Proposal, policy: &Policy) -> Result<bool> {
        let (governor, voter) = (self.treasury.governor, self.person(people::VOTER));
        let chain = &self.clock.chain;
        let delay = chain.call(governor, Governor::votingDelayCall {}).await?.to::<u64>();
        let period = chain.call(governor, Governor::votingPeriodCall {}).await?.to::<u64>();
        let wait = chain.call(self.treasury.timelock, Timelock::getMinDelayCall {}).await?;

        self.clock.act(voter, governor, proposal.propose(), 12).await?;
        let id = self.clock.chain.call(governor, proposal.id()).await?;
        let vote = Governor::castVoteCall { proposalId: id, support: 1 };
        // A vote opens strictly after the delay, ends strictly after the period.
        self.clock.act(voter, governor, vote, delay + 1).await?;
        self.clock.advance(period).await?;
        self.clock.act(voter, governor, proposal.queue(), 12).await?;
        self.clock.act(voter, governor, proposal.execute(), wait.to::<u64>() + 1).await?;
        let state = self
            .clock
            .chain
            .call(self.treasury.guard, IPolicyGuard::guardStateCall {})
            .await
            .context("reading the guard")?;
        Ok(state.policyHash == vagus_policy::hash(policy))
    }

    /// Anyone puts the waiting policy in force after its delay.
    ///
    /// # Errors
    /// If it reverts.
    pub async fn activate(&mut self, policy: &Policy) -> Result<()> {
        self.wait_delay().await?;
        let mut data = IPolicyGuard::activatePolicyCall::SELECTOR.to_vec();
        data.extend_from_slice(&vagus_policy::encode(policy));
        let guard = self.treasury.guard;
        self.anyone_calls(guard, data.into(), "activatePolicy").await
    }

    /// Time passes until the delay of a waiting policy is over.
    ///
    /// # Errors
    /// If the chain fails.
    pub async fn wait_delay(&mut self) -> Result<()> {
        let delay = self
            .clock
            .chain
            .call(self.treasury.guard, GuardActs::policyDelaySecondsCall {})
            .await?;
        self.clock.advance(u64::from(delay)).await?;
        Ok(())
    }

    /// Somebody without any role makes a call.
    ///
    /// # Errors
    /// If it reverts.
    pub async fn anyone_calls(&mut self, to: Address, data: Bytes, what: &str) -> Result<()> {
        self.clock.ready(12).await?;
        let anyone = self.person(people::DAVE);
        let hash = self.clock.chain.submit_data(anyone, to, data).await?;
        self.clock.land(hash, what, 12).await?;
        Ok(())
    }

    /// A depositor brings whole assets.
    ///
    /// # Errors
    /// If it reverts.
    pub async fn deposit(&mut self, person: usize, whole: u64, seconds: u64) -> Result<()> {
        let (who, assets) = (self.person(person), self.assets(whole));
        let (asset, vault) = (self.venues.asset.address, self.treasury.vault);
        self.clock.ready(seconds).await?;
        let chain = &self.clock.chain;
        chain.submit(who, asset, Token::approveCall { spender: vault, value: assets }).await?;
        let hash = chain.submit(who, vault, Vault::depositCall { assets, receiver: who }).await?;
        self.clock.land(hash, "deposit", seconds).await?;
        Ok(())
    }

    /// Balance of the asset.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn asset_of(&self, account: Address) -> Result<U256> {
        self.clock.chain.call(self.venues.asset.address, Token::balanceOfCall { account }).await
    }

    /// Shares of the vault.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn shares_of(&self, account: Address) -> Result<U256> {
        self.clock.chain.call(self.treasury.vault, Vault::balanceOfCall { account }).await
    }

    /// What the treasury holds now: idle first, then each strategy in policy order, by the strategies' own word.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn holdings(&self) -> Result<Holdings> {
        let vault = self.treasury.vault;
        let idle = self.asset_of(vault).await?;
        let mut strategies = Vec::with_capacity(self.strategies.len());
        for (_, strategy, _) in &self.strategies {
            let chain = &self.clock.chain;
            let shares = chain.call(*strategy, Vault::balanceOfCall { account: vault }).await?;
            strategies.push(chain.call(*strategy, Vault::convertToAssetsCall { shares }).await?);
        }
        Ok(Holdings { idle, strategies })
    }

    /// Rebalances so far, from the guard's events and their receipts.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn rebalances(&self) -> Result<Vec<RebalanceFact>> {
        let chain = &self.clock.chain;
        let filter = json!([{
            "fromBlock": "0x0",
            "address": self.treasury.guard,
            "topics": [GuardActs::Rebalanced::SIGNATURE_HASH],
        }]);
        let logs: Vec<Log> = chain.rpc("eth_getLogs", filter).await?;
        let mut facts = Vec::with_capacity(logs.len());
        for log in logs {
            let event = GuardActs::Rebalanced::decode_log(&log.inner)?;
            let block = log.block_number.context("a log without a block")?;
            let transaction = log.transaction_hash.context("a log without a transaction")?;
            facts.push(RebalanceFact {
                agent: event.agent,
                block,
                timestamp: chain.block(json!(format!("0x{block:x}"))).await?.timestamp,
                transaction,
                decision: event.decision,
                gas: chain.receipt(transaction).await?.gas_used,
                turnover: event.turnoverAssets,
                loss: event.lossAssets,
            });
        }
        Ok(facts)
    }

    /// How many mined transactions of an account reverted.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn reverted_of(&self, account: Address) -> Result<u64> {
        let mut reverted = 0;
        for number in 0..=self.clock.head.number {
            let tag = json!(format!("0x{number:x}"));
            let receipts: Vec<Value> =
                self.clock.chain.rpc("eth_getBlockReceipts", json!([tag])).await?;
            for receipt in receipts {
                let from: Address = receipt["from"].as_str().unwrap_or_default().parse()?;
                reverted += u64::from(from == account && receipt["status"] == "0x0");
            }
        }
        Ok(reverted)
    }

    /// Hires a keeper: writes its config and key, and starts it. It lives until it is stopped or the world ends.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn hire(&mut self) -> Result<()> {
        ensure!(self.clock.keeper.is_none(), "there is a keeper already");
        self.clock.keeper = Some(Keeper::start(self)?);
        Ok(())
    }

    /// Hires a keeper by a config that is there, with further environment variables.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn hire_with(&mut self, config: &Path, variables: &[(&str, &str)]) -> Result<()> {
        ensure!(self.clock.keeper.is_none(), "there is a keeper already");
        self.clock.keeper = Some(Keeper::start_with(config, &self.folder, variables)?);
        Ok(())
    }

    /// Lets the keeper finish and stops it.
    ///
    /// # Errors
    /// If it does not stop within ten seconds with exit code 0.
    pub async fn dismiss(&mut self) -> Result<()> {
        self.clock.settle().await?;
        match self.clock.keeper.take() {
            Some(mut keeper) => keeper.stop(),
            None => Ok(()),
        }
    }
}

/// What the treasury holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// The vault's own balance.
    pub idle: U256,
    /// Value of each strategy's shares, in policy order.
    pub strategies: Vec<U256>,
}

impl Holdings {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> U256 {
        self.strategies.iter().fold(self.idle, |sum, value| sum + value)
    }
}

/// One rebalance, from its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalanceFact {
    /// Who acted.
    pub agent: Address,
    /// Block it was mined in.
    pub block: u64,
    /// Unix time of that block.
    pub timestamp: u64,
    /// Transaction.
    pub transaction: B256,
    /// Decision behind it.
    pub decision: B256,
    /// Gas used.
    pub gas: u64,
    /// Sum of all legs.
    pub turnover: U256,
    /// Measured loss.
    pub loss: U256,
}
