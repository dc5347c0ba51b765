//! The guard's verdict on a plan and what it did: R1 to R6 before, R7 to R14 after. Arithmetic of
//! `contracts/guard/Rules.sol` and `PolicyGuard.sol`: given the contract's own receipt, verdict, rule and numbers are
//! the contract's.

use alloy_primitives::U256;

use crate::{
    authorise::{mandate, observe},
    budget::{Budget, Charge},
    document::{BPS, Mode, ObjectiveKind, Policy, StrategyPolicy},
    groups::untouched_members,
    observation::{Checked, Reference, Subject},
    price::follow,
    rebalance::{LegReceipt, Move, Rebalance, Receipt},
    rule::{Refusal, Rule},
    snapshot::{Bucket, StrategyState, VaultState},
};
use settlement::Settlement;

mod group;
mod settlement;

/// The guard's verdict at Unix time `at` on a plan that does what `receipt` says. The agent is the one of
/// `state.agent`; `policy` is the document in force.
///
/// # Errors
/// The lowest rule that refuses, then the earliest leg's refusal, with the numbers of the guard's `Refused`. Beyond what
/// the guard can meet, a receipt or a state that does not fit plan and policy is refused under R6 with what was found
/// and what was expected.
pub fn check(
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    at: u64,
    receipt: &Receipt,
) -> Result<Checked, Refusal> {
    check_with_headroom(policy, state, plan, at, receipt, 0)
}

/// As [`check`], but each limit on amounts and prices is tightened by `headroom_bps` of itself, rounded against the plan,
/// for what moves between the prediction and the execution: capacities, caps and weights are lower, floors are higher,
/// the ends of a price band are nearer to the reference by that part of their distance. Times, counts and masks stay.
///
/// # Errors
/// As [`check`]; the limit named is the tightened one.
pub fn check_with_headroom(
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    at: u64,
    receipt: &Receipt,
    headroom_bps: u16,
) -> Result<Checked, Refusal> {
    let observations = observe(policy, state, plan, at)?;
    let mut settlement = Settlement::new(observations, headroom_bps.min(BPS));
    let legs = join(policy, state, plan, receipt)?;
    // Proven by R2 above; refused again rather than trusted.
    let agent = mandate(policy, state).ok_or(Refusal {
        rule: Rule::Mandate,
        observed: U256::ZERO,
        limit: U256::ZERO,
    })?;
    let budget =
        |bucket, bps| Budget::at(bucket, receipt.base, bps, policy.limits.window_seconds, at);

    let turnover = legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.receipt.assets));
    let vault_budget = budget(state.guard_state.turnover, policy.limits.max_turnover_bps);
    let vault_turnover =
        settlement.charge(Rule::Turnover, Subject::Vault, vault_budget, turnover)?;
    let agent_budget = budget(state.agent.turnover, agent.max_turnover_bps);
    let agent_turnover =
        settlement.charge(Rule::Turnover, Subject::Agent, agent_budget, turnover)?;

    settlement.weights(&legs, receipt.base)?;
    settlement.groups(policy, state, &legs, receipt)?;
    let is_active = state.guard_state.mode == Mode::Active;
    if is_active {
        settlement.floors(&legs, receipt.nav)?;
    }
    settlement.idle(&legs, policy.limits.min_idle_bps, receipt)?;

    let loss = loss_assets(&legs, receipt);
    let vault_budget = budget(state.guard_state.loss, policy.limits.max_loss_bps);
    let vault_loss = settlement.charge(Rule::Loss, Subject::Vault, vault_budget, loss)?;
    let agent_budget = budget(state.agent.loss, agent.max_loss_bps);
    let agent_loss = settlement.charge(Rule::Loss, Subject::Agent, agent_budget, loss)?;

    settlement.prices(&legs)?;
    if is_active && policy.objective.kind == ObjectiveKind::TargetWeights {
        settlement.targets(&legs, &policy.objective, receipt.nav)?;
    }

    let bucket = |charge: Charge| Bucket { level_wad: charge.level_wad, updated_at: at };
    Ok(Checked {
        observations: settlement.into_observations(),
        turnover_assets: turnover,
        loss_assets: loss,
        vault_turnover: bucket(vault_turnover),
        vault_loss: bucket(vault_loss),
        agent_turnover: bucket(agent_turnover),
        agent_loss: bucket(agent_loss),
        rebalance_count: state.guard_state.rebalance_count.saturating_add(1),
        nonce: state.agent.nonce.saturating_add(1),
        references: legs
            .iter()
            .map(|leg| leg.reference(at, policy.limits.max_growth_wad))
            .collect(),
    })
}

/// One leg with all that the rules look at.
struct Leg<'a> {
    asked: Move,
    limits: &'a StrategyPolicy,
    state: &'a StrategyState,
    receipt: &'a LegReceipt,
}

impl Leg<'_> {
    fn subject(&self) -> Subject {
        Subject::Strategy(self.asked.index)
    }

    /// Value and shares at the moment at which a leg is priced: before a withdrawal, after a deposit.
    fn priced_at(&self) -> (U256, U256) {
        if self.asked.is_deposit {
            (self.receipt.value_after, self.receipt.shares_after)
        } else {
            (self.receipt.value_before, self.receipt.shares_before)
        }
    }

    fn reference(&self, at: u64, max_growth_wad: u64) -> Reference {
        let (price, set_at) = (self.state.reference_price, self.state.reference_at);
        let (value, shares) = self.priced_at();
        let band = self.limits.price_band_bps;
        let (price, at) = match follow(price, set_at, at, max_growth_wad, band, value, shares) {
            Some(followed) => (followed, at),
            None => (price, set_at),
        };
        Reference { strategy: self.limits.strategy, price, at }
    }
}

/// Puts each move beside its limits, its strategy's state and its receipt.
fn join<'a>(
    policy: &'a Policy,
    state: &'a VaultState,
    plan: &Rebalance,
    receipt: &'a Receipt,
) -> Result<Vec<Leg<'a>>, Refusal> {
    let unfit = |found: usize, expected: usize| Refusal {
        rule: Rule::Shape,
        observed: U256::from(found),
        limit: U256::from(expected),
    };
    if receipt.legs.len() != plan.moves.len() {
        return Err(unfit(receipt.legs.len(), plan.moves.len()));
    }
    if state.strategies.len() != policy.strategies.len() {
        return Err(unfit(state.strategies.len(), policy.strategies.len()));
    }
    let members = untouched_members(policy, &plan.moves);
    if !receipt.members.iter().map(|member| member.index).eq(members.iter().copied()) {
        return Err(unfit(receipt.members.len(), members.len()));
    }
    plan.moves
        .iter()
        .zip(&receipt.legs)
        .map(|(&asked, receipt)| {
            let index = usize::from(asked.index);
            let (limits, state) = policy
                .strategies
                .get(index)
                .zip(state.strategies.get(index))
                .filter(|(limits, state)| limits.strategy == state.strategy)
                .ok_or(unfit(index, policy.strategies.len()))?;
            Ok(Leg { asked, limits, state, receipt })
        })
        .collect()
}

/// What R12 measures: Σ max(0, value before + in − out − value after) over the legs, plus any shortfall of idle; at most
/// 2^256 − 1. A gain on one leg offsets nothing.
fn loss_assets(legs: &[Leg<'_>], receipt: &Receipt) -> U256 {
    let (mut expected_idle, mut deposited, mut loss) =
        (receipt.idle_before, U256::ZERO, U256::ZERO);
    for leg in legs {
        let due = if leg.asked.is_deposit {
            deposited = deposited.saturating_add(leg.receipt.assets);
            leg.receipt.value_before.saturating_add(leg.receipt.assets)
        } else {
            expected_idle = expected_idle.saturating_add(leg.receipt.assets);
            leg.receipt.value_before.saturating_sub(leg.receipt.assets)
        };
        loss = loss.saturating_add(due.saturating_sub(leg.receipt.value_after));
    }
    let missing = expected_idle.saturating_sub(deposited).saturating_sub(receipt.idle_after);
    loss.saturating_add(missing)
}

#[cfg(test)]
mod tests;
