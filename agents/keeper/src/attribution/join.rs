//! What changed the holdings, joined with what the journal knows of it and with what was paid.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{B256, U256};
use vagus_attribution::{Action, Actor, Decision, Delta, Event, Kind};
use vagus_chain::{ChainResult, ChainWriter};

use super::{
    book::{Book, Known},
    ledger::{Entry, EntryKind},
    points::Balances,
};

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
    chain: &dyn ChainWriter,
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
            _ => decided(chain, &entry, book, &mut paid).await?,
        };
        found.push((Event { point, delta: entry.delta, kind }, source));
    }
    for (known, mined) in
        book.known.values().flat_map(|known| known.paid().map(move |mined| (known, mined)))
    {
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
        let action = match () {
            () if known.mined.as_ref() != Some(mined) => Action::Fill,
            () if known.is_upkeep && is_done => Action::Upkeep,
            () => Action::Failed,
        };
        let decision = Decision {
            actor: Actor::Agent(known.agent),
            action,
            policy_version: known.policy_version,
            gas_assets: known.native_price.assets_up(mined.fee_wei),
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
    chain: &dyn ChainWriter,
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
    // A second decision of a transaction costs nothing more; what no receipt tells is not known.
    let fee_wei = match entry.transaction.filter(|hash| paid.insert(*hash)) {
        None => Some(U256::ZERO),
        Some(transaction) => chain.receipt(transaction).await?.map(|receipt| {
            let price_wei = U256::from(receipt.gas_price_wei);
            let gas_wei = U256::from(receipt.gas_used).saturating_mul(price_wei);
            gas_wei.saturating_add(U256::from(receipt.data_fee_wei))
        }),
    };
    let gas_assets = match (fee_wei, known) {
        (Some(U256::ZERO), _) => Some(U256::ZERO),
        (Some(fee_wei), Some(known)) => known.native_price.assets_up(fee_wei),
        _ => None,
    };
    let policy_version = entry.policy_version;
    let kind = Kind::Decision(Decision { actor, action, policy_version, gas_assets });
    let (transaction, known) = (entry.transaction, known.cloned());
    Ok((kind, Source { transaction, decision, known, fee_wei }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alloy::primitives::{Address, I256};
    use vagus_allocator::{NativePrice, Reason};
    use vagus_attribution::{FlowKind, Price};
    use vagus_chain::{Header, guard::Rebalanced, memory::MemoryChain};
    use vagus_journal::OutcomeState;
    use vagus_policy::BlockRef;

    use super::*;
    use crate::{
        attribution::book::Mined,
        testing::{policy, snapshot, world_on},
    };

    const AGENT: Address = Address::repeat_byte(0xa9);

    fn hash(byte: u8) -> B256 {
        B256::repeat_byte(byte)
    }

    fn read(number: u64) -> Balances {
        let (parent_hash, timestamp) = (B256::ZERO, number);
        let block =
            BlockRef { number, hash: B256::from(U256::from(number)), parent_hash, timestamp };
        let header = Header { block, base_fee_wei: 0 };
        Balances { header, held: Delta::none(1), prices: vec![Price::NOTHING] }
    }

    fn known(byte: u8, block: u64, is_upkeep: bool, state: OutcomeState) -> Known {
        Known {
            decision: hash(byte),
            agent: AGENT,
            reason: Reason::Income,
            native_price: NativePrice::Native,
            policy_version: 4,
            is_upkeep,
            state: Some(state),
            mined: Some(Mined {
                transaction: hash(byte),
                block,
                block_hash: B256::from(U256::from(block)),
                fee_wei: U256::from(7),
            }),
            fills: Vec::new(),
        }
    }

    fn fill(byte: u8, block: u64, fee_wei: u64) -> Mined {
        let block_hash = B256::from(U256::from(block));
        Mined { transaction: hash(byte), block, block_hash, fee_wei: U256::from(fee_wei) }
    }

    fn entry(block: u64, transaction: B256, kind: EntryKind) -> Entry {
        let delta = Delta { idle: I256::ONE, ..Delta::none(1) };
        Entry { block, transaction: Some(transaction), policy_version: 4, kind, delta }
    }

    #[tokio::test]
    async fn what_moved_and_what_was_only_paid_for_are_joined_with_their_records() {
        let chain = MemoryChain::new(policy(AGENT), snapshot(AGENT));
        let world = world_on(&Arc::new(chain), AGENT);
        let mut book = Book::default();
        let mut orphaned = known(4, 12, false, OutcomeState::Reverted);
        orphaned.mined = orphaned.mined.map(|mined| Mined { block_hash: hash(9), ..mined });
        for known in [
            known(1, 11, false, OutcomeState::Executed),
            known(2, 12, false, OutcomeState::Reverted),
            known(3, 11, true, OutcomeState::Executed),
            orphaned,
            known(5, 10, false, OutcomeState::Reverted),
            known(6, 13, false, OutcomeState::Reverted),
        ] {
            book.known.insert(known.decision, known);
        }
        let event = |decision| Rebalanced {
            agent: AGENT,
            nonce: 1,
            decision,
            rebalance_count: 1,
            turnover_assets: U256::ZERO,
            loss_assets: U256::ZERO,
        };
        let entries = vec![
            entry(11, hash(8), EntryKind::Flow(FlowKind::Donation)),
            entry(11, hash(1), EntryKind::Rebalance(event(hash(1)))),
            entry(12, hash(1), EntryKind::Rebalance(event(hash(0x77)))),
            entry(12, hash(0x78), EntryKind::Trim { by: Address::repeat_byte(3) }),
        ];
        let balances = [read(10), read(11), read(12)];
        let (events, sources) =
            events_of(&world.endpoints, &balances, entries, &book).await.unwrap();
        let decided = |event: &Event| match event.kind {
            Kind::Decision(decision) => Some((decision.action, decision.gas_assets)),
            Kind::Flow(_) => None,
        };
        let found: Vec<_> = events.iter().map(|event| (event.point, decided(event))).collect();
        let seven = Some(U256::from(7));
        assert_eq!(
            found,
            [
                (1, None),
                // The chain in process has no receipts of these: what they cost is not known.
                (1, Some((Action::Rebalance, None))),
                (1, Some((Action::Upkeep, seven))),
                // The second decision of a transaction costs nothing more.
                (2, Some((Action::Rebalance, Some(U256::ZERO)))),
                (2, Some((Action::Trim, None))),
                (2, Some((Action::Failed, seven))),
            ]
        );
        assert_eq!(sources[1].known.as_ref().map(|known| known.reason), Some(Reason::Income));
        assert_eq!((sources[3].decision, &sources[3].known), (Some(hash(0x77)), &None));
        let Kind::Decision(trim) = events[4].kind else { panic!("{:?}", events[4]) };
        assert_eq!(trim.actor, Actor::Anyone(Address::repeat_byte(3)));
    }

    #[tokio::test]
    async fn what_filled_a_nonce_is_a_cost_of_the_decision_that_it_was_filled_for() {
        let chain = MemoryChain::new(policy(AGENT), snapshot(AGENT));
        let world = world_on(&Arc::new(chain), AGENT);
        let mut book = Book::default();
        let mut late = known(1, 12, false, OutcomeState::Reverted);
        // One before the report, two in it, of which one was reorganised away.
        let gone = Mined { block_hash: hash(9), ..fill(0x13, 12, 1_000) };
        late.fills = vec![fill(0x11, 10, 100), fill(0x12, 11, 5), gone];
        let mut foreign = known(2, 12, false, OutcomeState::Foreign);
        (foreign.mined, foreign.fills) = (None, vec![fill(0x21, 12, 3)]);
        for known in [late, foreign] {
            book.known.insert(known.decision, known);
        }
        let balances = [read(10), read(11), read(12)];
        let (events, sources) =
            events_of(&world.endpoints, &balances, Vec::new(), &book).await.unwrap();
        let found: Vec<_> = events
            .iter()
            .zip(&sources)
            .map(|(event, source)| {
                let Kind::Decision(decision) = event.kind else { panic!("{event:?}") };
                let [of, transaction] = [source.decision, source.transaction].map(Option::unwrap);
                (event.point, decision.action, of, transaction, decision.gas_assets.unwrap())
            })
            .collect();
        assert_eq!(
            found,
            [
                (1, Action::Fill, hash(1), hash(0x12), U256::from(5)),
                (2, Action::Failed, hash(1), hash(1), U256::from(7)),
                (2, Action::Fill, hash(2), hash(0x21), U256::from(3)),
            ]
        );
    }
}
