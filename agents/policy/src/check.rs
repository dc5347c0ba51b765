//! The guard's verdict on a plan and what it did: R1 to R6 before, R7 to R14 after. Arithmetic of
//! `contracts/guard/Rules.sol` and `PolicyGuard.sol`: given the contract's own receipt, verdict, rule and numbers are
//! the contract's.

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{
    authorise::{mandate, observe},
    budget::{Budget, Charge},
    decimal,
    document::{BPS, Mode, ObjectiveKind, Policy, StrategyPolicy, StrategyStatus},
    math::{bps_down, bps_up},
    price::{Band, follow},
    rebalance::{LegReceipt, Move, Rebalance, Receipt},
    rule::{Refusal, Rule},
    snapshot::{Bucket, StrategyState, VaultState},
};

/// How an observed value must lie to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Observed ≤ limit.
    AtMost,
    /// Observed ≥ limit; under R13 with one unit of grace.
    AtLeast,
    /// Observed = limit.
    Equal,
    /// Both are bit masks; every bit of observed is set in limit.
    Within,
}

/// What an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The whole vault.
    Vault,
    /// The agent.
    Agent,
    /// The strategy at this place of the policy's list.
    Strategy(u8),
    /// The plan's policy version.
    PolicyVersion,
    /// The plan's nonce.
    Nonce,
    /// The plan's deadline.
    Deadline,
    /// The rebalance count the plan names.
    VaultCount,
}

/// What one rule saw and allowed. Units depend on the rule: amounts in the asset's smallest unit, Unix times, counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The rule.
    pub rule: Rule,
    /// Of what.
    pub subject: Subject,
    /// How `observed` must lie to `limit`.
    pub bound: Bound,
    /// What was seen.
    #[serde(with = "decimal")]
    pub observed: U256,
    /// What is allowed.
    #[serde(with = "decimal")]
    pub limit: U256,
}

impl Observation {
    /// What is left until the rule refuses; `None` where there is no distance, under [`Bound::Equal`] and
    /// [`Bound::Within`].
    #[must_use]
    pub fn headroom(&self) -> Option<U256> {
        match self.bound {
            Bound::AtMost => Some(self.limit.saturating_sub(self.observed)),
            Bound::AtLeast => Some(self.observed.saturating_sub(self.limit)),
            Bound::Equal | Bound::Within => None,
        }
    }

    fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost => self.observed <= self.limit,
            Bound::AtLeast if self.rule == Rule::Price => {
                self.observed.saturating_add(U256::ONE) >= self.limit
            }
            Bound::AtLeast => self.observed >= self.limit,
            Bound::Equal => self.observed == self.limit,
            Bound::Within => self.observed & !self.limit == U256::ZERO,
        }
    }
}

/// The price reference of a touched strategy after the rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The strategy.
    pub strategy: Address,
    /// Value × 2^128 ÷ shares.
    #[serde(with = "decimal")]
    pub price: U256,
    /// Unix time at which it was set or last followed the price.
    pub at: u64,
}

/// An accepted rebalance: what each rule saw, and the guard's state after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Every rule that looked at something, lowest first, then in the order of the legs.
    pub observations: Vec<Observation>,
    /// What R7 measured: the sum of all legs' amounts.
    #[serde(with = "decimal")]
    pub turnover_assets: U256,
    /// What R12 measured.
    #[serde(with = "decimal")]
    pub loss_assets: U256,
    /// The vault's turnover bucket afterwards.
    pub vault_turnover: Bucket,
    /// The vault's loss bucket afterwards.
    pub vault_loss: Bucket,
    /// The agent's turnover bucket afterwards.
    pub agent_turnover: Bucket,
    /// The agent's loss bucket afterwards.
    pub agent_loss: Bucket,
    /// Rebalance count of the vault afterwards.
    pub rebalance_count: u64,
    /// The agent's next nonce afterwards.
    pub nonce: u64,
    /// References of the touched strategies afterwards, in the order of the legs.
    pub references: Vec<Reference>,
}

/// The guard's verdict at Unix time `at` on a plan that does what `receipt` says. The agent is the one of
/// `state.agent`; `policy` is the document in force.
///
/// # Errors
/// The lowest rule that refuses, then the earliest leg's refusal, with the numbers of the guard's `Refused`. Beyond what
/// the guard can meet, a receipt or a state that does not fit plan and policy is refused under R6 with what was found
/// and what was expected, and a policy with groups or target weights, which are not enforced yet, under R9 or R14.
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
    let mut settlement = Settlement {
        observations: observe(policy, state, plan, at)?,
        headroom_bps: headroom_bps.min(BPS),
    };
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
    settlement.groups(policy)?;
    if state.guard_state.mode == Mode::Active {
        settlement.floors(&legs, receipt.nav)?;
    }
    settlement.idle(&legs, policy.limits.min_idle_bps, receipt)?;

    let loss = loss_assets(&legs, receipt);
    let vault_budget = budget(state.guard_state.loss, policy.limits.max_loss_bps);
    let vault_loss = settlement.charge(Rule::Loss, Subject::Vault, vault_budget, loss)?;
    let agent_budget = budget(state.agent.loss, agent.max_loss_bps);
    let agent_loss = settlement.charge(Rule::Loss, Subject::Agent, agent_budget, loss)?;

    settlement.prices(&legs)?;
    if policy.objective.kind != ObjectiveKind::Yield {
        return Err(Refusal { rule: Rule::Objective, observed: U256::ONE, limit: U256::ZERO });
    }

    let bucket = |charge: Charge| Bucket { level_wad: charge.level_wad, updated_at: at };
    Ok(Checked {
        observations: settlement.observations,
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
        let (price, at) = match follow(price, set_at, at, max_growth_wad, value, shares) {
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

/// The rules after execution, in order, each leaving what it saw.
struct Settlement {
    observations: Vec<Observation>,
    headroom_bps: u16,
}

impl Settlement {
    fn require(
        &mut self,
        rule: Rule,
        subject: Subject,
        bound: Bound,
        observed: U256,
        limit: U256,
    ) -> Result<(), Refusal> {
        let observation = Observation { rule, subject, bound, observed, limit };
        if !observation.holds() {
            return Err(Refusal { rule, observed, limit });
        }
        self.observations.push(observation);
        Ok(())
    }

    fn at_most(
        &mut self,
        rule: Rule,
        subject: Subject,
        observed: U256,
        limit: U256,
    ) -> Result<(), Refusal> {
        let limit = limit.saturating_sub(bps_up(limit, self.headroom_bps));
        self.require(rule, subject, Bound::AtMost, observed, limit)
    }

    fn at_least(
        &mut self,
        rule: Rule,
        subject: Subject,
        observed: U256,
        limit: U256,
    ) -> Result<(), Refusal> {
        let limit = limit.saturating_add(bps_up(limit, self.headroom_bps));
        self.require(rule, subject, Bound::AtLeast, observed, limit)
    }

    /// R7 and R12.
    fn charge(
        &mut self,
        rule: Rule,
        subject: Subject,
        budget: Budget,
        amount: U256,
    ) -> Result<Charge, Refusal> {
        let charge = budget.charge(amount);
        self.at_most(rule, subject, charge.observed, budget.capacity)?;
        Ok(charge)
    }

    /// R8: each strategy deposited into ends at or below min(cap, ⌊max weight × base⌋), at zero if it is not Active.
    fn weights(&mut self, legs: &[Leg<'_>], base: U256) -> Result<(), Refusal> {
        for leg in legs.iter().filter(|leg| leg.asked.is_deposit) {
            let limit = match leg.limits.status {
                StrategyStatus::Active => {
                    U256::from(leg.limits.cap).min(bps_down(base, leg.limits.max_weight_bps))
                }
                StrategyStatus::ExitOnly | StrategyStatus::WrittenOff => U256::ZERO,
            };
            self.at_most(Rule::Weight, leg.subject(), leg.receipt.value_after, limit)?;
        }
        Ok(())
    }

    /// R9 is not enforced yet: nothing passes under a policy that names groups.
    fn groups(&mut self, policy: &Policy) -> Result<(), Refusal> {
        let members = policy.strategies.iter().filter(|entry| entry.groups != 0).count();
        let named = policy.groups.len().max(members);
        self.require(Rule::Group, Subject::Vault, Bound::AtMost, U256::from(named), U256::ZERO)
    }

    /// R10: each strategy withdrawn from ends at or above ⌈min weight × NAV⌉.
    fn floors(&mut self, legs: &[Leg<'_>], nav: U256) -> Result<(), Refusal> {
        for leg in legs.iter().filter(|leg| !leg.asked.is_deposit) {
            let limit = bps_up(nav, leg.limits.min_weight_bps);
            self.at_least(Rule::Floor, leg.subject(), leg.receipt.value_after, limit)?;
        }
        Ok(())
    }

    /// R11: if anything was deposited, idle ends at or above ⌈min idle × NAV⌉.
    fn idle(
        &mut self,
        legs: &[Leg<'_>],
        min_idle_bps: u16,
        receipt: &Receipt,
    ) -> Result<(), Refusal> {
        if !legs.iter().any(|leg| leg.asked.is_deposit) {
            return Ok(());
        }
        let limit = bps_up(receipt.nav, min_idle_bps);
        self.at_least(Rule::Idle, Subject::Vault, receipt.idle_after, limit)
    }

    /// R13: withdraw legs not below the band, deposit legs on neither side of it.
    fn prices(&mut self, legs: &[Leg<'_>]) -> Result<(), Refusal> {
        for leg in legs {
            let reference = leg.state.reference_price;
            let band = Band::around(reference, leg.limits.price_band_bps, self.headroom_bps);
            let (value, shares) = leg.priced_at();
            let low = band.lowest_value_up(shares);
            self.require(Rule::Price, leg.subject(), Bound::AtLeast, value, low)?;
            if leg.asked.is_deposit {
                let high = band.highest_value(shares);
                self.require(Rule::Price, leg.subject(), Bound::AtMost, value, high)?;
            }
        }
        Ok(())
    }
}
