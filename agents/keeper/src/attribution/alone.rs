//! One decision alone, until now. Three blocks are read, however long ago it was carried out: the one before its execution,
//! that of its execution, and the newest. What else happened in between is one flow at the end, so that no range of events
//! has to be listed; the report of the same range differs by at most the unit of a strategy that rounding leaves over.

use std::collections::BTreeSet;

use alloy::primitives::{Address, I256};
use vagus_attribution::{Delta, Event, FlowKind, History, Kind};
use vagus_chain::{Chain, ChainError, ChainResult, Header, Tag};

use super::{
    book::{Book, Known},
    gather::{find, follow, holdings_of, point_of, read},
    join::{Source, events_of},
    ledger::Contracts,
    points::Asker,
    range,
};

/// What happened around one decision.
#[derive(Clone, Debug)]
pub(crate) struct Alone {
    /// Of the history, in its order.
    pub(crate) strategies: Vec<Address>,
    /// The block that carried it out.
    pub(crate) execution: Header,
    /// The newest block.
    pub(crate) closing: Header,
    /// Begins at the end of the block before the execution.
    pub(crate) history: History,
    /// Of each event.
    pub(crate) sources: Vec<Source>,
}

/// Gathers what a decision changed in the block that carried it out, and the prices now.
///
/// # Errors
/// Those of the chain, and if the newest block is older than the execution.
pub(crate) async fn alone(
    chain: &dyn Chain,
    contracts: Contracts,
    known: Known,
    block: u64,
) -> ChainResult<Alone> {
    let asker = Asker { chain, contracts };
    let execution = range::block(chain, block).await?;
    let opening = range::block(chain, block.saturating_sub(1)).await?;
    let closing = chain.head(Tag::Latest).await?;
    if closing.block.number < block {
        return Err(ChainError::Late { endpoint: chain.endpoint(), block: execution.block.hash });
    }
    let found = find(&asker, &opening, block).await?;
    let blocks: BTreeSet<u64> = [opening.block.number, block].into();
    let mut balances = read(&asker, &found.strategies, &blocks).await?;
    let (opened, entries, _) = follow(&asker, &found, &balances)?;
    let mut changed = opened.clone();
    for entry in &entries {
        changed = combined(&changed, &entry.delta, I256::saturating_add);
    }
    let book = Book { known: [(known.decision, known)].into(), ..Book::default() };
    let (mut events, mut sources) = events_of(chain, &balances, entries, &book).await?;
    if closing.block.number > block {
        let last = asker.balances(&found.strategies, closing).await?;
        let since = combined(&last.held, &changed, I256::saturating_sub);
        let kind = Kind::Flow(FlowKind::Other);
        events.push(Event { point: balances.len(), delta: since, kind });
        sources.push(Source::default());
        balances.push(last);
    }
    let points = balances.iter().map(point_of).collect();
    let history = History { opening: holdings_of(&opened), points, events };
    Ok(Alone { strategies: found.strategies, execution, closing, history, sources })
}

fn combined(one: &Delta, other: &Delta, with: fn(I256, I256) -> I256) -> Delta {
    let shares = one.shares.iter().zip(&other.shares);
    Delta {
        idle: with(one.idle, other.idle),
        shares: shares.map(|(one, other)| with(*one, *other)).collect(),
    }
}
