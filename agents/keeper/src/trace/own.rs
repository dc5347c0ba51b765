//! What a record has to say of itself, before the chain is asked: that its parts agree, and that what was seen is what a
//! vault can look like.

use alloy::primitives::{B256, U256, keccak256};
use vagus_allocator::Reason;
use vagus_journal::{Body, DecisionRecord, Observation, RecordFile, Upkeep};
use vagus_policy::{Policy, StrategyStatus, price::FOLLOW_SECONDS};

use super::ask::Claim;

/// The first contradiction of a record, of what is filed beside it, and of the document that was in force.
///
/// # Errors
/// The contradiction in words, without a full stop.
pub(super) fn consistent(
    file: &RecordFile,
    record: &DecisionRecord,
    policy: Option<&Policy>,
) -> Result<(), String> {
    record.validate().map_err(|error| error.to_string())?;
    let claim = file.filed().and_then(Claim::of);
    if let Some(place) = file.records.iter().position(|filed| Claim::of(filed) != claim) {
        return Err(format!("record {place} of the file is another vault's"));
    }
    if let Some(outcome) = file.outcome.as_ref().filter(|outcome| outcome.decision != file.decision)
    {
        return Err(format!("the outcome is that of {}", outcome.decision));
    }
    if let Some(encoding) = &file.policy {
        let (found, expected) = (keccak256(encoding), record.header.policy_hash);
        if found != expected {
            return Err(format!(
                "the document filed hashes to {found}, the one in force to {expected}"
            ));
        }
        if policy.is_none() {
            return Err("the document filed cannot be read".to_owned());
        }
    }
    match &record.body {
        Body::Hold { first, last, count } => {
            let end = last.as_ref().unwrap_or(first).block().number;
            let blocks = end.saturating_sub(first.block().number).saturating_add(1);
            if *count > blocks {
                return Err(format!("{count} blocks were decided, but the run has {blocks}"));
            }
        }
        Body::Upkeep { observation, upkeep, deadline } => {
            kept(observation, upkeep, *deadline, policy)?
        }
        Body::Rebalance { .. } => {}
    }
    seen(record.first(), policy)?;
    if record.blocks() > 1 { seen(record.last(), policy) } else { Ok(()) }
}

/// A call that anybody may make: its deadline, and that it can do something.
fn kept(
    seen: &Observation,
    upkeep: &Upkeep,
    deadline: u64,
    policy: Option<&Policy>,
) -> Result<(), String> {
    let seconds = seen.inputs.deadline_seconds.max(seen.inputs.block_seconds);
    let expected = seen.block().timestamp.saturating_add(seconds.into());
    if deadline != expected {
        return Err(format!("its deadline is {deadline}, by its inputs {expected}"));
    }
    if let Upkeep::Activate { policy } = upkeep
        && vagus_policy::decode(policy).is_err()
    {
        return Err("the document to be put in force cannot be read".to_owned());
    }
    if let Upkeep::FollowPrice { index } = upkeep {
        return follows(seen, usize::from(*index));
    }
    let (Upkeep::Trim { index }, Some(policy)) = (upkeep, policy) else { return Ok(()) };
    let place = usize::from(*index);
    let strategy = policy.strategies.get(place).zip(seen.snapshot.vault.strategies.get(place));
    let is_over = strategy.is_some_and(|(listed, state)| {
        let most = match listed.status {
            StrategyStatus::Active => U256::from(listed.cap),
            StrategyStatus::ExitOnly | StrategyStatus::WrittenOff => U256::ZERO,
        };
        state.redeem_assets > most
    });
    if is_over {
        return Ok(());
    }
    Err(format!("strategy {index} holds no more than it may, and was to be trimmed"))
}

/// A price reference that is to follow: a day after it did last, a price that was read.
fn follows(seen: &Observation, place: usize) -> Result<(), String> {
    let state = seen.snapshot.vault.strategies.get(place);
    let state =
        state.ok_or_else(|| format!("there is no strategy {place} whose price it follows"))?;
    if state.read_price.is_none() {
        return Err(format!(
            "the price of strategy {place}, which is to be followed, was not read"
        ));
    }
    if seen.block().timestamp < state.reference_at.saturating_add(FOLLOW_SECONDS) {
        return Err(format!("the reference of strategy {place} followed its price within the day"));
    }
    Ok(())
}

/// What was seen of the vault, beside itself and beside the document.
fn seen(observation: &Observation, policy: Option<&Policy>) -> Result<(), String> {
    let (snapshot, reason) = (&observation.snapshot, observation.decision.reason);
    let state = &snapshot.vault;
    if reason == Reason::VaultUnread {
        return Ok(());
    }
    if snapshot.block.hash == snapshot.block.parent_hash || snapshot.block.hash == B256::ZERO {
        return Err("its block is none".to_owned());
    }
    if state.nav.nav_assets > state.nav.live_assets {
        return Err(format!(
            "the vault's NAV of {} is above its live value of {}",
            state.nav.nav_assets, state.nav.live_assets
        ));
    }
    let Some(policy) = policy else { return Ok(()) };
    if policy.strategies.len() != state.strategies.len() {
        return Err(format!(
            "the vault has {} strategies, the document {}",
            state.strategies.len(),
            policy.strategies.len()
        ));
    }
    let listed = policy.strategies.iter().zip(&state.strategies);
    if let Some((listed, state)) = listed.clone().find(|(a, b)| a.strategy != b.strategy) {
        return Err(format!(
            "strategy {} stands where the document has {}",
            state.strategy, listed.strategy
        ));
    }
    let counted = listed.filter(|(listed, _)| listed.status != StrategyStatus::WrittenOff);
    let live = counted.fold(state.idle, |sum, (_, state)| sum.saturating_add(state.convert_assets));
    if state.nav.is_readable && live != state.nav.live_assets {
        return Err(format!(
            "idle and strategies come to {live}, the live value is {}",
            state.nav.live_assets
        ));
    }
    Ok(())
}
