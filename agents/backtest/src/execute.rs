//! What a rebalance does at the venues, by their formulas, and whether the guard lets it.

use alloy_primitives::{B256, I256, U256};
use vagus_attribution::Delta;
use vagus_policy::{
    ALL_ASSETS, LegReceipt, Move, Policy, Rebalance, StrategyState, check, predict,
};

use crate::{
    BacktestError, Result,
    portfolio::{Portfolio, Sight},
    quote::Quote,
};

/// What one leg does; none if the venue does not let it.
pub(crate) fn leg(asked: Move, state: &StrategyState, quote: Quote) -> Option<LegReceipt> {
    let shares_before = state.shares;
    let value_before = quote.redeem.assets_down(shares_before);
    let is_all = !asked.is_deposit && asked.assets == ALL_ASSETS;
    let assets = if is_all { value_before } else { U256::from(asked.assets) };
    let shares_after = if asked.is_deposit {
        let minted = quote.convert.shares_down(assets);
        let is_taken = assets <= state.max_deposit_assets && !minted.is_zero();
        is_taken.then(|| shares_before.saturating_add(minted))?
    } else {
        let burned = if is_all { shares_before } else { quote.redeem.shares_up(assets) };
        let is_paid = assets <= state.max_withdraw_assets;
        shares_before.checked_sub(burned).filter(|_| is_paid)?
    };
    let value_after = quote.redeem.assets_down(shares_after);
    Some(LegReceipt { assets, value_before, value_after, shares_before, shares_after })
}

/// Carries a rebalance out, whole or not at all. Gives back what it changed; none if it reverts.
///
/// # Errors
/// [`BacktestError::OutOfRange`].
pub(crate) fn carry_out(
    portfolio: &mut Portfolio,
    sight: &Sight<'_>,
    order: &[usize],
    (policy, hash): (&Policy, B256),
    rebalance: &Rebalance,
) -> Result<Option<Delta>> {
    let (snapshot, quotes) = portfolio.snapshot(sight, order, Some((policy, hash)))?;
    let mut receipt = predict(policy, &snapshot.vault, &rebalance.moves);
    let mut idle = receipt.idle_before;
    for (asked, done) in rebalance.moves.iter().zip(&mut receipt.legs) {
        let index = usize::from(asked.index);
        let state = snapshot.vault.strategies.get(index).zip(quotes.get(index));
        let Some(at) = state.and_then(|(state, quote)| leg(*asked, state, *quote)) else {
            return Ok(None);
        };
        *done = at;
        let after = if asked.is_deposit {
            idle.checked_sub(at.assets)
        } else {
            idle.checked_add(at.assets)
        };
        let Some(after) = after else { return Ok(None) };
        idle = after;
    }
    receipt.idle_after = idle;
    let Ok(checked) = check(policy, &snapshot.vault, rebalance, sight.at, &receipt) else {
        return Ok(None);
    };
    let block = sight.block.snapshot.block.number;
    let signed = |amount: U256| {
        I256::try_from(amount).map_err(|_| BacktestError::OutOfRange { block, what: "a position" })
    };
    let mut delta = Delta::none(portfolio.positions.len());
    for (asked, done) in rebalance.moves.iter().zip(&receipt.legs) {
        let place = order.get(usize::from(asked.index)).copied();
        let Some(place) = place.filter(|place| *place < portfolio.positions.len()) else {
            continue;
        };
        let position = &mut portfolio.positions[place];
        let assets = signed(done.assets)?;
        // Amounts of a vault are far below the halves of their types, which `signed` has seen to.
        position.drift.cash += if asked.is_deposit { assets } else { -assets };
        position.shares = done.shares_after;
        delta.shares[place] = signed(done.shares_after)? - signed(done.shares_before)?;
    }
    delta.idle = signed(idle)? - signed(portfolio.idle)?;
    portfolio.idle = idle;
    let indices: Vec<usize> = rebalance.moves.iter().map(|leg| leg.index.into()).collect();
    portfolio.settle(&checked, order, &indices, sight.at);
    Ok(Some(delta))
}

#[cfg(test)]
mod tests;
