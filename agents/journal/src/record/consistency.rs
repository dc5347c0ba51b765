//! Whether the parts of a record agree. What stands in it twice is there so that it can be found without reading the
//! whole; it must not be able to say two things.

use std::fmt::Debug;

use alloy_primitives::B256;
use vagus_allocator::{Action, Decision};
use vagus_policy::Rebalance;

use super::{
    Body, DecisionRecord, Header, Observation, RECORD_SCHEMA_VERSION, RecordError, RunKey,
};

type Checked = Result<(), RecordError>;

pub(super) fn validate(record: &DecisionRecord) -> Checked {
    same("schema_version", record.schema_version, RECORD_SCHEMA_VERSION)?;
    match &record.body {
        Body::Rebalance { observation, rebalance, .. } => {
            validate_observation(&record.header, observation)?;
            validate_rebalance(&record.header, observation, rebalance)
        }
        Body::Upkeep { observation, upkeep, .. } => {
            validate_hold(&record.header, observation)?;
            same("decision.reason", observation.decision.reason, upkeep.reason())
        }
        Body::Hold { first, last, count } => {
            validate_hold(&record.header, first)?;
            let Some(last) = last else { return same("count", *count, 1) };
            validate_hold(&record.header, last)?;
            same("last.decision", RunKey::of(&last.decision), RunKey::of(&first.decision))?;
            if last.block().number <= first.block().number {
                return Err(contradiction(
                    "last.snapshot.block.number",
                    last.block().number,
                    "later than the first",
                ));
            }
            if *count < 2 {
                return Err(contradiction("count", *count, "at least 2"));
            }
            Ok(())
        }
    }
}

fn validate_observation(header: &Header, observation: &Observation) -> Checked {
    let snapshot = &observation.snapshot;
    let guard_state = &snapshot.vault.guard_state;
    same("snapshot.chain_id", snapshot.chain_id, header.chain_id)?;
    same("snapshot.vault.vault", snapshot.vault.vault, header.vault)?;
    same("snapshot.vault.guard", snapshot.vault.guard, header.guard)?;
    same("snapshot.vault.agent.agent", snapshot.vault.agent.agent, header.agent)?;
    same(
        "snapshot.vault.guard_state.policy_version",
        guard_state.policy_version,
        header.policy_version,
    )?;
    same("snapshot.vault.guard_state.policy_hash", guard_state.policy_hash, header.policy_hash)?;
    same("inputs.agent", observation.inputs.agent, header.agent)?;
    same(
        "decision.algorithm_version",
        observation.decision.algorithm_version,
        header.algorithm_version,
    )?;
    same("decision.policy_hash", observation.decision.policy_hash, header.policy_hash)?;
    same(
        "decision.action",
        is_rebalance(&observation.decision),
        observation.decision.reason.is_rebalance(),
    )
}

fn validate_hold(header: &Header, observation: &Observation) -> Checked {
    validate_observation(header, observation)?;
    same("decision.action is a rebalance", is_rebalance(&observation.decision), false)
}

fn validate_rebalance(
    header: &Header,
    observation: &Observation,
    rebalance: &Rebalance,
) -> Checked {
    let Action::Rebalance { moves } = &observation.decision.action else {
        return Err(contradiction("decision.action", &observation.decision.action, "a rebalance"));
    };
    same("rebalance.decision", rebalance.decision, B256::ZERO)?;
    same("rebalance.policy_version", rebalance.policy_version, header.policy_version)?;
    same("rebalance.nonce", rebalance.nonce, observation.snapshot.vault.agent.nonce)?;
    if rebalance.moves != *moves {
        return Err(contradiction("rebalance.moves", &rebalance.moves, "the moves decided"));
    }
    Ok(())
}

fn is_rebalance(decision: &Decision) -> bool {
    matches!(decision.action, Action::Rebalance { .. })
}

fn same<T: PartialEq + Debug>(what: &'static str, found: T, expected: T) -> Checked {
    if found == expected {
        return Ok(());
    }
    Err(RecordError::Contradiction {
        what,
        found: format!("{found:?}"),
        expected: format!("{expected:?}"),
    })
}

fn contradiction(what: &'static str, found: impl Debug, expected: &str) -> RecordError {
    RecordError::Contradiction { what, found: format!("{found:?}"), expected: expected.to_owned() }
}
