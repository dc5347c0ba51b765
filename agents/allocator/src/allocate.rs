//! The decision for one vault at one block.
//!
//! Everything is asked for the next block's time, `block.timestamp + block_seconds`, on the positions and venues of the
//! pinned block.

use alloy_primitives::{B256, U256};
use vagus_policy::{
    ANY_COUNT, AgentPolicy, Mode, Move, Policy, Rebalance, Refusal, Rule, Snapshot, authorise,
    predict,
};

use crate::{
    Action, Decision, Inputs, Limiting, Reason,
    deciding::Deciding,
    decision::Binding,
    view::{NoView, view},
};

/// Decides what to do. Pure: the same arguments give the same decision, bit for bit, on every machine.
#[must_use]
pub fn decide(policy: &Policy, snapshot: &Snapshot, inputs: &Inputs) -> Decision {
    let at = snapshot.block.timestamp.saturating_add(u64::from(inputs.block_seconds));
    let state = &snapshot.vault;
    let guard = &state.guard_state;
    if guard.policy_version == 0 || guard.policy_hash == B256::ZERO {
        return hold(snapshot, Reason::NoPolicy);
    }
    if guard.mode == Mode::Paused {
        return hold(snapshot, Reason::ModeClosed);
    }
    let mandate = match mandate(policy, snapshot, inputs, at) {
        Ok(mandate) => mandate,
        Err(refusal) => {
            return Decision { refusal: Some(refusal), ..hold(snapshot, Reason::NoMandate) };
        }
    };
    let receipt = predict(policy, state, &[]);
    if receipt.nav.is_zero() || receipt.base.is_zero() {
        return hold(snapshot, Reason::NoCapital);
    }
    let is_unreadable = |index: usize| {
        let is_written_off = policy
            .strategies
            .get(index)
            .is_some_and(|s| s.status == vagus_policy::StrategyStatus::WrittenOff);
        !is_written_off && !state.strategies[index].is_readable
    };
    if !state.nav.is_readable || (0..state.strategies.len()).any(is_unreadable) {
        return hold(snapshot, Reason::Unreadable);
    }
    if let Err(refusal) = authorise(policy, state, &rebalance(snapshot, inputs, Vec::new()), at)
        && refusal.rule == Rule::Cooldown
    {
        let retry_at = u64::try_from(refusal.limit).ok();
        return Decision {
            action: Action::Hold { is_proven: false, retry_at },
            bindings: vec![Binding {
                limiting: Limiting::Rule(Rule::Cooldown),
                index: None,
                observed: refusal.observed,
                limit: refusal.limit,
            }],
            ..hold(snapshot, Reason::Cooldown)
        };
    }
    match view(policy, snapshot, inputs, mandate, policy.objective.horizon_seconds) {
        Ok(view) => Deciding { policy, snapshot, inputs, mandate, view }.decide(),
        Err(NoView::TooLarge) => hold(snapshot, Reason::Unreadable),
        // The document at hand is not the one in force.
        Err(NoView::Mismatch) => hold(snapshot, Reason::NoPolicy),
    }
}

/// The mandate in force, or R2's own words.
fn mandate<'a>(
    policy: &'a Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    at: u64,
) -> Result<&'a AgentPolicy, Refusal> {
    let none = Refusal { rule: Rule::Mandate, observed: U256::ZERO, limit: U256::ZERO };
    match authorise(policy, &snapshot.vault, &rebalance(snapshot, inputs, Vec::new()), at) {
        Err(refusal) if refusal.rule == Rule::Mandate => Err(refusal),
        _ => policy
            .agents
            .iter()
            .find(|entry| entry.agent == inputs.agent)
            .filter(|_| snapshot.vault.agent.agent == inputs.agent)
            .ok_or(none),
    }
}

/// The moves as the keeper would send them, for asking the rules.
pub(crate) fn rebalance(snapshot: &Snapshot, inputs: &Inputs, moves: Vec<Move>) -> Rebalance {
    Rebalance {
        policy_version: snapshot.vault.guard_state.policy_version,
        nonce: snapshot.vault.agent.nonce,
        vault_count: ANY_COUNT,
        deadline: snapshot
            .block
            .timestamp
            .saturating_add(u64::from(inputs.deadline_seconds.max(inputs.block_seconds))),
        decision: B256::ZERO,
        moves,
    }
}

/// A hold of which nothing more is known.
pub(crate) fn hold(snapshot: &Snapshot, reason: Reason) -> Decision {
    Decision::bare_hold(reason, snapshot.vault.guard_state.policy_hash)
}
