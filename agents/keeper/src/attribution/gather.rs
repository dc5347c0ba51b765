//! From chain and journal to a history: the edge of the report.

use std::collections::BTreeSet;

use alloy::primitives::{Address, I256, U256};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use vagus_attribution::{Delta, History, Holdings, Point, Standing};
use vagus_chain::{ChainError, ChainResult, Header, PlacedLog, events};
use vagus_policy::{AssetInfo, StrategyStatus};

use super::{
    book::{Book, Known},
    join::{Source, events_of},
    ledger::{Contracts, Entry, ExitList, Ledger, Minted},
    points::{Asker, Balances},
    range, scan,
    standing::standing,
    view::Fee,
};
use crate::world::{ChainWorld, VaultWorld};

/// Blocks read at regular distances, for the plots.
const SAMPLES: u64 = 60;
/// Blocks with events up to which limits and budgets are read at each of them too.
const MOST_STANDINGS: usize = 200;
/// Blocks that are read at once.
const AT_ONCE: usize = 8;

/// A strategy of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Venue {
    pub(crate) strategy: Address,
    /// For people: of the configuration, else its symbol, else its address.
    pub(crate) name: String,
}

/// Everything a report is made from.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    pub(crate) asset: AssetInfo,
    pub(crate) venues: Vec<Venue>,
    pub(crate) opening: Header,
    pub(crate) closing: Header,
    pub(crate) history: History,
    /// Of each event.
    pub(crate) sources: Vec<Source>,
    /// Of each point.
    pub(crate) standings: Vec<Option<Standing>>,
    pub(crate) fees: Vec<Fee>,
    /// The vault's own word for its live value at the end.
    pub(crate) live_assets: Option<U256>,
}

fn contracts(vault: &VaultWorld) -> Contracts {
    let entry = &vault.entry;
    Contracts { vault: entry.vault, guard: entry.guard, asset: entry.asset }
}

/// Blocks at regular distances between two.
fn samples(first: u64, last: u64) -> impl Iterator<Item = u64> {
    let span = last.saturating_sub(first);
    let count = span.min(SAMPLES);
    // The quotient is at most the span.
    (0..=count).map(move |place| {
        first
            + (u128::from(span) * u128::from(place))
                .checked_div(count.into())
                .map_or(0, |off| u64::try_from(off).unwrap_or(span))
    })
}

/// What the chain says happened, and to which strategies.
pub(super) struct Found {
    /// In force at the opening.
    list: ExitList,
    /// In force at the opening.
    policy_version: u64,
    pub(super) strategies: Vec<Address>,
    /// In order.
    logs: Vec<PlacedLog>,
}

pub(super) async fn find(asker: &Asker<'_>, opening: &Header, last: u64) -> ChainResult<Found> {
    let Asker { chain, contracts } = *asker;
    // The oldest state before anything else: an endpoint that does not keep it says so at once.
    asker.idle(opening).await?;
    let list = asker.exit_list(opening).await?;
    let policy_version = asker.policy_version(opening).await?;
    let range = (opening.block.number.saturating_add(1), last);
    let own = scan::own_events(chain, contracts.vault, contracts.guard, range).await?;
    let strategies = strategies(&own, contracts, &list);
    let tokens: Vec<Address> = std::iter::once(contracts.asset).chain(strategies.clone()).collect();
    let mut logs = scan::transfers(chain, contracts.vault, &tokens, range).await?;
    logs.extend(own);
    Ok(Found { list, policy_version, strategies, logs: scan::merged(logs) })
}

/// Gathers the history of a vault between two blocks.
///
/// # Errors
/// Those of the chain.
pub(crate) async fn gather(
    world: &ChainWorld,
    vault: &VaultWorld,
    (opening, closing): (Header, Header),
    book: &Book,
) -> ChainResult<Gathered> {
    let contracts = contracts(vault);
    let asker = Asker { chain: &world.endpoints, contracts };
    let (first, last) = (opening.block.number, closing.block.number);
    let found = find(&asker, &opening, last).await?;
    let with_events: BTreeSet<u64> = found.logs.iter().map(|log| log.block_number).collect();
    let sampled: BTreeSet<u64> = samples(first, last).collect();
    let paid = book.known.values().flat_map(Known::paid).map(|mined| mined.block);
    let paid = paid.filter(|block| (first..=last).contains(block));
    let blocks = with_events.iter().copied().chain(paid).chain(sampled.iter().copied());
    let balances = read(&asker, &found.strategies, &blocks.collect()).await?;
    // What was read by height has to be the chain that the ends were chosen in.
    for (point, end) in
        balances.first().into_iter().chain(balances.last()).zip([&opening, &closing])
    {
        asker.same_block(&point.header, end.block.hash)?;
    }
    let standings = balances.iter().map(|point| async {
        let is_sample = sampled.contains(&point.header.block.number);
        if with_events.len() > MOST_STANDINGS && !is_sample {
            return Ok(None);
        }
        standing(world, vault, &point.header).await
    });
    let standings: Vec<_> = stream::iter(standings).buffered(AT_ONCE).try_collect().await?;
    let (opened, entries, minted) = follow(&asker, &found, &balances)?;
    let fees = fees_of(&asker, &balances, &minted).await?;
    let (events, sources) = events_of(&world.endpoints, &balances, entries, book).await?;
    let history = History {
        opening: holdings_of(&opened),
        points: balances.iter().map(point_of).collect(),
        events,
    };
    Ok(Gathered {
        asset: AssetInfo {
            address: contracts.asset,
            symbol: asker.symbol(contracts.asset, &closing).await?,
            decimals: asker.asset_decimals(&closing).await?,
        },
        venues: names(&asker, vault, &found.strategies, &closing).await?,
        opening,
        closing,
        history,
        sources,
        standings,
        fees,
        live_assets: asker.live_assets(&closing).await?,
    })
}

/// Fees with what their shares are worth at the ends of their blocks, each of which was read.
async fn fees_of(
    asker: &Asker<'_>,
    balances: &[Balances],
    minted: &[Minted],
) -> ChainResult<Vec<Fee>> {
    let priced = minted.iter().filter_map(|of| {
        let number = |point: &Balances| point.header.block.number;
        let place = balances.binary_search_by_key(&of.block, number).ok()?;
        let header = &balances[place].header;
        Some(async move {
            let assets = asker.worth(of.shares, header).await?;
            let Minted { block, transaction, kind, shares } = *of;
            let timestamp = header.block.timestamp;
            Ok(Fee { block, timestamp, transaction, kind, shares, assets })
        })
    });
    stream::iter(priced).buffered(AT_ONCE).try_collect().await
}

/// What counted at the opening, and every change of it since. Every event has to be of a block that was read.
pub(super) fn follow(
    asker: &Asker<'_>,
    found: &Found,
    balances: &[Balances],
) -> ChainResult<(Delta, Vec<Entry>, Vec<Minted>)> {
    let held = balances.first().map_or_else(Delta::default, |point| point.held.clone());
    let Found { list, policy_version, strategies, logs } = found;
    let mut ledger = Ledger::new(asker.contracts, strategies, held, list, *policy_version);
    let opened = ledger.book();
    for point in balances.iter().skip(1) {
        let number = point.header.block.number;
        let begin = logs.partition_point(|log| log.block_number < number);
        let end = logs.partition_point(|log| log.block_number <= number);
        let of_block: &[PlacedLog] = logs.get(begin..end).unwrap_or_default();
        for log in of_block {
            asker.same_block(&point.header, log.block_hash)?;
        }
        ledger.block(number, of_block, &point.held);
    }
    let (entries, fees) = ledger.finish();
    Ok((opened, entries, fees))
}

/// Balances are never negative.
pub(super) fn holdings_of(held: &Delta) -> Holdings {
    let unsigned = |amount: &I256| U256::try_from(*amount).unwrap_or_default();
    Holdings { idle: unsigned(&held.idle), shares: held.shares.iter().map(unsigned).collect() }
}

pub(super) fn point_of(balances: &Balances) -> Point {
    let block = balances.header.block;
    Point { block: block.number, timestamp: block.timestamp, prices: balances.prices.clone() }
}

/// Every strategy that a list of the period names, in the order in which they were first named.
fn strategies(
    own: &[PlacedLog],
    contracts: Contracts,
    list: &[(Address, StrategyStatus)],
) -> Vec<Address> {
    let mut all: Vec<Address> = list.iter().map(|(strategy, _)| *strategy).collect();
    for log in own {
        let event = events::event_of(contracts.vault, contracts.guard, &log.log);
        let Some(events::VaultEvent::Adopted(list)) = event else { continue };
        for (strategy, _) in list {
            if !all.contains(&strategy) {
                all.push(strategy);
            }
        }
    }
    all
}

pub(super) async fn read(
    asker: &Asker<'_>,
    strategies: &[Address],
    blocks: &BTreeSet<u64>,
) -> ChainResult<Vec<Balances>> {
    let reads = blocks.iter().map(|number| async {
        let header = range::block(asker.chain, *number).await?;
        asker.balances(strategies, header).await
    });
    let balances: Vec<Balances> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    // Headers were asked for by height, one after the other.
    for (before, after) in balances.iter().zip(balances.iter().skip(1)) {
        let (before, after) = (before.header.block, after.header.block);
        if before.number + 1 == after.number && before.hash != after.parent_hash {
            return Err(ChainError::Reorganised {
                endpoint: asker.chain.endpoint(),
                block: before.hash,
            });
        }
    }
    Ok(balances)
}

async fn names(
    asker: &Asker<'_>,
    vault: &VaultWorld,
    strategies: &[Address],
    closing: &Header,
) -> ChainResult<Vec<Venue>> {
    let mut venues = Vec::with_capacity(strategies.len());
    for strategy in strategies {
        let name = match vault.config.strategies.get(strategy) {
            Some(name) => name.clone(),
            None => Some(asker.symbol(*strategy, closing).await?)
                .filter(|symbol| !symbol.is_empty())
                .unwrap_or_else(|| strategy.to_string()),
        };
        venues.push(Venue { strategy: *strategy, name });
    }
    Ok(venues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_begin_and_end_with_the_range_and_stay_inside() {
        assert_eq!(samples(7, 7).collect::<Vec<_>>(), [7]);
        assert_eq!(samples(7, 9).collect::<Vec<_>>(), [7, 8, 9]);
        let many: Vec<_> = samples(100, 1_000_000).collect();
        assert_eq!((many.len(), many[0], many[60]), (61, 100, 1_000_000));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
