//! What a plan is expected to do, from a snapshot alone.

use alloy_primitives::U256;

use crate::{
    document::Policy,
    groups::untouched_members,
    math::{PRICE_ONE, mul_div_down, mul_div_up},
    price::price_down,
    rebalance::{ALL_ASSETS, LegReceipt, MemberReading, Move, Receipt},
    snapshot::{StrategyState, VaultState},
};

/// The receipt to expect of `moves` in the block of the snapshot.
///
/// Positions change at their own share price, every rounding against us, and each leg that leaves something behind loses
/// a unit and the whole units of one share more: with shares that are worth about a unit, a loss of a unit or two per leg
/// is normal. NAV and base are the checkpoint's if it is fresh, else
/// those of a refresh in this block. What a venue takes by size (slippage, a limit reached), and an exit fee while there is
/// no position to see it by, is not foreseen: that is for the simulation of the exact transaction.
///
/// A move whose index has no strategy in the state predicts nothing but its amount; the rules refuse it.
#[must_use]
pub fn predict(policy: &Policy, state: &VaultState, moves: &[Move]) -> Receipt {
    let (nav, base) = if state.checkpoint.is_fresh {
        (state.checkpoint.nav, state.checkpoint.base)
    } else {
        (state.nav.nav_assets, state.nav.base_assets)
    };
    let mut idle_after = state.idle;
    let mut deposited = U256::ZERO;
    let legs = moves
        .iter()
        .map(|&asked| {
            let known = usize::from(asked.index) < policy.strategies.len();
            let strategy = state.strategies.get(usize::from(asked.index)).filter(|_| known);
            let leg = match strategy {
                None => LegReceipt { assets: U256::from(asked.assets), ..LegReceipt::default() },
                Some(strategy) if asked.is_deposit => deposit(strategy, U256::from(asked.assets)),
                Some(strategy) if asked.assets == ALL_ASSETS => withdraw_all(strategy),
                Some(strategy) => withdraw(strategy, U256::from(asked.assets)),
            };
            if asked.is_deposit {
                deposited = deposited.saturating_add(leg.assets);
            } else {
                idle_after = idle_after.saturating_add(leg.assets);
            }
            leg
        })
        .collect();
    idle_after = idle_after.saturating_sub(deposited);
    let members = untouched_members(policy, moves)
        .into_iter()
        .map(|index| member(index, state.strategies.get(usize::from(index))))
        .collect();
    Receipt { nav, base, idle_before: state.idle, idle_after, legs, members }
}

fn deposit(strategy: &StrategyState, assets: U256) -> LegReceipt {
    let (value, shares) = (strategy.redeem_assets, strategy.shares);
    // Shares are issued at the price without exit fee, and valued at the price with it.
    let issue_price = likely_price(strategy, strategy.convert_assets);
    let minted = mul_div_down(assets, PRICE_ONE, issue_price);
    let price = likely_price(strategy, value);
    let gained = mul_div_down(minted, price, PRICE_ONE);
    LegReceipt {
        assets,
        value_before: value,
        value_after: value.saturating_add(gained.saturating_sub(rounding(price))),
        shares_before: shares,
        shares_after: shares.saturating_add(minted),
    }
}

fn withdraw(strategy: &StrategyState, assets: U256) -> LegReceipt {
    let (value, shares) = (strategy.redeem_assets, strategy.shares);
    let price = likely_price(strategy, value);
    let burned = mul_div_up(assets, PRICE_ONE, price).min(shares);
    let given_up = mul_div_up(burned, price, PRICE_ONE).saturating_add(rounding(price));
    LegReceipt {
        assets,
        value_before: value,
        value_after: value.saturating_sub(given_up),
        shares_before: shares,
        shares_after: shares.saturating_sub(burned),
    }
}

fn withdraw_all(strategy: &StrategyState) -> LegReceipt {
    LegReceipt {
        assets: strategy.redeem_assets,
        value_before: strategy.redeem_assets,
        value_after: U256::ZERO,
        shares_before: strategy.shares,
        shares_after: U256::ZERO,
    }
}

/// A position that no leg touches stays as it is; one that the state does not know cannot be read.
fn member(index: u8, strategy: Option<&StrategyState>) -> MemberReading {
    match strategy.filter(|strategy| strategy.is_readable) {
        None => MemberReading { index, ..MemberReading::default() },
        Some(strategy) => MemberReading {
            index,
            is_readable: true,
            value: strategy.redeem_assets,
            shares: strategy.shares,
        },
    }
}

/// Most that a leg loses by rounding: less than one share, then less than one unit.
fn rounding(price: U256) -> U256 {
    (price / PRICE_ONE).saturating_add(U256::ONE)
}

/// The share price, value × 2^128 ÷ shares. A rounded value tells it only to one unit of value per position: of the
/// prices that are possible, the nearest to the price as read for itself, which is known to one unit likewise, and to the
/// guard's reference where that leaves a choice or was not read. With no shares every price is possible. Above zero.
fn likely_price(strategy: &StrategyState, value: U256) -> U256 {
    let read = strategy.read_price.unwrap_or_default();
    let likely = nearest(strategy.reference_price, read.assets, read.shares);
    nearest(likely, value, strategy.shares).max(U256::ONE)
}

/// Of the prices at which so many shares are worth a value that was rounded down, the one nearest to `price`.
fn nearest(price: U256, value: U256, shares: U256) -> U256 {
    if shares.is_zero() {
        return price;
    }
    price.clamp(price_down(value, shares), price_down(value.saturating_add(U256::ONE), shares))
}

#[cfg(test)]
mod tests;
