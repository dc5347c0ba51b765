//! What stands around a guard: its roles and ceilings, the Governor's proposals, strategies that are not listed yet.

mod proposal;

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};
use vagus_policy::{Ceilings, Policy};

use crate::{
    ChainError, ChainReader, ChainResult, Header, Reading,
    bindings::{
        governor::TreasuryGovernor, guard::IPolicyGuard, strategy::IERC4626,
        timelock::TimelockController,
    },
    guard::{
        PendingPolicy, decode_ceilings, decode_pending_policy, encode_ceilings,
        encode_pending_policy,
    },
};

use proposal::state_of;
pub use proposal::{
    Proposal, ProposalState, encode_propose, find_proposal, proposal_id, proposals_filter,
};

/// Who may do what with a guard, and what no vote lifts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Who submits policies.
    pub owner: Address,
    /// Who may tighten at once; zero if nobody.
    pub guardian: Address,
    /// Seconds that a loosening document waits now.
    pub policy_delay_seconds: u32,
    /// What no vote lifts.
    pub ceilings: Ceilings,
    /// The document that waits.
    pub pending: Option<PendingPolicy>,
}

/// How the Governor votes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteTimes {
    /// From a proposal to its vote.
    pub delay_seconds: u64,
    /// Length of the vote.
    pub period_seconds: u64,
    /// In the timelock.
    pub timelock_seconds: u64,
}

/// A contract as a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyReading {
    /// Its asset; none if it does not say.
    pub asset: Option<Address>,
    /// Symbol of its shares, empty if it does not say.
    pub symbol: String,
    /// Decimals of its shares; none if it does not say.
    pub decimals: Option<u8>,
    /// The vault's shares.
    pub shares: U256,
    /// What they convert to; none if it does not say.
    pub convert_assets: Option<U256>,
    /// What redeeming them would pay; none if it does not say.
    pub redeem_assets: Option<U256>,
    /// What the vault can withdraw now.
    pub max_withdraw_assets: U256,
    /// What the vault can deposit now.
    pub max_deposit_assets: U256,
    /// What a whole share, or one unit without decimals, converts to: assets and shares; none if it does not say.
    pub price: Option<(U256, U256)>,
}

/// Asks contracts at the end of one block.
#[derive(Clone, Copy, Debug)]
pub struct Questions<'a> {
    chain: &'a dyn ChainReader,
    head: &'a Header,
}

impl<'a> Questions<'a> {
    /// Of a chain at a block.
    #[must_use]
    pub fn new(chain: &'a dyn ChainReader, head: &'a Header) -> Self {
        Self { chain, head }
    }

    /// The answer; none if the contract does not give one.
    async fn ask<C: SolCall>(&self, contract: Address, call: C) -> ChainResult<Option<C::Return>> {
        let input = Bytes::from(call.abi_encode());
        match self.chain.read(contract, &input, self.head).await? {
            Reading::Answer(data) => Ok(C::abi_decode_returns(&data).ok()),
            Reading::Fails => Ok(None),
        }
    }

    /// The answer of a contract that has to give one.
    async fn must<C: SolCall>(&self, contract: Address, call: C) -> ChainResult<C::Return> {
        self.ask(contract, call).await?.ok_or_else(|| self.silent(contract, C::SIGNATURE))
    }

    fn silent(&self, contract: Address, question: &str) -> ChainError {
        ChainError::Malformed {
            endpoint: self.chain.endpoint(),
            method: "eth_call",
            cause: format!("{contract} does not answer {question}"),
        }
    }

    /// Roles, ceilings and the waiting document of a guard.
    ///
    /// # Errors
    /// If the chain cannot be asked, or the contract is no guard.
    pub async fn roles(&self, guard: Address) -> ChainResult<Roles> {
        let ceilings = match &self.chain.read(guard, &encode_ceilings(), self.head).await? {
            Reading::Answer(data) => decode_ceilings(data),
            Reading::Fails => None,
        };
        let ceilings = ceilings.ok_or_else(|| self.silent(guard, "ceilings()"))?;
        let pending = self.chain.read(guard, &encode_pending_policy(), self.head).await?;
        let pending = match &pending {
            Reading::Answer(data) => decode_pending_policy(data).flatten(),
            Reading::Fails => None,
        };
        Ok(Roles {
            owner: self.must(guard, IPolicyGuard::ownerCall {}).await?,
            guardian: self.must(guard, IPolicyGuard::guardianCall {}).await?,
            policy_delay_seconds: self.must(guard, IPolicyGuard::policyDelaySecondsCall {}).await?,
            ceilings,
            pending,
        })
    }

    /// The state of each agent of a document, in its order.
    ///
    /// # Errors
    /// As [`Self::roles`].
    pub async fn agents(
        &self,
        guard: Address,
        policy: &Policy,
    ) -> ChainResult<Vec<vagus_policy::AgentState>> {
        let mut states = Vec::with_capacity(policy.agents.len());
        for entry in &policy.agents {
            let agent = entry.agent;
            let said = self.must(guard, IPolicyGuard::agentStateCall { agent }).await?;
            let bucket = |bucket: &IPolicyGuard::Bucket| vagus_policy::Bucket {
                level_wad: bucket.levelWad,
                updated_at: bucket.updatedAt.to(),
            };
            states.push(vagus_policy::AgentState {
                agent,
                exists: said.exists,
                is_revoked: said.isRevoked,
                nonce: said.nonce,
                last_rebalance_at: said.lastRebalanceAt.to(),
                turnover: bucket(&said.turnover),
                loss: bucket(&said.loss),
            });
        }
        Ok(states)
    }

    /// How the Governor votes.
    ///
    /// # Errors
    /// As [`Self::roles`], of the Governor and its timelock.
    pub async fn vote_times(&self, governor: Address) -> ChainResult<VoteTimes> {
        let timelock = self.must(governor, TreasuryGovernor::timelockCall {}).await?;
        let delay = self.must(governor, TreasuryGovernor::votingDelayCall {}).await?;
        let period = self.must(governor, TreasuryGovernor::votingPeriodCall {}).await?;
        let wait = self.must(timelock, TimelockController::getMinDelayCall {}).await?;
        Ok(VoteTimes {
            delay_seconds: delay.saturating_to(),
            period_seconds: period.saturating_to(),
            timelock_seconds: wait.saturating_to(),
        })
    }

    /// Where a proposal stands, and the Unix time from which on it can be carried out if it is queued; none if the Governor
    /// knows no such proposal.
    ///
    /// # Errors
    /// If the chain cannot be asked.
    pub async fn proposal_state(
        &self,
        governor: Address,
        id: U256,
    ) -> ChainResult<Option<(ProposalState, Option<u64>)>> {
        let call = TreasuryGovernor::stateCall { proposalId: id };
        let Some(number) = self.ask(governor, call).await? else { return Ok(None) };
        let Some(state) = state_of(number) else { return Ok(None) };
        let call = TreasuryGovernor::proposalEtaCall { proposalId: id };
        let eta = self.must(governor, call).await?.saturating_to::<u64>();
        Ok(Some((state, (eta > 0).then_some(eta))))
    }

    /// A contract as a strategy of a vault.
    ///
    /// # Errors
    /// If the chain cannot be asked.
    pub async fn strategy(
        &self,
        strategy: Address,
        vault: Address,
    ) -> ChainResult<StrategyReading> {
        let asset = self.ask(strategy, IERC4626::assetCall {}).await?;
        let decimals = self.ask(strategy, IERC4626::decimalsCall {}).await?;
        let shares = self.ask(strategy, IERC4626::balanceOfCall { account: vault }).await?;
        let shares = shares.unwrap_or_default();
        let one = U256::from(10_u8).saturating_pow(U256::from(decimals.unwrap_or(0)));
        let worth = self.ask(strategy, IERC4626::convertToAssetsCall { shares: one }).await?;
        let withdraw = IERC4626::maxWithdrawCall { owner: vault };
        let deposit = IERC4626::maxDepositCall { receiver: vault };
        Ok(StrategyReading {
            asset,
            symbol: self.ask(strategy, IERC4626::symbolCall {}).await?.unwrap_or_default(),
            decimals,
            shares,
            convert_assets: self.ask(strategy, IERC4626::convertToAssetsCall { shares }).await?,
            redeem_assets: self.ask(strategy, IERC4626::previewRedeemCall { shares }).await?,
            max_withdraw_assets: self.ask(strategy, withdraw).await?.unwrap_or_default(),
            max_deposit_assets: self.ask(strategy, deposit).await?.unwrap_or_default(),
            price: worth.map(|assets| (assets, one)),
        })
    }
}
