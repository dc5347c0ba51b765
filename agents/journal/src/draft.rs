//! From a policy, a snapshot and inputs to what is recorded and, perhaps, sent.
//!
//! No clock, no network, nothing random: the same arguments give the same record and the same hash on every machine. The
//! keeper decides with it, `keeper trace` decides again with it, and a backtest decides over the past with it.

use alloy_primitives::{Address, B256, U256};
use vagus_allocator::{Action, Binding, Decision, Inputs, Limiting, Reason};
use vagus_policy::{
    Checked, Move, Policy, Rebalance, Receipt, Refusal, Rule, Snapshot, check_with_headroom,
    predict,
};

use crate::{Body, Check, DecisionRecord, Header, HoldObservation, Observation, RecordError};

/// What a decision came to, before it is simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What was seen, decided and checked.
    pub observation: Observation,
    /// What would be sent, and what it is expected to do; none under a hold.
    pub plan: Option<Plan>,
}

/// What would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its `decision` is zero until the record's hash is known.
    pub rebalance: Rebalance,
    /// What it is expected to do.
    pub predicted: Receipt,
}

/// Decides, builds what would be sent and checks it by the guard's rules: at the next block's time and at the deadline,
/// both with headroom. `policy` is none if none is in force.
#[must_use]
pub fn draft(policy: Option<&Policy>, snapshot: &Snapshot, inputs: &Inputs) -> Draft {
    let Some(policy) = policy else { return hold(snapshot, inputs, Reason::NoPolicy) };
    let decision = vagus_allocator::decide(policy, snapshot, inputs);
    checked(policy, snapshot, inputs, decision)
}

/// Checks what was decided; a plan that a rule refuses becomes a hold that says so.
#[must_use]
pub fn checked(policy: &Policy, snapshot: &Snapshot, inputs: &Inputs, decision: Decision) -> Draft {
    let observation = |decision, checks| Observation {
        snapshot: snapshot.clone(),
        inputs: inputs.clone(),
        asked: None,
        decision,
        checks,
    };
    let Action::Rebalance { moves } = &decision.action else {
        return Draft { observation: observation(decision, Vec::new()), plan: None };
    };
    let rebalance = rebalance(Some(policy), snapshot, inputs, moves.clone());
    let predicted = predict(policy, &snapshot.vault, moves);
    match rules(policy, snapshot, inputs, &rebalance, &predicted) {
        Ok(checks) => Draft {
            observation: observation(decision, checks),
            plan: Some(Plan { rebalance, predicted }),
        },
        Err(refusal) => {
            Draft { observation: observation(refused(decision, refusal), Vec::new()), plan: None }
        }
    }
}

/// Both verdicts, each with headroom; what the earlier one saw.
fn rules(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    rebalance: &Rebalance,
    predicted: &Receipt,
) -> Result<Vec<Check>, Refusal> {
    let verdict = |at: u64| -> Result<Checked, Refusal> {
        let state = &snapshot.vault;
        check_with_headroom(policy, state, rebalance, at, predicted, inputs.headroom_bps)
    };
    let next = snapshot.block.timestamp.saturating_add(inputs.block_seconds.into());
    let checked = verdict(next.min(rebalance.deadline))?;
    verdict(rebalance.deadline)?;
    let checks = checked.observations.iter().map(|seen| Check {
        rule: seen.rule,
        observed: seen.observed,
        limit: seen.limit,
        headroom: seen.headroom().unwrap_or_default(),
        is_met: true,
    });
    Ok(checks.collect())
}

/// What would be sent: bound to the policy, the nonces and a deadline that the mandate does not outlive.
#[must_use]
pub fn rebalance(
    policy: Option<&Policy>,
    snapshot: &Snapshot,
    inputs: &Inputs,
    moves: Vec<Move>,
) -> Rebalance {
    let state = &snapshot.vault;
    let mandate = policy
        .and_then(|policy| policy.agents.iter().find(|entry| entry.agent == inputs.agent))
        .map_or(u64::MAX, |entry| entry.expires_at);
    Rebalance {
        policy_version: state.guard_state.policy_version,
        nonce: state.agent.nonce,
        vault_count: state.guard_state.rebalance_count,
        deadline: snapshot
            .block
            .timestamp
            .saturating_add(inputs.deadline_seconds.max(inputs.block_seconds).into())
            .min(mandate),
        decision: B256::ZERO,
        moves,
    }
}

/// A hold for a reason that needs no allocator.
#[must_use]
pub fn hold(snapshot: &Snapshot, inputs: &Inputs, reason: Reason) -> Draft {
    let decision = Decision::bare_hold(reason, snapshot.vault.guard_state.policy_hash);
    let observation = Observation {
        snapshot: snapshot.clone(),
        inputs: inputs.clone(),
        asked: None,
        decision,
        checks: Vec::new(),
    };
    Draft { observation, plan: None }
}

/// The decision as a hold because a rule refuses its plan. The plan stays the best one declined.
fn refused(decision: Decision, refusal: Refusal) -> Decision {
    let reason = match refusal.rule {
        Rule::Mandate => Reason::NoMandate,
        _ => Reason::RuleRefuses,
    };
    let Refusal { rule, observed, limit } = refusal;
    let mut decision = as_hold(decision, reason);
    let binding = Binding { limiting: Limiting::Rule(rule), index: None, observed, limit };
    decision.bindings.insert(0, binding);
    decision.refusal = Some(refusal);
    decision
}

fn as_hold(decision: Decision, reason: Reason) -> Decision {
    let action = Action::Hold { is_proven: false, retry_at: None };
    Decision { reason, action, ..decision }
}

impl Draft {
    /// The draft as a hold for a reason that is not the plan's. The plan stays the best one declined.
    #[must_use]
    pub fn into_hold(mut self, reason: Reason) -> Self {
        self.observation.decision = as_hold(self.observation.decision, reason);
        self.plan = None;
        self
    }

    /// The draft as a hold because the exact transaction failed in simulation, by this rule if it was one.
    #[must_use]
    pub fn into_failed_simulation(mut self, refusal: Option<Refusal>) -> Self {
        let mut decision = as_hold(self.observation.decision, Reason::SimulationFailed);
        if let Some(Refusal { rule, observed, limit }) = refusal {
            let binding = Binding { limiting: Limiting::Rule(rule), index: None, observed, limit };
            decision.bindings.insert(0, binding);
        }
        decision.refusal = refusal;
        self.observation.decision = decision;
        self.plan = None;
        self
    }

    /// Who decided about what.
    #[must_use]
    pub fn header(&self, lens: Address, lens_code_hash: B256) -> Header {
        let snapshot = &self.observation.snapshot;
        let guard_state = &snapshot.vault.guard_state;
        Header {
            algorithm_version: self.observation.decision.algorithm_version,
            chain_id: snapshot.chain_id,
            vault: snapshot.vault.vault,
            guard: snapshot.vault.guard,
            lens,
            lens_code_hash,
            agent: self.observation.inputs.agent,
            policy_version: guard_state.policy_version,
            policy_hash: guard_state.policy_hash,
        }
    }

    /// The record of a rebalance that follows the record `previous`, and what is sent, bound to the record's hash; none
    /// under a hold.
    ///
    /// # Errors
    /// If the record cannot be hashed.
    pub fn record(
        &self,
        header: Header,
        previous: B256,
    ) -> Result<Option<(DecisionRecord, B256, Rebalance)>, RecordError> {
        let Some(plan) = &self.plan else { return Ok(None) };
        let body = Body::Rebalance {
            observation: self.observation.clone(),
            rebalance: plan.rebalance.clone(),
            predicted: plan.predicted.clone(),
        };
        let record = DecisionRecord::new(header, previous, body);
        let hash = record.hash()?;
        let rebalance = Rebalance { decision: hash, ..plan.rebalance.clone() };
        Ok(Some((record, hash, rebalance)))
    }

    /// The hold as the journal takes it.
    #[must_use]
    pub fn into_hold_observation(self, header: Header) -> HoldObservation {
        HoldObservation { header, observation: self.observation }
    }
}

/// The smallest list of moves that the rules would let an agent with a mandate make: one unit out of the first strategy
/// that holds something, else one unit into the first that takes it. None if there is nothing to move.
#[must_use]
pub fn smallest_moves(policy: &Policy, snapshot: &Snapshot) -> Option<Vec<Move>> {
    let usable = |index: &usize| {
        policy
            .strategies
            .get(*index)
            .is_some_and(|entry| entry.status != vagus_policy::StrategyStatus::WrittenOff)
    };
    let strategies = &snapshot.vault.strategies;
    let holding = (0..strategies.len())
        .filter(usable)
        .find(|index| strategies[*index].max_withdraw_assets > U256::ZERO)
        .map(|index| (index, false));
    let empty = (0..strategies.len()).find(usable).map(|index| (index, true));
    let (index, is_deposit) = holding.or(empty)?;
    let index = u8::try_from(index).ok()?;
    Some(vec![Move { index, is_deposit, assets: 1 }])
}
