//! What changed the holdings, joined with what the journal knows of it and with what was paid.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{B256, U256};
use vagus_attribution::{Action, Actor, Decision, Delta, Event, Kind};
use vagus_chain::{ChainResult, ChainWriter as _};

use super::{
    book::{Book, Known, priced},
    ledger::{Entry, EntryKind},
    points::Balances,
};
use crate::world::ChainWorld;

/// Where an event came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its transaction; none if no event explains it.
    pub(crate) transaction: Option<B256>,
    /// Hash of the decision's record that the guard's event names.
    pub(crate) decision: Option<B256>,
    /// What the journal knows of it.
    pub(crate) known: Option<Known>,
    /// What its transaction cost, wei; none of a flow.
    pub(crate) fee_wei: Option<U256>,
}

/// Entries of the ledger and what else was paid for, as events of the history.
pub(crate) async fn events_of(
    world: &ChainWorld,
    balances: &[Balances],
    entries: Vec<Entry>,
    book: &Book,
) -> ChainResult<(Vec<Event>, Vec<Source>)> {
    let places: BTreeMap<u64, usize> =
        balances.iter().enumerate().map(|(i, point)| (point.header.block.number, i)).collect();
    let venues = balances.first().map_or(0, |point| point.prices.len());
    let mut found: Vec<(Event, Source)> = Vec::with_capacity(entries.len());
    // A transaction is paid once, whatever it carries.
    let mut paid: BTreeSet<B256> = BTreeSet::new();
    for entry in entries {
        let Some(point) = places.get(&entry.block).copied() else { continue };
        let (kind, source) = match entry.kind {
            EntryKind::Flow(flow) => {
                let transaction = entry.transaction;
                (Kind::Flow(flow), Source { transaction, ..Source::default() })
            }
            _ => decided(world, &entry, book, &mut paid).await?,
        };
        found.push((Event { point, delta: entry.delta, kind }, source));
    }
    for known in book.known.values() {
        let Some(mined) = known.mined else { continue };
        let Some(point) = places.get(&mined.block).copied().filter(|point| *point > 0) else {
            continue;
        };
        // What was reorganised away was not paid.
        let is_there = balances[point].header.block.hash == mined.block_hash;
        if !is_there || !paid.insert(mined.transaction) {
            continue;
        }
        let is_done = known.state.is_some_and(|state| {
            use vagus_journal::OutcomeState::{Executed, Included};
            matches!(state, Executed | Included)
        });
        let action = if known.is_upkeep && is_done { Action::Upkeep } else { Action::Failed };
        let decision = Decision {
            actor: Actor::Agent(known.agent),
            action,
            policy_version: known.policy_version,
            gas_assets: priced(mined.fee_wei, known.native_price),
        };
        let source = Source {
            transaction: Some(mined.transaction),
            decision: Some(known.decision),
            known: Some(known.clone()),
            fee_wei: Some(mined.fee_wei),
        };
        let delta = Delta::none(venues);
        found.push((Event { point, delta, kind: Kind::Decision(decision) }, source));
    }
    // Stable: inside a block they stay as they were raised.
    found.sort_by_key(|(event, _)| event.point);
    Ok(found.into_iter().unzip())
}

async fn decided(
    world: &ChainWorld,
    entry: &Entry,
    book: &Book,
    paid: &mut BTreeSet<B256>,
) -> ChainResult<(Kind, Source)> {
    let by_transaction = entry.transaction.and_then(|hash| book.by_transaction(hash));
    let (actor, action, decision, known) = match entry.kind {
        EntryKind::Rebalance(event) => {
            let known = book.known.get(&event.decision);
            (Actor::Agent(event.agent), Action::Rebalance, Some(event.decision), known)
        }
        EntryKind::Trim { by } => {
            let actor = if by_transaction.is_some() { Actor::Agent(by) } else { Actor::Anyone(by) };
            let decision = by_transaction.map(|known| known.decision);
            (actor, Action::Trim, decision, by_transaction)
        }
        EntryKind::Pull | EntryKind::Flow(_) => (Actor::Guardian, Action::Pull, None, None),
    };
    let mut fee_wei = U256::ZERO;
    if let Some(transaction) = entry.transaction.filter(|hash| paid.insert(*hash)) {
        let receipt = world.endpoints.receipt(transaction).await?;
        fee_wei = receipt.map_or(U256::ZERO, |receipt| {
            let gas_wei =
                U256::from(receipt.gas_used).saturating_mul(U256::from(receipt.gas_price_wei));
            gas_wei.saturating_add(U256::from(receipt.data_fee_wei))
        });
    }
    let gas_assets = match known {
        _ if fee_wei.is_zero() => Some(U256::ZERO),
        Some(known) => priced(fee_wei, known.native_price),
        None => None,
    };
    let policy_version = entry.policy_version;
    let kind = Kind::Decision(Decision { actor, action, policy_version, gas_assets });
    let (transaction, known) = (entry.transaction, known.cloned());
    Ok((kind, Source { transaction, decision, known, fee_wei: Some(fee_wei) }))
}
