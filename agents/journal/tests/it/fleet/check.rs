//! What has to be so at the end, told by the chain and by what is stored, not by the holders.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use vagus_journal::{Body, OutcomeState, ReadJournal as _, RecordQuery, SqlJournal, StoredRecord};

use super::{holder::VAULTS, world::Chain};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub(super) executed: u64,
    pub(super) cancelled: u64,
}

fn said<T>(result: vagus_journal::Result<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// Everything wrong with a schedule, as the first sentence of it.
pub(super) async fn check(
    journal: &SqlJournal,
    chain_id: u64,
    chain: &Chain,
) -> Result<Found, String> {
    check_chain(chain)?;
    let mut found = Found::default();
    let mut known = BTreeSet::new();
    for vault in VAULTS {
        let report = said(journal.verify_chain(chain_id, vault).await)?;
        if !report.is_intact() {
            return Err(format!("the chain of records is broken: {:?}", report.breaches));
        }
        let query = RecordQuery::default();
        let mut newest = 0;
        for stored in said(journal.records(chain_id, vault, query).await)? {
            let token = decided_under(&stored);
            if token < newest {
                return Err(format!("decided under token {token} after token {newest}"));
            }
            newest = token;
            known.insert(stored.hash);
            check_end(journal, chain, stored.hash, &mut found).await?;
        }
    }
    match chain.mined.iter().find(|mined| !known.contains(&mined.decision)) {
        Some(mined) => Err(format!("executed without a record: {mined:?}")),
        None => Ok(found),
    }
}

/// The chain executed every decision at most once, each on what the one before had left.
fn check_chain(chain: &Chain) -> Result<(), String> {
    let mut executed = BTreeSet::new();
    for vault in VAULTS {
        let of_vault = chain.mined.iter().filter(|mined| mined.vault == vault && !mined.is_cancel);
        for (count, mined) in of_vault.enumerate() {
            if !executed.insert(mined.decision) {
                return Err(format!("executed twice: {mined:?}"));
            }
            if mined.seen != count as u64 {
                return Err(format!(
                    "vault {vault}: two of its decisions were executed on what was seen after {} rebalances: {mined:?}",
                    mined.seen
                ));
            }
        }
    }
    Ok(())
}

fn decided_under(stored: &StoredRecord) -> u128 {
    match &stored.record.body {
        Body::Rebalance { observation, .. } => observation.inputs.gas_price_wei,
        Body::Upkeep { .. } | Body::Hold { .. } => 0,
    }
}

/// A decision is in its last state, which is what the chain says; nothing that was written of it was overwritten.
async fn check_end(
    journal: &SqlJournal,
    chain: &Chain,
    decision: B256,
    found: &mut Found,
) -> Result<(), String> {
    let stored =
        said(journal.transaction(decision).await)?.ok_or("a decision without an intent")?;
    let attempts = said(journal.attempts(decision).await)?;
    if !stored.is_terminal {
        return Err(format!("not ended: {stored:?}"));
    }
    let phase = stored.state["phase"].as_str().unwrap_or_default();
    let outcome = said(journal.outcome(decision).await)?.ok_or("a decision without an outcome")?;
    let mined = chain.mined.iter().find(|mined| mined.decision == decision);
    let (expected, state) = match mined {
        Some(mined) if mined.is_cancel => ("cancelled", OutcomeState::Cancelled),
        Some(_) => ("final", OutcomeState::Executed),
        None => return Err(format!("nothing of it was mined: {stored:?}")),
    };
    found.executed += u64::from(expected == "final");
    found.cancelled += u64::from(expected == "cancelled");
    if phase != expected || outcome.state != state {
        return Err(format!("the chain says {expected}, the journal {phase}, {:?}", outcome.state));
    }
    let mut newest = 0;
    for attempt in &attempts {
        if attempt.max_fee_wei < newest {
            let token = attempt.max_fee_wei;
            return Err(format!("signed under token {token} after token {newest}"));
        }
        newest = attempt.max_fee_wei;
    }
    let hashes: BTreeSet<B256> = attempts.iter().map(|attempt| attempt.hash).collect();
    let listed: BTreeSet<B256> =
        serde_json::from_value(stored.state["signed"].clone()).unwrap_or_default();
    if hashes != listed {
        return Err(format!("the state knows of {} of {} attempts", listed.len(), hashes.len()));
    }
    // Claimed, each attempt, the end.
    let writes = 2 + attempts.len() as u64;
    let version = stored.state["version"].as_u64().unwrap_or_default();
    if version != writes {
        return Err(format!("{version} steps are in the state, {writes} were written"));
    }
    Ok(())
}
