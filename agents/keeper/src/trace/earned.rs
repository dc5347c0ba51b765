//! What a decision earned, from its execution to the newest block, as `keeper report` credits it. Whatever the chain does not
//! tell stays open: the verdict is about the decision, and not about what came of it.

use alloy::primitives::{Address, B256, I256, U256};
use serde::Serialize;
use vagus_attribution::{Attribution, AttributionError, Kind, attribute};
use vagus_chain::{Chain, ChainError, ChainResult};
use vagus_journal::{
    Body, DecisionRecord, RecordFile,
    run::{Declined, held},
};

use super::ask::{About, executed_in};
use crate::attribution::{
    alone::{Alone, alone},
    book::Known,
    ledger::Contracts,
    view::{Amount, optional},
};

/// What a decision earned. Amounts in the asset's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Earned {
    /// It held, which changes and earns nothing.
    Held {
        /// Always zero.
        credit: Amount,
        /// The best plan that it declined, as of its last block; none if there was none.
        declined: Option<Declined>,
    },
    /// It was not carried out, and changed nothing.
    NotExecuted {
        /// Always zero.
        credit: Amount,
        /// What was paid for it all the same.
        #[serde(flatten)]
        cost: Cost,
    },
    /// It was carried out.
    Executed(Box<Executed>),
    /// The chain does not tell.
    NotKnown {
        /// Why not.
        why: String,
    },
}

/// What was paid for a decision, by the agent and not by the vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Wei; none if no receipt tells.
    #[serde(serialize_with = "optional")]
    pub fee_wei: Option<U256>,
    /// The same in the asset, by the price in the record; none if it has none.
    #[serde(serialize_with = "optional")]
    pub gas_assets: Option<U256>,
}

/// What changed at a strategy, and what that has gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The strategy.
    pub strategy: Address,
    /// Change of its shares.
    pub shares: Amount,
    /// What that has gained since the end of the block that carried it out.
    pub gained: Amount,
}

/// What a decision that was carried out has earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Executed {
    /// Height of the block that carried it out.
    pub from_block: u64,
    /// Height of the newest block, whose prices the credit is taken at.
    pub to_block: u64,
    /// Its hash.
    pub to_hash: B256,
    /// Its Unix time.
    pub to_timestamp: u64,
    /// Change of idle.
    pub idle: Amount,
    /// Of each strategy that it changed.
    pub changes: Vec<Change>,
    /// What its execution alone made or cost, at the prices of its block.
    pub executed: Amount,
    /// What it is credited with: execution and gains.
    pub credit: Amount,
    /// What was paid for it.
    #[serde(flatten)]
    pub cost: Cost,
    /// Credit less cost; none if the cost has no price.
    pub net: Option<Amount>,
}

/// Asks the chain what a decision has earned. `about` is what it said of the record.
pub(super) async fn earned(
    chain: &dyn Chain,
    file: &RecordFile,
    record: &DecisionRecord,
    about: &About,
) -> Earned {
    if record.is_hold() {
        let declined = held(Some(file.decision), record).and_then(|held| held.declined);
        return Earned::Held { credit: Amount::default(), declined };
    }
    let not_known = |error: &dyn std::fmt::Display| {
        let why = error.to_string();
        Earned::NotKnown { why: why.trim_end_matches('.').to_owned() }
    };
    let known = Known::of(file.decision, record, file.outcome.as_ref());
    let block = match carried_out_in(chain, file, record, about).await {
        Ok(Some(block)) => block,
        Ok(None) => return Earned::NotExecuted { credit: Amount::default(), cost: paid(&known) },
        Err(error) => return not_known(&error),
    };
    let contracts = Contracts {
        vault: record.header.vault,
        guard: record.header.guard,
        asset: record.last().snapshot.vault.asset.address,
    };
    // What filled other nonces is counted by itself, wherever it was mined.
    let own = Known { fills: Vec::new(), ..known.clone() };
    let found = match alone(chain, contracts, own, block).await {
        Ok(found) => found,
        Err(error) => return not_known(&error),
    };
    match credited(&found, &known) {
        Ok(Some(executed)) => Earned::Executed(Box::new(executed)),
        Ok(None) => not_known(&format_args!("nothing in block {block} is the decision's")),
        Err(error) => not_known(&error),
    }
}

/// Height of the block that carried a decision out: the guard's event says so of a rebalance, the outcome of upkeep.
async fn carried_out_in(
    chain: &dyn Chain,
    file: &RecordFile,
    record: &DecisionRecord,
    about: &About,
) -> ChainResult<Option<u64>> {
    let stated = executed_in(file.outcome.as_ref());
    if !matches!(record.body, Body::Rebalance { .. }) {
        return Ok(stated);
    }
    let Some(transaction) = about.execution.clone().transpose()?.flatten() else {
        return Ok(None);
    };
    if stated.is_some() {
        // The event was looked for there alone.
        return Ok(stated);
    }
    let receipt = chain.receipt(transaction).await?;
    receipt.map(|receipt| Some(receipt.block_number)).ok_or_else(|| ChainError::Malformed {
        endpoint: chain.endpoint(),
        method: "eth_getTransactionReceipt",
        cause: format!("it has an event of transaction {transaction} and no receipt"),
    })
}

/// What was paid for a decision by its outcome.
fn paid(known: &Known) -> Cost {
    let fee_wei = known.paid().fold(U256::ZERO, |sum, mined| sum.saturating_add(mined.fee_wei));
    let of = |mined: &crate::attribution::book::Mined| known.native_price.assets_up(mined.fee_wei);
    let gas_assets =
        known.paid().try_fold(U256::ZERO, |sum, mined| Some(sum.saturating_add(of(mined)?)));
    Cost { fee_wei: Some(fee_wei), gas_assets }
}

/// The decision's own part of what was found; none if nothing is its.
fn credited(found: &Alone, known: &Known) -> Result<Option<Executed>, AttributionError> {
    let Attribution { parts, .. } = attribute(&found.history)?;
    let events = found.history.events.iter().zip(&parts).zip(&found.sources);
    let mut own = events.filter(|(_, source)| source.decision == Some(known.decision));
    let Some(((event, part), source)) = own.next() else { return Ok(None) };
    let Kind::Decision(decision) = event.kind else { return Ok(None) };
    let fills = paid(&Known { mined: None, ..known.clone() });
    let both = |one: Option<U256>, other: Option<U256>| Some(one?.saturating_add(other?));
    let cost = Cost {
        fee_wei: both(source.fee_wei, fills.fee_wei),
        gas_assets: both(decision.gas_assets, fills.gas_assets),
    };
    let credit = part.credit()?;
    let net = cost.gas_assets.and_then(|gas| credit.checked_sub(I256::try_from(gas).ok()?));
    let changes = found.strategies.iter().zip(&event.delta.shares).zip(&part.gains);
    let changes =
        changes.filter(|((_, shares), _)| !shares.is_zero()).map(|((strategy, shares), gained)| {
            Change { strategy: *strategy, shares: Amount(*shares), gained: Amount(*gained) }
        });
    let closing = found.closing.block;
    Ok(Some(Executed {
        from_block: found.execution.block.number,
        to_block: closing.number,
        to_hash: closing.hash,
        to_timestamp: closing.timestamp,
        idle: Amount(event.delta.idle),
        changes: changes.collect(),
        executed: Amount(part.at_block),
        credit: Amount(credit),
        cost,
        net: net.map(Amount),
    }))
}
