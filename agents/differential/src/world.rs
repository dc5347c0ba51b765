//! A treasury of compiled contracts on a chain in the process.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue};
pub(crate) use vagus_evm::OWNER;
use vagus_evm::{Answer, Artifact, Chain, Treasury};
use vagus_policy::{
    AssetInfo, Ceilings, Checkpoint, Curve, Move, NavState, Policy, ReadPrice, Rebalance, Receipt,
    Refusal, StrategyState, VaultState, price::unit_shares_up,
};

use crate::abi::{self, sol};

/// Most strategies that a treasury of the test can have: enough for one move too many.
pub(crate) const STRATEGIES: usize = 18;
/// Birth of every chain.
const BIRTH: u64 = 1_800_000_000;

pub(crate) const GUARDIAN: Address = Address::repeat_byte(0x0b);
pub(crate) const DEPOSITOR: Address = Address::repeat_byte(0x0c);
/// Brings what agents have signed.
pub(crate) const RELAYER: Address = Address::repeat_byte(0x0d);

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) chain: Chain,
    pub(crate) policy: Policy,
    pub(crate) vault: Address,
    pub(crate) guard: Address,
    pub(crate) token: Address,
    /// All that were deployed; the policy lists the first of them.
    pub(crate) strategies: Vec<Address>,
    /// Decimals of the asset.
    pub(crate) decimals: u8,
    treasury: Treasury,
}

impl World {
    /// Deploys everything by the real factory. `policy` is in force only after [`World::adopt`].
    pub(crate) fn deploy(policy: Policy, decimals: u8) -> Result<Self, String> {
        let mut chain = Chain::new(BIRTH);
        let token = Artifact::read("DifferentialToken")?.creation_code()?;
        let token = chain.create(joined(&token, &U256::from(decimals).abi_encode()))?;
        let strategy = Artifact::read("SettableStrategy")?.creation_code()?;
        let strategies = (0..STRATEGIES)
            .map(|_| chain.create(joined(&strategy, &token.abi_encode())))
            .collect::<Result<Vec<_>, _>>()?;
        // Each scale of assets with a scale of shares of its own.
        let ceilings = Self::ceilings();
        let treasury = Treasury::deploy(&mut chain, token, decimals / 4, GUARDIAN, &ceilings)?;
        Ok(Self {
            chain,
            policy,
            treasury,
            vault: treasury.vault,
            guard: treasury.guard,
            token,
            strategies,
            decimals,
        })
    }

    /// Puts a document in force through the owner, at once or after the delay.
    pub(crate) fn adopt(&mut self, policy: Policy) {
        let delay_seconds = self.policy.limits.policy_delay_seconds;
        self.treasury.adopt(&mut self.chain, &policy, delay_seconds);
        self.policy = policy;
    }

    /// What the guard answers when its owner submits a document, and nothing of it stays.
    pub(crate) fn try_submit(&mut self, policy: &Policy) -> Answer {
        self.try_submit_as(OWNER, policy)
    }

    /// What it answers to another account.
    pub(crate) fn try_submit_as(&mut self, from: Address, policy: &Policy) -> Answer {
        self.treasury.try_submit(&mut self.chain, from, policy)
    }

    /// What [`World::deploy`] gave the guard.
    pub(crate) fn ceilings() -> Ceilings {
        Ceilings {
            max_turnover_bps: 10_000,
            max_loss_bps: 10_000,
            min_window_seconds: 1,
            min_policy_delay_seconds: 1,
            max_policy_delay_seconds: 10,
            max_management_fee_bps: 500,
            max_performance_fee_bps: 2_000,
            grace_seconds: 1,
        }
    }

    pub(crate) fn enter(&mut self, assets: U256) {
        let (vault, token) = (self.vault, self.token);
        self.chain.must(DEPOSITOR, token, &sol::Token::mintCall { to: DEPOSITOR, amount: assets });
        let approval = sol::Token::approveCall { spender: vault, amount: assets };
        self.chain.must(DEPOSITOR, token, &approval);
        let deposit = sol::Vault::depositCall { assets, receiver: DEPOSITOR };
        self.chain.must(DEPOSITOR, vault, &deposit);
    }

    /// Somebody sends the vault a gift.
    pub(crate) fn give(&mut self, amount: U256) {
        let (to, token) = (self.vault, self.token);
        self.chain.must(DEPOSITOR, token, &sol::Token::mintCall { to, amount });
    }

    pub(crate) fn strategy(&self, index: u8) -> Address {
        self.strategies[usize::from(index)]
    }

    pub(crate) fn set_price(&mut self, index: u8, assets: u128, shares: u128) {
        let price = sol::Strategy::Price { assets, shares };
        let call = sol::Strategy::setPriceCall { price };
        self.chain.must(OWNER, self.strategy(index), &call);
    }

    pub(crate) fn set_fees(&mut self, index: u8, entry_bps: u16, exit_bps: u16) {
        let fees = sol::Strategy::Fees { entryBps: entry_bps, exitBps: exit_bps };
        self.chain.must(OWNER, self.strategy(index), &sol::Strategy::setFeesCall { fees });
    }

    pub(crate) fn set_take(&mut self, index: u8, on_deposit: u128, on_withdraw: u128) {
        let take = sol::Strategy::Take { onDeposit: on_deposit, onWithdraw: on_withdraw };
        self.chain.must(OWNER, self.strategy(index), &sol::Strategy::setTakeCall { take });
    }

    /// What the strategy says its position is worth, before and after the next leg; `None` ends the lie.
    pub(crate) fn set_claim(&mut self, index: u8, claim: Option<(U256, U256)>) {
        let (before, afterwards) = claim.unwrap_or_default();
        let claim = sol::Strategy::Claim { isMade: claim.is_some(), before, afterwards };
        self.chain.must(OWNER, self.strategy(index), &sol::Strategy::setClaimCall { claim });
    }

    /// Whether the strategy keeps silent about what positions would pay.
    pub(crate) fn set_mute(&mut self, index: u8, is_mute: bool) {
        let call = sol::Strategy::setMuteCall { isMute: is_mute };
        self.chain.must(OWNER, self.strategy(index), &call);
    }

    /// What the guard answers to the plan with a signature, brought by somebody else. What it does stays.
    pub(crate) fn relay(&mut self, agent: Address, plan: &Rebalance, signature: Bytes) -> Answer {
        let plan = abi::rebalance(plan);
        let call = sol::Guard::rebalanceForCall { plan, agent, signature };
        self.chain.send(RELAYER, self.guard, call.abi_encode().into())
    }

    /// What the guard answers to the plan, on a chain that is then as after it.
    pub(crate) fn rebalance(&mut self, agent: Address, plan: &Rebalance) -> Answer {
        let call = sol::Guard::rebalanceCall { plan: abi::rebalance(plan) };
        self.chain.send(agent, self.guard, call.abi_encode().into())
    }

    /// What the vault would do for its guard, and nothing of it stays.
    pub(crate) fn simulate(&mut self, moves: &[Move]) -> Result<Receipt, Bytes> {
        let legs = abi::legs(&self.policy, moves).unwrap_or_default();
        let limits = &self.policy.limits;
        let call = sol::Vault::executeCall {
            legs,
            maxNavAgeSeconds: U256::from(limits.max_nav_age_seconds),
            seasoningSeconds: U256::from(limits.seasoning_seconds),
        };
        let data = self.chain.ask(self.guard, self.vault, call.abi_encode().into())?;
        let receipt = sol::Vault::executeCall::abi_decode_returns(&data);
        Ok(abi::receipt(receipt.unwrap_or_else(|error| panic!("execute: {error}"))))
    }

    pub(crate) fn first_refusal(
        &mut self,
        agent: Address,
        plan: &Rebalance,
        at: u64,
    ) -> Option<Refusal> {
        let (plan, at) = (abi::rebalance(plan), U256::from(at));
        let answer = self.chain.view(self.guard, &sol::Guard::firstRefusalCall { plan, agent, at });
        abi::refusal(answer.rule, answer.observed, answer.limit)
    }

    pub(crate) fn digest(&mut self, agent: Address, plan: &Rebalance) -> B256 {
        let plan = abi::rebalance(plan);
        self.chain.view(self.guard, &sol::Guard::rebalanceDigestCall { plan, agent })
    }

    /// Everything the rules look at, read from the contracts at the present time.
    pub(crate) fn state(&mut self, agent: Address) -> VaultState {
        let (vault, guard) = (self.vault, self.guard);
        let guard_state = self.chain.view(guard, &sol::Guard::guardStateCall {});
        let agent_state = self.chain.view(guard, &sol::Guard::agentStateCall { agent });
        let references = self.chain.view(guard, &sol::Guard::strategyStatesCall {});
        let checkpoint = self.chain.view(vault, &sol::Vault::checkpointStateCall {});
        let nav = self.chain.view(vault, &sol::Vault::navStateCall {});
        let idle = sol::Token::balanceOfCall { account: vault };
        let idle = self.chain.view(self.token, &idle);
        let strategies =
            references.into_iter().map(|reference| self.strategy_state(&reference)).collect();
        let asset =
            AssetInfo { address: self.token, symbol: "DIF".to_owned(), decimals: self.decimals };
        VaultState {
            vault,
            guard,
            asset,
            idle,
            nav: NavState {
                nav_assets: nav.navAssets,
                base_assets: nav.baseAssets,
                ..NavState::default()
            },
            checkpoint: Checkpoint {
                nav: checkpoint.nav,
                base: checkpoint.base,
                is_fresh: checkpoint.isFresh,
            },
            guard_state: abi::guard_state(&guard_state),
            agent: abi::agent_state(agent, &agent_state),
            strategies,
        }
    }

    /// What a strategy says that so many shares pay, if it says anything.
    pub(crate) fn preview_redeem(&mut self, strategy: Address, shares: U256) -> Option<U256> {
        let call = sol::Strategy::previewRedeemCall { shares };
        let answer = self.chain.ask(Address::ZERO, strategy, call.abi_encode().into());
        answer.ok().map(|data| {
            let value = sol::Strategy::previewRedeemCall::abi_decode_returns(&data);
            value.unwrap_or_else(|error| panic!("previewRedeem: {error}"))
        })
    }

    /// As the lens reads it.
    fn read_price(&mut self, reference: &sol::StrategyState) -> Option<ReadPrice> {
        let shares = unit_shares_up(reference.referencePrice);
        let assets = self.preview_redeem(reference.strategy, shares);
        let assets = assets.filter(|assets| *assets <= U256::from(u128::MAX));
        assets.map(|assets| ReadPrice { shares, assets })
    }

    fn strategy_state(&mut self, reference: &sol::StrategyState) -> StrategyState {
        let strategy = reference.strategy;
        let shares =
            self.chain.view(strategy, &sol::Strategy::balanceOfCall { account: self.vault });
        let convert = self.chain.view(strategy, &sol::Strategy::convertToAssetsCall { shares });
        // The vault does not ask for the value of nothing.
        let redeem =
            if shares.is_zero() { Some(U256::ZERO) } else { self.preview_redeem(strategy, shares) };
        let (is_readable, redeem) = (redeem.is_some(), redeem.unwrap_or_default());
        StrategyState {
            strategy,
            symbol: String::new(),
            decimals: self.decimals,
            is_readable,
            shares: if is_readable { shares } else { U256::ZERO },
            convert_assets: if is_readable { convert } else { U256::ZERO },
            redeem_assets: redeem,
            max_withdraw_assets: redeem,
            max_deposit_assets: U256::MAX,
            reference_price: reference.referencePrice,
            reference_at: reference.referenceAt.to(),
            read_price: self.read_price(reference),
            curve: Curve::Unknown,
        }
    }
}

fn joined(front: &[u8], back: &[u8]) -> Bytes {
    [front, back].concat().into()
}
