//! R1 to R6: everything that can be said of a plan before anything moves. Arithmetic of `contracts/guard/Rules.sol`.

use alloy_primitives::U256;

use crate::{
    document::{AgentPolicy, Mode, Policy},
    observation::{Bound, Observation, Subject},
    rebalance::{ALL_ASSETS, ANY_COUNT, MAX_MOVES, Move, Rebalance},
    rule::{Refusal, Rule},
    snapshot::VaultState,
};

/// Whether the guard would let the plan execute at Unix time `at`, by R1 to R6 alone.
///
/// The agent is the one of `state.agent`; `policy` is the document in force.
///
/// # Errors
/// The lowest rule that refuses, with the numbers of the guard's `Refused`: R1 mode and 0; R2 zeros without a mandate,
/// now and expiry after it; R3 index and scope mask; R4 the first of given and current policy version, given and expected
/// nonce, now and deadline, given and current rebalance count; R5 now and the end of the cooldown; R6 see [`shape`].
pub fn authorise(
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    at: u64,
) -> Result<(), Refusal> {
    observe(policy, state, plan, at).map(|_| ())
}

/// R1 to R6, with what was seen.
pub(crate) fn observe(
    policy: &Policy,
    state: &VaultState,
    plan: &Rebalance,
    at: u64,
) -> Result<Vec<Observation>, Refusal> {
    let has_deposit = plan.moves.iter().any(|leg| leg.is_deposit);
    let widest = if has_deposit { Mode::Active } else { Mode::ExitOnly };
    let mode = state.guard_state.mode;
    if mode > widest {
        return Err(refused(Rule::Mode, mode as u64, Mode::Active as u64));
    }
    let mandate = mandate(policy, state).ok_or(refused(Rule::Mandate, 0, 0))?;
    if at > mandate.expires_at {
        return Err(refused(Rule::Mandate, at, mandate.expires_at));
    }
    let mut touched = U256::ZERO;
    for leg in &plan.moves {
        if u64::from(mandate.scope).checked_shr(u32::from(leg.index)).unwrap_or(0) & 1 == 0 {
            return Err(refused(Rule::Scope, u64::from(leg.index), u64::from(mandate.scope)));
        }
        touched |= U256::ONE << usize::from(leg.index);
    }
    fresh(state, plan, at)?;
    let last = state.agent.last_rebalance_at;
    let cooled_down_at = match last {
        0 => 0,
        _ => last.saturating_add(u64::from(policy.limits.cooldown_seconds)),
    };
    if at < cooled_down_at {
        return Err(refused(Rule::Cooldown, at, cooled_down_at));
    }
    shape(&plan.moves, policy.strategies.len())?;

    let guard = &state.guard_state;
    let count =
        if plan.vault_count == ANY_COUNT { guard.rebalance_count } else { plan.vault_count };
    let seen = |rule, subject, bound, observed: u64, limit: u64| Observation {
        rule,
        subject,
        bound,
        observed: U256::from(observed),
        limit: U256::from(limit),
    };
    Ok(vec![
        seen(Rule::Mode, Subject::Vault, Bound::AtMost, mode as u64, widest as u64),
        seen(Rule::Mandate, Subject::Agent, Bound::AtMost, at, mandate.expires_at),
        Observation {
            rule: Rule::Scope,
            subject: Subject::Agent,
            bound: Bound::Within,
            observed: touched,
            limit: U256::from(mandate.scope),
        },
        seen(
            Rule::Freshness,
            Subject::PolicyVersion,
            Bound::Equal,
            plan.policy_version,
            guard.policy_version,
        ),
        seen(Rule::Freshness, Subject::Nonce, Bound::Equal, plan.nonce, state.agent.nonce),
        seen(Rule::Freshness, Subject::Deadline, Bound::AtMost, at, plan.deadline),
        seen(Rule::Freshness, Subject::VaultCount, Bound::Equal, count, guard.rebalance_count),
        seen(Rule::Cooldown, Subject::Agent, Bound::AtLeast, at, cooled_down_at),
        seen(Rule::Shape, Subject::Vault, Bound::AtMost, plan.moves.len() as u64, MAX_MOVES as u64),
    ])
}

/// The mandate in force of the agent that `state` was asked for.
pub(crate) fn mandate<'a>(policy: &'a Policy, state: &VaultState) -> Option<&'a AgentPolicy> {
    if !state.agent.exists || state.agent.is_revoked {
        return None;
    }
    policy.agents.iter().find(|entry| entry.agent == state.agent.agent)
}

fn fresh(state: &VaultState, plan: &Rebalance, at: u64) -> Result<(), Refusal> {
    let guard = &state.guard_state;
    if plan.policy_version != guard.policy_version {
        return Err(refused(Rule::Freshness, plan.policy_version, guard.policy_version));
    }
    if plan.nonce != state.agent.nonce {
        return Err(refused(Rule::Freshness, plan.nonce, state.agent.nonce));
    }
    if at > plan.deadline {
        return Err(refused(Rule::Freshness, at, plan.deadline));
    }
    if plan.vault_count != ANY_COUNT && plan.vault_count != guard.rebalance_count {
        return Err(refused(Rule::Freshness, plan.vault_count, guard.rebalance_count));
    }
    Ok(())
}

/// R6: one to sixteen moves over a list of `strategy_count` strategies, each touched at most once, no zero amount,
/// withdrawals before deposits, "all" only on a withdrawal.
///
/// # Errors
/// The earliest leg's refusal. Observed and limit are: number of moves and 16; index and length of the list; index and
/// itself for a strategy touched twice; zero and one for a zero amount; place of the leg and of the first deposit for a
/// withdrawal behind it; the amount and 2^128 − 2 for "all" on a deposit.
pub fn shape(moves: &[Move], strategy_count: usize) -> Result<(), Refusal> {
    if moves.is_empty() || moves.len() > MAX_MOVES {
        return Err(refused(Rule::Shape, moves.len() as u64, MAX_MOVES as u64));
    }
    let mut first_deposit = None;
    for (place, leg) in moves.iter().enumerate() {
        let index = u64::from(leg.index);
        if usize::from(leg.index) >= strategy_count {
            return Err(refused(Rule::Shape, index, strategy_count as u64));
        }
        if moves.iter().take(place).any(|earlier| earlier.index == leg.index) {
            return Err(refused(Rule::Shape, index, index));
        }
        if leg.assets == 0 {
            return Err(refused(Rule::Shape, 0, 1));
        }
        if !leg.is_deposit {
            if let Some(first) = first_deposit {
                return Err(refused(Rule::Shape, place as u64, first as u64));
            }
            continue;
        }
        first_deposit.get_or_insert(place);
        if leg.assets == ALL_ASSETS {
            return Err(Refusal {
                rule: Rule::Shape,
                observed: U256::from(ALL_ASSETS),
                limit: U256::from(ALL_ASSETS - 1),
            });
        }
    }
    Ok(())
}

fn refused(rule: Rule, observed: u64, limit: u64) -> Refusal {
    Refusal { rule, observed: U256::from(observed), limit: U256::from(limit) }
}
